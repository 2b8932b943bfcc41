/* augment.h - from the pixels of an image to the normalised floats the network sees.
 *
 *     struct augment a;
 *     augment_init(&a, &stats, &data);                        (no augmentation: evaluation)
 *     a.crop = 4; a.flip = FLIP_ALTERNATING; a.cutout = 8;
 *     augment_image(out, data.images[i], &a, seed, epoch, sample);
 *
 * In this order, each where it is on: brightness, contrast, a rotation, a random crop from the
 * image with a border, mirror images, a square set to the mean. What is drawn is a pure function of
 * (seed, epoch, sample), so images may be prepared in any order and by any thread.
 */
#ifndef BURIN_AUGMENT_H
#define BURIN_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "data/data.h"
#include "data/levels.h"
#include "model.h"

struct augment {
    struct form form;    /* of the images */
    struct levels plain; /* of all images, but for brightness and contrast */
    struct data_stats stats;
    float brightness, contrast; /* largest change of the factors, 0 none */
    float rotate;               /* largest angle in degrees, 0 none */
    int crop;                   /* pixels of border, below h and w; 0 none */
    enum crop_border crop_border;
    enum flip_mode flip;
    bool flip_vertical;
    int cutout; /* side of the square, 0 none */
};

/* What was drawn for one image. */
struct augment_draw {
    int down, right;             /* the window's top left corner in the image, each -crop .. crop */
    bool mirror;                 /* the window's columns are read from right to left */
    bool upside;                 /* and its rows from below */
    int row, column;             /* centre of the square, in the output */
    double angle;                /* of the image against the clock, in radians */
    double brightness, contrast; /* factors */
};

/* No augmentation, for images of the shape, type and strides of data; stats has its channels. */
void augment_init(struct augment *augment, const struct data_stats *stats, const struct data *data);

/* The draws of one image, at these positions of the stream rng_key(seed, epoch, sample,
 * RNG_AUGMENT): 0 mirror (top bit), 1 down, 2 right, 3 row, 4 column, 5 upside (top bit),
 * 6 angle, 7 brightness, 8 contrast; mixup.h has those from 16 on.
 *
 * FLIP_RANDOM tosses a coin for each epoch and sample. FLIP_ALTERNATING tosses in epoch 1 and then
 * turns the image over in every epoch, so that any two epochs in a row show it both ways (Jordan,
 * "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498). */
struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint32_t sample);

/* Sets out [c][h][w] from an image of the data. Outside the image, rows and columns are reflected
 * without repeating the edge: -1 is 1, h is h-2; with CROP_ZERO they are 0, the mean. A rotated
 * image turns about its middle, and a pixel of the window is interpolated of the four around its
 * place, in straight lines of both directions. The square covers rows row - cutout/2 up to, but not
 * with, row - cutout/2 + cutout, and columns alike, as far as they are inside (DeVries and Taylor,
 * "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv:1708.04552); it is
 * set to 0, which after normalisation is the mean.
 */
void augment_apply(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   const struct augment_draw *draw);

/* Both. epoch counts from 1. */
void augment_image(float *restrict out, const void *restrict pixels, const struct augment *augment,
                   uint64_t seed, uint32_t epoch, uint32_t sample);

#endif
