/* team.h - a fixed team of threads that run one function together.
 *
 *     struct team *team = NULL;
 *     if (!team_open(&team, threads, &err)) ...
 *     team_run(team, work, context);     (work(context, rank) on every rank; returns when all have)
 *     team_close(team);
 *
 * The caller is rank 0 and works too; a team of one thread starts no other. Inside work, all ranks
 * may call team_barrier the same number of times. Waiting spins briefly and then sleeps. Every
 * thread of the team, the caller included, flushes denormals to zero (FTZ and DAZ on x86).
 * The team belongs to the process that opened it: do not use it across fork().
 */
#ifndef BURIN_TEAM_H
#define BURIN_TEAM_H

#include "export.h"
#include "sys/err.h"

enum { TEAM_MAX_THREADS = 256 };

struct team;

/* Starts threads - 1 threads. threads is 1 .. TEAM_MAX_THREADS. */
bool team_open(struct team **team, int threads, struct err *err);

/* From now on each rank stays on a processor of its own, cores before hyperthreads; the caller only
 * while it runs a region. EXIT_USAGE where there are fewer processors than threads. */
bool team_pin(struct team *team, struct err *err);

/* The same behind so many teams of this size, of other processes, that have theirs. */
bool team_pin_behind(struct team *team, int before, struct err *err);

/* Ends the threads. Accepts NULL. */
void team_close(struct team *team);

int team_threads(const struct team *team) BURIN_EXPORT(team_threads);

/* Runs work(context, rank) for rank 0 .. threads-1, one region, and waits for all of them.
 * What the caller wrote before is visible to every rank, and what they wrote to the caller after.
 */
void team_run(struct team *team, void (*work)(void *context, int rank), void *context);

/* Waits until every rank of the running region has come here; orders memory as a fence does. */
void team_barrier(struct team *team) BURIN_EXPORT(team_barrier);

#endif
