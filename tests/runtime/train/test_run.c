/* test_run.c - the tree of sums, and a run with a model and a backend small enough to check by
 * hand. */
#include <check.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "run.h"
#include "sanitized.h"

/* Check's own ck_assert_float_eq promotes to double in silence, which the warnings forbid. */
static void same(float got, float expected)
{
    ck_assert_double_eq((double)got, (double)expected);
}

/* -- The tree ---------------------------------------------------------------------------------- */

enum { TREE_N = 131, TREE_STRIDE = 140 };

/* The same tree said the other way round: cut at the largest power of two below the count. */
static float recursive_sum(const float *part, int parts)
{
    if (parts == 1)
        return part[0];
    int left = 1;
    while (2 * left < parts)
        left *= 2;
    return recursive_sum(part, left) + recursive_sum(part + left * TREE_STRIDE, parts - left);
}

/* As many as a batch has mostly, and some of the numbers that a recipe may say. */
static const int trees[] = {31, 32, 33, 100, 255, MODEL_MOST_CHUNKS};
enum { TREE_FEW = MODEL_CHUNKS, TREES = sizeof trees / sizeof trees[0] };

START_TEST(tree_has_the_promised_shape)
{
    static float part[MODEL_MOST_CHUNKS * TREE_STRIDE];
    const int parts = _i < TREE_FEW ? _i + 1 : trees[_i - TREE_FEW];
    for (uint32_t i = 0; i < MODEL_MOST_CHUNKS * TREE_STRIDE; i++)
        part[i] = (rng_float(1, i) - 0.5f) * powf(2, (float)rng_below(2, i, 24));
    float sum[TREE_N + 1];
    sum[TREE_N] = 42;
    tree_sum(sum, part, TREE_STRIDE, parts, TREE_N);
    for (int i = 0; i < TREE_N; i++)
        same(sum[i], recursive_sum(part + i, parts));
    same(sum[TREE_N], 42);
}
END_TEST

/* With a part so large that it swallows the small ones added to it one by one: 2^24 + 1 = 2^24. */
START_TEST(tree_of_four_by_hand)
{
    const float part[4] = {0x1p24f, -0x1p24f, 1, 1}, other[4] = {1, 0x1p24f, -0x1p24f, 1};
    float sum;
    tree_sum(&sum, part, 1, 4, 1);
    same(sum, 2);
    tree_sum(&sum, other, 1, 4, 1);
    same(sum, 1);
}
END_TEST

/* -- A model ----------------------------------------------------------------------------------- */

enum { BATCH = 40, CLASSES = 2, SHARED = 5, OWN = 3 };

static const struct param params[] = {
    {.name = "a.weight",
     .rank = 1,
     .shape = {400},
     .count = 400,
     .init = INIT_FAN_IN,
     .fan_in = 16},
    {.name = "b.weight", .rank = 1, .shape = {3}, .offset = 400, .count = 3, .init = INIT_ONE},
    {.name = "b.bias", .rank = 1, .shape = {2}, .offset = 403, .count = 2, .init = INIT_ZERO},
    {.name = "c.weight",
     .rank = 1,
     .shape = {5},
     .offset = 405,
     .count = 5,
     .init = INIT_FAN_IN,
     .fan_in = 1},
};

static const struct state states[] = {
    {.name = "b.running_mean", .count = 2, .init = 0},
    {.name = "b.running_var", .offset = 2, .count = 2, .init = 1},
};

static const struct model model = {
    .name = "tiny",
    .c = 1,
    .h = 1,
    .w = 1,
    .classes = CLASSES,
    .recipe = &(const struct recipe){.batch = BATCH},
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .param_floats = 410,
    .states = states,
    .state_count = sizeof states / sizeof states[0],
    .state_floats = 4,
};

static void measure(const struct model *m, size_t *shared_floats, size_t *thread_floats)
{
    (void)m;
    *shared_floats = SHARED;
    *thread_floats = OWN;
}

/* Counts the calls of each rank in its own arena. */
static void pack(struct run *run, int rank)
{
    run->thread[rank][0] += 1;
}

/* The loss of an image is its only pixel; a hit is a pixel above one half. */
static void sum_chunks(struct run *run, int rank)
{
    struct span chunks = run_thread_chunks(run, rank);
    for (int chunk = chunks.first; chunk < chunks.last; chunk++) {
        struct span images = run_chunk(run, chunk);
        run->loss[chunk] = 0;
        run->correct[chunk] = 0;
        for (int i = images.first; i < images.last; i++) {
            run->loss[chunk] += (double)run->batch->images[i];
            run->correct[chunk] += run->batch->images[i] > 0.5f;
            if (run->logits)
                run->logits[CLASSES * i] = run->batch->images[i];
        }
    }
}

static void train(struct run *run, int rank)
{
    sum_chunks(run, rank);
    team_barrier(run->team);
    if (rank == 0)
        run->store.param[0] -= run->optim.lr;
}

static const struct backend backend = {
    .name = "fake", .measure = measure, .pack = pack, .train = train, .eval = sum_chunks};

static void open_run(struct run *run, int threads)
{
    struct err err = {0};
    ck_assert_msg(run_open(run, &model, &backend, threads, &err), "%s", err.message);
}

static const int team[] = {1, 2, 3, 8};
enum { TEAMS = sizeof team / sizeof team[0] };

static bool all_zero(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] != 0)
            return false;
    }
    return true;
}

/* What the C library gives is not zero by itself here. */
START_TEST(memory_is_zeroed_and_aligned)
{
    struct run run;
    (void)mallopt(M_PERTURB, 0x5a);
    open_run(&run, team[_i]);
    ck_assert(all_zero(run.store.param, model.param_floats));
    ck_assert(all_zero(run.store.grad, model.param_floats));
    ck_assert(all_zero(run.store.momentum, model.param_floats));
    ck_assert(all_zero(run.store.state, model.state_floats));
    ck_assert(all_zero(run.shared, SHARED));
    ck_assert_uint_eq((uintptr_t)run.shared % 64, 0);
    for (int rank = 0; rank < team[_i]; rank++) {
        ck_assert(all_zero(run.thread[rank], OWN));
        ck_assert_uint_eq((uintptr_t)run.thread[rank] % 64, 0);
    }
    ck_assert(run.dropout);
    run_close(&run);
    ck_assert_ptr_null(run.team);
    run_close(&run);
}
END_TEST

START_TEST(initial_values_follow_the_table)
{
    struct run run;
    open_run(&run, team[_i]);
    run.store.momentum[3] = 1;
    run.store.batches = 9;
    run_init_params(&run, 7);
    for (uint32_t i = 0; i < 400; i++)
        same(run.store.param[i], 0.25f * (2 * rng_float(rng_key(7, 0, 0, RNG_INIT), i) - 1));
    for (uint32_t i = 0; i < 5; i++)
        same(run.store.param[405 + i], 2 * rng_float(rng_key(7, 0, 3, RNG_INIT), i) - 1);
    const float fixed[] = {1, 1, 1, 0, 0}, state[] = {0, 0, 1, 1};
    ck_assert_mem_eq(run.store.param + 400, fixed, sizeof fixed);
    ck_assert_mem_eq(run.store.state, state, sizeof state);
    ck_assert(all_zero(run.store.momentum, model.param_floats));
    ck_assert_int_eq(run.store.batches, 0);
    for (int rank = 0; rank < team[_i]; rank++)
        same(run.thread[rank][0], 1);
    run_pack(&run);
    same(run.thread[team[_i] - 1][0], 2);
    run_close(&run);
}
END_TEST

/* -- Steps ------------------------------------------------------------------------------------- */

struct sample_batch {
    float images[BATCH];
    uint8_t labels[BATCH];
    uint32_t samples[BATCH];
    struct batch batch;
};

/* Pixels of such different sizes that the order of adding them up shows in the sum. */
static void fill_batch(struct sample_batch *s, int n)
{
    *s = (struct sample_batch){0};
    for (uint32_t i = 0; i < BATCH; i++)
        s->images[i] = rng_float(5, i) * powf(2, (float)rng_below(6, i, 36));
    s->batch = (struct batch){.n = n,
                              .images = s->images,
                              .labels = s->labels,
                              .samples = s->samples,
                              .seed = 1,
                              .epoch = 1};
}

/* 40 images in 16 chunks of at most 3: 14 chunks, the last of one image. */
START_TEST(losses_are_summed_in_chunk_order)
{
    struct sample_batch s;
    struct run run;
    fill_batch(&s, BATCH);
    open_run(&run, team[_i]);
    run.optim.lr = 0.5f;
    struct step_result result = run_train(&run, &s.batch);

    double loss = 0;
    int correct = 0;
    for (int first = 0; first < BATCH; first += 3) {
        double chunk = 0;
        for (int i = first; i < first + 3 && i < BATCH; i++) {
            chunk += (double)s.images[i];
            correct += s.images[i] > 0.5f;
        }
        loss += chunk;
    }
    ck_assert_double_eq(result.loss, loss / BATCH);
    ck_assert_int_eq(result.correct, correct);
    same(run.store.param[0], -0.5f);
    ck_assert_int_eq(run.store.batches, 1);
    run_close(&run);
}
END_TEST

START_TEST(a_short_batch_leaves_nothing_of_the_long_one)
{
    struct sample_batch s;
    struct run run;
    fill_batch(&s, BATCH);
    open_run(&run, team[_i]);
    run_eval(&run, &s.batch, NULL);
    s.batch.n = 4;
    float logits[CLASSES * 4] = {0};
    struct step_result result = run_eval(&run, &s.batch, logits);
    double first = (double)s.images[0] + (double)s.images[1] + (double)s.images[2];
    ck_assert_double_eq(result.loss, (first + (double)s.images[3]) / 4);
    for (int i = 0; i < 4; i++)
        same(logits[CLASSES * i], s.images[i]);
    ck_assert_int_eq(run.store.batches, 0);
    run_close(&run);
}
END_TEST

static const struct profile *seen; /* by an evaluation */

static void eval_and_look(struct run *run, int rank)
{
    seen = run->profile;
    sum_chunks(run, rank);
}

/* A backend may call the same kernels in both, and each counts its time. */
START_TEST(evaluations_are_not_profiled)
{
    struct backend looking = backend;
    looking.eval = eval_and_look;
    struct sample_batch s;
    struct run run;
    fill_batch(&s, BATCH);
    open_run(&run, 1);
    struct profile profile = {0};
    run.backend = &looking;
    run.profile = &profile;
    seen = &profile;
    run_eval(&run, &s.batch, NULL);
    ck_assert_ptr_null(seen);
    ck_assert_ptr_eq(run.profile, &profile);
    run.profile = NULL;
    run_close(&run);
}
END_TEST

/* -- Errors ------------------------------------------------------------------------------------ */

static void measure_huge(const struct model *m, size_t *shared_floats, size_t *thread_floats)
{
    (void)m;
    *shared_floats = 1;
    *thread_floats = SIZE_MAX / 4;
}

static void measure_large(const struct model *m, size_t *shared_floats, size_t *thread_floats)
{
    (void)m;
    *shared_floats = (size_t)1 << 56;
    *thread_floats = 1;
}

START_TEST(more_than_can_be_addressed_is_an_error)
{
    struct run run;
    struct err err = {0};
    struct backend greedy = backend;
    greedy.measure = measure_huge;
    ck_assert(!run_open(&run, &model, &greedy, 2, &err));
    ck_assert_str_eq(err.message, "memory of a thread: 4611686018427387903 floats are more than "
                                  "memory can address");
    ck_assert_int_eq(err.code, EXIT_FAILED);
    ck_assert_ptr_null(run.team);
}
END_TEST

START_TEST(more_than_there_is_is_an_error)
{
    if (SANITIZED)
        return;
    struct run run;
    struct err err = {0};
    struct backend greedy = backend;
    greedy.measure = measure_large;
    ck_assert(!run_open(&run, &model, &greedy, 2, &err));
    ck_assert_str_eq(err.message, "memory shared by the threads: cannot allocate "
                                  "288230376151711744 bytes: Cannot allocate memory");
    ck_assert_int_eq(err.code, EXIT_FAILED);
}
END_TEST

START_TEST(a_team_of_none_is_an_error)
{
    struct run run;
    struct err err = {0};
    ck_assert(!run_open(&run, &model, &backend, 0, &err));
    ck_assert_int_eq(err.code, EXIT_USAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run");
    TCase *tests = tcase_create("run");
    tcase_add_loop_test(tests, tree_has_the_promised_shape, 0, TREE_FEW + TREES);
    tcase_add_test(tests, tree_of_four_by_hand);
    tcase_add_loop_test(tests, memory_is_zeroed_and_aligned, 0, TEAMS);
    tcase_add_loop_test(tests, initial_values_follow_the_table, 0, TEAMS);
    tcase_add_loop_test(tests, losses_are_summed_in_chunk_order, 0, TEAMS);
    tcase_add_loop_test(tests, a_short_batch_leaves_nothing_of_the_long_one, 0, TEAMS);
    tcase_add_test(tests, evaluations_are_not_profiled);
    tcase_add_test(tests, more_than_can_be_addressed_is_an_error);
    tcase_add_test(tests, more_than_there_is_is_an_error);
    tcase_add_test(tests, a_team_of_none_is_an_error);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
