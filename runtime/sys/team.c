/* team.c - one barrier is all there is.
 *
 * A region is: barrier, work, barrier. The first barrier publishes the work to the threads that
 * wait in it, the second collects them. When there are more threads than processors the one waited
 * for may need the processor of the one waiting, so nobody spins.
 */
#include "sys/team.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sys/barrier.h"
#include "sys/cpu.h"
#include "sys/pin.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

struct member {
    struct team *team;
    int rank;
};

struct team {
    struct barrier barrier;

    /* Written only while all other threads wait in the barrier. */
    bool pins;
    int cpu[TEAM_MAX_THREADS];             /* of each rank, when pinned */
    void (*work)(void *context, int rank); /* NULL ends the threads */
    void *context;
    struct member member[TEAM_MAX_THREADS];
    pthread_t thread[TEAM_MAX_THREADS];
};

/* -- Denormals --------------------------------------------------------------------------------- */

#if defined(__SSE2__)
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };

/* Returns the mode to give back to restore_denormals. */
static unsigned flush_denormals(void)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return mode;
}

static void restore_denormals(unsigned mode)
{
    _mm_setcsr(mode);
}
#else
static unsigned flush_denormals(void)
{
    return 0;
}

static void restore_denormals(unsigned mode)
{
    (void)mode;
}
#endif

/* -- Threads and regions ----------------------------------------------------------------------- */

void team_barrier(struct team *team)
{
    barrier_wait(&team->barrier);
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    struct team *team = member->team;
    flush_denormals();
    for (;;) {
        team_barrier(team);
        if (!team->work)
            return NULL;
        team->work(team->context, member->rank);
        team_barrier(team);
    }
}

bool team_open(struct team **team_out, int threads, struct err *err)
{
    *team_out = NULL;
    if (threads < 1 || threads > TEAM_MAX_THREADS)
        return err_set_code(err, EXIT_USAGE, "threads: expected 1 to %d, got %d", TEAM_MAX_THREADS,
                            threads);
    struct team *team = aligned_alloc(BARRIER_LINE, sizeof *team);
    if (!team)
        return err_set_errno(err, ENOMEM, "cannot make a team of %d threads", threads);
    memset(team, 0, sizeof *team);
    const int spins = threads <= cpu_online() ? BARRIER_SPINS : 0;
    if (!barrier_init(&team->barrier, threads, spins, false, err)) {
        free(team);
        return false;
    }

    for (int rank = 1; rank < threads; rank++) {
        team->member[rank] = (struct member){team, rank};
        int failed = pthread_create(&team->thread[rank], NULL, member_main, &team->member[rank]);
        if (failed) {
            barrier_lower(&team->barrier, rank);
            team_close(team);
            return err_set_errno(err, failed, "cannot start thread %d of %d", rank + 1, threads);
        }
    }
    *team_out = team;
    return true;
}

/* Threads of the team stay until they end; the caller is pinned by team_run alone. */
static void stay(void *context, int rank)
{
    const struct team *team = context;
    if (rank > 0)
        free(pin_to(team->cpu[rank]));
}

bool team_pin(struct team *team, struct err *err)
{
    return team_pin_behind(team, 0, err);
}

bool team_pin_behind(struct team *team, int before, struct err *err)
{
    int cpus[TEAM_MAX_THREADS];
    const int threads = team_threads(team), needed = threads * (before + 1);
    const int count = pin_cpus(cpus, needed < TEAM_MAX_THREADS ? needed : TEAM_MAX_THREADS);
    if (count < needed)
        return err_set_code(err, EXIT_USAGE,
                            "--pin: %d threads on %d processor%s: expected a processor for each",
                            needed, count, count == 1 ? "" : "s");
    memcpy(team->cpu, cpus + needed - threads, (size_t)threads * sizeof cpus[0]);
    team_run(team, stay, team);
    team->pins = true;
    return true;
}

void team_close(struct team *team)
{
    if (!team)
        return;
    int threads = team_threads(team);
    team->work = NULL;
    team_barrier(team);
    for (int rank = 1; rank < threads; rank++)
        pthread_join(team->thread[rank], NULL);
    barrier_destroy(&team->barrier);
    free(team);
}

int team_threads(const struct team *team)
{
    return barrier_count(&team->barrier);
}

void team_run(struct team *team, void (*work)(void *context, int rank), void *context)
{
    assert(work);
    unsigned mode = flush_denormals();
    struct pin_place *place = team->pins ? pin_to(team->cpu[0]) : NULL;
    team->work = work;
    team->context = context;
    team_barrier(team);
    work(context, 0);
    team_barrier(team);
    pin_back(place);
    restore_denormals(mode);
}
