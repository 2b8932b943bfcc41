/* npy.h - the header of a .npy file: what NumPy's save writes before the numbers.
 *
 *     struct npy npy;
 *     if (!npy_parse(&npy, bytes, size, "x.npz: x_train.npy", &err)) ...
 *
 * "\x93NUMPY", the version, the length of what follows, and a Python dictionary with the type, the
 * order and the shape
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 */
#ifndef BURIN_NPY_H
#define BURIN_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/err.h"

enum { NPY_RANK = 4, NPY_HEADER = 65536, NPY_DESCR = 16 };

struct npy {
    char descr[NPY_DESCR]; /* "|u1", "<f4" */
    int rank;
    size_t shape[NPY_RANK];
    size_t elements; /* the product of the shape */
    size_t head;     /* bytes before the numbers */
};

/* Reads the header at the beginning of size bytes, of which there may be more in the file. what
 * begins the messages. EXIT_DATA; also for numbers in the order of Fortran or big-endian, with
 * the line of Python that makes them right. */
bool npy_parse(struct npy *npy, const uint8_t *bytes, size_t size, const char *what,
               struct err *err);

#endif
