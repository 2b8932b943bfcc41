/* test_schedule.c - the learning rates against values worked out by hand or by PyTorch's formulas.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "file/safetensors.h"
#include "train/schedule.h"

static void near(float got, double expected)
{
    ck_assert_msg(fabs((double)got - expected) <= 1e-7 * fabs(expected) + 1e-12,
                  "got %.9g, expected %.9g", (double)got, expected);
}

START_TEST(constant_is_constant)
{
    const struct recipe recipe = {.lr = 0.3f, .schedule = LR_CONSTANT};
    ck_assert(schedule_lr(&recipe, 2, 10, 0, 0) == 0.3f);
    ck_assert(schedule_lr(&recipe, 2, 10, 0, 19) == 0.3f);
}
END_TEST

START_TEST(step_drops_between_epochs)
{
    const struct recipe recipe = {
        .lr = 0.1f, .schedule = LR_STEP, .step_epochs = 3, .step_gamma = 0.5f};
    ck_assert(schedule_lr(&recipe, 9, 10, 0, 0) == 0.1f);
    ck_assert(schedule_lr(&recipe, 9, 10, 0, 29) == 0.1f);
    near(schedule_lr(&recipe, 9, 10, 0, 30), (double)0.1f * 0.5);
    near(schedule_lr(&recipe, 9, 10, 0, 59), (double)0.1f * 0.5);
    near(schedule_lr(&recipe, 9, 10, 0, 89), (double)0.1f * 0.25);
}
END_TEST

START_TEST(onecycle_rises_and_falls)
{
    /* PyTorch: OneCycleLR(max_lr=1, total_steps=100, pct_start=0.3, div_factor=25,
     * final_div_factor=40), whose last rate is 1 / 25 / 40 = 1 / 1000. */
    const struct recipe recipe = {.lr = 1.0f,
                                  .schedule = LR_ONECYCLE,
                                  .warmup = 0.3f,
                                  .start_div = 25.0f,
                                  .final_div = 1000.0f};
    const double pi = 3.14159265358979323846;
    near(schedule_lr(&recipe, 10, 10, 0, 0), 0.04);
    double top = (double)0.3f * 100.0 - 1.0;
    near(schedule_lr(&recipe, 10, 10, 0, 10), 1.0 - 0.96 * 0.5 * (1.0 + cos(pi * 10.0 / top)));
    ck_assert_msg(fabsf(schedule_lr(&recipe, 10, 10, 0, 29) - 1.0f) < 1e-6f, "the peak");
    near(schedule_lr(&recipe, 10, 10, 0, 64),
         0.001 + 0.999 * 0.5 * (1.0 + cos(pi * (64.0 - top) / (99.0 - top))));
    near(schedule_lr(&recipe, 10, 10, 0, 99), 0.001);
    near(schedule_lr(&recipe, 10, 10, 0, 150), 0.001);
}
END_TEST

/* OneCycleLR(max_lr=0.2, total_steps=T, pct_start=warmup, div_factor=8, final_div_factor=125,
 * cycle_momentum=False) of PyTorch 2.15, its numbers rounded to float first. It divides by zero
 * where warmup * T is exactly 1, and for T = 1 where warmup is 1. */
START_TEST(onecycle_is_pytorchs)
{
    static const struct {
        float warmup;
        int steps;
        double rates[5];
    } rows[] = {
        {0.0f, 1, {0.000200000003}},
        {0.01f, 1, {0.000200000003}},
        {0.1f, 1, {0.000200000003}},
        {0.3f, 1, {0.000200000003}},
        {0.5f, 1, {0.000200000003}},
        {0.9f, 1, {0.000200000003}},
        {0.0f, 2, {0.100100001, 0.000200000003}},
        {0.01f, 2, {0.101685011, 0.000200000003}},
        {0.1f, 2, {0.117447455, 0.000200000003}},
        {0.3f, 2, {0.162386637, 0.000200000003}},
        {0.9f, 2, {0.0250000004, 0.000200000003}},
        {1.0f, 2, {0.0250000004, 0.200000003}},
        {0.0f, 5, {0.1809208, 0.1309708, 0.0692292033, 0.0192792025, 0.000200000003}},
        {0.01f, 5, {0.182385293, 0.132774091, 0.0704376555, 0.0196535016, 0.000200000003}},
        {0.1f, 5, {0.193975296, 0.150050003, 0.0827525485, 0.0235721606, 0.000200000003}},
        {0.3f, 5, {0.0250000004, 0.190106795, 0.122329846, 0.0378133706, 0.000200000003}},
        {0.5f, 5, {0.0250000004, 0.156250002, 0.1809208, 0.0692292033, 0.000200000003}},
        {0.9f, 5, {0.0250000004, 0.0579446453, 0.131970589, 0.191334782, 0.000200000003}},
        {1.0f, 5, {0.0250000004, 0.0506281574, 0.112500002, 0.174371846, 0.200000003}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct recipe recipe = {.lr = 0.2f,
                                      .schedule = LR_ONECYCLE,
                                      .warmup = rows[i].warmup,
                                      .start_div = 8.0f,
                                      .final_div = 1000.0f};
        for (int step = 0; step < rows[i].steps; step++) {
            near(schedule_lr(&recipe, 1, rows[i].steps, 0, step), rows[i].rates[step]);
            near(schedule_lr(&recipe, rows[i].steps, 1, 0, step), rows[i].rates[step]);
        }
    }
}
END_TEST

/* CosineAnnealingLR(T_max=T - 1, eta_min=lr / 1000) and StepLR(step_size=2, gamma=0.3), stepped
 * once an epoch, of PyTorch 2.15. */
START_TEST(short_trainings_are_pytorchs)
{
    static const double cosine[][5] = {
        [1] = {0.200000003, 0.000200000003},
        [4] = {0.200000003, 0.17073997, 0.100100001, 0.029460033, 0.000200000003},
    };
    static const double drops[] = {0.200000003, 0.200000003, 0.0600000033, 0.0600000033,
                                   0.0180000017};
    struct recipe recipe = {.lr = 0.2f, .step_epochs = 2, .step_gamma = 0.3f, .final_div = 1000.0f};
    static const int lengths[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        int steps = lengths[i];
        for (int step = 0; step < steps; step++) {
            recipe.schedule = LR_CONSTANT;
            ck_assert(schedule_lr(&recipe, steps, 1, 0, step) == 0.2f);
            recipe.schedule = LR_COSINE;
            near(schedule_lr(&recipe, steps, 1, 0, step),
                 steps > 1 ? cosine[steps - 1][step] : (double)0.2f);
            recipe.schedule = LR_STEP;
            near(schedule_lr(&recipe, steps, 1, 0, step), drops[step]);
            near(schedule_lr(&recipe, 1, steps, 0, step), (double)0.2f);
        }
    }
}
END_TEST

START_TEST(cosine_ends_where_it_should)
{
    struct recipe recipe = {.lr = 0.2f, .schedule = LR_COSINE, .final_div = 100.0f};
    ck_assert(schedule_lr(&recipe, 3, 7, 0, 0) == 0.2f);
    near(schedule_lr(&recipe, 3, 7, 0, 10), ((double)0.2f + (double)0.2f / 100.0) / 2.0);
    near(schedule_lr(&recipe, 3, 7, 0, 20), (double)0.2f / 100.0);
    recipe.final_div = 0.0f; /* to zero */
    ck_assert(schedule_lr(&recipe, 3, 7, 0, 20) == 0.0f);
}
END_TEST

/* Where PyTorch divides by zero. */
START_TEST(a_peak_at_the_only_step_or_at_the_first)
{
    struct recipe recipe = {.lr = 0.2f,
                            .schedule = LR_ONECYCLE,
                            .start_div = 8.0f,
                            .final_div = 100.0f,
                            .warmup = 1.0f};
    ck_assert(schedule_lr(&recipe, 1, 1, 0, 0) == 0.2f);
    recipe.warmup = 0.25f;
    ck_assert(schedule_lr(&recipe, 2, 2, 0, 0) == 0.2f);
    ck_assert(schedule_lr(&recipe, 2, 2, 0, 1) < 0.2f);
}
END_TEST

START_TEST(every_rate_is_between_zero_and_the_peak)
{
    for (int schedule = LR_CONSTANT; schedule <= LR_PLATEAU; schedule++) {
        const struct recipe recipe = {.lr = 0.1f,
                                      .schedule = (enum lr_schedule)schedule,
                                      .step_epochs = 2,
                                      .step_gamma = 0.1f,
                                      .milestones = {1, 4},
                                      .warmup_epochs = 0.5f,
                                      .warmup_div = 9.0f,
                                      .warmup = 0.23f,
                                      .start_div = 7.0f,
                                      .final_div = 1e4f};
        for (int step = 0; step < 5 * 13; step++) {
            float lr = schedule_lr(&recipe, 5, 13, 0, step);
            ck_assert_msg(lr > 0.0f && lr <= 0.1f, "%d, step %d: %g", schedule, step, (double)lr);
        }
    }
}
END_TEST

/* make_recipes.py: eight epochs of seven steps; gamma 0.3, or 0.8 for the exponential one;
 * final_div 100; drops every two epochs, or after 1, 3 and 4; ten steps of warmup from a twentieth.
 */
START_TEST(whole_trainings_are_pytorchs)
{
    static const struct {
        const char *name;
        enum lr_schedule schedule;
    } rows[] = {
        {"step", LR_STEP},       {"multistep", LR_MULTISTEP}, {"exponential", LR_EXPONENTIAL},
        {"linear", LR_LINEAR},   {"cosine", LR_COSINE},       {"onecycle", LR_ONECYCLE},
        {"plateau", LR_PLATEAU}, {"constant", LR_CONSTANT}};
    enum { EPOCHS = 8, STEPS = 7 };
    struct safetensors file = {0};
    struct err err = {0};
    int compared = 0;
    ck_assert_msg(safetensors_open(&file, TEST_DIR "/fixtures/recipes.safetensors", &err), "%s",
                  err.message);
    const double *losses = safetensors_find(&file, "losses")->data;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const bool warm = i % 2 == 1;
        const enum lr_schedule schedule = rows[i / 2].schedule;
        char name[64];
        snprintf(name, sizeof name, "rates.%s%s", warm ? "warm_" : "", rows[i / 2].name);
        const struct safetensor *rates = safetensors_find(&file, name);
        if (rates == NULL)
            continue;
        ck_assert_uint_eq(safetensors_bytes(rates), EPOCHS * STEPS * sizeof(double));
        const struct recipe recipe = {.lr = 0.1f,
                                      .schedule = schedule,
                                      .step_epochs = 2,
                                      .step_gamma = schedule == LR_EXPONENTIAL ? 0.8f : 0.3f,
                                      .milestones = {1, 3, 4},
                                      .patience = 1,
                                      .warmup = 0.3f,
                                      .start_div = 25.0f,
                                      .final_div = 100.0f,
                                      .warmup_epochs = warm ? 10.0f / STEPS : 0.0f,
                                      .warmup_div = 20.0f};
        struct plateau plateau = {.best = -1.0};
        for (int step = 0; step < EPOCHS * STEPS; step++) {
            /* A gamma of 0.3 as a float, five times. */
            const double expected = ((const double *)rates->data)[step];
            const float lr = schedule_lr(&recipe, EPOCHS, STEPS, plateau.drops, step);
            ck_assert_msg(fabs((double)lr - expected) <= 1e-6 * expected,
                          "%s, step %d: got %.9g, expected %.9g", name, step, (double)lr, expected);
            if (step % STEPS == STEPS - 1)
                schedule_plateau(&recipe, &plateau, losses[step / STEPS]);
        }
        compared++;
    }
    safetensors_close(&file);
    ck_assert_int_eq(compared, 13);
}
END_TEST

/* The warmup is the whole training, and a part of a step is none. */
START_TEST(a_warmup_has_whole_steps_and_no_more_than_all)
{
    struct recipe recipe = {
        .lr = 0.1f, .schedule = LR_COSINE, .warmup_epochs = 9, .warmup_div = 10, .final_div = 1};
    ck_assert_int_eq(schedule_warmup(&recipe, 3, 7), 21);
    near(schedule_lr(&recipe, 3, 7, 0, 20), 0.01 + 0.09 * 20 / 21);
    recipe.warmup_epochs = 0.07f;
    ck_assert_int_eq(schedule_warmup(&recipe, 3, 7), 0);
    recipe.warmup_epochs = 0.08f;
    ck_assert_int_eq(schedule_warmup(&recipe, 3, 7), 1);
    recipe.schedule = LR_ONECYCLE;
    ck_assert_int_eq(schedule_warmup(&recipe, 3, 7), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *rates = tcase_create("rates");
    tcase_add_test(rates, constant_is_constant);
    tcase_add_test(rates, step_drops_between_epochs);
    tcase_add_test(rates, onecycle_rises_and_falls);
    tcase_add_test(rates, cosine_ends_where_it_should);
    tcase_add_test(rates, onecycle_is_pytorchs);
    tcase_add_test(rates, short_trainings_are_pytorchs);
    tcase_add_test(rates, a_peak_at_the_only_step_or_at_the_first);
    tcase_add_test(rates, whole_trainings_are_pytorchs);
    tcase_add_test(rates, a_warmup_has_whole_steps_and_no_more_than_all);
    tcase_add_test(rates, every_rate_is_between_zero_and_the_peak);
    suite_add_tcase(suite, rates);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
