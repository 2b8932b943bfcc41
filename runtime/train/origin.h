/* origin.h - what a training is a training of: layers, kernels, images.
 *
 *     struct origin origin = {0};
 *     if (!origin_open(&origin, &model, &settings, &train, &test, &err)) ...
 *     ... origin.metas ...                      (saved with every checkpoint)
 *     origin_compare(&origin, &file, true, text);
 *     origin_close(&origin);
 *
 * A checkpoint goes on to the same bytes only where the same is computed of the same images. Names
 * and shapes of its tensors say little about that: a stride, an eps, a ReLU more, another
 * instruction set or two labels exchanged leave them as they are. So a checkpoint carries the
 * description of the layers, the digest of the kernels' code, and those of all labels and pixels.
 * The settings are its metadata, too: settings_differences.
 */
#ifndef BURIN_ORIGIN_H
#define BURIN_ORIGIN_H

#include "data/data.h"
#include "file/safetensors.h"
#include "train/settings.h"

enum { ORIGIN_METAS = 4, ORIGIN_DIFFERENCES_SIZE = 800 };

struct origin {
    char *layers; /* a line a layer, then a line a parameter */
    char kernels[80];
    char train[SHA256_HEX_SIZE], test[SHA256_HEX_SIZE];
    char validate[16]; /* images held out */
    struct safetensors_meta metas[ORIGIN_METAS];
};

/* The data may be closed afterwards. False without memory. */
bool origin_open(struct origin *origin, const struct model *model, const struct settings *settings,
                 const struct data *train, const struct data *test, struct err *err);

/* Accepts a zeroed struct. */
void origin_close(struct origin *origin);

/* Writes what a checkpoint was trained on instead, an indented line each, for a message; empty when
 * it is the same. kernels: whether those count: not where the user chose others. */
void origin_compare(const struct origin *origin, const struct safetensors *file, bool kernels,
                    char differences[ORIGIN_DIFFERENCES_SIZE]);

#endif
