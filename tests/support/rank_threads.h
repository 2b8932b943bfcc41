/* rank_threads.h - threads as ranks, so that a sanitizer sees what they share.
 *
 *     static void work(struct ranks *ranks) { ... }
 *     with_ranks(3, 100, work);                  (three of them, whose boxes hold 100 lines)
 */
#ifndef BURIN_TESTS_RANK_THREADS_H
#define BURIN_TESTS_RANK_THREADS_H

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranks/shared.h"

struct rank {
    struct ranks ranks;
    void (*work)(struct ranks *ranks);
    void *region;
    int me;
};

static inline void *rank_main(void *argument)
{
    struct rank *rank = argument;
    shared_join(&rank->ranks, rank->region, rank->me);
    snprintf(rank->ranks.host, sizeof rank->ranks.host, "host%d", rank->me);
    rank->work(&rank->ranks);
    rank->ranks.back_end.close(rank->ranks.state);
    return NULL;
}

/* lines: of a box. */
static inline void with_ranks(int count, int lines, void (*work)(struct ranks *ranks))
{
    static struct rank rank[RANKS_MAX];
    static pthread_t thread[RANKS_MAX];
    struct err err = {0};
    const size_t bytes = shared_bytes(count, lines);
    void *region = aligned_alloc(4096, bytes);
    ck_assert_ptr_nonnull(region);
    memset(region, 0, bytes);
    ck_assert_msg(shared_init(region, count, lines, false, &err), "%s", err.message);
    for (int r = 0; r < count; r++) {
        rank[r] = (struct rank){.work = work, .region = region, .me = r};
        ck_assert_int_eq(pthread_create(&thread[r], NULL, rank_main, &rank[r]), 0);
    }
    for (int r = 0; r < count; r++)
        pthread_join(thread[r], NULL);
    free(region);
}

#endif
