/* normalise.c - options win over the file, the file over the data. */
#include "data/normalise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"

/* What a mean and a deviation may be: beyond it no deviation divides to anything that a network can
 * use. */
static const struct range {
    const char *pixels;
    double least_mean, most_mean, least_std, most_std;
} ranges[] = {
    [DATA_BYTES] = {"pixels from 0 to 1", 0.0, 1.0, 1e-6, 1e6},
    [DATA_FLOATS] = {"pixels as they are", -1e30, 1e30, 1e-30, 1e30},
};

/* A tenth of the deviation: a model hardly notices less, and any two common normalisations of
 * photographs differ by more. */
static const double tolerance = 0.1;

/* "0.49 0.48 0.44" or "0.49,0.48,0.44" */
static bool read_numbers(const char *text, double least, double most, double *out, int n)
{
    for (int i = 0; i < n; i++) {
        char *end = NULL;
        if (i > 0) {
            text += strspn(text, " ");
            text += *text == ',';
        }
        out[i] = strtod(text, &end);
        if (end == text || !(out[i] >= least && out[i] <= most))
            return false;
        text = end;
    }
    return text[strspn(text, " ")] == '\0';
}

static bool read_both(struct normalisation *by, const char *mean, const char *std,
                      const struct range *range, const char *what, enum exit_code code,
                      struct err *err)
{
    const int n = by->stats.channels;
    char expected[64];
    snprintf(expected, sizeof expected, "expected %d number%s for %s", n, n == 1 ? "" : "s",
             range->pixels);
    if (mean == NULL || std == NULL)
        return err_set_code(err, code, "%s: %s without %s: expected both", what,
                            mean == NULL ? "std" : "mean", mean == NULL ? "mean" : "std");
    if (!read_numbers(mean, range->least_mean, range->most_mean, by->stats.mean, n))
        return err_set_code(err, code, "%s: mean '%.100s': %s", what, mean, expected);
    return read_numbers(std, range->least_std, range->most_std, by->stats.std, n) ||
           err_set_code(err, code, "%s: std '%.100s': %s, above 0", what, std, expected);
}

bool normalise_choose(struct normalisation *by, const char *mean, const char *std,
                      const struct safetensors *file, const struct model *model, const char *data,
                      const struct data_options *options, enum data_type type, struct err *err)
{
    const struct range *range = &ranges[type];
    by->stats.channels = model->c;
    if (mean != NULL || std != NULL) {
        by->source = NORMALISE_OPTIONS;
        return read_both(by, mean, std, range, "--mean and --std", EXIT_USAGE, err);
    }
    mean = safetensors_meta(file, "mean");
    std = safetensors_meta(file, "std");
    if (mean != NULL || std != NULL) {
        char what[DATA_PATH_SIZE + 32];
        snprintf(what, sizeof what, "%s: metadata", file->path);
        by->source = NORMALISE_FILE;
        return read_both(by, mean, std, range, what, EXIT_DATA, err);
    }
    if (data == NULL)
        return err_set_code(
            err, EXIT_DATA,
            "%s: nobody says by which mean and deviation its images were "
            "normalised: expected metadata \"mean\" and \"std\", or --mean and --std",
            file->path);
    struct data train = {0};
    if (!dataset_open(&train, data, DATA_TRAIN, options, model, err))
        return false;
    by->source = NORMALISE_DATA;
    by->stats = data_statistics(&train);
    const bool alike = dataset_alike(&train, type, err);
    data_close(&train);
    return alike;
}

bool normalise_suits(const struct normalisation *by, const struct data_stats *images)
{
    bool suits = true;
    for (int i = 0; i < by->stats.channels; i++) {
        double mean = (images->mean[i] - by->stats.mean[i]) / images->std[i];
        double std = by->stats.std[i] / images->std[i] - 1.0;
        suits = suits && fabs(mean) <= tolerance && fabs(std) <= tolerance;
    }
    return suits;
}

char *normalise_text(const double *values, int n, char *out, size_t size)
{
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%.17g", i > 0 ? " " : "", values[i]);
    }
    return out;
}
