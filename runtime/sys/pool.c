/* pool.c - one sense-reversing barrier is all there is.
 *
 * A region is: barrier, work, barrier. The first barrier publishes the work to the threads that
 * wait in it, the second collects them. The sense is a counter instead of a flag: a thread
 * remembers the phase it found, arrives, and waits until the phase moves on, which the last
 * arrival makes it do. The phase cannot move before everybody has arrived, so nobody can miss one.
 *
 * Waiting spins for some ten microseconds, which is longer than the ranks of a balanced region
 * differ, and then sleeps on a condition variable. When there are more threads than processors
 * the one waited for may need the processor of the one waiting, so nobody spins.
 *
 * Sleeping must not miss the wake: a sleeper counts itself, then looks at the phase; the last
 * arrival moves the phase, then looks at the count. Both pairs are sequentially consistent, so at
 * least one of them sees the other, and the mutex orders the sleeper's wait before the broadcast.
 */
#include "sys/pool.h"

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
    struct pool *pool;
    int rank;
};

struct pool {
    /* What the threads write while they wait, each on a cache line of its own. */
    _Alignas(CACHE_LINE) atomic_int arrived;
    _Alignas(CACHE_LINE) atomic_uint phase;
    _Alignas(CACHE_LINE) atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t moved;

    /* Written only while all other threads wait in the barrier. */
    atomic_int threads;
    int spins;
    bool pins;
    int cpu[POOL_MAX_THREADS];             /* of each rank, when pinned */
    void (*work)(void *context, int rank); /* NULL ends the threads */
    void *context;
    struct member member[POOL_MAX_THREADS];
    pthread_t thread[POOL_MAX_THREADS];
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

static void sleep_until_moved(struct pool *pool, unsigned phase)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->phase) == phase)
        pthread_cond_wait(&pool->moved, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void wake_sleepers(struct pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->moved);
    pthread_mutex_unlock(&pool->mutex);
}

void pool_barrier(struct pool *pool)
{
    unsigned phase = atomic_load_explicit(&pool->phase, memory_order_relaxed);
    int arrived = atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1;

    /* Read after arriving: pool_open lowers it when it cannot start every thread. */
    if (arrived == atomic_load_explicit(&pool->threads, memory_order_relaxed)) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        atomic_store(&pool->phase, phase + 1);
        wake_sleepers(pool);
        return;
    }
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->phase, memory_order_acquire) != phase)
            return;
        pause_briefly();
    }
    sleep_until_moved(pool, phase);
}

/* -- Threads and regions ----------------------------------------------------------------------- */

static void *member_main(void *argument)
{
    struct member *member = argument;
    struct pool *pool = member->pool;
    flush_denormals();
    for (;;) {
        pool_barrier(pool);
        if (!pool->work)
            return NULL;
        pool->work(pool->context, member->rank);
        pool_barrier(pool);
    }
}

bool pool_open(struct pool **pool_out, int threads, struct err *err)
{
    *pool_out = NULL;
    if (threads < 1 || threads > POOL_MAX_THREADS)
        return err_set_code(err, EXIT_USAGE, "threads: expected 1 to %d, got %d", POOL_MAX_THREADS,
                            threads);
    struct pool *pool = aligned_alloc(CACHE_LINE, sizeof *pool);
    if (!pool)
        return err_set_errno(err, ENOMEM, "cannot make a pool of %d threads", threads);
    memset(pool, 0, sizeof *pool);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->moved, NULL);
    atomic_store(&pool->threads, threads);
    pool->spins = threads <= cpu_online() ? SPINS : 0;

    for (int rank = 1; rank < threads; rank++) {
        pool->member[rank] = (struct member){pool, rank};
        int failed = pthread_create(&pool->thread[rank], NULL, member_main, &pool->member[rank]);
        if (failed) {
            atomic_store(&pool->threads, rank);
            pool_close(pool);
            return err_set_errno(err, failed, "cannot start thread %d of %d", rank + 1, threads);
        }
    }
    *pool_out = pool;
    return true;
}

/* Threads of the pool stay until they end; the caller is pinned by pool_run alone. */
static void stay(void *context, int rank)
{
    const struct pool *pool = context;
    if (rank > 0)
        free(pin_to(pool->cpu[rank]));
}

bool pool_pin(struct pool *pool, struct err *err)
{
    int threads = pool_threads(pool);
    int count = pin_cpus(pool->cpu, threads);
    if (count < threads)
        return err_set_code(err, EXIT_USAGE,
                            "--pin: %d threads on %d processor%s: expected a processor for each",
                            threads, count, count == 1 ? "" : "s");
    pool_run(pool, stay, pool);
    pool->pins = true;
    return true;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    int threads = pool_threads(pool);
    pool->work = NULL;
    pool_barrier(pool);
    for (int rank = 1; rank < threads; rank++)
        pthread_join(pool->thread[rank], NULL);
    pthread_cond_destroy(&pool->moved);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int pool_threads(const struct pool *pool)
{
    return atomic_load_explicit(&pool->threads, memory_order_relaxed);
}

void pool_run(struct pool *pool, void (*work)(void *context, int rank), void *context)
{
    assert(work);
    unsigned mode = flush_denormals();
    struct pin_place *place = pool->pins ? pin_to(pool->cpu[0]) : NULL;
    pool->work = work;
    pool->context = context;
    pool_barrier(pool);
    work(context, 0);
    pool_barrier(pool);
    pin_back(place);
    restore_denormals(mode);
}
