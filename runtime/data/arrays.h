/* arrays.h - images and labels as arrays of numbers: .npz of NumPy, and .safetensors.
 *
 *     .npz           x_train.npy, y_train.npy, x_test.npy, y_test.npy (npz.h)
 *     .safetensors   train.images, train.labels, test.images, test.labels
 *
 * Images are bytes or floats, (N, H, W), (N, H, W, C) or (N, C, H, W): of the last two it is what
 * --layout says, else what gives the shape that the network takes. Labels are whole numbers from 0,
 * (N,). There are as many classes as names (class_names.npy; the metadata "classes", a JSON array),
 * else as the largest label of both parts says.
 */
#ifndef BURIN_ARRAYS_H
#define BURIN_ARRAYS_H

#include "data/format.h"

enum { ARRAYS_RANK = 4 };

enum array_type {
    ARRAY_U8,
    ARRAY_I8,
    ARRAY_U16,
    ARRAY_I16,
    ARRAY_U32,
    ARRAY_I32,
    ARRAY_U64,
    ARRAY_I64,
    ARRAY_F32,
    ARRAY_TYPES
};

/* Its elements lie in the order of C, little-endian, at any address. */
struct array {
    const char *name; /* for messages */
    enum array_type type;
    int rank;
    size_t shape[ARRAYS_RANK];
    const uint8_t *bytes; /* as many as the shape says; NULL in a mere look at images */
};

size_t array_element(enum array_type type);

/* What a file has. */
struct arrays {
    struct array images;           /* of the part */
    const struct array *labels[2]; /* of each part; NULL: not there, but of `part` */
    const char *names;             /* of classes, a line each; NULL: none */
};

/* Fills data with arrays whose bytes belong to it. */
bool arrays_take(struct data *data, const struct data_request *request, const struct arrays *arrays,
                 struct err *err);

extern const struct data_format npz_format, safetensors_format;

#endif
