/* test_optim.c - two steps by hand for each rule, exact in binary, and independence of the cut. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "train/optim.h"

/* Check's own ck_assert_float_eq promotes to double in silence, which the warnings forbid. */
static void same(float got, float expected)
{
    ck_assert_double_eq((double)got, (double)expected);
}

struct hand_case {
    bool nesterov, decays;
    float param[2]; /* after one step and after two */
    float momentum[2];
};

/* lr 1/2, momentum 1/2, weight decay 1/4, parameter 1, gradient 1 in both steps:
 *     plain:     v = 1, p = 1/2;          v = 3/2, p = -1/4
 *     decay:     g = 5/4, v = 5/4, p = 3/8;  g = 35/32, v = 55/32, p = -31/64
 *     nesterov:  v = 1, p = 1 - (1 + 1/2)/2 = 1/4;  v = 3/2, p = 1/4 - (1 + 3/4)/2 = -5/8
 *     both:      v = 5/4, p = 1 - (5/4 + 5/8)/2 = 1/16;
 *                g = 65/64, v = 105/64, p = 1/16 - (65/64 + 105/128)/2 = -219/256 */
static const struct hand_case hand_cases[] = {
    {false, false, {0.5f, -0.25f}, {1.0f, 1.5f}},
    {false, true, {0.375f, -31.0f / 64}, {1.25f, 55.0f / 32}},
    {true, false, {0.25f, -0.625f}, {1.0f, 1.5f}},
    {true, true, {0.0625f, -219.0f / 256}, {1.25f, 105.0f / 64}},
};
enum { HAND_CASES = sizeof hand_cases / sizeof hand_cases[0] };

START_TEST(two_steps_by_hand)
{
    const struct hand_case *hand = &hand_cases[_i];
    struct sgd sgd = {.lr = 0.5f, .momentum = 0.5f, .weight_decay = 0.25f};
    sgd.nesterov = hand->nesterov;
    float param = 1, momentum = 0;
    const float grad = 1;
    for (int step = 0; step < 2; step++) {
        sgd_update(&sgd, hand->decays, &param, &momentum, &grad, 1);
        same(param, hand->param[step]);
        same(momentum, hand->momentum[step]);
    }
    same(grad, 1);
}
END_TEST

START_TEST(without_momentum_it_is_plain_descent)
{
    struct sgd sgd = {.lr = 0.25f};
    float param[3] = {1, 2, 3}, momentum[3] = {0};
    const float grad[3] = {4, -4, 0};
    sgd_update(&sgd, true, param, momentum, grad, 3);
    sgd_update(&sgd, true, param, momentum, grad, 3);
    same(param[0], -1);
    same(param[1], 4);
    same(param[2], 3);
}
END_TEST

START_TEST(any_division_gives_the_same_bits)
{
    enum { N = 101 };
    struct sgd sgd = {.lr = 0.1f, .momentum = 0.9f, .weight_decay = 5e-4f, .nesterov = _i == 1};
    float whole[N], parts[N], whole_momentum[N], parts_momentum[N], grad[N];
    for (uint32_t i = 0; i < N; i++) {
        whole[i] = parts[i] = rng_float(1, i);
        whole_momentum[i] = parts_momentum[i] = rng_float(2, i);
        grad[i] = rng_float(3, i) - 0.5f;
    }
    sgd_update(&sgd, true, whole, whole_momentum, grad, N);
    for (size_t i = 0; i < N;) {
        size_t n = i % 7 + 1 < N - i ? i % 7 + 1 : N - i;
        sgd_update(&sgd, true, parts + i, parts_momentum + i, grad + i, n);
        i += n;
    }
    ck_assert_mem_eq(whole, parts, sizeof whole);
    ck_assert_mem_eq(whole_momentum, parts_momentum, sizeof whole_momentum);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optim");
    TCase *tests = tcase_create("optim");
    tcase_add_loop_test(tests, two_steps_by_hand, 0, HAND_CASES);
    tcase_add_test(tests, without_momentum_it_is_plain_descent);
    tcase_add_loop_test(tests, any_division_gives_the_same_bits, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
