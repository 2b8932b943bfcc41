/* generic_watch.h - looks at what a layer has just computed, before a later layer writes over it.
 */
#ifndef BURIN_GENERIC_WATCH_H
#define BURIN_GENERIC_WATCH_H

#include "ref/generic.h"
#include "ref/generic_place.h"

struct generic_watch {
    bool found;
    struct generic_finding finding; /* of the earliest layer */
};

/* After the forward or the backward pass of a layer over one chunk. */
void generic_watch_forward(const struct work *w, int layer, int chunk);
void generic_watch_backward(const struct work *w, int layer, int chunk);

#endif
