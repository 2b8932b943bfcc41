/* test_synthetic.c - the set is balanced, the same everywhere, and not too easy. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "data/synthetic.h"
#include "digest.h"

static void open_part(struct data *data, enum data_part part, int count)
{
    struct err err = {0};
    ck_assert_msg(synthetic_open(data, &cifar_shape, part, count, &err), "%s", err.message);
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
    int images[CIFAR_CLASSES] = {0};
    for (int i = 0; i < data.count; i++)
        images[data.labels[i]]++;
    for (int k = 0; k < CIFAR_CLASSES; k++)
        ck_assert_int_eq(images[k], 100);
    struct data_stats stats = data_statistics(&data);
    for (int c = 0; c < CIFAR_CHANNELS; c++) {
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
    digest(hex, data.images[0], 100 * CIFAR_PIXELS);
    ck_assert_str_eq(hex, "e362402ff22cd8613fdb33889765100fb055135c47bddf3d7b59eab1d14f3a70");
    data_close(&data);
}
END_TEST

/* Its digest; classes from `first` to `last` are named so. */
static void shape_paints(const struct data_shape *shape, const char *first, const char *last,
                         const char *expected)
{
    enum { COUNT = 300 };
    struct data data = {0};
    struct err err = {0};
    char hex[SHA256_HEX_SIZE];
    ck_assert_msg(synthetic_open(&data, shape, DATA_TEST, COUNT, &err), "%s", err.message);
    ck_assert(data.c == shape->c && data.h == shape->h && data.w == shape->w);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(data.labels[i], i % shape->classes);
    ck_assert_str_eq(data.class_names[0], first);
    ck_assert_str_eq(data.class_names[data.classes - 1], last);
    digest(hex, data.images[0], COUNT * (size_t)(shape->c * shape->h * shape->w));
    ck_assert_str_eq(hex, expected);
    data_close(&data);
}

/* One band, two below each other, two side by side, three; one channel, three, and more than what
 * is drawn before the noise leaves room for. */
START_TEST(other_shapes_never_change_either)
{
    shape_paints(&(struct data_shape){1, 28, 28, 2}, "level", "upright",
                 "b4dbbf797ce45a85724595522cec4c30cc1e1a477053a1646c7ff5ed30d3b12b");
    shape_paints(&(struct data_shape){3, 48, 40, 20}, "level-level", "upright-blobs",
                 "8670015ec9612ac9cad15d4997609cb2fc5a1fe8b76115a1935815918f1fe80e");
    shape_paints(&(struct data_shape){2, 1, 64, 11}, "level-level", "upright-level",
                 "8bd5d05fa49878a58c39c45af9bd8c2669fff5b6f5494352c04b6c14abaec7b4");
    shape_paints(&(struct data_shape){64, 7, 5, 256}, "level-level-level", "slanting-ring-ring",
                 "d034738759f43050e574847de6cbf3051cf4de3647882e844b5bd2b609f9184f");
}
END_TEST

/* Rows and columns of stripes: how often a pixel is nearer to its neighbour above than to the one
 * at its left, in each half of the images of a class. */
static double level_share(const struct data *data, int class, int half)
{
    int level = 0, all = 0;
    for (int i = class; i < data->count; i += data->classes) {
        const uint8_t *p = data->images[i];
        for (int y = half * data->h / 2 + 1; y < (half + 1) * data->h / 2; y++) {
            for (int x = 1; x < data->w; x++, all++) {
                const uint8_t *at = p + y * data->w + x;
                level += abs(*at - at[-1]) < abs(*at - at[-data->w]);
            }
        }
    }
    return (double)level / all;
}

/* Of class 1, "level-upright", the upper half has level stripes; of class 10 the lower half. */
START_TEST(bands_show_the_digits_from_the_top)
{
    const struct data_shape shape = {1, 64, 64, 20};
    struct data data = {0};
    struct err err = {0};
    ck_assert_msg(synthetic_open(&data, &shape, DATA_TRAIN, 2000, &err), "%s", err.message);
    ck_assert_str_eq(data.class_names[1], "level-upright");
    ck_assert_str_eq(data.class_names[10], "upright-level");
    ck_assert_double_gt(level_share(&data, 1, 0), level_share(&data, 1, 1) + 0.1);
    ck_assert_double_gt(level_share(&data, 10, 1), level_share(&data, 10, 0) + 0.1);
    data_close(&data);
}
END_TEST

START_TEST(a_smaller_set_is_the_start_of_a_larger_one)
{
    struct data small = {0}, large = {0};
    open_part(&small, DATA_TEST, 20);
    open_part(&large, DATA_TEST, 50);
    ck_assert_mem_eq(small.images[0], large.images[0], 20 * CIFAR_PIXELS);
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
        ck_assert_mem_ne(train.images[i], test.images[i], CIFAR_PIXELS);
    data_close(&train);
    data_close(&test);
}
END_TEST

/* Hits among 1,000 test images of the class whose mean training image is nearest. */
static int nearest_mean_hits(void)
{
    enum { TRAIN = 2000, TEST = 1000 };
    static double mean[CIFAR_CLASSES][CIFAR_PIXELS];
    struct data train = {0}, test = {0};
    open_part(&train, DATA_TRAIN, TRAIN);
    open_part(&test, DATA_TEST, TEST);
    for (int i = 0; i < TRAIN; i++) {
        for (int p = 0; p < CIFAR_PIXELS; p++)
            mean[train.labels[i]][p] +=
                ((const uint8_t *)train.images[i])[p] / (double)(TRAIN / 10);
    }
    int hits = 0;
    for (int i = 0; i < TEST; i++) {
        int best = -1;
        double least = 0;
        for (int k = 0; k < CIFAR_CLASSES; k++) {
            double distance = 0;
            for (int p = 0; p < CIFAR_PIXELS; p++) {
                double d = ((const uint8_t *)test.images[i])[p] - mean[k][p];
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
    tcase_add_test(tests, other_shapes_never_change_either);
    tcase_add_test(tests, bands_show_the_digits_from_the_top);
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
