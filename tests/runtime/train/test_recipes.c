/* test_recipes.c - twenty steps of each optimizer against PyTorch's numbers, the same bits by any
 * number of threads, and by either way to an update.
 *
 * make_recipes.py says what the fixture holds: parameters of five kinds, the gradients of every
 * step, and where PyTorch, in double, is after some of them. Parameters are of size 1; a float
 * keeps 6e-8 of that, and twenty steps may lose some twenty times as much: 1.4e-6 is the worst
 * here.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/safetensors.h"
#include "run.h"
#include "weights.h"

enum { N = 162 + 120 + 40 + 6 + 5, PARAMS = 5, STEPS = 20, KEPT = 4, TEAMS = 4 };

static const double TOLERANCE = 3e-6;

static const int kept_steps[KEPT] = {1, 2, 5, STEPS};
static const int teams[TEAMS] = {1, 2, 3, 5};

/* -- A network of parameters alone ------------------------------------------------------------- */

static const struct param params[PARAMS] = {
    {"filter.weight", 4, {6, 3, 3, 3}, 0, 162, INIT_ZERO, 27, true},
    {"tall.weight", 4, {24, 5, 1, 1}, 162, 120, INIT_ZERO, 5, true},
    {"head.weight", 2, {5, 8}, 282, 40, INIT_ZERO, 8, true},
    {"norm.weight", 1, {6}, 322, 6, INIT_ZERO, 0, true},
    {"head.bias", 1, {5}, 328, 5, INIT_ZERO, 8, true},
};

static const struct layer layers[] = {
    {.op = LAYER_CONV, .weight = 0, .bias = -1},  {.op = LAYER_NORM, .weight = 3, .bias = -1},
    {.op = LAYER_CONV, .weight = 1, .bias = -1},  {.op = LAYER_LINEAR, .weight = 2, .bias = 4},
    {.op = LAYER_RELU, .weight = -1, .bias = -1},
};

static struct safetensors fixture;
static const float *gradients; /* of the step under way */

static void measure(const struct model *model, size_t *shared_floats, size_t *thread_floats)
{
    (void)model;
    *shared_floats = *thread_floats = 0;
}

static void nothing(struct run *run, int rank)
{
    (void)run;
    (void)rank;
}

/* As the generic backend. */
static void train_generic(struct run *run, int rank)
{
    weights_update(run, rank, NULL, PARAMS, gradients, N, 1, NULL, NULL);
}

/* As a generated program. */
static void train_generated(struct run *run, int rank)
{
    struct weight weights[PARAMS];
    for (int i = 0; i < PARAMS; i++)
        weights[i] = (struct weight){.param = i, .gradient = params[i].offset};
    weights_update(run, rank, weights, PARAMS, gradients, N, 1, NULL, NULL);
}

static const struct backend backends[] = {
    {.measure = measure, .pack = nothing, .train = train_generic, .eval = nothing},
    {.measure = measure, .pack = nothing, .train = train_generated, .eval = nothing},
};

static const struct model model = {.recipe = &(const struct recipe){.batch = 1},
                                   .layers = layers,
                                   .layer_count = 5,
                                   .params = params,
                                   .param_count = PARAMS,
                                   .param_floats = N};

/* -- Methods ----------------------------------------------------------------------------------- */

static const struct method {
    const char *name;
    struct recipe recipe;
} methods[] = {
    {"sgd", {.lr = 0.05f, .momentum = 0.9f, .weight_decay = 5e-4f}},
    {"nesterov", {.lr = 0.05f, .momentum = 0.9f, .weight_decay = 5e-4f, .nesterov = true}},
    {"adam",
     {.optimizer = OPTIMIZER_ADAM,
      .lr = 0.01f,
      .beta1 = 0.9f,
      .beta2 = 0.999f,
      .eps = 1e-8f,
      .weight_decay = 0.05f}},
    {"adamw",
     {.optimizer = OPTIMIZER_ADAMW,
      .lr = 0.01f,
      .beta1 = 0.9f,
      .beta2 = 0.99f,
      .eps = 1e-8f,
      .weight_decay = 0.5f}},
    {"lion",
     {.optimizer = OPTIMIZER_LION,
      .lr = 1e-3f,
      .beta1 = 0.9f,
      .beta2 = 0.99f,
      .weight_decay = 1.0f}},
    {"muon",
     {.optimizer = OPTIMIZER_MUON,
      .lr = 0.02f,
      .momentum = 0.95f,
      .nesterov = true,
      .newton_schulz = 5,
      .weight_decay = 0.1f,
      .others = OPTIMIZER_ADAMW,
      .others_lr = 3e-3f,
      .beta1 = 0.9f,
      .beta2 = 0.95f,
      .eps = 1e-10f}},
    {"renormalized",
     {.optimizer = OPTIMIZER_MUON,
      .lr = 0.24f,
      .momentum = 0.6f,
      .nesterov = true,
      .newton_schulz = 3,
      .renormalize = true,
      .others = OPTIMIZER_SGD,
      .others_lr = 0.05f}},
    {"clipped", {.lr = 0.05f, .momentum = 0.9f, .clip = 3.0f}},
    {"factors",
     {.lr = 0.05f,
      .momentum = 0.9f,
      .weight_decay = 0.1f,
      .factors = true,
      .rate = {1, 2, 1, 16},
      .decay = {1, 1, 0, 0}}},
};
enum { METHODS = sizeof methods / sizeof methods[0] };

static const float *tensor(const char *name, size_t floats)
{
    const struct safetensor *found = safetensors_find(&fixture, name);
    ck_assert_msg(found != NULL, "no tensor %s", name);
    ck_assert_uint_eq(safetensors_bytes(found), floats * sizeof(float));
    return found->data;
}

/* Takes the steps and leaves the parameters after those of kept_steps. */
static void take_steps(const struct method *method, const struct backend *backend, int threads,
                       float out[KEPT][N])
{
    const float *all = tensor("gradients", STEPS * N);
    const struct batch batch = {.n = 1};
    struct err err = {0};
    struct run run;
    ck_assert_msg(run_open(&run, &model, backend, threads, &err), "%s", err.message);
    ck_assert_msg(run_recipe(&run, &method->recipe, &err), "%s", err.message);
    memcpy(run.store.param, tensor("start", N), N * sizeof(float));
    for (int step = 0, kept = 0; step < STEPS; step++) {
        gradients = all + step * N;
        run.optim.lr = (float)((double)method->recipe.lr * (1 - step / 25.0));
        run.optim.step = step + 1;
        run_train(&run, &batch);
        if (step + 1 == kept_steps[kept])
            memcpy(out[kept++], run.store.param, N * sizeof(float));
    }
    run_close(&run);
}

START_TEST(twenty_steps_are_pytorchs)
{
    static float mine[KEPT][N];
    const struct method *method = &methods[_i];
    const float *theirs = tensor(method->name, KEPT * N);
    take_steps(method, &backends[0], 1, mine);
    for (int i = 0; i < KEPT * N; i++) {
        double error = fabs((double)mine[i / N][i % N] - (double)theirs[i]);
        ck_assert_msg(error <= TOLERANCE, "%s: after step %d, float %d: %.9g: expected %.9g",
                      method->name, kept_steps[i / N], i % N, (double)mine[i / N][i % N],
                      (double)theirs[i]);
    }
}
END_TEST

START_TEST(threads_and_ways_give_the_same_bits)
{
    static float first[KEPT][N], other[KEPT][N];
    const struct method *method = &methods[_i];
    take_steps(method, &backends[0], 1, first);
    for (int i = 0; i < 2 * TEAMS; i++) {
        take_steps(method, &backends[i % 2], teams[i / 2], other);
        ck_assert_msg(memcmp(first, other, sizeof first) == 0, "%s: %d threads, way %d",
                      method->name, teams[i / 2], i % 2);
    }
}
END_TEST

/* Beside a recurrence in double: the first step is the whole average. */
START_TEST(the_average_follows)
{
    static float first[N];
    const float *all = tensor("gradients", STEPS * N);
    const struct batch batch = {.n = 1};
    const struct recipe recipe = {.lr = 0.05f, .momentum = 0.9f, .ema = 0.75f};
    for (int team = 0; team < TEAMS; team++) {
        struct err err = {0};
        struct run run;
        double mean[N];
        ck_assert(run_open(&run, &model, &backends[0], teams[team], &err));
        ck_assert(run_recipe(&run, &recipe, &err));
        memcpy(run.store.param, tensor("start", N), N * sizeof(float));
        for (int step = 0; step < STEPS; step++) {
            gradients = all + step * N;
            run_train(&run, &batch);
            run_average(&run, step == 0 ? 0 : recipe.ema);
            for (int i = 0; i < N; i++)
                mean[i] = step == 0 ? (double)run.store.param[i]
                                    : 0.75 * mean[i] + 0.25 * (double)run.store.param[i];
        }
        for (int i = 0; i < N; i++)
            ck_assert_msg(fabs((double)run.store.ema[i] - mean[i]) <= TOLERANCE, "float %d", i);
        if (team == 0)
            memcpy(first, run.store.ema, sizeof first);
        ck_assert_mem_eq(first, run.store.ema, sizeof first);
        run_close(&run);
    }
}
END_TEST

static void setup(void)
{
    struct err err = {0};
    ck_assert_msg(safetensors_open(&fixture, TEST_DIR "/fixtures/recipes.safetensors", &err), "%s",
                  err.message);
}

static void teardown(void)
{
    safetensors_close(&fixture);
}

int main(void)
{
    Suite *suite = suite_create("recipes");
    TCase *all = tcase_create("recipes");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, twenty_steps_are_pytorchs, 0, METHODS);
    tcase_add_loop_test(all, threads_and_ways_give_the_same_bits, 0, METHODS);
    tcase_add_test(all, the_average_follows);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
