/* test_bf16.c - products in bf16 have the same bits by AVX2, in halves of floats, as by
 * AVX512_BF16, and portable C has nearly these numbers. Tiles of AMX, where there are any, have the
 * bits of emulated ones.
 *
 * The build links this file with one network's programs for each, their main functions called
 * bf16_c, bf16_avx2 and, where intrinsics of AVX-512 are compiled to AVX-512, bf16_avx512 and
 * bf16_amx, whose tiles are emulated; bf16_tiles is the latter in instructions of AMX. By AVX2
 * and AVX-512 all else in such a kernel is the same arithmetic, whatever its tiles: the transforms
 * are made in vectors of channels and its sums in order, so its outputs must be the same numbers.
 * Portable C rounds the products of its transforms, so a few of what it multiplies are rounded to
 * the other neighbour in bf16.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "generated.h"
#include "inspect/operands.h"
#include "ref/ref.h"
#include "sys/cpu.h"

int bf16_c(int argc, char **argv);
int bf16_avx2(int argc, char **argv);
#if BF16_HAS_NATIVE
int bf16_avx512(int argc, char **argv);
int bf16_amx(int argc, char **argv);
#endif
#if BF16_HAS_AMX
int bf16_tiles(int argc, char **argv);
#endif
int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);

static const struct model *caught, *portable, *emulated, *native, *emulated_tiles, *tiles;

int generated_program_main(const struct model *model, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    caught = model;
    return 0;
}

static const struct model *model_of(int (*program)(int argc, char **argv))
{
    program(0, NULL);
    return caught;
}

/* The kernel that does the same in another program; its name may tell of padding, which depends on
 * how wide vectors are. */
static const struct kernel *other_kernel(const struct model *model, const struct kernel *kernel)
{
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *k = &model->kernels[i];
        if (strcmp(k->layer, kernel->layer) == 0 && k->pass == kernel->pass && k->in_bf16)
            return k;
    }
    ck_abort_msg("%s: the program for %s has no such kernel", kernel->name, model->isa);
    return NULL;
}

/* The pixels of an image without border and pad lanes, in order of the channels. */
static void plain_of(float *plain, const float *laid, const struct layout *l)
{
    for (int c = 0; c < l->c; c++)
        for (int y = 0; y < l->h; y++)
            for (int x = 0; x < l->w; x++)
                *plain++ =
                    laid[((y + l->border) * (l->w + 2 * l->border) + x + l->border) * l->pitch + c];
}

/* What a kernel makes of numbers from a seed: images or canonical weights. Returns how many. */
static size_t run(float **made, const struct kernel *kernel, int images)
{
    static const enum operand outputs[] = {OPERAND_Y, OPERAND_DX, OPERAND_DW};
    enum operand output = outputs[kernel->pass == PASS_FWD        ? 0
                                  : kernel->pass == PASS_BWD_DATA ? 1
                                                                  : 2];
    struct operands o;
    struct err err = {0};
    if (!operands_open(&o, kernel, images, OPERANDS_RANDOM, OPERANDS_TOGETHER, 1, &err))
        ck_abort_msg("%s", err.message);
    if (output == OPERAND_DW) /* is added to what lies there in the kernel's own layout */
        memset(o.laid[output], 0, o.shape[output].laid * sizeof *o.laid[output]);
    kernel_run(kernel, &o.args);
    const struct operand_shape *s = &o.shape[output];
    size_t count = s->plain * (size_t)s->copies;
    *made = malloc(count * sizeof **made);
    ck_assert_ptr_nonnull(*made);
    for (int copy = 0; output != OPERAND_DW && copy < s->copies; copy++)
        plain_of(*made + (size_t)copy * s->plain, o.laid[output] + (size_t)copy * s->laid,
                 s->layout);
    if (output == OPERAND_DW)
        kernel->unpack(*made, o.laid[output]);
    operands_close(&o);
    return count;
}

/* That a kernel makes the same of any number of images as that of another program. */
static void expect_same_bits(const struct kernel *kernel, const struct model *model)
{
    const struct kernel *other = other_kernel(model, kernel);
    int images = kernel->images < other->images ? kernel->images : other->images;
    for (int n = 1; n <= images; n++) {
        float *expected, *got;
        size_t count = run(&expected, other, n);
        ck_assert_uint_eq(run(&got, kernel, n), count);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(memcmp(&got[i], &expected[i], sizeof *got) == 0,
                          "%s: number %zu of %d images: expected %a as by %s, got %a", kernel->name,
                          i, n, (double)expected[i], model->isa, (double)got[i]);
        free(expected);
        free(got);
    }
}

START_TEST(both_make_the_same_bits)
{
    if (emulated->kernels[_i].in_bf16)
        expect_same_bits(&emulated->kernels[_i], native);
}
END_TEST

START_TEST(tiles_make_the_bits_of_emulated_ones)
{
    if (emulated_tiles->kernels[_i].in_bf16)
        expect_same_bits(&emulated_tiles->kernels[_i], tiles);
}
END_TEST

/* A factor that is rounded to its other neighbour changes by 2^-8 of itself, and where transforms
 * differ by some 2^-23 of theirs, one in some ten thousand is: 4e-5 of the root mean square. Were
 * all rounded down, or none at all, it would be some 1e-2. */
START_TEST(portable_c_is_near)
{
    const double most = 1e-3;
    const struct kernel *kernel = &portable->kernels[_i];
    if (!kernel->in_bf16)
        return;
    float *expected, *got;
    double difference = 0, size = 0;
    size_t count = run(&expected, other_kernel(emulated, kernel), 1);
    ck_assert_uint_eq(run(&got, kernel, 1), count);
    for (size_t i = 0; i < count; i++) {
        difference += pow((double)got[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    ck_assert_msg(sqrt(difference / size) <= most, "%s: %g of what %s makes: expected at most %g",
                  kernel->name, sqrt(difference / size), emulated->isa, most);
    free(expected);
    free(got);
}
END_TEST

START_TEST(all_passes_are_compared)
{
    int passes[3] = {0, 0, 0};
    for (int i = 0; i < emulated->kernel_count; i++)
        if (emulated->kernels[i].in_bf16)
            passes[emulated->kernels[i].pass == PASS_FWD        ? 0
                   : emulated->kernels[i].pass == PASS_BWD_DATA ? 1
                                                                : 2]++;
    ck_assert_int_ge(passes[0], 3);
    ck_assert_int_ge(passes[1], 3);
    ck_assert_int_ge(passes[2], 3);
}
END_TEST

int main(void)
{
    portable = model_of(bf16_c);
    emulated = model_of(bf16_avx2);
#if BF16_HAS_NATIVE
    native = model_of(bf16_avx512);
    emulated_tiles = model_of(bf16_amx);
#endif
#if BF16_HAS_AMX
    tiles = model_of(bf16_tiles);
#endif
    if (!cpu_supports(emulated->isa)) {
        printf("skipped: this processor has no %s\n", emulated->isa);
        return GENERATED_SKIPPED;
    }
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("bf16");
    TCase *tcase = tcase_create("bits");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_passes_are_compared);
    tcase_add_loop_test(tcase, portable_c_is_near, 0, portable->kernel_count);
    if (native != NULL && cpu_supports(native->isa))
        tcase_add_loop_test(tcase, both_make_the_same_bits, 0, emulated->kernel_count);
    if (tiles != NULL && cpu_supports(tiles->isa))
        tcase_add_loop_test(tcase, tiles_make_the_bits_of_emulated_ones, 0,
                            emulated_tiles->kernel_count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
