/* synthetic.h - ten procedural classes in the format of CIFAR-10, for when there is no data.
 *
 * Stripes (level, upright, slanting), checker, disc, ring, cross, triangle, gradient and blobs, in
 * that order, each with colours, position, size, phase and noise of its own. The colours are drawn
 * alike for every class, so no pixel by itself says anything about the class: a linear classifier
 * stays near chance, and a small convolutional network passes 95 %.
 *
 * Image i of a part is always the same, on every machine, and is of class i % 10.
 */
#ifndef BURIN_SYNTHETIC_H
#define BURIN_SYNTHETIC_H

#include "data/data.h"
#include "sys/err.h"

/* Sizes at which 20 epochs of a small network take about a minute. */
enum { SYNTHETIC_TRAIN = 4000, SYNTHETIC_TEST = 1000 };

/* Makes the first count images of a part; free them with data_close. */
bool synthetic_open(struct data *data, enum data_part part, int count, struct err *err);

#endif
