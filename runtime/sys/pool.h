/* pool.h - a fixed team of threads that run one function together.
 *
 *     struct pool *pool = NULL;
 *     if (!pool_open(&pool, threads, &err)) ...
 *     pool_run(pool, work, context);     (work(context, rank) on every rank; returns when all have)
 *     pool_close(pool);
 *
 * The caller is rank 0 and works too; a pool of one thread starts no other. Inside work, all ranks
 * may call pool_barrier the same number of times. Waiting spins briefly and then sleeps. Every
 * thread of the pool, the caller included, flushes denormals to zero (FTZ and DAZ on x86).
 * The pool belongs to the process that opened it: do not use it across fork().
 */
#ifndef BURIN_POOL_H
#define BURIN_POOL_H

#include "sys/err.h"

enum { POOL_MAX_THREADS = 256 };

struct pool;

/* Starts threads - 1 threads. threads is 1 .. POOL_MAX_THREADS. */
bool pool_open(struct pool **pool, int threads, struct err *err);

/* From now on each rank stays on a processor of its own, cores before hyperthreads; the caller only
 * while it runs a region. EXIT_USAGE where there are fewer processors than threads. */
bool pool_pin(struct pool *pool, struct err *err);

/* Ends the threads. Accepts NULL. */
void pool_close(struct pool *pool);

int pool_threads(const struct pool *pool);

/* Runs work(context, rank) for rank 0 .. threads-1, one region, and waits for all of them.
 * What the caller wrote before is visible to every rank, and what they wrote to the caller after.
 */
void pool_run(struct pool *pool, void (*work)(void *context, int rank), void *context);

/* Waits until every rank of the running region has come here; orders memory as a fence does. */
void pool_barrier(struct pool *pool);

#endif
