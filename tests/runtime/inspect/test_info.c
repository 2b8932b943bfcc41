/* test_info.c - what each kind of layer is called, and the table of a network's layers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/info.h"
#include "tiny_model.h"

START_TEST(every_kind_of_layer_has_a_name)
{
    static const struct {
        struct layer layer;
        const char *name;
    } cases[] = {
        {{.op = LAYER_INPUT}, "input"},
        {{.op = LAYER_CONV}, "conv"},
        {{.op = LAYER_RELU}, "relu"},
        {{.op = LAYER_ACTIVATION, .activation = ACT_SILU}, "silu"},
        {{.op = LAYER_NORM, .norm = NORM_BATCH}, "batch norm"},
        {{.op = LAYER_NORM, .norm = NORM_GROUP}, "group norm"},
        {{.op = LAYER_NORM, .norm = NORM_LAYER}, "layer norm"},
        {{.op = LAYER_NORM, .norm = NORM_RMS}, "RMS norm"},
        {{.op = LAYER_NORM, .norm = NORM_LAYER, .over_image = true}, "image layer norm"},
        {{.op = LAYER_NORM, .norm = NORM_RMS, .over_image = true}, "image RMS norm"},
        {{.op = LAYER_DROPOUT}, "dropout"},
        {{.op = LAYER_DROPOUT, .unit = DROP_CHANNELS}, "dropout of channels"},
        {{.op = LAYER_DROPOUT, .unit = DROP_IMAGES}, "dropout of images"},
        {{.op = LAYER_MAXPOOL}, "maxpool"},
        {{.op = LAYER_AVGPOOL}, "avgpool"},
        {{.op = LAYER_GLOBAL_AVGPOOL}, "global avgpool"},
        {{.op = LAYER_GLOBAL_MAXPOOL}, "global maxpool"},
        {{.op = LAYER_ADD}, "add"},
        {{.op = LAYER_MUL}, "mul"},
        {{.op = LAYER_CONCAT}, "concat"},
        {{.op = LAYER_PAD_CHANNELS}, "pad_channels"},
        {{.op = LAYER_LINEAR}, "linear"},
        {{.op = LAYER_SOFTMAX_CROSS_ENTROPY}, "loss"},
        {{.op = (enum layer_op)(LAYER_SOFTMAX_CROSS_ENTROPY + 1)}, "?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_str_eq(info_op_name(&cases[i].layer), cases[i].name);
}
END_TEST

/* What the command prints, or its message. */
static const char *said(const struct model *model, const char *option)
{
    static char text[4096], command[] = "info", word[20];
    char *argv[] = {command, word, NULL};
    struct err err = {0};
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    fflush(stdout);
    FILE *kept = stdout;
    stdout = file;
    snprintf(word, sizeof word, "%s", option);
    bool ok = info_main(model, "build/tiny", option[0] == '\0' ? 1 : 2, argv, &err);
    stdout = kept;
    rewind(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    if (!ok)
        snprintf(text, sizeof text, "%s", err.message);
    return text;
}

/* The kernel of a layer is the first forward one in whose list the whole name stands. */
START_TEST(each_layer_has_its_line)
{
    static const struct kernel kernels[] = {
        {.name = "pool_bwd", .layer = "pool1", .pass = PASS_BWD_DATA},
        {.name = "longer", .layer = "pool10 xnorm1", .pass = PASS_FWD},
        {.name = "pool_norm_fwd", .layer = "pool1 norm1", .pass = PASS_FWD},
        {.name = "linear_fwd", .layer = "fc", .pass = PASS_FWD},
    };
    struct model model = tiny_model;
    model.kernels = kernels;
    model.kernel_count = 4;
    ck_assert_str_eq(
        said(&model, ""),
        "network tiny, norm bn, c, 528 parameters, batch 200\n\n"
        "layer             kind            output        parameters     MFLOP  forward kernel\n"
        "input             input           3x32x32                0     0.000  \n"
        "pool1             avgpool         3x4x4                  0     0.000  pool_norm_fwd\n"
        "norm1             batch norm      3x4x4                  6     0.000  pool_norm_fwd\n"
        "fc                linear          10x1x1               490     0.001  linear_fwd\n"
        "loss              loss            10x1x1                 0     0.000  \n"
        "total                                                  528     0.001  an image, "
        "forward\n");
}
END_TEST

START_TEST(its_options_are_told)
{
    ck_assert_ptr_nonnull(strstr(said(&tiny_model, "--help"), "usage: build/tiny info\n"));
    ck_assert_ptr_nonnull(strstr(said(&tiny_model, "--lyers"), "--lyers"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("info");
    TCase *tests = tcase_create("info");
    tcase_add_test(tests, every_kind_of_layer_has_a_name);
    tcase_add_test(tests, each_layer_has_its_line);
    tcase_add_test(tests, its_options_are_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
