/* cifar.h - CIFAR-10 and CIFAR-100: folders of their binary files, and the archives they come in.
 *
 * A file is records of one label byte, in CIFAR-100 two (coarse, fine), and 3,072 pixel bytes:
 * three planes (red, green, blue) of 32 x 32, row by row
 * (https://www.cs.toronto.edu/~kriz/cifar.html). The pixels stay where the file's bytes are;
 * cifar_sums.h tells of official files.
 *
 *     struct cifar cifar;
 *     if (!cifar_begin(&cifar, data, &cifar_100, request, names, &err)) ...
 *     for (int k = 0; k < cifar_files(&cifar); k++)
 *         if (!cifar_take(&cifar, k, path, bytes, size, &err)) ...     (bytes belong to data)
 *     if (!cifar_end(&cifar, &err)) ...
 */
#ifndef BURIN_CIFAR_H
#define BURIN_CIFAR_H

#include "data/format.h"

enum {
    CIFAR_CHANNELS = 3,
    CIFAR_SIDE = 32,
    CIFAR_PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_CLASSES = 10,
    CIFAR_FILES = 5 /* of a part, at most */
};

/* Records of a file of CIFAR-10. The fuzz targets are compiled with fewer: a file of 30 MB cannot
 * be tried a million times. */
#if !defined(CIFAR_RECORDS)
#define CIFAR_RECORDS 10000
#endif

#define CIFAR_OFFICIAL_MARK "# cifar-10-binary.tar.gz md5 c32a1d4ab5d03f1284b67883e8d87530"

/* Labels that a record has, and one may train on. */
struct cifar_labels {
    const char *name;  /* of --labels; NULL where there is no choice */
    const char *names; /* the file with the names of the classes */
    int at;            /* byte of the record */
    int classes;
};

struct cifar_kind {
    const char *name; /* of the format */
    const char *list; /* its files, for messages */
    const char *files[2][CIFAR_FILES + 1];
    int records[2]; /* of a file of a part */
    int label_bytes;
    struct cifar_labels labels[2]; /* the first is the usual one */
};

extern const struct cifar_kind cifar_10, cifar_100;

struct cifar {
    const struct cifar_kind *kind;
    const struct cifar_labels *labels;
    struct data *data;
    enum data_part part;
    char digests[CIFAR_FILES][SHA256_HEX_SIZE];
};

/* The labels that a request asks for. EXIT_USAGE where there are no such. */
bool cifar_choose(struct cifar *cifar, const struct cifar_kind *kind,
                  const struct data_request *request, struct err *err);

/* The shape, classes and their names, from the text of the file labels->names or without, and where
 * it is no mere look also room for the images. */
bool cifar_begin(struct cifar *cifar, struct data *data, const struct data_request *request,
                 const char *names, struct err *err);

int cifar_files(const struct cifar *cifar);
size_t cifar_file_bytes(const struct cifar *cifar);

/* The records of file k of the part; path begins the messages. */
bool cifar_take(struct cifar *cifar, int k, const char *path, const uint8_t *bytes, size_t size,
                struct err *err);

/* The digest of the set, from those of its files. */
bool cifar_end(struct cifar *cifar, struct err *err);

extern const struct data_shape cifar_shape; /* that of CIFAR-10 */
extern const struct data_format cifar_10_format, cifar_100_format, cifar_archive_format;

#endif
