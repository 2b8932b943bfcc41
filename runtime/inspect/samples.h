/* samples.h - a few images with the logits that a model has for them: what a copy of the model
 * elsewhere is checked against (`burin freeze`). */
#ifndef BURIN_SAMPLES_H
#define BURIN_SAMPLES_H

#include "data/data.h"
#include "model.h"
#include "sys/err.h"

enum { SAMPLES_MOST = 16 };

/* Writes the first SAMPLES_MOST images of a set, or all of a smaller one, whole or not at all, as
 * safetensors: images U8 [n, c, h, w], labels U8 [n], logits F32 [n, classes]. logits: of all
 * images, [count][classes], made by `model`; its isa is kept beside them, which says how much they
 * are rounded. EXIT_USAGE where images are floats: a copy takes bytes. */
bool samples_save(const char *path, const struct model *model, const struct data *data,
                  const float *logits, struct err *err);

#endif
