/* test_meet.c - steps and evaluations of several ranks on the generic backend have the bits of one,
 * for small networks of every kind. The ranks are threads here, so that a sanitizer sees what they
 * share.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "naive_net.h"
#include "ranks/shared.h"
#include "train/meet.h"

enum { STEPS = 4, BOX = 5 /* lines: many rounds */, STATE = 64, FLOATS = 2048, MOST_RANKS = BATCH };

static struct net net;

/* All that a training leaves. */
struct result {
    double loss[STEPS], test_loss;
    int correct[STEPS], test_correct;
    float param[FLOATS], momentum[FLOATS], square[FLOATS], state[STATE], logits[BATCH * CLASSES];
    bool finite;
};

struct work {
    struct recipe recipe;
    struct result *result; /* of each rank */
    void *region;
    int me, threads;
    bool spoilt; /* the last image is infinite */
    int failing; /* the exchange that fails on all ranks, or 0 */
    bool failed; /* it came to that, and the rank knows */
};

static void copy(float *out, const float *values, size_t count)
{
    if (values != NULL)
        memcpy(out, values, count * sizeof *out);
}

/* A process opens one run at a time; here the ranks are threads. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void train(struct work *work, struct ranks *ranks)
{
    struct err err = {0};
    struct run *run = calloc(1, sizeof *run);
    struct data *data = malloc(sizeof *data);
    struct result *r = work->result;
    const struct model *m = &net.model;
    ck_assert_ptr_nonnull(run);
    ck_assert_ptr_nonnull(data);
    pthread_mutex_lock(&opening);
    ck_assert_msg(run_open(run, m, &generic_backend, work->threads, &err) &&
                      run_recipe(run, &work->recipe, &err) && meet_open(run, ranks, &err),
                  "%s", err.message);
    pthread_mutex_unlock(&opening);
    run_init_params(run, 1);
    run->optim.lr = 0.05f;
    for (int step = 0; step < STEPS; step++) {
        /* Batches of two sizes, so of two trees; the last chunk is not full. */
        data_make(data, step == 1 ? IMAGES : BATCH);
        if (work->spoilt)
            data->images[BATCH * IMAGE - 1] = INFINITY;
        run->optim.step = step + 1;
        const struct step_result made = run_train(run, &data->batch);
        r->loss[step] = made.loss;
        r->correct[step] = made.correct;
    }
    r->finite = run_gradients_finite(run);
    const struct step_result test = run_eval(run, &data->batch, r->logits);
    r->test_loss = test.loss;
    r->test_correct = test.correct;
    meet_optimizer(run);
    copy(r->param, run->store.param, m->param_floats);
    copy(r->momentum, run->store.momentum, m->param_floats);
    copy(r->square, run->store.square, m->param_floats);
    copy(r->state, run->store.state, m->state_floats);
    run_close(run);
    free(run);
    free(data);
}

/* A back end that fails in one exchange. */
struct wire {
    struct ranks ranks;
    int left; /* exchanges up to that one */
};

static bool is_cut(struct wire *wire, struct err *err)
{
    return wire->left > 0 && --wire->left == 0 && !err_set(err, "the wire is cut");
}

static bool cut_gather(void *state, const void *send, void *recv, const int *lines, struct err *err)
{
    struct wire *wire = state;
    return !is_cut(wire, err) &&
           wire->ranks.back_end.gather(wire->ranks.state, send, recv, lines, err);
}

static bool cut_exchange(void *state, const void *send, const int *send_lines, void *recv,
                         const int *recv_lines, struct err *err)
{
    struct wire *wire = state;
    return !is_cut(wire, err) && wire->ranks.back_end.exchange(wire->ranks.state, send, send_lines,
                                                               recv, recv_lines, err);
}

static void *rank_main(void *argument)
{
    struct work *work = argument;
    struct wire wire = {.left = work->failing};
    shared_join(&wire.ranks, work->region, work->me);
    struct ranks ranks = wire.ranks;
    ranks.state = &wire;
    ranks.back_end.gather = cut_gather;
    ranks.back_end.exchange = cut_exchange;
    ranks.back_end.signal = NULL;
    train(work, &ranks);
    work->failed = strcmp(ranks.err.message, "the wire is cut") == 0;
    wire.ranks.back_end.close(wire.ranks.state);
    return NULL;
}

/* Fills result[count]. Returns whether an exchange failed. */
static bool train_on(int count, const struct work *of, struct result *result)
{
    struct work work[MOST_RANKS];
    pthread_t thread[MOST_RANKS];
    struct err err = {0};
    const size_t bytes = shared_bytes(count, BOX);
    void *region = aligned_alloc(4096, bytes);
    ck_assert_ptr_nonnull(region);
    memset(region, 0, bytes);
    ck_assert_msg(shared_init(region, count, BOX, false, &err), "%s", err.message);
    for (int r = 0; r < count; r++) {
        work[r] = *of;
        work[r].region = region;
        work[r].me = r;
        work[r].result = &result[r];
        ck_assert_int_eq(pthread_create(&thread[r], NULL, rank_main, &work[r]), 0);
    }
    for (int r = 0; r < count; r++) {
        pthread_join(thread[r], NULL);
        ck_assert_int_eq(work[r].failed, work[0].failed);
    }
    free(region);
    return work[0].failed;
}

static const struct recipe recipes[] = {
    {.lr = 0.05f, .momentum = 0.9f, .weight_decay = 1e-3f, .nesterov = true},
    {.lr = 0.05f,
     .optimizer = OPTIMIZER_ADAMW,
     .beta1 = 0.9f,
     .beta2 = 0.99f,
     .eps = 1e-8f,
     .clip = 0.01f},
    {.lr = 0.05f,
     .optimizer = OPTIMIZER_MUON,
     .momentum = 0.9f,
     .others = OPTIMIZER_SGD,
     .others_lr = 0.01f,
     .newton_schulz = 5},
};
enum { RECIPES = sizeof recipes / sizeof recipes[0] };

/* chunks: of a batch, 0 the usual ones. */
static void check_same(int which, bool ghosts, int chunks, int ranks, int threads, int recipe)
{
    static struct result alone, several[MOST_RANKS];
    struct work work = {.recipe = recipes[recipe], .threads = 1, .result = &alone};
    net_make(&net, which);
    net.recipe.chunks = chunks;
    for (int i = 0; ghosts && i < net.model.layer_count; i++)
        net.layers[i].ghost = net.layers[i].op == LAYER_NORM ? 3 : 0;
    memset(&alone, 0, sizeof alone);
    memset(several, 0, sizeof several);
    train(&work, NULL);
    work.threads = threads;
    train_on(ranks, &work, several);
    for (int r = 0; r < ranks; r++)
        ck_assert_msg(memcmp(&several[r], &alone, sizeof alone) == 0,
                      "network %d, rank %d of %d, %d threads: other bits than alone", which, r,
                      ranks, threads);
}

/* More ranks than a batch has chunks, too: 19 images are 10 chunks, 13 are 7. */
START_TEST(ranks_have_the_bits_of_one)
{
    static const int ranks[] = {2, 3, 5, 12};
    check_same(_i, false, 0, ranks[_i % 4], 1 + _i % 2, _i % RECIPES);
    check_same(_i, false, 0, ranks[(_i + 1) % 4], 1, (_i + 1) % RECIPES);
}
END_TEST

/* A chunk for each image: more ranks than a batch has chunks where its recipe says nothing. */
START_TEST(as_many_chunks_as_a_recipe_says)
{
    static const int ranks[] = {5, BATCH};
    check_same(1, false, BATCH, ranks[_i], 1, 0);
    ck_assert_int_eq(run_chunk_images(&net.model), 1);
}
END_TEST

/* Network 1 has batch norm; ghosts of 3 images are in two chunks of 2. */
START_TEST(ghosts_may_be_in_two_ranks)
{
    check_same(1, true, 0, 2 + _i, 1 + _i % 2, _i % RECIPES);
}
END_TEST

START_TEST(what_is_not_finite_is_so_on_all)
{
    static struct result several[3];
    const struct work work = {.recipe = recipes[0], .threads = 1, .spoilt = true};
    net_make(&net, 1);
    train_on(3, &work, several);
    for (int r = 0; r < 3; r++)
        ck_assert(!several[r].finite);
}
END_TEST

/* Whichever exchange fails, every rank comes to the end of what it does, and knows. */
START_TEST(an_exchange_that_fails_ends_nothing_else)
{
    static struct result results[3];
    enum { MOST = 200 };
    struct work work = {.recipe = recipes[_i % RECIPES], .threads = 1};
    net_make(&net, _i);
    int failing = 1;
    while (work.failing = failing, train_on(3, &work, results))
        ck_assert_int_lt(++failing, MOST);
    ck_assert_int_gt(failing, 2 * STEPS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meet");
    TCase *tests = tcase_create("meet");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, ranks_have_the_bits_of_one, 0, NETS);
    tcase_add_loop_test(tests, as_many_chunks_as_a_recipe_says, 0, 2);
    tcase_add_loop_test(tests, ghosts_may_be_in_two_ranks, 0, 4);
    tcase_add_test(tests, what_is_not_finite_is_so_on_all);
    tcase_add_loop_test(tests, an_exchange_that_fails_ends_nothing_else, 0, 4);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
