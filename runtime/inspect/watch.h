/* watch.h - the first tensor of a generated step that is not finite.
 *
 *     struct watching watching;
 *     watch_start(&watching, &run);              (a run of one thread)
 *     run_train(&run, &batch);
 *     if (watching.found != NULL) ...
 *
 * The program's table of tensors says what every call leaves and where. After each call the floats
 * that it has left are looked at, for the images under way; the row that comes first in the table,
 * which is in the order of the calls, is the cause, and all later ones are its consequences.
 */
#ifndef BURIN_WATCH_H
#define BURIN_WATCH_H

#include "run.h"

struct watching {
    struct watch watch;
    const struct tensor *found;       /* NULL: all were finite */
    int image;                        /* of the batch, or -1 when the tensor is not about images */
    float value;                      /* the first that is not finite */
    int chunk, micro_batch, first, n; /* images under way */
};

/* The model of the run has tensors. The struct must stay where it is while the run uses it. */
void watch_start(struct watching *watching, struct run *run);

#endif
