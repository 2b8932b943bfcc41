/* normalise.h - by which mean and deviation the images of an evaluation are normalised.
 *
 *     struct normalisation by;
 *     if (!normalise_choose(&by, "0.5,0.5,0.5", "0.2,0.2,0.2", &file, &model, "data/...",
 *                           &options, test.type, &err)) ...
 *     if (!normalise_suits(&by, &test)) ...                  (the images look different)
 *
 * A model works on images that are normalised as those it was trained on. Which these were can only
 * be told: by the options, or by the metadata "mean" and "std" of the model's file, where every
 * training writes them and any other program can: a number a channel for pixels from 0 to 1,
 * separated by blanks or commas; of data in floats, a number for the floats as they are. Where
 * nobody tells, those of the training set stand in.
 */
#ifndef BURIN_NORMALISE_H
#define BURIN_NORMALISE_H

#include "data/format.h"
#include "file/safetensors.h"
#include "model.h"

enum normalise_source { NORMALISE_OPTIONS, NORMALISE_FILE, NORMALISE_DATA };

struct normalisation {
    struct data_stats stats;
    enum normalise_source source;
};

/* mean and std: the options' texts, both or neither NULL; data: the data set of the stand-in,
 * opened with these options, or NULL where there is none; type: of the images to normalise.
 * EXIT_USAGE or EXIT_DATA for what is not a number for each of the model's channels, only one of
 * the two, or neither and no data. */
bool normalise_choose(struct normalisation *by, const char *mean, const char *std,
                      const struct safetensors *file, const struct model *model, const char *data,
                      const struct data_options *options, enum data_type type, struct err *err);

/* Whether images normalised so have nearly mean 0 and deviation 1. */
bool normalise_suits(const struct normalisation *by, const struct data_stats *images);

/* The numbers of n channels as metadata, to all digits. Returns out. */
char *normalise_text(const double *values, int n, char *out, size_t size);

#endif
