/* cifar.h - CIFAR-10's binary files.
 *
 * A file holds 10,000 records of one label byte and 3,072 pixel bytes: three planes (red, green,
 * blue) of 32 x 32, row by row (https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * The archive is published with one MD5, for the whole, and none for the six files. So `make data`
 * checks the archive, unpacks it, and writes beside the files a SHA256SUMS, in the format of
 * sha256sum, whose first line is CIFAR_OFFICIAL_MARK. Reading compares each file with it. Files
 * without it, or that differ from it, are a warning, never an error: they may be what is wanted.
 */
#ifndef BURIN_CIFAR_H
#define BURIN_CIFAR_H

#include "data/format.h"

enum {
    CIFAR_CHANNELS = 3,
    CIFAR_SIDE = 32,
    CIFAR_PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_CLASSES = 10
};

/* Records of a file. The fuzz target of this module is compiled with fewer: a file of 30 MB cannot
 * be tried a million times. */
#if !defined(CIFAR_RECORDS)
#define CIFAR_RECORDS 10000
#endif

#define CIFAR_OFFICIAL_MARK "# cifar-10-binary.tar.gz md5 c32a1d4ab5d03f1284b67883e8d87530"

extern const struct data_shape cifar_shape;
extern const struct data_format cifar_format;

#endif
