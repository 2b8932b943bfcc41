/* barrier.h - the place where threads, or processes that share memory, wait for each other.
 *
 *     struct barrier *barrier = ...;          (aligned to 64 bytes; shared by all that wait)
 *     if (!barrier_init(barrier, count, BARRIER_SPINS, false, &err)) ...
 *     barrier_wait(barrier);                  (each of the count, any number of times)
 *     barrier_destroy(barrier);               (when nobody waits any more)
 *
 * Waiting spins for some ten microseconds and then sleeps.
 */
#ifndef BURIN_BARRIER_H
#define BURIN_BARRIER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sys/err.h"

/* Turns of the loop, which are longer together than threads with the same work differ. */
enum { BARRIER_SPINS = 2000, BARRIER_LINE = 64 };

struct barrier {
    /* What is written while others wait, each on a cache line of its own. */
    _Alignas(BARRIER_LINE) atomic_int arrived;
    _Alignas(BARRIER_LINE) atomic_uint round;
    _Alignas(BARRIER_LINE) atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    atomic_int count;
    int spins;
};

/* spins: 0 where the one waited for may need the processor of the one waiting. processes: whether
 * those that wait are processes, and the barrier is in memory that they share. */
bool barrier_init(struct barrier *barrier, int count, int spins, bool processes, struct err *err);

void barrier_destroy(struct barrier *barrier);

/* Waits until all have come here; orders memory as a fence does. */
void barrier_wait(struct barrier *barrier);

/* Says that fewer will come, while all of those wait that have not come yet or will not come. */
void barrier_lower(struct barrier *barrier, int count);

/* How many wait for each other. */
int barrier_count(const struct barrier *barrier);

#endif
