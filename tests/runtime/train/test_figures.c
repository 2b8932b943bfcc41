/* test_figures.c - whether the figures that a program tells are the right ones: losses and hits of
 * an epoch and of an evaluation, of each class, and what the images are normalised with.
 *
 * The batches never divide the images, and everything is computed once more from the images and the
 * parameters, image by image: the loss and the best class from the logits, the mean and deviation
 * from the bytes of the training set.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "file/checkpoint.h"
#include "file/safetensors.h"
#include "tiny_program.h"

enum { PIXELS = 1024, IMAGE = 3 * PIXELS, CLASSES = 10 };

/* -- The same figures, image by image ---------------------------------------------------------- */

struct stats {
    double mean[3], std[3];
};

/* A byte of an image in planes. */
static int byte_of(const struct data *data, int image, int at)
{
    return ((const uint8_t *)data->images[image])[at];
}

static struct stats stats_of(const struct data *data)
{
    struct stats s;
    const double n = (double)data->count * PIXELS;
    for (int c = 0; c < 3; c++) {
        double sum = 0.0, squares = 0.0;
        for (int i = 0; i < data->count; i++)
            for (int k = 0; k < PIXELS; k++)
                sum += byte_of(data, i, c * PIXELS + k) / 255.0;
        s.mean[c] = sum / n;
        for (int i = 0; i < data->count; i++) {
            for (int k = 0; k < PIXELS; k++) {
                double x = byte_of(data, i, c * PIXELS + k) / 255.0;
                squares += (x - s.mean[c]) * (x - s.mean[c]);
            }
        }
        s.std[c] = sqrt(squares / n);
    }
    return s;
}

static struct data images_of(enum data_part part)
{
    struct data data = {0};
    struct err err = {0};
    int count = part == DATA_TRAIN ? SYNTHETIC_TRAIN : SYNTHETIC_TEST;
    ck_assert_msg(synthetic_open(&data, &cifar_shape, part, count, &err), "%s", err.message);
    return data;
}

struct figures {
    double loss; /* mean over the images */
    int hits, images;
    int class_images[CLASSES], class_hits[CLASSES];
};

/* Normalises n images from `first` on. */
static void normalise(float *out, const struct data *data, const struct stats *s, int first, int n)
{
    for (int i = 0; i < n * IMAGE; i++) {
        int c = i / PIXELS % 3;
        out[i] =
            (float)((byte_of(data, first + i / IMAGE, i % IMAGE) / 255.0 - s->mean[c]) / s->std[c]);
    }
}

/* Evaluates each image alone. */
static struct figures evaluate(struct run *run, const struct data *data, const struct stats *s)
{
    static float image[IMAGE], logits[CLASSES];
    struct figures f = {.images = data->count};
    for (int i = 0; i < data->count; i++) {
        const struct batch one = {.n = 1, .images = image, .labels = data->labels + i, .epoch = 1};
        const int label = data->labels[i];
        int best = 0;
        double sum = 0.0;
        normalise(image, data, s, i, 1);
        run_eval(run, &one, logits);
        for (int k = 0; k < CLASSES; k++) {
            best = logits[k] > logits[best] ? k : best;
            sum += exp((double)logits[k]);
        }
        f.loss += (log(sum) - (double)logits[label]) / data->count;
        f.hits += best == label;
        f.class_images[label]++;
        f.class_hits[label] += best == label;
    }
    return f;
}

static struct run open_tiny(const char *model_file)
{
    struct safetensors file = {0};
    struct run run;
    struct err err = {0};
    char path[2 * PATH_SIZE];
    put_path(path, model_file);
    ck_assert(run_open(&run, &tiny_model, &generic_backend, 1, &err));
    ck_assert_msg(safetensors_open(&file, path, &err) && checkpoint_fits(&file, &tiny_model, &err),
                  "%s", err.message);
    ck_assert(checkpoint_load_model(&file, &run, &err));
    safetensors_close(&file);
    return run;
}

/* The number behind `key` in a text of JSON. */
static double value(const char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    ck_assert_msg(at != NULL, "no %s in %s", key, text);
    return strtod(at + strlen(quoted), NULL);
}

/* -- Training ---------------------------------------------------------------------------------- */

/* At a learning rate of 0, without shuffling, the batches of an epoch are known. The last one has a
 * single image of 3601, or all but one of 200: the weight of that batch shows in the mean. */
START_TEST(an_epoch_weighs_its_last_batch)
{
    static const int validate[] = {399, 201};
    static float images[TINY_BATCH * IMAGE];
    char words[200], text[OUTPUT_SIZE];
    for (int i = 0; i < 2; i++) {
        struct data train = images_of(DATA_TRAIN), held;
        struct err err = {0};
        ck_assert(data_hold_out(&train, validate[i], &held, &err));
        snprintf(words, sizeof words,
                 "train --data synthetic --validate %d --epochs 1 --lr 0 --seed 9 --no-augment "
                 "--no-shuffle --out here",
                 validate[i]);
        ck_assert_int_eq(run(words), EXIT_OK);
        events("here/log.jsonl", "epoch", text);

        const struct stats s = stats_of(&train);
        struct run again;
        ck_assert(run_open(&again, &tiny_model, &generic_backend, 1, &err));
        run_init_params(&again, 9);
        again.label_smoothing = tiny_model.recipe->label_smoothing;
        double loss = 0.0;
        int hits = 0;
        for (int first = 0; first < train.count; first += TINY_BATCH) {
            int n = train.count - first < TINY_BATCH ? train.count - first : TINY_BATCH;
            const struct batch batch = {
                .n = n, .images = images, .labels = train.labels + first, .epoch = 1};
            normalise(images, &train, &s, first, n);
            struct step_result step = run_train(&again, &batch);
            loss += step.loss * n;
            hits += step.correct;
        }
        ck_assert_double_eq_tol(value(text, "train_loss"), loss / train.count, 3e-6);
        ck_assert_double_eq_tol(value(text, "train_acc"), 100.0 * hits / train.count, 5e-5);

        struct figures f = evaluate(&again, &held, &s);
        ck_assert_double_eq_tol(value(text, "val_loss"), f.loss, 3e-6);
        ck_assert_double_eq_tol(value(text, "val_acc"), 100.0 * f.hits / f.images, 5e-5);
        run_close(&again);
        data_close(&train);
        data_close(&held);
    }
}
END_TEST

/* "0.49 0.48 0.44" */
static void numbers_are(const char *text, const double expected[3])
{
    char *end;
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < 3; i++, text = end)
        ck_assert_double_eq_tol(strtod(text, &end), expected[i], 1e-12);
    ck_assert_str_eq(text, "");
}

/* What is held out belongs to no statistics, and the test set never does. */
START_TEST(images_are_normalised_by_the_training_set)
{
    for (int held_out = 0; held_out < 2; held_out++) {
        struct data train = images_of(DATA_TRAIN), test = images_of(DATA_TEST), held = {0};
        struct safetensors file = {0};
        struct err err = {0};
        char path[2 * PATH_SIZE];
        const struct stats all = stats_of(&train), other = stats_of(&test);
        if (held_out)
            ck_assert(data_hold_out(&train, 700, &held, &err));
        const struct stats s = stats_of(&train);
        const char *words = "train --validate 700 --data synthetic --max-steps 1 --out a";
        ck_assert_int_eq(run(held_out ? words : "train --data synthetic --max-steps 1 --out a"),
                         EXIT_OK);
        put_path(path, "a/last.safetensors");
        ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
        numbers_are(safetensors_meta(&file, "mean"), s.mean);
        numbers_are(safetensors_meta(&file, "std"), s.std);
        ck_assert(fabs(s.mean[0] - other.mean[0]) > 1e-6 && fabs(s.std[0] - other.std[0]) > 1e-6);
        ck_assert(held_out == (fabs(s.mean[0] - all.mean[0]) > 1e-6));
        safetensors_close(&file);
        data_close(&train);
        data_close(&test);
        data_close(&held);
    }
}
END_TEST

/* -- Evaluation -------------------------------------------------------------------------------- */

/* The command prints these figures: 1000 images in batches of 150 (TINY_MODEL ragged). */
static void prints(const struct figures *f)
{
    static const char *const names[CLASSES] = {"level", "upright", "slanting", "checker",  "disc",
                                               "ring",  "cross",   "triangle", "gradient", "blobs"};
    char line[100];
    snprintf(line, sizeof line, "test loss %.4f, accuracy %.2f %%\n", f->loss,
             100.0 * f->hits / f->images);
    says(output, line);
    for (int k = 0; k < CLASSES; k++) {
        snprintf(line, sizeof line, "SYNTHETIC   %-12s %6.2f %%\n", names[k],
                 100.0 * f->class_hits[k] / f->class_images[k]);
        says(output, line);
    }
}

/* Saves a checkpoint again as others would: tensors without metadata. */
static void strip(const char *from, const char *to)
{
    struct safetensors file = {0};
    struct err err = {0};
    char path[2 * PATH_SIZE];
    put_path(path, from);
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    put_path(path, to);
    ck_assert(safetensors_save(path, NULL, file.tensors, file.count, NULL, 0, &err));
    safetensors_close(&file);
}

START_TEST(an_evaluation_counts_by_label)
{
    const struct world ragged = {.environment = {{"TINY_MODEL", "ragged"}}};
    char words[200], text[OUTPUT_SIZE];
    struct data train = images_of(DATA_TRAIN), test = images_of(DATA_TEST);
    const struct stats s = stats_of(&train);
    ck_assert_int_eq(run_words(&ragged, "train --data synthetic --seed 4 --out a"), EXIT_OK);
    struct run last = open_tiny("a/last.safetensors");
    const struct figures f = evaluate(&last, &test, &s);
    int least = f.class_hits[0], most = least, predicted = 0;
    for (int k = 0; k < CLASSES; k++) {
        least = f.class_hits[k] < least ? f.class_hits[k] : least;
        most = f.class_hits[k] > most ? f.class_hits[k] : most;
        predicted += f.class_images[k];
    }
    ck_assert_int_eq(predicted, SYNTHETIC_TEST);
    ck_assert_msg(most > 2 * least, "%d to %d hits a class: a test that shows little", least, most);

    const char *line = strstr(events("a/log.jsonl", "epoch", text), "\"epoch\":2,");
    ck_assert_double_eq_tol(value(line, "test_loss"), f.loss, 3e-6);
    ck_assert_double_eq_tol(value(line, "test_acc"), 100.0 * f.hits / f.images, 5e-5);
    strip("a/last.safetensors", "b.safetensors");
    static const char *const files[] = {"a/last.safetensors", "b.safetensors"};
    for (int i = 0; i < 2; i++) {
        snprintf(words, sizeof words, "eval --data synthetic --model %s --out out%d", files[i], i);
        ck_assert_int_eq(run_words(&ragged, words), EXIT_OK);
        prints(&f);
        snprintf(words, sizeof words, "out%d/eval.json", i);
        read_text(words, text);
        ck_assert_double_eq_tol(value(text, "loss"), f.loss, 3e-6);
        ck_assert_double_eq_tol(value(text, "acc"), 100.0 * f.hits / f.images, 5e-5);
    }
    run_close(&last);
    data_close(&train);
    data_close(&test);
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("figures");
    TCase *tcase = tcase_create("figures");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, an_epoch_weighs_its_last_batch);
    tcase_add_test(tcase, images_are_normalised_by_the_training_set);
    tcase_add_test(tcase, an_evaluation_counts_by_label);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
