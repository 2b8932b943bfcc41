/* team.c - one sense-reversing barrier is all there is.
 *
 * A region is: barrier, work, barrier. The first barrier publishes the work to the threads that
 * wait in it, the second collects them. The sense is a counter instead of a flag: a thread
 * remembers the round it found, arrives, and waits until the round moves on, which the last
 * arrival makes it do. The round cannot move before everybody has arrived, so nobody can miss one.
 *
 * Waiting spins for some ten microseconds, which is longer than the ranks of a balanced region
 * differ, and then sleeps on a condition variable. When there are more threads than processors
 * the one waited for may need the processor of the one waiting, so nobody spins.
 *
 * Sleeping must not miss the wake: a sleeper counts itself, then looks at the round; the last
 * arrival moves the round, then looks at the count. Both pairs are sequentially consistent, so at
 * least one of them sees the other, and the mutex orders the sleeper's wait before the broadcast.
 */
#include "sys/team.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cpu.h"
#include "sys/pin.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { CACHE_LINE = 64, SPINS = 2000 };

struct member {
    struct team *team;
    int rank;
};

struct team {
    /* What the threads write while they wait, each on a cache line of its own. */
    _Alignas(CACHE_LINE) atomic_int arrived;
    _Alignas(CACHE_LINE) atomic_uint round;
    _Alignas(CACHE_LINE) atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t moved;

    /* Written only while all other threads wait in the barrier. */
    atomic_int threads;
    int spins;
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

static void pause_briefly(void)
{
    _mm_pause();
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

static void pause_briefly(void)
{
}
#endif

/* -- The barrier ------------------------------------------------------------------------------- */

static void sleep_until_moved(struct team *team, unsigned round)
{
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->round) == round)
        pthread_cond_wait(&team->moved, &team->mutex);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

static void wake_sleepers(struct team *team)
{
    if (atomic_load(&team->sleepers) == 0)
        return;
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->moved);
    pthread_mutex_unlock(&team->mutex);
}

void team_barrier(struct team *team)
{
    unsigned round = atomic_load_explicit(&team->round, memory_order_relaxed);
    int arrived = atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1;

    /* Read after arriving: team_open lowers it when it cannot start every thread. */
    if (arrived == atomic_load_explicit(&team->threads, memory_order_relaxed)) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store(&team->round, round + 1);
        wake_sleepers(team);
        return;
    }
    for (int i = 0; i < team->spins; i++) {
        if (atomic_load_explicit(&team->round, memory_order_acquire) != round)
            return;
        pause_briefly();
    }
    sleep_until_moved(team, round);
}

/* -- Threads and regions ----------------------------------------------------------------------- */

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
    struct team *team = aligned_alloc(CACHE_LINE, sizeof *team);
    if (!team)
        return err_set_errno(err, ENOMEM, "cannot make a team of %d threads", threads);
    memset(team, 0, sizeof *team);
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->moved, NULL);
    atomic_store(&team->threads, threads);
    team->spins = threads <= cpu_online() ? SPINS : 0;

    for (int rank = 1; rank < threads; rank++) {
        team->member[rank] = (struct member){team, rank};
        int failed = pthread_create(&team->thread[rank], NULL, member_main, &team->member[rank]);
        if (failed) {
            atomic_store(&team->threads, rank);
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
    int threads = team_threads(team);
    int count = pin_cpus(team->cpu, threads);
    if (count < threads)
        return err_set_code(err, EXIT_USAGE,
                            "--pin: %d threads on %d processor%s: expected a processor for each",
                            threads, count, count == 1 ? "" : "s");
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
    pthread_cond_destroy(&team->moved);
    pthread_mutex_destroy(&team->mutex);
    free(team);
}

int team_threads(const struct team *team)
{
    return atomic_load_explicit(&team->threads, memory_order_relaxed);
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
