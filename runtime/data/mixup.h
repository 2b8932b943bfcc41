/* mixup.h - two images in one, with the labels of both (Zhang, Cisse, Dauphin and Lopez-Paz,
 * "mixup: Beyond Empirical Risk Minimization", arXiv:1710.09412).
 *
 *     for each image i of a batch: part[i] = mixup_part(alpha, seed, epoch, samples[i]);
 *     mixup_images(images, floats, part, n, room);
 *
 * Each image of a batch takes part of the next one, the last of the first: a batch is drawn at
 * random, so the next image is as good as any. What an image has of itself is drawn for each.
 */
#ifndef BURIN_MIXUP_H
#define BURIN_MIXUP_H

#include <stddef.h>
#include <stdint.h>

/* The larger of p and 1 - p, p of the beta distribution of two parameters alpha > 0: the image
 * itself is the larger part, and which of two images that is makes no difference. Drawn by Johnk's
 * method (Devroye, Non-Uniform Random Variate Generation, IX.3.5) from positions 16, 17, ... of
 * rng_key(seed, epoch, sample, RNG_AUGMENT), two for each try. */
float mixup_part(double alpha, uint64_t seed, uint32_t epoch, uint32_t sample);

/* images[i] = part[i] * images[i] + (1 - part[i]) * images[(i + 1) % n], each of so many floats;
 * room is of one image. */
void mixup_images(float *images, size_t floats, const float *part, int n, float *room);

#endif
