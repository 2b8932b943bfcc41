/* synthetic.h - procedural classes in any shape, for when there is no data.
 *
 * Stripes (level, upright, slanting), checker, disc, ring, cross, triangle, gradient and blobs, in
 * that order, each with colours, position, size, phase and noise of its own. The colours are drawn
 * alike for every class, so no pixel by itself says anything about the class: a linear classifier
 * stays near chance, and a small convolutional network passes 95 %.
 *
 * Fewer than ten classes are the first ones. Of more than ten, each image is cut into bands, as
 * many as the largest class has digits, from top to bottom (side by side where there are fewer
 * rows), and a band shows the procedure of one digit: class 47 of a hundred is a disc over a
 * triangle, named "disc-triangle". Each procedure is drawn for 32 x 32 and stretched to its image
 * or band.
 *
 * Image i of a part is always the same, on every machine, and is of class i % classes.
 */
#ifndef BURIN_SYNTHETIC_H
#define BURIN_SYNTHETIC_H

#include "data/data.h"
#include "sys/err.h"

/* Sizes at which 20 epochs of a small network take about a minute. */
enum { SYNTHETIC_TRAIN = 4000, SYNTHETIC_TEST = 1000 };

/* Makes the first count images of a part; free them with data_close. The shape is within the bounds
 * of data.h. */
bool synthetic_open(struct data *data, const struct data_shape *shape, enum data_part part,
                    int count, struct err *err);

#endif
