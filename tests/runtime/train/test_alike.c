/* test_alike.c - trainings that differ in one thing, and ranks that say in which. */
#include <check.h>

#include "rank_threads.h"
#include "train/alike.h"

enum { VALUES = 3 };

/* What a training is made of, as far as ranks compare it. */
struct side {
    struct model model;
    struct trainer trainer;
    float values[5][VALUES];
};

static void another_network(struct side *s)
{
    s->model.name = "other";
}

static void another_norm(struct side *s)
{
    s->model.norm = "gn";
}

static void other_kernels(struct side *s)
{
    s->trainer.origin.kernels[0] = 'x';
}

static void other_images(struct side *s)
{
    s->trainer.origin.train[0] = 'x';
}

static void other_test_images(struct side *s)
{
    s->trainer.origin.test[0] = 'x';
}

static void another_seed(struct side *s)
{
    s->trainer.settings.seed++;
}

static void another_rate(struct side *s)
{
    s->trainer.settings.recipe.lr *= 2;
}

static void another_backend(struct side *s)
{
    s->trainer.settings.backend = BACKEND_GENERIC;
}

static void more_threads(struct side *s)
{
    s->trainer.settings.threads++;
}

static void another_place(struct side *s)
{
    snprintf(s->trainer.settings.out, sizeof s->trainer.settings.out, "elsewhere");
    snprintf(s->trainer.settings.data, sizeof s->trainer.settings.data, "elsewhere");
}

static void another_step(struct side *s)
{
    s->trainer.counters.step++;
}

static void another_epoch(struct side *s)
{
    s->trainer.counters.epoch++;
}

static void more_batches(struct side *s)
{
    s->trainer.run.store.batches++;
}

static void another_param(struct side *s)
{
    s->values[0][VALUES - 1] = 2;
}

static void another_momentum(struct side *s)
{
    s->values[1][VALUES - 1] = 2;
}

static void another_square(struct side *s)
{
    s->values[2][VALUES - 1] = 2;
}

static void another_average(struct side *s)
{
    s->values[3][VALUES - 1] = 2;
}

static void another_state(struct side *s)
{
    s->values[4][VALUES - 1] = 2;
}

static const struct {
    void (*change)(struct side *side);
    const char *what; /* NULL: may differ */
} differences[] = {
    {another_network, "network: \"other\""},
    {another_norm, "norm: \"gn\""},
    {other_kernels, "kernels: \"x"},
    {other_images, "training images: \"x"},
    {other_test_images, "test images: \"x"},
    {another_seed, "--seed: \""},
    {another_rate, "--lr: \""},
    {another_backend, "--backend: \"generic\""},
    {more_threads, NULL},
    {another_place, NULL},
    {another_step, "parameters and state: \""},
    {another_epoch, "parameters and state: \""},
    {more_batches, "parameters and state: \""},
    {another_param, "parameters and state: \""},
    {another_momentum, "parameters and state: \""},
    {another_square, "parameters and state: \""},
    {another_average, "parameters and state: \""},
    {another_state, "parameters and state: \""},
};
static size_t difference;

/* A training of three parameters, and the second rank's is another one in one thing. */
static void compare_trainings(struct ranks *ranks)
{
    static const struct recipe recipe = {.batch = 16, .epochs = 1, .lr = 0.5f};
    struct side *s = calloc(1, sizeof *s);
    struct err err = {0};
    char message[200];
    ck_assert_ptr_nonnull(s);
    s->model = (struct model){.name = "net",
                              .norm = "bn",
                              .recipe = &recipe,
                              .param_floats = VALUES,
                              .state_floats = VALUES};
    struct store *store = &s->trainer.run.store;
    s->trainer.model = &s->model;
    s->trainer.ranks = ranks;
    settings_init(&s->trainer.settings, &s->model);
    store->param = s->values[0];
    store->momentum = s->values[1];
    store->square = s->values[2];
    store->ema = s->values[3];
    store->state = s->values[4];
    if (ranks->me == 1)
        differences[difference].change(s);
    const char *what = differences[difference].what;
    ck_assert_msg(alike_check(&s->trainer, &err) == (what == NULL), "difference %zu", difference);
    if (what != NULL) {
        snprintf(message, sizeof message, "rank 1 on host1: %s", what);
        ck_assert_msg(strncmp(err.message, message, strlen(message)) == 0, "%s\nexpected: %s",
                      err.message, message);
    }
    free(s);
}

START_TEST(trainings_that_differ_are_not_one)
{
    for (difference = 0; difference < sizeof differences / sizeof differences[0]; difference++)
        with_ranks(2, 100, compare_trainings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alike");
    TCase *all = tcase_create("alike");
    tcase_add_test(all, trainings_that_differ_are_not_one);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
