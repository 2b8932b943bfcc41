/* data.h - labelled images: what every reader of a format fills, and what training sees of it.
 *
 *     struct data train = {0};
 *     if (!format_open(&train, &request, &err)) ...         (or synthetic_open)
 *     if (train.warning[0]) ...                             (usable, but not what it should be)
 *     struct data_stats stats = data_statistics(&train);
 *     data_close(&train);
 *
 * An image is found by its pointer, and its pixels by three strides, so images may lie in files as
 * these are mapped into memory: one after another or between labels, planes or interleaved, upright
 * or transposed. Pixels are bytes, 0 to 255, or floats.
 *
 * A reader fills c, h, w, classes, format and source, and then either
 *
 *     uint8_t *pixels = data_plain(data, count);             (planes, one image after another)
 *     data->labels[i] = ...; ...
 *
 * or data_reserve, data_block or its own pointers. On failure it calls data_close.
 */
#ifndef BURIN_DATA_H
#define BURIN_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "file/sha256.h"
#include "sys/err.h"

enum {
    DATA_PATH_SIZE = 1024,
    DATA_MAX_CHANNELS = 64, /* of an image */
    DATA_MAX_SIDE = 4096,
    DATA_MAX_CLASSES = 256, /* a label is a byte */
    DATA_NAMES_SIZE = 16000 /* characters of all class names as a list in JSON */
};

enum data_part { DATA_TRAIN, DATA_TEST };

/* What all images of a set have in common. */
struct data_shape {
    int c, h, w;
    int classes;
};

enum data_type { DATA_BYTES, DATA_FLOATS };

/* Where pixel (c, y, x) of an image is: c * channel + y * row + x * column elements after its
 * first. */
struct data_strides {
    size_t channel, row, column;
};

/* Blocks that images lie in. */
struct data_memory;

/* One part of a data set. Owns all that it points to; memory is shared with what is held out. */
struct data {
    uint8_t *labels;     /* [count], 0 .. classes-1 */
    const void **images; /* [count]: the first pixel of each */
    char **class_names;  /* [classes], in one block */
    int count;
    int c, h, w;
    int classes;
    enum data_type type;
    struct data_strides strides;
    struct data_memory *memory;
    bool synthetic;
    const char *format;               /* constant: "cifar10", "synthetic" */
    char digest[SHA256_HEX_SIZE];     /* of all labels and pixels that were read or made */
    char source[DATA_PATH_SIZE];      /* the file or folder, or what made it: "synthetic" */
    char note[2 * DATA_PATH_SIZE];    /* what was done to the images; else empty */
    char warning[2 * DATA_PATH_SIZE]; /* why it may not be what it should be; else empty */
};

/* Mean and standard deviation (of the population) of each channel; bytes are scaled to 0 .. 1,
 * floats are taken as they are. */
struct data_stats {
    double mean[DATA_MAX_CHANNELS];
    double std[DATA_MAX_CHANNELS]; /* 1 where all pixels are equal, so that it can divide */
    int channels;                  /* of them that are filled */
};

/* Memory for labels and pointers of count images; false where there is none. */
bool data_reserve(struct data *data, int count);

/* Memory that lasts as long as the images, not cleared; NULL where there is none. */
void *data_block(struct data *data, size_t bytes);

/* The same for memory that is there already: of malloc where mapped is 0, else so many bytes of
 * mmap. Takes it over, also on failure. */
bool data_adopt(struct data *data, void *at, size_t mapped);

/* Both, for images of data->type in planes [c][h][w], one after another: sets count, strides and
 * the pointers. Returns the pixels, or NULL where there is no memory. */
void *data_plain(struct data *data, int count);

/* The strides of planes [c][h][w]. */
struct data_strides data_planes(int h, int w);

/* What a reader ends with: sets the digest, of all labels and of all images, each of which lies in
 * one piece. EXIT_DATA where a pixel is not finite: the message begins with what. */
bool data_seal(struct data *data, const char *what, struct err *err);

/* Pixels of an image. */
size_t data_pixels(const struct data *data);

/* Sets out [c][h][w] to image i as a person can look at it: its bytes, or of floats their range
 * stretched to 0 .. 255. */
void data_picture(const struct data *data, int i, uint8_t *out);

/* Moves n of the images of `data` to `held`: a choice at random that is always the same for the
 * same numbers, whatever the seed of a training; another n makes another choice, not one that holds
 * it or is part of it. The order is kept on both sides. EXIT_USAGE unless 0 < n < data->count. On
 * failure data is as it was, and held is empty. */
bool data_hold_out(struct data *data, int n, struct data *held, struct err *err);

/* Gives the data->classes classes names of its own; false where there is no memory. Control
 * characters become '?': names come from files, and are printed. */
bool data_name_classes(struct data *data, const char *const *names);

/* Whether a name can stand in the metadata of a model: UTF-8 without control characters. */
bool data_is_name(const char *name);

/* Characters of a name in a list in JSON, with its quotes and the comma. */
size_t data_name_length(const char *name);

/* The same from a text with a name a line, or names "0", "1", ... where text is NULL. EXIT_DATA
 * where there are not as many lines as classes, or where a line is no text or all are too long for
 * the metadata of a model; what, the file, begins the message. */
bool data_name_lines(struct data *data, const char *text, const char *what, struct err *err);

/* Pixel `at` of an image of floats, which may lie anywhere in a file: its address need not be one
 * that floats have. */
static inline float data_float(const void *image, size_t at)
{
    float value;
    memcpy(&value, (const uint8_t *)image + at * sizeof value, sizeof value);
    return value;
}

/* Frees the images and clears data. Accepts a zeroed struct. */
void data_close(struct data *data);

/* Over all images, from exact integer sums. Training and evaluation both use the training set's. */
struct data_stats data_statistics(const struct data *data);

#endif
