/* idx.h - IDX files, in which MNIST and its kin come: plain, or as .gz.
 *
 * An IDX file is two zero bytes, the type of its elements (8: bytes), the number of dimensions,
 * each dimension as a big-endian number of 4 bytes, and the elements
 * (http://yann.lecun.com/exdb/mnist). A folder has four: images (images, rows, columns) and labels,
 * of two parts.
 *
 *     train-images-idx3-ubyte  train-labels-idx1-ubyte  t10k-images-idx3-ubyte  t10k-labels-...
 *         MNIST, Fashion-MNIST, KMNIST
 *     emnist-<split>-train-images-idx3-ubyte  ...  emnist-<split>-test-labels-idx1-ubyte
 *         EMNIST, whose images are stored with rows and columns exchanged, and are put upright
 * here. Where several splits lie in one folder, --labels says which.
 *
 * Each may end with .gz, and have a dot in place of its last dash but one ("images.idx3-ubyte"). Of
 * a file that is there twice the plain one is taken: it need not be unpacked. Classes have the
 * names that EMNIST's splits give them; else those in a file classes.txt, one a line, or numbers.
 */
#ifndef BURIN_IDX_H
#define BURIN_IDX_H

#include "data/format.h"

extern const struct data_format idx_format;

#endif
