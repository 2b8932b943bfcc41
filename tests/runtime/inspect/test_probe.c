/* test_probe.c - looks inside a training: that they change nothing, come when they should, and say
 * what is so. */
#include <cJSON.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "inspect/probe.h"
#include "tiny_program.h"

enum { LOG_SIZE = 1 << 18, MAX_LOOKS = 16 };

/* The probe events of a log. */
static int read_looks(const char *name, cJSON *looks[MAX_LOOKS])
{
    static char text[LOG_SIZE];
    char path[2 * PATH_SIZE];
    int count = 0;
    put_path(path, name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *event = cJSON_Parse(line);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_lt(count, MAX_LOOKS);
        if (strcmp(event->child->valuestring, "probe") == 0)
            looks[count++] = event;
        else
            cJSON_Delete(event);
    }
    return count;
}

static void free_looks(cJSON *looks[MAX_LOOKS], int count)
{
    for (int i = 0; i < count; i++)
        cJSON_Delete(looks[i]);
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItem(object, name);
    ck_assert_msg(cJSON_IsNumber(value), "no number %s", name);
    return value->valuedouble;
}

static double at(const cJSON *object, const char *name, int i)
{
    const cJSON *value = cJSON_GetArrayItem(cJSON_GetObjectItem(object, name), i);
    ck_assert_msg(cJSON_IsNumber(value), "no number %s[%d]", name, i);
    return value->valuedouble;
}

static void expect_same(const char *a, const char *b)
{
    static char left[OUTPUT_SIZE], right[OUTPUT_SIZE];
    char path[2 * PATH_SIZE];
    size_t sizes[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        put_path(path, i == 0 ? a : b);
        FILE *file = fopen(path, "rb");
        ck_assert_ptr_nonnull(file);
        sizes[i] = fread(i == 0 ? left : right, 1, OUTPUT_SIZE, file);
        fclose(file);
    }
    ck_assert_uint_lt(sizes[0], OUTPUT_SIZE);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_msg(memcmp(left, right, sizes[0]) == 0, "%s and %s differ", a, b);
}

#define TRAIN "train --data synthetic --quiet --threads 2 "

START_TEST(looks_change_nothing)
{
    ck_assert_int_eq(run(TRAIN "--out plain"), EXIT_OK);
    ck_assert_int_eq(run(TRAIN "--out probed --probe 7"), EXIT_OK);
    expect_same("probed/last.safetensors", "plain/last.safetensors");
    expect_same("probed/best.safetensors", "plain/best.safetensors");
    cJSON *looks[MAX_LOOKS];
    ck_assert_int_eq(read_looks("plain/log.jsonl", looks), 0);
    int count = read_looks("probed/log.jsonl", looks); /* before 1, 8, ... 36, and the end */
    ck_assert_int_eq(count, 7);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq(number(looks[i], "step"), 7 * i + 1);
    ck_assert_double_eq(number(looks[6], "step"), 2 * TINY_STEPS + 1);
    free_looks(looks, count);
    ck_assert_int_eq(run(TRAIN "--out x --probe 0"), EXIT_USAGE);
}
END_TEST

START_TEST(resuming_looks_as_not_stopping_does)
{
    cJSON *whole[MAX_LOOKS], *parts[MAX_LOOKS];
    ck_assert_int_eq(run(TRAIN "--out whole --probe 10"), EXIT_OK);
    ck_assert_int_eq(run(TRAIN "--out parts --probe 10 --max-steps 10"), EXIT_OK);
    says(output, "--probe 10");
    ck_assert_int_eq(run("train --resume parts/last.safetensors --threads 1 --quiet --probe 10"),
                     EXIT_OK);
    int count = read_looks("whole/log.jsonl", whole);
    ck_assert_int_eq(count, 5);
    ck_assert_int_eq(read_looks("parts/log.jsonl", parts), count);
    for (int i = 0; i < count; i++)
        ck_assert(cJSON_Compare(whole[i], parts[i], true));
    free_looks(whole, count);
    free_looks(parts, count);
}
END_TEST

/* The tiny network: average pool, batch norm of three channels, linear. */
START_TEST(looks_say_what_is_so)
{
    cJSON *looks[MAX_LOOKS];
    ck_assert_int_eq(run(TRAIN "--out a --probe 40"), EXIT_OK);
    int count = read_looks("a/log.jsonl", looks);
    ck_assert_int_eq(count, 2);
    const cJSON *norm = cJSON_GetArrayItem(cJSON_GetObjectItem(looks[0], "norms"), 0);
    const cJSON *before = cJSON_GetObjectItem(norm, "before");
    const cJSON *after = cJSON_GetObjectItem(norm, "after");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(norm, "layer")), "norm1");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(norm, "kind")), "batch norm");

    /* At first the norm has scale 1 and shift 0: every channel has mean 0 and deviation 1. */
    ck_assert_double_eq_tol(number(after, "mean"), 0.0, 1e-5);
    ck_assert_double_eq_tol(number(after, "deviation"), 1.0, 1e-3);
    ck_assert_double_eq_tol(at(after, "channel", 1), 0.0, 1e-5);
    ck_assert_double_eq_tol(at(after, "channel", 2), 1.0, 1e-3);
    ck_assert_double_eq_tol(at(after, "channel", 3), 0.0, 1e-3);
    ck_assert_double_gt(at(after, "image", 1), 0.1);
    /* Three channels make no four groups: then a group is an image. */
    ck_assert_double_eq(at(before, "group", 1), at(before, "image", 1));
    /* Means of equal parts have the mean of all as theirs; variances within and between add up. */
    for (int part = 0; part < 2; part++) {
        const char *name = part == 0 ? "channel" : "image";
        ck_assert_double_eq_tol(at(before, name, 0), number(before, "mean"), 1e-5);
        double within = pow(at(before, name, 2), 2) + pow(at(before, name, 3), 2);
        ck_assert_double_eq_tol(within + pow(at(before, name, 1), 2),
                                pow(number(before, "deviation"), 2), 1e-4);
    }
    double values = 0.0;
    const cJSON *bin;
    cJSON_ArrayForEach(bin, cJSON_GetObjectItem(before, "histogram")) values += bin->valuedouble;
    values += number(before, "outside");
    ck_assert_double_eq(values, number(looks[0], "images") * 48);

    /* The only weight tensor; the first step from rest with Nesterov off moves it by the rate times
     * gradient and decay, and the last look is followed by none. */
    const cJSON *weight = cJSON_GetObjectItem(looks[0], "weights")->child;
    ck_assert_ptr_null(weight->next);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(weight, "name")), "fc.weight");
    ck_assert_double_gt(number(weight, "update"), 0.0);
    ck_assert_double_lt(number(weight, "update"), number(weight, "weight"));
    ck_assert_ptr_null(
        cJSON_GetObjectItem(cJSON_GetObjectItem(looks[1], "weights")->child, "update"));

    /* A short way down the gradient the loss falls by length times its square. */
    const cJSON *walk = cJSON_GetObjectItem(looks[0], "walk");
    double fall = number(looks[0], "loss") - at(walk, "losses", 0);
    double length = at(walk, "lengths", 0), gradient = number(walk, "gradient");
    ck_assert_double_eq_tol(length, 0.025, 1e-9);
    ck_assert_double_eq_tol(fall / (length * gradient * gradient), 1.0, 0.2);
    ck_assert_double_lt(at(walk, "changes", 0), at(walk, "changes", 4));
    free_looks(looks, count);
}
END_TEST

static void write_idx(const char *name, int images, bool is_label)
{
    enum { H = 24, W = 40 };
    const uint8_t head[] = {0, 0, 8, is_label ? 1 : 3, 0, 0, 0, (uint8_t)images, 0, 0, 0, H, 0,
                            0, 0, W};
    char path[2 * PATH_SIZE];
    put_path(path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fwrite(head, 1, is_label ? 8 : sizeof head, file);
    for (int i = 0; i < images; i++)
        for (int k = 0; k < (is_label ? 1 : H * W); k++)
            fputc(is_label ? i % 12 : i == 0 ? 255 : 100, file);
    fclose(file);
}

/* Grey images and a white one, whose values are farther out than four deviations: they are in no
 * bin. Training images are evaluated as test images are, in the end. */
START_TEST(values_far_out_are_counted_apart)
{
    static char text[LOG_SIZE];
    const struct world grey = {.environment = {{"TINY_MODEL", "grey"}}};
    cJSON *looks[MAX_LOOKS];
    char path[2 * PATH_SIZE];
    put_path(path, "data");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_idx("data/train-images-idx3-ubyte", 64, false);
    write_idx("data/train-labels-idx1-ubyte", 64, true);
    write_idx("data/t10k-images-idx3-ubyte", 64, false);
    write_idx("data/t10k-labels-idx1-ubyte", 64, true);
    ck_assert_int_eq(run_words(&grey, "train --data data --epochs 1 --probe 100 --out a --quiet"),
                     EXIT_OK);
    int count = read_looks("a/log.jsonl", looks);
    ck_assert_int_eq(count, 2);
    const cJSON *norm = cJSON_GetArrayItem(cJSON_GetObjectItem(looks[0], "norms"), 0);
    const cJSON *before = cJSON_GetObjectItem(norm, "before"), *bin;
    double inside = 0.0, outside = number(before, "outside");
    cJSON_ArrayForEach(bin, cJSON_GetObjectItem(before, "histogram")) inside += bin->valuedouble;
    ck_assert_double_eq((inside + outside) / number(looks[0], "images"), outside);
    ck_assert_double_lt(number(before, "high"),
                        number(before, "mean") + 4.001 * number(before, "deviation"));
    free_looks(looks, count);

    put_path(path, "a/log.jsonl");
    FILE *file = fopen(path, "rb");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    says(text, "{\"event\":\"training_set\",\"step\":"); /* test and training set are alike */
    const char *train = strstr(strstr(text, "\"training_set\""), "\"acc\":");
    const char *test = strstr(strstr(text, "\"epoch\",\"epoch\""), "\"test_acc\":");
    ck_assert_ptr_nonnull(train);
    ck_assert_ptr_nonnull(test);
    ck_assert_double_eq(strtod(train + strlen("\"acc\":"), NULL),
                        strtod(test + strlen("\"test_acc\":"), NULL));
}
END_TEST

/* At most five looks, the first and the last among them, for 1 % of the steps or less. */
START_TEST(a_handful_of_looks_is_chosen)
{
    static const int64_t rows[][2] = {{391, 0},     {3599, 0},    {3600, 3600},
                                      {4600, 2300}, {7820, 1955}, {78200, 19550}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_int_eq(probe_spacing(rows[i][0]), rows[i][1]);
    cJSON *looks[MAX_LOOKS];
    ck_assert_int_eq(run(TRAIN "--out short --probe auto"), EXIT_OK); /* 40 steps */
    ck_assert_int_eq(read_looks("short/log.jsonl", looks), 0);
    ck_assert_int_eq(
        run("train --data synthetic --quiet --threads 1 --out long --epochs 2 --lr 1e-3 "
            "--batch 2 --no-augment --probe auto"),
        EXIT_OK); /* 4000 */
    int count = read_looks("long/log.jsonl", looks);
    ck_assert_int_eq(count, 2);
    ck_assert_double_eq(number(looks[0], "step"), 1);
    ck_assert_double_eq(number(looks[0], "images"), PROBE_FEW_IMAGES);
    ck_assert_double_eq(number(looks[1], "step"), 4001);
    free_looks(looks, count);
    ck_assert_int_eq(run(TRAIN "--out x --probe atuo"), EXIT_USAGE);
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("probe");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, looks_change_nothing);
    tcase_add_test(tcase, resuming_looks_as_not_stopping_does);
    tcase_add_test(tcase, looks_say_what_is_so);
    tcase_add_test(tcase, values_far_out_are_counted_apart);
    tcase_add_test(tcase, a_handful_of_looks_is_chosen);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
