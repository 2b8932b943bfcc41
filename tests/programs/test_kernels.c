/* test_kernels.c - every kernel of one generated program against its reference.
 *
 * The build links this file once with each program and instruction set. The kernel table of the
 * generated file is walked: a kernel that is in it is tested, and the suite fails when a layer that
 * has work to do has no kernel of its own in the table.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "inspect/verify.h"
#include "ref/ref.h"

enum { SEEDS = 2 };

static const struct model *model;

static void verify(const struct kernel *kernel, enum operands_input input)
{
    struct err err = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        if (!verify_kernel(kernel, input, seed, NULL, &err))
            ck_abort_msg("%s", err.message);
}

START_TEST(kernel_on_integers)
{
    verify(&model->kernels[_i], OPERANDS_INTEGERS);
}
END_TEST

START_TEST(kernel_on_random_numbers)
{
    verify(&model->kernels[_i], OPERANDS_RANDOM);
}
END_TEST

/* Channels whose mean is up to 14,000 times their deviation, where the kernel has a bias or no
 * padding. A padded convolution without a bias cannot make such channels of far images: its border
 * lacks taps, so that the deviation grows with the offset, whatever the weights are but for those
 * whose every row and column adds up to zero, which take the offset away. Its sums are the same
 * lines of the same templates as those of padded kernels with a bias. */
START_TEST(kernel_on_numbers_far_from_zero)
{
    const struct kernel *kernel = &model->kernels[_i];
    for (int input = OPERANDS_FAR_1; operands_takes_far(kernel) && input < OPERANDS_INPUTS; input++)
        verify(kernel, (enum operands_input)input);
}
END_TEST

/* -- The table itself -------------------------------------------------------------------------- */

static enum kernel_op op_of(const struct layer *layer)
{
    switch (layer->op) {
    case LAYER_CONV:
        return KERNEL_CONV;
    case LAYER_LINEAR:
        return KERNEL_LINEAR;
    case LAYER_MAXPOOL:
        return KERNEL_MAXPOOL;
    case LAYER_AVGPOOL:
    case LAYER_GLOBAL_AVGPOOL:
        return KERNEL_AVGPOOL;
    case LAYER_GLOBAL_MAXPOOL:
        return KERNEL_GLOBAL_MAXPOOL;
    case LAYER_ADD:
        return KERNEL_ADD;
    case LAYER_MUL:
        return KERNEL_MUL;
    case LAYER_CONCAT:
        return KERNEL_CONCAT;
    case LAYER_PAD_CHANNELS:
        return KERNEL_PAD_CHANNELS;
    case LAYER_NORM:
        return norm_is_set_norm(layer->norm) ? KERNEL_SET_NORM : KERNEL_POINTWISE;
    default:
        return KERNEL_POINTWISE; /* relu or dropout that no other kernel took over */
    }
}

/* Whether `name` is one of the words of the kernel's layer text. */
static bool computes(const struct kernel *kernel, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = kernel->layer; (at = strstr(at, name)) != NULL; at += length) {
        bool begins = at == kernel->layer || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bool has_kernel(const struct layer *layer, enum kernel_pass pass)
{
    for (int i = 0; i < model->kernel_count; i++)
        if (model->kernels[i].op == op_of(layer) && model->kernels[i].pass == pass &&
            computes(&model->kernels[i], layer->name))
            return true;
    return false;
}

static void expect_kernel(const struct layer *layer, enum kernel_pass pass, const char *text)
{
    if (!has_kernel(layer, pass))
        ck_abort_msg("%s: no kernel for its %s pass in the table", layer->name, text);
}

/* The gradient of the images is of no use, so layers that read only them have no backward data. */
START_TEST(every_layer_has_its_kernels)
{
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        switch (layer->op) {
        case LAYER_CONV:
        case LAYER_LINEAR:
            expect_kernel(layer, PASS_BWD_WEIGHTS, "weight gradient");
            break;
        case LAYER_NORM:
            if (norm_is_set_norm(layer->norm))
                expect_kernel(layer, PASS_BWD_WEIGHTS, "weight gradient");
            break;
        case LAYER_MAXPOOL:
        case LAYER_AVGPOOL:
        case LAYER_GLOBAL_AVGPOOL:
        case LAYER_GLOBAL_MAXPOOL:
        case LAYER_ADD:
        case LAYER_MUL:
        case LAYER_CONCAT:
        case LAYER_PAD_CHANNELS:
            break;
        default:
            continue;
        }
        expect_kernel(layer, PASS_FWD, "forward");
        if (layer->inputs[0] != 0)
            expect_kernel(layer, PASS_BWD_DATA, "data gradient");
    }
}
END_TEST

START_TEST(entry_is_complete)
{
    const struct kernel *kernel = &model->kernels[_i];
    ck_assert_ptr_nonnull(kernel->run);
    ck_assert_msg(kernel->name[0] != '\0' && kernel->layer[0] != '\0', "entry %d has no name", _i);
    if (kernel->op == KERNEL_CONV || kernel->op == KERNEL_LINEAR) {
        bool weights = kernel->pass == PASS_BWD_WEIGHTS;
        ck_assert_msg(weights ? kernel->unpack != NULL : kernel->pack != NULL,
                      "%s: no way between packed and canonical weights", kernel->name);
        ck_assert_msg(kernel->mflop > 0, "%s: mflop is %g", kernel->name, kernel->mflop);
    }
}
END_TEST

int main(void)
{
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    char title[64];
    snprintf(title, sizeof title, "%s %s %s %s", "kernels", model->name, model->norm, model->isa);
    Suite *suite = suite_create(title);
    TCase *tcase = tcase_create("kernels");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_layer_has_its_kernels);
    tcase_add_loop_test(tcase, entry_is_complete, 0, model->kernel_count);
    tcase_add_loop_test(tcase, kernel_on_integers, 0, model->kernel_count);
    tcase_add_loop_test(tcase, kernel_on_random_numbers, 0, model->kernel_count);
    tcase_add_loop_test(tcase, kernel_on_numbers_far_from_zero, 0, model->kernel_count);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
