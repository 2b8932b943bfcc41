/* barrier.c - one sense-reversing barrier.
 *
 * The sense is a counter instead of a flag: whoever comes remembers the round it found, arrives,
 * and waits until the round moves on, which the last arrival makes it do. The round cannot move
 * before everybody has arrived, so nobody can miss one.
 *
 * Waiting spins for some ten microseconds, which is longer than the threads of a balanced region
 * differ, and then sleeps on a condition variable.
 *
 * Sleeping must not miss the wake: a sleeper counts itself, then looks at the round; the last
 * arrival moves the round, then looks at the count. Both pairs are sequentially consistent, so at
 * least one of them sees the other, and the mutex orders the sleeper's wait before the broadcast.
 */
#include "sys/barrier.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

static void pause_briefly(void)
{
#if defined(__SSE2__)
    _mm_pause();
#endif
}

bool barrier_init(struct barrier *barrier, int count, int spins, bool processes, struct err *err)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t moved;
    const int shared = processes ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->round, 0);
    atomic_init(&barrier->sleepers, 0);
    atomic_init(&barrier->count, count);
    barrier->spins = spins;
    pthread_mutexattr_init(&mutex);
    pthread_condattr_init(&moved);
    int failed = pthread_mutexattr_setpshared(&mutex, shared);
    if (failed == 0)
        failed = pthread_condattr_setpshared(&moved, shared);
    if (failed == 0)
        failed = pthread_mutex_init(&barrier->mutex, &mutex);
    if (failed == 0)
        failed = pthread_cond_init(&barrier->moved, &moved);
    pthread_mutexattr_destroy(&mutex);
    pthread_condattr_destroy(&moved);
    return failed == 0 || err_set_errno(err, failed, "cannot make a barrier of %d", count);
}

void barrier_destroy(struct barrier *barrier)
{
    pthread_cond_destroy(&barrier->moved);
    pthread_mutex_destroy(&barrier->mutex);
}

static void sleep_until_moved(struct barrier *barrier, unsigned round)
{
    pthread_mutex_lock(&barrier->mutex);
    atomic_fetch_add(&barrier->sleepers, 1);
    while (atomic_load(&barrier->round) == round)
        pthread_cond_wait(&barrier->moved, &barrier->mutex);
    atomic_fetch_sub(&barrier->sleepers, 1);
    pthread_mutex_unlock(&barrier->mutex);
}

static void wake_sleepers(struct barrier *barrier)
{
    if (atomic_load(&barrier->sleepers) == 0)
        return;
    pthread_mutex_lock(&barrier->mutex);
    pthread_cond_broadcast(&barrier->moved);
    pthread_mutex_unlock(&barrier->mutex);
}

void barrier_wait(struct barrier *barrier)
{
    unsigned round = atomic_load_explicit(&barrier->round, memory_order_relaxed);
    int arrived = atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) + 1;

    /* Read after arriving: see barrier_lower. */
    if (arrived == barrier_count(barrier)) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store(&barrier->round, round + 1);
        wake_sleepers(barrier);
        return;
    }
    for (int i = 0; i < barrier->spins; i++) {
        if (atomic_load_explicit(&barrier->round, memory_order_acquire) != round)
            return;
        pause_briefly();
    }
    sleep_until_moved(barrier, round);
}

void barrier_lower(struct barrier *barrier, int count)
{
    atomic_store(&barrier->count, count);
}

int barrier_count(const struct barrier *barrier)
{
    return atomic_load_explicit(&barrier->count, memory_order_relaxed);
}
