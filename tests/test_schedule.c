/* test_schedule.c - the learning rates against values worked out by hand or by PyTorch's formulas.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "schedule.h"

static void near(float got, double expected)
{
    ck_assert_msg(fabs((double)got - expected) <= 1e-7 * fabs(expected) + 1e-12,
                  "got %.9g, expected %.9g", (double)got, expected);
}

START_TEST(constant_is_constant)
{
    const struct recipe recipe = {.lr = 0.3f, .schedule = LR_CONSTANT};
    ck_assert(schedule_lr(&recipe, 2, 10, 0) == 0.3f);
    ck_assert(schedule_lr(&recipe, 2, 10, 19) == 0.3f);
}
END_TEST

START_TEST(step_drops_between_epochs)
{
    const struct recipe recipe = {
        .lr = 0.1f, .schedule = LR_STEP, .step_epochs = 3, .step_gamma = 0.5f};
    ck_assert(schedule_lr(&recipe, 9, 10, 0) == 0.1f);
    ck_assert(schedule_lr(&recipe, 9, 10, 29) == 0.1f);
    near(schedule_lr(&recipe, 9, 10, 30), (double)0.1f * 0.5);
    near(schedule_lr(&recipe, 9, 10, 59), (double)0.1f * 0.5);
    near(schedule_lr(&recipe, 9, 10, 89), (double)0.1f * 0.25);
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
    near(schedule_lr(&recipe, 10, 10, 0), 0.04);
    double top = (double)0.3f * 100.0 - 1.0;
    near(schedule_lr(&recipe, 10, 10, 10), 1.0 - 0.96 * 0.5 * (1.0 + cos(pi * 10.0 / top)));
    ck_assert_msg(fabsf(schedule_lr(&recipe, 10, 10, 29) - 1.0f) < 1e-6f, "the peak");
    near(schedule_lr(&recipe, 10, 10, 64),
         0.001 + 0.999 * 0.5 * (1.0 + cos(pi * (64.0 - top) / (99.0 - top))));
    near(schedule_lr(&recipe, 10, 10, 99), 0.001);
    near(schedule_lr(&recipe, 10, 10, 150), 0.001);
}
END_TEST

START_TEST(cosine_ends_where_it_should)
{
    struct recipe recipe = {.lr = 0.2f, .schedule = LR_COSINE, .final_div = 100.0f};
    ck_assert(schedule_lr(&recipe, 3, 7, 0) == 0.2f);
    near(schedule_lr(&recipe, 3, 7, 10), ((double)0.2f + (double)0.2f / 100.0) / 2.0);
    near(schedule_lr(&recipe, 3, 7, 20), (double)0.2f / 100.0);
    recipe.final_div = 0.0f; /* to zero */
    ck_assert(schedule_lr(&recipe, 3, 7, 20) == 0.0f);
}
END_TEST

START_TEST(one_step_has_the_peak)
{
    struct recipe recipe = {.lr = 0.2f, .schedule = LR_COSINE, .final_div = 100.0f};
    ck_assert(schedule_lr(&recipe, 1, 1, 0) == 0.2f);
    recipe.schedule = LR_ONECYCLE;
    ck_assert(schedule_lr(&recipe, 1, 1, 0) == 0.2f);
    recipe.warmup = 1.0f;
    ck_assert(schedule_lr(&recipe, 1, 1, 0) == 0.2f);
}
END_TEST

START_TEST(every_rate_is_between_zero_and_the_peak)
{
    for (int schedule = LR_CONSTANT; schedule <= LR_COSINE; schedule++) {
        const struct recipe recipe = {.lr = 0.1f,
                                      .schedule = (enum lr_schedule)schedule,
                                      .step_epochs = 2,
                                      .step_gamma = 0.1f,
                                      .warmup = 0.23f,
                                      .start_div = 7.0f,
                                      .final_div = 1e4f};
        for (int step = 0; step < 5 * 13; step++) {
            float lr = schedule_lr(&recipe, 5, 13, step);
            ck_assert_msg(lr > 0.0f && lr <= 0.1f, "%s, step %d: %g",
                          schedule_name(recipe.schedule), step, (double)lr);
        }
    }
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
    tcase_add_test(rates, one_step_has_the_peak);
    tcase_add_test(rates, every_rate_is_between_zero_and_the_peak);
    suite_add_tcase(suite, rates);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
