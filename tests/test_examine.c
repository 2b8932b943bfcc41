/* test_examine.c - what eval.json says of a network whose answers are known, and what a look inside
 * a step leaves alone. */
#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "tiny_program.h"

enum { IMAGES = 6 };

static float images[IMAGES * 3 * 32 * 32];
static const uint8_t labels[IMAGES] = {0, 1, 2, 3, 4, 5};

static struct batch some_batch(void)
{
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        images[i] = (float)((i * 2654435761U >> 8) % 1000) / 500.0f - 1.0f;
    return (struct batch){.n = IMAGES, .images = images, .labels = labels, .epoch = 1};
}

START_TEST(steps_inside_change_nothing)
{
    static struct inside inside;
    struct run real;
    struct err err = {0};
    struct batch batch = some_batch();
    ck_assert(run_open(&real, &tiny_model, tiny_model.backend, 1, &err));
    run_init_params(&real, 3);
    ck_assert(inside_open(&inside, &tiny_model, 2, &err));
    inside_set(&inside, &real.store);
    struct step_result first = inside_step(&inside, &batch), second = inside_step(&inside, &batch);
    ck_assert_double_eq(first.loss, second.loss);
    ck_assert_int_eq(
        memcmp(inside.run.store.param, real.store.param, TINY_PARAM_FLOATS * sizeof(float)), 0);

    /* The same gradient as a real step has. */
    real.sgd = (struct sgd){.lr = 0.1f};
    real.label_smoothing = 0.0f;
    ck_assert_double_eq(run_train(&real, &batch).loss, first.loss);
    for (int i = 0; i < TINY_PARAMS; i++)
        for (size_t k = 0; k < tiny_params[i].count; k++)
            ck_assert_double_eq((double)real.store.grad[tiny_params[i].offset + k],
                                (double)inside.run.store.grad[tiny_params[i].offset + k]);

    /* Layer 2 is a batch norm with weight 1 and bias 0: mean 0 and variance 1 a channel. */
    float out[3 * 4 * 4];
    double sum[3] = {0}, squares[3] = {0};
    for (int image = 0; image < IMAGES; image++) {
        inside_norm_output(&inside, 2, image, out);
        for (int i = 0; i < 48; i++) {
            sum[i / 16] += (double)out[i];
            squares[i / 16] += (double)out[i] * (double)out[i];
        }
    }
    for (int channel = 0; channel < 3; channel++) {
        ck_assert_double_eq_tol(sum[channel], 0.0, 1e-4);
        ck_assert_double_eq_tol(squares[channel] / (16 * IMAGES), 1.0,
                                5e-2); /* less by eps / variance */
    }
    inside_close(&inside);
    run_close(&real);
}
END_TEST

static double at(const cJSON *array, int i)
{
    return cJSON_GetNumberValue(cJSON_GetArrayItem(array, i));
}

START_TEST(details_agree_with_the_totals)
{
    static char text[1 << 17];
    char path[2 * PATH_SIZE];
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --quiet --threads 1 --out a"), EXIT_OK);
    ck_assert_int_eq(run("eval --data synthetic --model a/last.safetensors --threads 2 --out b/c"),
                     EXIT_OK);
    put_path(path, "b/c/eval.json");
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    cJSON *json = cJSON_Parse(text);
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "data")), "SYNTHETIC");
    const cJSON *truth = cJSON_GetObjectItem(json, "labels");
    const cJSON *predictions = cJSON_GetObjectItem(json, "predictions");
    const cJSON *confidences = cJSON_GetObjectItem(json, "confidences");
    const cJSON *pictures = cJSON_GetObjectItem(json, "pictures");
    const cJSON *indices = cJSON_GetObjectItem(pictures, "indices");
    int below = cJSON_GetObjectItem(pictures, "below")->valueint, wrong = 0, right = 0;
    ck_assert_int_eq(cJSON_GetArraySize(truth), SYNTHETIC_TEST);
    ck_assert_int_eq(cJSON_GetArraySize(predictions), SYNTHETIC_TEST);
    for (int i = 0; i < SYNTHETIC_TEST; i++) {
        bool hit = at(truth, i) == at(predictions, i);
        right += hit;
        ck_assert(at(confidences, i) > 0.0999 && at(confidences, i) <= 1.0);
        if (!hit && i < below)
            ck_assert_double_eq(at(indices, wrong++), i);
    }
    ck_assert_int_eq(cJSON_GetArraySize(indices), wrong);
    ck_assert_double_eq_tol(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "acc")),
                            100.0 * right / SYNTHETIC_TEST, 1e-3);
    put_path(path, "b/c/eval_images.bin");
    file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    ck_assert_int_eq(ftell(file), wrong * 3072L);
    fclose(file);

    /* Batch norm: images move each other in training, never at evaluation. */
    const cJSON *independence = cJSON_GetObjectItem(json, "independence");
    for (int training = 0; training < 2; training++) {
        const cJSON *mode = cJSON_GetObjectItem(independence, training ? "training" : "evaluation");
        const cJSON *changes = cJSON_GetObjectItem(mode, "changes");
        ck_assert_int_eq(cJSON_GetArraySize(changes), TINY_BATCH - 1);
        for (int i = 0; i < TINY_BATCH - 1; i++)
            ck_assert_int_eq(at(changes, i) > 0.0, training);
    }
    const cJSON *batches = cJSON_GetObjectItem(json, "batches");
    ck_assert_double_eq(at(cJSON_GetObjectItem(batches, "sizes"), 0), 2);
    ck_assert_double_eq(cJSON_GetObjectItem(batches, "images")->valuedouble, 512);
    cJSON_Delete(json);
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("examine");
    TCase *tcase = tcase_create("examine");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, steps_inside_change_nothing);
    tcase_add_test(tcase, details_agree_with_the_totals);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
