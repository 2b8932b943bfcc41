/* shared.h - ranks on one machine: processes, or threads in tests, that share memory.
 *
 *     switch (shared_start(&ranks, 4, &err)) ...       (4 processes from here on, and one that
 * waits)
 *
 *     void *region = aligned_alloc(4096, shared_bytes(3, 16));      (the same without processes)
 *     if (!shared_init(region, 3, 16, false, &err)) ...
 *     shared_join(&ranks[r], region, r);               (on each of three threads)
 */
#ifndef BURIN_SHARED_H
#define BURIN_SHARED_H

#include "ranks/ranks.h"

/* Starts `count` processes, of which each gets RANKS_WORK, and waits for them: RANKS_DONE, with the
 * exit code of the first that failed in err. When one is lost, the others are ended. */
enum ranks_role shared_start(struct ranks *ranks, int count, struct err *err);

/* Bytes of a region for so many ranks; each writes `lines` at a time. */
size_t shared_bytes(int count, int lines);

/* region: zeroed, aligned to a page. processes: whether the ranks are processes. */
bool shared_init(void *region, int count, int lines, bool processes, struct err *err);

/* Fills `ranks` but for its host. */
void shared_join(struct ranks *ranks, void *region, int me);

#endif
