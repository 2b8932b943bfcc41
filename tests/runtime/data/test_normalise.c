/* test_normalise.c - by which statistics a model is evaluated, and that it matters. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "data/normalise.h"
#include "tiny_program.h"

/* Changes the metadata of here/best.safetensors to these; NULL: none. */
static void save_with(const char *mean, const char *std)
{
    char path[2 * PATH_SIZE];
    struct safetensors file = {0};
    struct err err = {0};
    struct safetensors_meta metas[2];
    size_t count = 0;
    put_path(path, "here/best.safetensors");
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    if (mean != NULL)
        metas[count++] = (struct safetensors_meta){"mean", mean};
    if (std != NULL)
        metas[count++] = (struct safetensors_meta){"std", std};
    put_path(path, "foreign.safetensors");
    ck_assert_msg(safetensors_save(path, NULL, file.tensors, file.count, metas, count, &err), "%s",
                  err.message);
    safetensors_close(&file);
}

/* The line with loss and accuracy of the last evaluation. */
static char *result(char text[PATH_SIZE])
{
    const char *line = strstr(output, "SYNTHETIC test loss ");
    ck_assert_msg(line != NULL, "%s", output);
    snprintf(text, PATH_SIZE, "%.*s", (int)strcspn(line, "\n"), line);
    return text;
}

#define EVAL "eval --threads 1 --data synthetic --model "

START_TEST(a_model_is_evaluated_by_what_it_was_trained_by)
{
    char own[PATH_SIZE], other[PATH_SIZE], text[PATH_SIZE];
    ck_assert_int_eq(run("train --data synthetic --epochs 2 --out here"), EXIT_OK);
    ck_assert_int_eq(run(EVAL "here/best.safetensors"), EXIT_OK);
    says(output, "SYNTHETIC normalised by mean 0.5037 0.5181 0.4849, deviation 0.2782 0.2801 "
                 "0.2869, as the model's file says\n");
    ck_assert_ptr_null(strstr(output, "these images have other ones"));
    result(own);

    /* The options say it, and win over the file. */
    ck_assert_int_eq(run(EVAL "here/best.safetensors --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"),
                     EXIT_OK);
    says(output, "SYNTHETIC normalised by mean 0.5000 0.5000 0.5000, deviation 0.5000 0.5000 "
                 "0.5000, as the options say\n"
                 "SYNTHETIC these images have other ones: mean 0.51");
    ck_assert_str_ne(result(other), own);

    /* A file from elsewhere says it, by blanks or by commas. */
    static const char *const halves[] = {"0.5 0.5 0.5", "0.5,0.5,0.5", "0.5, 0.5 ,5e-1 "};
    for (int i = 0; i < 3; i++) {
        save_with(halves[i], halves[i]);
        ck_assert_int_eq(run(EVAL "foreign.safetensors"), EXIT_OK);
        says(output, "0.5000, as the model's file says\nSYNTHETIC these images have other ones");
        ck_assert_str_eq(result(text), other);
    }

    /* Nobody says it. */
    save_with(NULL, NULL);
    ck_assert_int_eq(run(EVAL "foreign.safetensors"), EXIT_OK);
    says(output, "SYNTHETIC normalised by mean 0.5037 0.5181 0.4849, deviation 0.2782 0.2801 "
                 "0.2869, as the training set has them: nobody said what the model expects\n");
    ck_assert_str_eq(result(text), own);
    ck_assert_int_eq(run(EVAL "foreign.safetensors --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"), EXIT_OK);
    ck_assert_str_eq(result(text), other);
}
END_TEST

START_TEST(what_is_no_statistics_is_refused)
{
    static const struct {
        const char *mean, *std, *message;
    } bad[] = {
        {"0.5 0.5 0.5", NULL, "metadata: mean without std: expected both"},
        {NULL, "0.5 0.5 0.5", "metadata: std without mean: expected both"},
        {"0.5 0.5", "1 1 1", "metadata: mean '0.5 0.5': expected 3 numbers for pixels from 0 to 1"},
        {"0.5 0.5 0.5 0.5", "1 1 1", "metadata: mean '0.5 0.5 0.5 0.5': expected 3 numbers"},
        {"0.5,,0.5,0.5", "1 1 1", "metadata: mean '0.5,,0.5,0.5': expected 3 numbers"},
        {"0.5 0.5 x", "1 1 1", "metadata: mean '0.5 0.5 x': expected 3 numbers"},
        {"", "1 1 1", "metadata: mean '': expected 3 numbers"},
        {"127 127 127", "60 60 60", "metadata: mean '127 127 127': expected 3 numbers for pixels"},
        {"-0.1 0 0", "1 1 1", "metadata: mean '-0.1 0 0': expected 3 numbers"},
        {"0 nan 0", "1 1 1", "metadata: mean '0 nan 0': expected 3 numbers"},
        {"0 0 0", "1 0 1",
         "metadata: std '1 0 1': expected 3 numbers for pixels from 0 to 1, "
         "above 0"},
        {"0 0 0", "1 -1 1", "metadata: std '1 -1 1': expected"},
        {"0 0 0", "1 1e-300 1", "metadata: std '1 1e-300 1': expected"},
        {"0 0 0", "1 inf 1", "metadata: std '1 inf 1': expected"},
        {"0 0 0", "1 nan 1", "metadata: std '1 nan 1': expected"},
    };
    ck_assert_int_eq(run("train --data synthetic --max-steps 20 --epochs 1 --out here"), EXIT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        save_with(bad[i].mean, bad[i].std);
        refuses(EVAL "foreign.safetensors", EXIT_DATA);
        says(errors, "foreign.safetensors: ");
        says(errors, bad[i].message);
    }
    refuses(EVAL "here/best.safetensors --mean 0.5,0.5,0.5", EXIT_USAGE);
    says(errors, "--mean and --std: mean without std: expected both");
    refuses(EVAL "here/best.safetensors --mean 1,2,3 --std 1,1,1", EXIT_USAGE);
    says(errors, "--mean and --std: mean '1,2,3': expected 3 numbers");
}
END_TEST

/* A file that says nothing is normalised by the training set, which has to be there. */
START_TEST(a_training_set_that_is_missing_is_told)
{
    char path[2 * PATH_SIZE];
    ck_assert_int_eq(run("train --data synthetic --max-steps 20 --epochs 1 --out here"), EXIT_OK);
    save_with(NULL, NULL);
    put_path(path, "test_batch.bin");
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(ftruncate(fileno(file), 10000L * 3073), 0);
    ck_assert_int_eq(fclose(file), 0);
    refuses("eval --threads 1 --data . --model foreign.safetensors", EXIT_DATA);
    says(errors, "data_batch_1.bin");
}
END_TEST

/* Every channel counts, in both directions. */
START_TEST(a_tenth_of_the_deviation_is_other)
{
    const struct data_stats images = {{0.5, 0.4, 0.3}, {0.25, 0.25, 0.25}, 3};
    for (int i = 0; i < 2 * CIFAR_CHANNELS; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct normalisation near = {.stats = images}, far = {.stats = images};
            double *values[] = {near.stats.mean, far.stats.mean};
            for (int k = 0; k < 2; k++) {
                double *v = i < CIFAR_CHANNELS ? values[k] + i
                            : k == 0           ? near.stats.std + i - CIFAR_CHANNELS
                                               : far.stats.std + i - CIFAR_CHANNELS;
                *v += sign * (k == 0 ? 0.024 : 0.026);
            }
            ck_assert(normalise_suits(&near, &images));
            ck_assert(!normalise_suits(&far, &images));
        }
    }
}
END_TEST

/* Writes here/best.safetensors once more with this value in every element of a tensor. */
static void save_filled(const char *name, float value)
{
    static float values[TINY_PARAM_FLOATS];
    struct safetensor tensors[16];
    struct safetensors file = {0};
    struct err err = {0};
    char path[2 * PATH_SIZE];
    put_path(path, "here/best.safetensors");
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    for (size_t i = 0; i < TINY_PARAM_FLOATS; i++)
        values[i] = value;
    for (size_t i = 0; i < file.count; i++) {
        tensors[i] = file.tensors[i];
        if (strcmp(tensors[i].name, name) == 0)
            tensors[i].data = values;
    }
    put_path(path, "bad.safetensors");
    ck_assert_msg(safetensors_save(path, NULL, tensors, file.count, NULL, 0, &err), "%s",
                  err.message);
    safetensors_close(&file);
}

/* No accuracy is told where it would mean nothing. */
START_TEST(a_model_that_computes_nothing_is_an_error)
{
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out here"), EXIT_OK);
    save_filled("fc.weight", NAN);
    refuses(EVAL "bad.safetensors", EXIT_DATA);
    says(errors,
         "bad.safetensors: tensor \"fc.weight\": element 0 is nan: expected finite numbers");
    ck_assert_str_eq(output, "");
    refuses("train --data synthetic --init bad.safetensors", EXIT_DATA);
    says(errors,
         "bad.safetensors: tensor \"fc.weight\": element 0 is nan: expected finite numbers");
    ck_assert_msg(!exists("runs"), "a refused start left a folder");
    save_filled("norm1.weight", 3e38f); /* finite, but what comes of it is not */
    refuses(EVAL "bad.safetensors", EXIT_DIVERGED);
    says(errors,
         "bad.safetensors: the test loss is not finite, and its accuracy would mean nothing");
    ck_assert_str_eq(output, "");
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("normalise");
    TCase *tcase = tcase_create("evaluations");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, a_model_is_evaluated_by_what_it_was_trained_by);
    tcase_add_test(tcase, what_is_no_statistics_is_refused);
    tcase_add_test(tcase, a_training_set_that_is_missing_is_told);
    tcase_add_test(tcase, a_tenth_of_the_deviation_is_other);
    tcase_add_test(tcase, a_model_that_computes_nothing_is_an_error);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
