/* test_optim.c - two steps by hand for each rule, exact in binary, and independence of the cut. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "train/optim.h"

static void update(const struct optim *optim, enum optimizer rule, bool decays, float *param,
                   float *kept[2], const float *grad, size_t n)
{
    const struct optim_part part = {.param = param,
                                    .first = kept[0],
                                    .second = kept[1],
                                    .grad = grad,
                                    .n = n,
                                    .lr = optim->lr,
                                    .weight_decay = decays ? optim->weight_decay : 0};
    optim_update(optim, rule, &part);
}

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
    struct optim sgd = {.lr = 0.5f, .momentum = 0.5f, .weight_decay = 0.25f};
    sgd.nesterov = hand->nesterov;
    float param = 1, momentum = 0, *kept[] = {&momentum, NULL};
    const float grad = 1;
    for (int step = 0; step < 2; step++) {
        update(&sgd, OPTIMIZER_SGD, hand->decays, &param, kept, &grad, 1);
        same(param, hand->param[step]);
        same(momentum, hand->momentum[step]);
    }
    same(grad, 1);
}
END_TEST

START_TEST(without_momentum_it_is_plain_descent)
{
    struct optim sgd = {.lr = 0.25f};
    float param[3] = {1, 2, 3}, momentum[3] = {0}, *kept[] = {momentum, NULL};
    const float grad[3] = {4, -4, 0};
    update(&sgd, OPTIMIZER_SGD, true, param, kept, grad, 3);
    update(&sgd, OPTIMIZER_SGD, true, param, kept, grad, 3);
    same(param[0], -1);
    same(param[1], 4);
    same(param[2], 3);
}
END_TEST

/* SGD, SGD with Nesterov, Adam, AdamW, Lion. */
START_TEST(any_division_gives_the_same_bits)
{
    enum { N = 101 };
    static const enum optimizer rules[] = {OPTIMIZER_SGD, OPTIMIZER_SGD, OPTIMIZER_ADAM,
                                           OPTIMIZER_ADAMW, OPTIMIZER_LION};
    const struct optim optim = {.lr = 0.1f,
                                .momentum = 0.9f,
                                .weight_decay = 5e-4f,
                                .nesterov = _i == 1,
                                .beta1 = 0.9f,
                                .beta2 = 0.99f,
                                .eps = 1e-8f,
                                .step = 3};
    float whole[3][N], parts[3][N], grad[N]; /* the parameters and what is kept */
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t k = 0; k < 3; k++)
            whole[k][i] = parts[k][i] = rng_float(k, i);
        grad[i] = rng_float(3, i) - 0.5f;
    }
    update(&optim, rules[_i], true, whole[0], (float *[]){whole[1], whole[2]}, grad, N);
    for (size_t i = 0; i < N;) {
        size_t n = i % 7 + 1 < N - i ? i % 7 + 1 : N - i;
        float *kept[] = {parts[1] + i, parts[2] + i};
        update(&optim, rules[_i], true, parts[0] + i, kept, grad + i, n);
        i += n;
    }
    ck_assert_mem_eq(whole, parts, sizeof whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optim");
    TCase *tests = tcase_create("optim");
    tcase_add_loop_test(tests, two_steps_by_hand, 0, HAND_CASES);
    tcase_add_test(tests, without_momentum_it_is_plain_descent);
    tcase_add_loop_test(tests, any_division_gives_the_same_bits, 0, 5);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
