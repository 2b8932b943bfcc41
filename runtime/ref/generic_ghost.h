/* generic_ghost.h - batch norm over less than the batch (ghost batch norm, Hoffer et al. 2017).
 *
 * The batch is cut into ghosts of l->ghost images, the last perhaps smaller; each has statistics of
 * its own. Every image leaves its sums (place_part_sums), and whoever needs those of its ghost adds
 * them up in order, so that no result depends on the thread count.
 */
#ifndef BURIN_GENERIC_GHOST_H
#define BURIN_GENERIC_GHOST_H

#include "ref/generic_place.h"

static inline bool ghost_norm(const struct layer *l)
{
    return l->norm == NORM_BATCH && l->ghost > 0;
}

/* Whether an image is the first of its ghost. */
static inline bool ghost_first(const struct layer *l, int image)
{
    return image % l->ghost == 0;
}

/* Adds up sums [2][c] of the ghost of an image; returns the number of values of a channel. */
double ghost_sums(const struct work *w, int layer, int pass, int image, double *sums);

/* Moments [c] of the ghost of an image, in training. sums is room for [2][c]. */
void ghost_moments(const struct work *w, int layer, int image, double *sums,
                   struct ref_moments *moments);

/* Moves the running statistics by the mean of those of all ghosts, each weighing as many images as
 * it has: what evaluation uses is then what an average image met. */
void ghost_track(const struct work *w, int layer);

#endif
