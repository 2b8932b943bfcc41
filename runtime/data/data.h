/* data.h - labelled images in memory, read from the CIFAR-10 binary files.
 *
 *     char dir[DATA_PATH_SIZE];
 *     if (!data_find(dir, dir_option, &err)) ...        (dir_option may be NULL)
 *     struct data train = {0};
 *     if (!data_open(&train, dir, DATA_TRAIN, &err)) ...
 *     if (train.warning[0]) ...                         (usable, but not known to be official)
 *     struct data_stats stats = data_statistics(&train);
 *     data_close(&train);
 *
 * A file holds 10,000 records of one label byte and 3,072 pixel bytes: three planes (red, green,
 * blue) of 32 x 32, row by row (https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * The archive is published with one MD5, for the whole, and none for the six files. So `make data`
 * checks the archive, unpacks it, and writes beside the files a SHA256SUMS, in the format of
 * sha256sum, whose first line is DATA_OFFICIAL_MARK. Reading compares each file with it. Files
 * without it, or that differ from it, are a warning, never an error: they may be what is wanted.
 */
#ifndef BURIN_DATA_H
#define BURIN_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "file/sha256.h"
#include "sys/err.h"

enum {
    DATA_PATH_SIZE = 1024,
    DATA_MAX_CHANNELS = 64, /* of an image */
    DATA_MAX_SIDE = 4096,
    DATA_MAX_CLASSES = 256, /* a label is a byte */
    CIFAR_CHANNELS = 3,     /* of CIFAR-10's files */
    CIFAR_SIDE = 32,
    CIFAR_PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_CLASSES = 10
};

/* Records of a file. The fuzz target of this module is compiled with fewer: a file of 30 MB cannot
 * be tried a million times. */
#if !defined(DATA_RECORDS)
#define DATA_RECORDS 10000
#endif

#define DATA_DEFAULT_DIR "data/cifar-10-batches-bin"
#define DATA_OFFICIAL_MARK "# cifar-10-binary.tar.gz md5 c32a1d4ab5d03f1284b67883e8d87530"

enum data_part { DATA_TRAIN, DATA_TEST };

/* What all images of a set have in common. */
struct data_shape {
    int c, h, w;
    int classes;
};

/* That of CIFAR-10's files. */
extern const struct data_shape data_cifar10;

/* One part of a data set. Owns labels, pixels and class names. */
struct data {
    uint8_t *labels;    /* [count], 0 .. classes-1 */
    uint8_t *pixels;    /* [count][c][h][w] */
    char **class_names; /* [classes], in one block */
    int count;
    int c, h, w;
    int classes;
    bool synthetic;
    char digest[SHA256_HEX_SIZE];     /* of all labels and pixels that were read or made */
    char source[DATA_PATH_SIZE];      /* the folder, or what made it: "synthetic" */
    char warning[2 * DATA_PATH_SIZE]; /* why it may not be the official data; else empty */
};

/* Mean and standard deviation (of the population) of each channel, pixels scaled to 0 .. 1. */
struct data_stats {
    double mean[DATA_MAX_CHANNELS];
    double std[DATA_MAX_CHANNELS]; /* 1 where all pixels are equal, so that it can divide */
    int channels;                  /* of them that are filled */
};

/* The folder to read: dir_option if it is not NULL, else $CIFAR10_DIR if it is set and not empty,
 * else DATA_DEFAULT_DIR. The first that is given decides, so that a misspelt one is never passed
 * over in silence. EXIT_DATA when it is not a folder; the message lists all three places. */
bool data_find(char dir[DATA_PATH_SIZE], const char *dir_option, struct err *err);

/* Reads the five training files or the test file of a folder. EXIT_DATA, with the file and what is
 * wrong with it: missing, unreadable, too short or too long by how much, or a bad label where. */
bool data_open(struct data *data, const char *dir, enum data_part part, struct err *err);

/* Moves n of the images of `data` to `held`: a choice at random that is always the same for the
 * same numbers, whatever the seed of a training; another n makes another choice, not one that holds
 * it or is part of it. The order is kept on both sides. EXIT_USAGE unless 0 < n < data->count. On
 * failure data is as it was, and held is empty. */
bool data_hold_out(struct data *data, int n, struct data *held, struct err *err);

/* Gives the data->classes classes names of its own; false where there is no memory. */
bool data_name_classes(struct data *data, const char *const *names);

/* Frees the images and clears data. Accepts a zeroed struct. */
void data_close(struct data *data);

/* Over all images, from exact integer sums. Training and evaluation both use the training set's. */
struct data_stats data_statistics(const struct data *data);

#endif
