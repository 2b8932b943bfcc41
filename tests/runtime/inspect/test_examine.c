/* test_examine.c - what eval.json says of a network whose answers are known, and what a look inside
 * a step leaves alone. */
#include <cJSON.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/cifar.h"
#include "file/checkpoint.h"
#include "inspect/inside.h"
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
    struct run training;
    struct err err = {0};
    struct batch batch = some_batch();
    ck_assert(run_open(&training, &tiny_model, tiny_model.backend, 1, &err));
    run_init_params(&training, 3);
    ck_assert(inside_open(&inside, &tiny_model, 2, &err));
    inside_set(&inside, &training.store);
    struct step_result first = inside_step(&inside, &batch), second = inside_step(&inside, &batch);
    ck_assert_double_eq(first.loss, second.loss);
    ck_assert_int_eq(
        memcmp(inside.run.store.param, training.store.param, TINY_PARAM_FLOATS * sizeof(float)), 0);

    /* The same gradient as a training step has. */
    training.optim = (struct optim){.lr = 0.1f};
    training.label_smoothing = 0.0f;
    ck_assert_double_eq(run_train(&training, &batch).loss, first.loss);
    for (int i = 0; i < TINY_PARAMS; i++)
        for (size_t k = 0; k < tiny_params[i].count; k++)
            ck_assert_double_eq((double)training.store.grad[tiny_params[i].offset + k],
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
    run_close(&training);
}
END_TEST

static double at(const cJSON *array, int i)
{
    return cJSON_GetNumberValue(cJSON_GetArrayItem(array, i));
}

static const cJSON *in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    ck_assert_msg(item != NULL, "no %s", key);
    return item;
}

static double number(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(in(object, key));
}

static int best_of(const float *logits)
{
    int best = 0;
    for (int k = 1; k < 10; k++)
        best = logits[k] > logits[best] ? k : best;
    return best;
}

/* What the details are about, made once more: the model, the test images as it takes them, and its
 * logits of each. */
struct expected {
    struct run run;
    struct inside inside;
    struct data test;
    float *images, *logits;
};

enum { FLOATS = 3 * 32 * 32 };

static void open_expected(struct expected *x, const char *model_file)
{
    struct safetensors file = {0};
    struct data train;
    struct err err = {0};
    struct augment augment;
    char path[2 * PATH_SIZE];
    put_path(path, model_file);
    ck_assert(run_open(&x->run, &tiny_model, &generic_backend, 1, &err));
    ck_assert(inside_open(&x->inside, &tiny_model, 1, &err));
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert(checkpoint_load_model(&file, &x->run, &err));
    safetensors_close(&file);
    inside_set(&x->inside, &x->run.store);
    ck_assert(synthetic_open(&train, &cifar_shape, DATA_TRAIN, SYNTHETIC_TRAIN, &err));
    ck_assert(synthetic_open(&x->test, &cifar_shape, DATA_TEST, SYNTHETIC_TEST, &err));
    const struct data_stats stats = data_statistics(&train);
    augment_init(&augment, &stats, &train);
    x->images = malloc(SYNTHETIC_TEST * FLOATS * sizeof(float));
    x->logits = malloc(SYNTHETIC_TEST * 10 * sizeof(float));
    ck_assert(x->images != NULL && x->logits != NULL);
    for (int i = 0; i < SYNTHETIC_TEST; i++) {
        float *image = x->images + (size_t)i * FLOATS;
        augment_image(image, x->test.images[i], &augment, 0, 1, 0);
        struct batch one = {.n = 1, .images = image, .labels = x->test.labels + i, .epoch = 1};
        run_eval(&x->run, &one, x->logits + (size_t)i * 10);
    }
    data_close(&train);
}

static void close_expected(struct expected *x)
{
    inside_close(&x->inside);
    run_close(&x->run);
    data_close(&x->test);
    free(x->images);
    free(x->logits);
}

/* Of each of the images, the softmax of its best class. */
static void check_confidences(const cJSON *json, const struct expected *x)
{
    for (int i = 0; i < SYNTHETIC_TEST; i++) {
        const float *row = x->logits + (size_t)i * 10;
        double sum = 0.0;
        for (int k = 0; k < 10; k++)
            sum += exp((double)row[k]);
        ck_assert_double_eq(at(in(json, "labels"), i), x->test.labels[i]);
        ck_assert_double_eq(at(in(json, "predictions"), i), best_of(row));
        ck_assert_double_eq_tol(at(in(json, "confidences"), i),
                                exp((double)row[best_of(row)]) / sum, 1e-4);
    }
}

/* The first 512 images, in evaluation mode and in batches of 2, 4, ... with their own statistics.
 */
static void check_batches(const cJSON *json, struct expected *x)
{
    const cJSON *batches = in(json, "batches");
    int correct = 0, which = 0;
    for (int i = 0; i < 512; i++)
        correct += best_of(x->logits + (size_t)i * 10) == x->test.labels[i];
    ck_assert_double_eq(number(batches, "images"), 512);
    ck_assert_double_eq_tol(number(batches, "running_acc"), 100.0 * correct / 512, 1e-4);
    for (int size = 2; size <= TINY_BATCH; size *= 2, which++) {
        correct = 0;
        for (int first = 0; first < 512; first += size) {
            struct batch batch = {.n = size,
                                  .images = x->images + (size_t)first * FLOATS,
                                  .labels = x->test.labels + first,
                                  .epoch = 1};
            correct += inside_step(&x->inside, &batch).correct;
        }
        ck_assert_double_eq(at(in(batches, "sizes"), which), size);
        ck_assert_double_eq_tol(at(in(batches, "acc"), which), 100.0 * correct / 512, 1e-4);
    }
    ck_assert_int_eq(cJSON_GetArraySize(in(batches, "sizes")), which);
    ck_assert_int_eq(cJSON_GetArraySize(in(batches, "acc")), which);
}

/* How far image 0 of a batch moves the logits of the others when it is another image: the root of
 * the mean square over the logits, and in training mode beside their deviation. */
static void check_independence(const cJSON *json, struct expected *x)
{
    static float first[FLOATS], logits[2][TINY_BATCH * 10];
    const cJSON *independence = in(json, "independence");
    struct batch batch = {
        .n = TINY_BATCH, .images = x->images, .labels = x->test.labels, .epoch = 1};
    ck_assert_double_eq(number(independence, "images"), TINY_BATCH);
    inside_step(&x->inside, &batch);
    inside_logits(&x->inside, logits[0]);
    memcpy(first, x->images, sizeof first);
    memcpy(x->images, x->images + (size_t)TINY_BATCH * FLOATS, sizeof first);
    inside_step(&x->inside, &batch);
    inside_logits(&x->inside, logits[1]);
    memcpy(x->images, first, sizeof first);

    const cJSON *training = in(independence, "training");
    int flips = 0;
    double mean = 0.0, squares = 0.0;
    for (int i = 0; i < TINY_BATCH * 10; i++)
        mean += (double)logits[0][i] / (TINY_BATCH * 10);
    for (int i = 0; i < TINY_BATCH * 10; i++)
        squares += pow((double)logits[0][i] - mean, 2.0) / (TINY_BATCH * 10);
    ck_assert_double_eq_tol(number(independence, "deviation"), sqrt(squares), 1e-6);
    for (int i = 1; i < TINY_BATCH; i++) {
        double change = 0.0;
        for (int k = 0; k < 10; k++)
            change += pow((double)logits[0][i * 10 + k] - (double)logits[1][i * 10 + k], 2.0) / 10;
        flips += best_of(logits[0] + (size_t)i * 10) != best_of(logits[1] + (size_t)i * 10);
        ck_assert_double_eq_tol(at(in(training, "changes"), i - 1), sqrt(change), 2e-7);
    }
    ck_assert_double_eq(number(training, "flips"), flips);
    ck_assert_double_eq(number(in(independence, "evaluation"), "flips"), 0);
}

/* The first wrong images, as many as are listed, byte by byte. */
static void check_pictures(const cJSON *json, const struct expected *x)
{
    const cJSON *pictures = in(json, "pictures");
    uint8_t bytes[FLOATS];
    char path[2 * PATH_SIZE];
    int wrong = 0, below = (int)number(pictures, "below");
    put_path(path, "b/c/eval_images.bin");
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < below; i++) {
        if (best_of(x->logits + (size_t)i * 10) == x->test.labels[i])
            continue;
        ck_assert_double_eq(at(in(pictures, "indices"), wrong++), i);
        ck_assert_uint_eq(fread(bytes, 1, FLOATS, file), FLOATS);
        ck_assert_mem_eq(bytes, x->test.images[i], FLOATS);
    }
    ck_assert_int_eq(fgetc(file), EOF);
    fclose(file);
    ck_assert_int_eq(cJSON_GetArraySize(in(pictures, "indices")), wrong);
    ck_assert_msg(wrong == 400 && below < SYNTHETIC_TEST, "%d wrong images, the last %d", wrong,
                  below - 1);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(at(in(pictures, "shape"), i), i == 0 ? 3 : 32);
}

/* The first image, and its planes before the norm and behind it in a batch of the first images, in
 * hundredths. */
static void check_maps(const cJSON *json, struct expected *x)
{
    static float after[3 * 4 * 4];
    const cJSON *maps = in(json, "maps"), *layer = cJSON_GetArrayItem(in(maps, "layers"), 0);
    struct batch batch = {
        .n = TINY_BATCH, .images = x->images, .labels = x->test.labels, .epoch = 1};
    const uint8_t *picture = x->test.images[0];
    inside_step(&x->inside, &batch);
    inside_norm_output(&x->inside, 2, 0, after);
    const float *before = inside_input(&x->inside, 2, 0);
    ck_assert_double_eq(number(maps, "images"), TINY_BATCH);
    ck_assert_int_eq(cJSON_GetArraySize(in(maps, "pixels")), FLOATS);
    for (int i = 0; i < FLOATS; i++)
        ck_assert_double_eq(at(in(maps, "pixels"), i), picture[i]);
    ck_assert_int_eq(cJSON_GetArraySize(in(maps, "layers")), 1);
    ck_assert_str_eq(cJSON_GetStringValue(in(layer, "layer")), "norm1");
    ck_assert(number(layer, "h") == 4 && number(layer, "w") == 4);
    ck_assert_int_eq(cJSON_GetArraySize(in(layer, "maps")), 3);
    for (int channel = 0; channel < 3; channel++) {
        const cJSON *map = cJSON_GetArrayItem(in(layer, "maps"), channel);
        ck_assert_double_eq(number(map, "channel"), channel);
        ck_assert_int_eq(cJSON_GetArraySize(in(map, "after")), 16);
        for (int i = 0; i < 16; i++) {
            ck_assert_double_eq_tol(at(in(map, "before"), i), (double)before[channel * 16 + i],
                                    0.00501);
            ck_assert_double_eq_tol(at(in(map, "after"), i), (double)after[channel * 16 + i],
                                    0.00501);
        }
    }
}

/* A signal in the middle of the evaluation, or in its last batch, behind which the details are. */
static void stops_with_nothing_written(void)
{
    static const char *const signals[][2] = {{"2 1", "SIGINT: not all images were evaluated"},
                                             {"15 5", "SIGTERM: no eval.json was written"}};
    for (int i = 0; i < 2; i++) {
        const struct world world = {.environment = {{"TINY_EVAL_SIGNAL", signals[i][0]}}};
        char said[200];
        ck_assert_int_eq(run_words(&world, "eval --data synthetic --model a --out stopped"),
                         EXIT_INTERRUPTED);
        snprintf(said, sizeof said, "tiny: interrupted by %s\n", signals[i][1]);
        ck_assert_str_eq(errors, said);
        ck_assert(!exists("stopped/eval.json") && !exists("stopped/eval_images.bin") &&
                  !exists("stopped/eval_images.bin.tmp"));
        ck_assert((strstr(output, "test loss") != NULL) == (i == 1));
    }
}

START_TEST(details_agree_with_the_totals)
{
    static char text[1 << 18];
    static struct expected expected;
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
    open_expected(&expected, "a/last.safetensors");
    check_confidences(json, &expected);
    check_pictures(json, &expected);
    check_batches(json, &expected);
    check_independence(json, &expected);
    check_maps(json, &expected);
    stops_with_nothing_written();
    int right = 0;
    for (int i = 0; i < SYNTHETIC_TEST; i++)
        right += at(in(json, "labels"), i) == at(in(json, "predictions"), i);
    ck_assert_double_eq_tol(number(json, "acc"), 100.0 * right / SYNTHETIC_TEST, 1e-4);
    close_expected(&expected);

    /* Batch norm: images move each other in training, never at evaluation. */
    const cJSON *independence = cJSON_GetObjectItem(json, "independence");
    for (int training = 0; training < 2; training++) {
        const cJSON *mode = cJSON_GetObjectItem(independence, training ? "training" : "evaluation");
        const cJSON *changes = cJSON_GetObjectItem(mode, "changes");
        ck_assert_int_eq(cJSON_GetArraySize(changes), TINY_BATCH - 1);
        for (int i = 0; i < TINY_BATCH - 1; i++)
            ck_assert_int_eq(at(changes, i) > 0.0, training);
    }
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
