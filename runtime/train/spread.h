/* spread.h - images that the first rank has read, given to all.
 *
 *     if (!spread_data(&train, ranks, opened, &err)) ...     (on every rank; open on the first
 * alone)
 *
 * For machines that do not have the files: `--data-from-root`. Every rank then holds all images of
 * a part in memory, as planes, whatever lay in the files.
 */
#ifndef BURIN_SPREAD_H
#define BURIN_SPREAD_H

#include "data/data.h"
#include "ranks/ranks.h"

/* opened: whether the first rank has the images in `data`, or else why not, in err; the others give
 * true and a zeroed `data`, which becomes equal to the first rank's in everything but strides.
 * False on all ranks where one fails, with its error. */
bool spread_data(struct data *data, struct ranks *ranks, bool opened, struct err *err);

/* What the first rank has in these bytes, all have afterwards. False on all ranks where one fails,
 * with its error. */
bool spread_bytes(void *bytes, size_t size, struct ranks *ranks, struct err *err);

#endif
