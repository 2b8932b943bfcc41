/* test_origin.c - a checkpoint goes on with its own training alone: every field of the layers, the
 * kernels and every image count, and the message names what differs. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tiny_program.h"
#include "train/origin.h"

/* -- Fields ------------------------------------------------------------------------------------ */

static struct settings settings;
static struct data images;

/* The model's origin beside that of the tiny one: what differs. */
static char *compare(const struct model *model, const struct data *train, const struct data *test,
                     char text[ORIGIN_DIFFERENCES_SIZE])
{
    struct origin mine = {0}, other = {0};
    struct safetensors file = {.path = NULL};
    struct safetensors_meta metas[ORIGIN_METAS + 1];
    struct err err = {0};
    char validate[16];
    ck_assert(origin_open(&mine, &tiny_model, &settings, &images, &images, &err));
    ck_assert(origin_open(&other, model, &settings, train, test, &err));
    snprintf(validate, sizeof validate, "%d", settings.validate);
    /* In the order of their keys, as a file has them. */
    metas[0] = other.metas[1];
    metas[1] = other.metas[0];
    metas[2] = other.metas[3];
    metas[3] = other.metas[2];
    metas[4] = (struct safetensors_meta){"validate", validate};
    file.metas = metas;
    file.meta_count = ORIGIN_METAS + 1;
    origin_compare(&mine, &file, true, text);
    origin_close(&mine);
    origin_close(&other);
    return text;
}

static void setup(void)
{
    settings_init(&settings, &tiny_model);
    snprintf(images.digest, sizeof images.digest, "%064d", 1);
}

#define INT_FIELD(field)                                                                           \
    {                                                                                              \
#field, offsetof(struct layer, field), false                                               \
    }
#define FLOAT_FIELD(field)                                                                         \
    {                                                                                              \
#field, offsetof(struct layer, field), true                                                \
    }

/* One field of one layer is another number: the smallest step away. */
START_TEST(every_field_of_a_layer_counts)
{
    static const struct {
        const char *name;
        size_t offset;
        bool is_float;
    } fields[] = {INT_FIELD(op),
                  INT_FIELD(c),
                  INT_FIELD(h),
                  INT_FIELD(w),
                  INT_FIELD(geometry.h.taps),
                  INT_FIELD(geometry.h.stride),
                  INT_FIELD(geometry.h.padding),
                  INT_FIELD(geometry.h.dilation),
                  INT_FIELD(geometry.w.taps),
                  INT_FIELD(geometry.w.stride),
                  INT_FIELD(geometry.w.padding),
                  INT_FIELD(geometry.w.dilation),
                  INT_FIELD(norm),
                  INT_FIELD(groups),
                  INT_FIELD(ghost),
                  FLOAT_FIELD(eps),
                  FLOAT_FIELD(momentum),
                  FLOAT_FIELD(p),
                  INT_FIELD(inputs)};
    char text[ORIGIN_DIFFERENCES_SIZE];
    ck_assert_str_eq(compare(&tiny_model, &images, &images, text), "");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct layer layers[5];
        struct model model = tiny_model;
        memcpy(layers, tiny_layers, sizeof layers);
        model.layers = layers;
        char *field = (char *)&layers[2] + fields[i].offset;
        if (fields[i].is_float) {
            float value;
            memcpy(&value, field, sizeof value);
            value = nextafterf(value, 1.0f);
            memcpy(field, &value, sizeof value);
        } else {
            int value;
            memcpy(&value, field, sizeof value);
            bool dilates = strstr(fields[i].name, "dilation") != NULL; /* 1 is none, as 0 is */
            value += strcmp(fields[i].name, "inputs") == 0 ? -1 : dilates ? 2 : 1;
            memcpy(field, &value, sizeof value);
        }
        compare(&model, &images, &images, text);
        ck_assert_msg(strncmp(text, "\n  layers: \"norm1: ", 18) == 0, "%s: \"%s\"", fields[i].name,
                      text);
    }
}
END_TEST

START_TEST(layers_and_parameters_more_or_less_count)
{
    char text[ORIGIN_DIFFERENCES_SIZE];
    struct layer layers[6];
    struct param params[TINY_PARAMS];
    struct model model = tiny_model;
    memcpy(layers, tiny_layers, sizeof tiny_layers);
    model.layers = layers;
    layers[3].bias = -1;
    compare(&model, &images, &images, text);
    says(text, "\n  layers: \"fc: linear of norm1, 10x1x1\": here \"fc: linear of norm1, 10x1x1, "
               "bias\"");
    /* A ReLU more, before the linear layer. */
    layers[3] = (struct layer){.op = LAYER_RELU, .name = "relu1", .inputs = {2, -1}, .bias = -1};
    layers[4] = tiny_layers[3];
    layers[4].inputs[0] = 3;
    layers[5] = tiny_layers[4];
    layers[5].inputs[0] = 4;
    model.layer_count = 6;
    compare(&model, &images, &images, text);
    says(text, "\n  layers: \"relu1: relu of norm1, 0x0x0\": here \"fc: linear of norm1");
    model = tiny_model;
    model.layer_count = 4;
    compare(&model, &images, &images, text);
    says(text, "\": here \"loss: loss of fc, 10x1x1\"");
    model = tiny_model;
    memcpy(params, tiny_params, sizeof params);
    params[3].decays = false;
    model.params = params;
    compare(&model, &images, &images, text);
    says(text,
         "\n  layers: \"fc.bias: without weight decay\": here \"fc.bias: with weight decay\"");
    model.param_count = 3;
    says(compare(&model, &images, &images, text), "\n  layers: \"\": here \"fc.bias: with");
}
END_TEST

START_TEST(kernels_and_images_count)
{
    char text[ORIGIN_DIFFERENCES_SIZE];
    struct model model = tiny_model;
    model.isa = "avx2";
    model.arithmetic = "77";
    ck_assert_str_eq(compare(&model, &images, &images, text), "\n  kernels avx2 77: here c ");
    struct data other = images;
    other.digest[20] = '7';
    compare(&tiny_model, &other, &images, text);
    says(text, "\n  training images 00000000000000000000700000000000: here 0000000000000000000");
    ck_assert_ptr_null(strstr(text, "test images"));
    compare(&tiny_model, &images, &other, text);
    says(text, "\n  test images 00000000000000000000700000000000: here 000");
    settings.backend = BACKEND_GENERIC; /* which is the same for every instruction set */
    ck_assert_str_eq(compare(&model, &images, &images, text), "");
}
END_TEST

/* -- Programs ---------------------------------------------------------------------------------- */

/* Saves a checkpoint again without its origin, as earlier versions did. */
static void forget_origin(const char *name)
{
    char path[2 * PATH_SIZE];
    struct err err = {0};
    struct safetensors file = {0};
    struct safetensors_meta metas[64];
    size_t count = 0;
    put_path(path, name);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    for (size_t i = 0; i < file.meta_count; i++) {
        const char *key = file.metas[i].key;
        if (strcmp(key, "sha256") != 0 && strcmp(key, "layers") != 0)
            metas[count++] = file.metas[i];
    }
    ck_assert(safetensors_save(path, NULL, file.tensors, file.count, metas, count, &err));
    safetensors_close(&file);
}

#define OTHER                                                                                      \
    "here/last.safetensors: of another training: expected one of the same layers, kernels, "       \
    "images and settings (--init starts from its parameters, --resume-anyway goes on all the "     \
    "same):"

START_TEST(another_program_does_not_go_on)
{
    static const struct {
        const char *kind, *differences;
    } cases[] = {
        {"eps",
         OTHER "\n  layers: \"norm1: batch norm of pool1, 3x4x4, eps 1e-05, momentum 0.1, bias\": "
               "here \"norm1: batch norm of pool1, 3x4x4, eps 0.001, momentum 0.1, bias\"\n"},
        {"kernels", OTHER "\n  kernels c : here c 0123456789abcdef\n"},
    };
    char text[OUTPUT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct world other = {.environment = {{"TINY_MODEL", cases[i].kind}}};
        ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
        ck_assert_int_eq(run_words(&other, "train --resume here --max-steps 5"), EXIT_USAGE);
        says(errors, cases[i].differences);
        /* Nothing has happened: its own program goes on without a word. */
        ck_assert_int_eq(run("train --resume here --max-steps 4"), EXIT_OK);
        ck_assert_str_eq(errors, "");
        ck_assert_int_eq(run_words(&other, "train --resume here --resume-anyway --max-steps 5"),
                         EXIT_OK);
        says(errors, "warning: here/last.safetensors: going on with another training:\n  ");
        says(events("here/log.jsonl", "start", text), "going on with another training");
        /* From here on it is the other one's. */
        ck_assert_int_eq(run_words(&other, "train --resume here --max-steps 6"), EXIT_OK);
        ck_assert_str_eq(errors, "");
        ck_assert_int_eq(run("train --resume here --max-steps 7"), EXIT_USAGE);
    }
}
END_TEST

START_TEST(a_backend_can_be_chosen)
{
    const struct world other = {.environment = {{"TINY_MODEL", "kernels"}}};
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
    ck_assert_int_eq(run_words(&other, "train --resume here --backend generic --max-steps 4"),
                     EXIT_OK);
    ck_assert_int_eq(run("train --resume here --max-steps 5"), EXIT_OK);
    refuses("train --data synthetic --resume-anyway --max-steps 1", EXIT_USAGE);
    says(errors, "train: --resume-anyway without --resume: expected both");
}
END_TEST

START_TEST(an_earlier_version_is_named)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
    forget_origin("here/last.safetensors");
    refuses("train --resume here", EXIT_USAGE);
    says(errors, OTHER "\n  nobody knows: no metadata \"layers\", as an earlier version saved\n");
    ck_assert_int_eq(run("train --resume here --resume-anyway --max-steps 4"), EXIT_OK);
    ck_assert_int_eq(run("train --resume here --max-steps 5"), EXIT_OK);
}
END_TEST

START_TEST(other_images_held_out_are_named)
{
    ck_assert_int_eq(run("train --data synthetic --validate 100 --max-steps 3 --out here"),
                     EXIT_OK);
    ck_assert_int_eq(run("train --resume here --max-steps 4"), EXIT_OK);
    refuses("train --resume here --validate 101", EXIT_USAGE);
    says(errors, OTHER "\n  --validate 100: here 101\n");
    ck_assert_ptr_null(strstr(errors, "test images"));
    ck_assert_ptr_null(strstr(errors, "training images"));
}
END_TEST

/* Six sparse files with two classes. */
static void make_data(void)
{
    enum { RECORD = 3073, SIZE = 30730000 };
    char path[2 * PATH_SIZE];
    put_path(path, "data");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    for (int i = 1; i <= 6; i++) {
        snprintf(path, sizeof path, i < 6 ? "%s/data/data_batch_%d.bin" : "%s/data/test_batch.bin",
                 folder, i);
        FILE *file = fopen(path, "wb");
        ck_assert(file != NULL && fputc(i % 3, file) != EOF && fputc(100 + i, file) != EOF);
        ck_assert_int_eq(fseek(file, RECORD, SEEK_SET), 0);
        ck_assert_int_ne(fputc(1, file), EOF);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(truncate(path, SIZE), 0);
    }
}

static void exchange_data(const char *a, const char *b)
{
    char paths[3][2 * PATH_SIZE];
    put_path(paths[0], a);
    put_path(paths[1], b);
    put_path(paths[2], "aside");
    ck_assert(rename(paths[0], paths[2]) == 0 && rename(paths[1], paths[0]) == 0 &&
              rename(paths[2], paths[1]) == 0);
}

/* Mean and deviation are the same each time. */
START_TEST(other_images_do_not_go_on)
{
    char path[2 * PATH_SIZE];
    make_data();
    ck_assert_int_eq(run("train --data data --max-steps 1 --out here --threads 1"), EXIT_OK);
    exchange_data("data/data_batch_1.bin", "data/data_batch_2.bin");
    refuses("train --data data --resume here", EXIT_USAGE);
    says(errors, OTHER "\n  training images ");
    ck_assert_ptr_null(strstr(errors, "test images"));
    exchange_data("data/data_batch_1.bin", "data/data_batch_2.bin");
    put_path(path, "data/test_batch.bin");
    FILE *file = fopen(path, "rb+"); /* one label */
    ck_assert(file != NULL && fputc(5, file) == 5 && fclose(file) == 0);
    refuses("train --data data --resume here", EXIT_USAGE);
    says(errors, OTHER "\n  test images ");
    ck_assert_ptr_null(strstr(errors, "training images"));
    file = fopen(path, "rb+");
    ck_assert(file != NULL && fputc(0, file) == 0 && fclose(file) == 0);
    ck_assert_int_eq(run("train --data data --resume here --max-steps 2"), EXIT_OK);
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("origin");
    TCase *fields = tcase_create("fields"), *programs = tcase_create("programs");
    tcase_add_checked_fixture(fields, setup, NULL);
    tcase_add_test(fields, every_field_of_a_layer_counts);
    tcase_add_test(fields, layers_and_parameters_more_or_less_count);
    tcase_add_test(fields, kernels_and_images_count);
    tcase_add_checked_fixture(programs, make_folder, remove_folder);
    tcase_set_timeout(programs, 240);
    tcase_add_test(programs, another_program_does_not_go_on);
    tcase_add_test(programs, a_backend_can_be_chosen);
    tcase_add_test(programs, an_earlier_version_is_named);
    tcase_add_test(programs, other_images_held_out_are_named);
    tcase_add_test(programs, other_images_do_not_go_on);
    suite_add_tcase(suite, fields);
    suite_add_tcase(suite, programs);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
