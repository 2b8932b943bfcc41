/* test_synthetic.c - the set is balanced, the same everywhere, and not too easy. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "data/synthetic.h"
#include "digest.h"

static void open_part(struct data *data, enum data_part part, int count)
{
    struct err err = {0};
    ck_assert_msg(synthetic_open(data, part, count, &err), "%s", err.message);
    ck_assert_int_eq(data->count, count);
}

START_TEST(it_looks_like_cifar)
{
    struct data data = {0};
    open_part(&data, DATA_TRAIN, 1000);
    ck_assert_int_eq(data.c, 3);
    ck_assert_int_eq(data.h, 32);
    ck_assert_int_eq(data.w, 32);
    ck_assert(data.synthetic);
    ck_assert_str_eq(data.source, "synthetic");
    ck_assert_str_eq(data.warning, "");
    int images[DATA_CLASSES] = {0};
    for (int i = 0; i < data.count; i++)
        images[data.labels[i]]++;
    for (int k = 0; k < DATA_CLASSES; k++)
        ck_assert_int_eq(images[k], 100);
    struct data_stats stats = data_statistics(&data);
    for (int c = 0; c < DATA_CHANNELS; c++) {
        ck_assert_double_eq_tol(stats.mean[c], 0.5, 0.03);
        ck_assert_double_eq_tol(stats.std[c], 0.28, 0.03);
    }
    data_close(&data);
}
END_TEST

/* The digest of 100 images: another compiler, library or machine must paint the same. */
START_TEST(images_never_change)
{
    struct data data = {0};
    char hex[SHA256_HEX_SIZE];
    open_part(&data, DATA_TRAIN, 100);
    digest(hex, data.pixels, 100 * DATA_PIXELS);
    ck_assert_str_eq(hex, "e362402ff22cd8613fdb33889765100fb055135c47bddf3d7b59eab1d14f3a70");
    data_close(&data);
}
END_TEST

START_TEST(a_smaller_set_is_the_start_of_a_larger_one)
{
    struct data small = {0}, large = {0};
    open_part(&small, DATA_TEST, 20);
    open_part(&large, DATA_TEST, 50);
    ck_assert_mem_eq(small.pixels, large.pixels, 20 * DATA_PIXELS);
    ck_assert_mem_eq(small.labels, large.labels, 20);
    data_close(&small);
    data_close(&large);
}
END_TEST

START_TEST(training_and_test_images_differ)
{
    struct data train = {0}, test = {0};
    open_part(&train, DATA_TRAIN, 10);
    open_part(&test, DATA_TEST, 10);
    for (size_t i = 0; i < 10; i++)
        ck_assert_mem_ne(train.pixels + i * DATA_PIXELS, test.pixels + i * DATA_PIXELS,
                         DATA_PIXELS);
    data_close(&train);
    data_close(&test);
}
END_TEST

/* Hits among 1,000 test images of the class whose mean training image is nearest. */
static int nearest_mean_hits(void)
{
    enum { TRAIN = 2000, TEST = 1000 };
    static double mean[DATA_CLASSES][DATA_PIXELS];
    struct data train = {0}, test = {0};
    open_part(&train, DATA_TRAIN, TRAIN);
    open_part(&test, DATA_TEST, TEST);
    for (int i = 0; i < TRAIN; i++) {
        for (int p = 0; p < DATA_PIXELS; p++)
            mean[train.labels[i]][p] += train.pixels[i * DATA_PIXELS + p] / (double)(TRAIN / 10);
    }
    int hits = 0;
    for (int i = 0; i < TEST; i++) {
        int best = -1;
        double least = 0;
        for (int k = 0; k < DATA_CLASSES; k++) {
            double distance = 0;
            for (int p = 0; p < DATA_PIXELS; p++) {
                double d = test.pixels[i * DATA_PIXELS + p] - mean[k][p];
                distance += d * d;
            }
            if (best < 0 || distance < least) {
                best = k;
                least = distance;
            }
        }
        hits += best == test.labels[i];
    }
    data_close(&train);
    data_close(&test);
    return hits;
}

START_TEST(mean_images_tell_little)
{
    ck_assert_int_lt(nearest_mean_hits(), 250);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("synthetic");
    TCase *tests = tcase_create("synthetic");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, it_looks_like_cifar);
    tcase_add_test(tests, images_never_change);
    tcase_add_test(tests, a_smaller_set_is_the_start_of_a_larger_one);
    tcase_add_test(tests, training_and_test_images_differ);
    tcase_add_test(tests, mean_images_tell_little);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
