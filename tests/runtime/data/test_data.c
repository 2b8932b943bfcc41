/* test_data.c - what is true of the images of any format: their statistics, pictures of them, and
 * which are held out.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "data/dataset.h"

/* -- Statistics -------------------------------------------------------------------------------- */

/* Red is half 0 and half 255, green is 51 = 255/5 everywhere, blue is 0 and 255 one in four. */
START_TEST(statistics_by_hand)
{
    enum { PLANE = 8 };
    static uint8_t pixels[2][CIFAR_CHANNELS][PLANE];
    const void *images[] = {pixels[0], pixels[1]};
    struct data data = {.images = images,
                        .count = 2,
                        .c = CIFAR_CHANNELS,
                        .h = 2,
                        .w = 4,
                        .strides = data_planes(2, 4)};
    for (int i = 0; i < PLANE; i++) {
        pixels[1][0][i] = 255;
        pixels[0][1][i] = pixels[1][1][i] = 51;
        pixels[0][2][i] = pixels[1][2][i] = i % 4 == 0 ? 255 : 0;
    }
    struct data_stats stats = data_statistics(&data);
    ck_assert_double_eq_tol(stats.mean[0], 0.5, 1e-15);
    ck_assert_double_eq_tol(stats.std[0], 0.5, 1e-15);
    ck_assert_double_eq_tol(stats.mean[1], 0.2, 1e-15);
    ck_assert_double_eq(stats.std[1], 1);
    ck_assert_double_eq_tol(stats.mean[2], 0.25, 1e-15);
    ck_assert_double_eq_tol(stats.std[2], sqrt(0.1875), 1e-15);
}
END_TEST

/* The same numbers, interleaved: bytes, and floats that are 51 for 0.2. */
START_TEST(statistics_of_other_pixels)
{
    static const uint8_t bytes[] = {0, 51, 255, 255, 51, 0, 0, 51, 0, 255, 51, 0};
    float floats[12];
    const void *images[] = {bytes}, *float_images[] = {floats};
    struct data data = {.images = images, .count = 1, .c = 3, .h = 2, .w = 2, .strides = {1, 6, 3}};
    struct data_stats stats = data_statistics(&data);
    const double mean[] = {0.5, 0.2, 0.25}, std[] = {0.5, 1, sqrt(0.1875)};
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol(stats.mean[c], mean[c], 1e-15);
        ck_assert_double_eq_tol(stats.std[c], std[c], 1e-15);
    }
    /* A mean a million times its deviation. */
    for (int i = 0; i < 12; i++)
        floats[i] = i % 3 == 0 ? 2e6f + bytes[i] / 255.0f : bytes[i];
    data.images = float_images;
    data.type = DATA_FLOATS;
    stats = data_statistics(&data);
    ck_assert_double_eq_tol(stats.mean[0], 2e6 + 0.5, 1e-6);
    ck_assert_double_eq_tol(stats.std[0], 0.5, 1e-6);
    ck_assert_double_eq_tol(stats.mean[1], 51, 1e-12);
    ck_assert_double_eq(stats.std[1], 1);
    ck_assert_double_eq_tol(stats.mean[2], 255 * mean[2], 1e-12);
    ck_assert_double_eq_tol(stats.std[2], 255 * std[2], 1e-12);
}
END_TEST

/* Sums of squares of these have more digits than a double. */
START_TEST(a_mean_far_above_its_deviation)
{
    enum { SIDE = 128 };
    static float floats[SIDE * SIDE];
    const void *images[] = {floats};
    const struct data data = {.images = images,
                              .count = 1,
                              .c = 1,
                              .h = SIDE,
                              .w = SIDE,
                              .type = DATA_FLOATS,
                              .strides = data_planes(SIDE, SIDE)};
    for (int i = 0; i < SIDE * SIDE; i++)
        floats[i] = i % 3 == 0 ? 8000001 : 8000003;
    const double share = (SIDE * SIDE + 2) / 3 / (double)(SIDE * SIDE);
    struct data_stats stats = data_statistics(&data);
    ck_assert_double_eq_tol(stats.mean[0], 8000003 - 2 * share, 1e-6);
    ck_assert_double_eq_tol(stats.std[0], 2 * sqrt(share * (1 - share)), 1e-6);
}
END_TEST

/* Planes of bytes, from bytes as they are and from floats from their least to their largest. */
START_TEST(pictures_are_bytes)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
    static const float floats[] = {-1, 0, 1, -0.5f, 0.5f, 1}, flat[] = {7, 7, 7, 7, 7, 7};
    static const uint8_t expected[2][6] = {{1, 3, 5, 2, 4, 6}, {0, 255, 191, 128, 64, 255}};
    const void *images[] = {bytes}, *float_images[] = {floats, flat};
    struct data data = {.images = images, .c = 2, .h = 1, .w = 3, .strides = {1, 6, 2}};
    uint8_t out[6], black[6] = {0};
    data_picture(&data, 0, out);
    ck_assert_mem_eq(out, expected[0], sizeof out);
    data.images = float_images;
    data.type = DATA_FLOATS;
    data_picture(&data, 0, out);
    ck_assert_mem_eq(out, expected[1], sizeof out);
    data_picture(&data, 1, out);
    ck_assert_mem_eq(out, black, sizeof out);
}
END_TEST

/* -- Holding out ------------------------------------------------------------------------------- */

enum { IMAGES = 200, HELD = 60 };

/* Images have one pixel, which says which they are. */
static int value_of(const struct data *data, size_t image)
{
    return *(const uint8_t *)data->images[image];
}

static void make_images(struct data *data)
{
    *data = (struct data){.c = 1, .h = 1, .w = 1};
    uint8_t *pixels = data_plain(data, IMAGES);
    ck_assert_ptr_nonnull(pixels);
    for (int i = 0; i < IMAGES; i++) {
        pixels[i] = (uint8_t)i;
        data->labels[i] = (uint8_t)(i % CIFAR_CLASSES);
    }
}

START_TEST(holding_out_parts_the_images)
{
    struct data train, held, again, same;
    struct err wrong = {0};
    make_images(&train);
    make_images(&again);
    ck_assert(data_hold_out(&train, HELD, &held, &wrong));
    ck_assert(data_hold_out(&again, HELD, &same, &wrong));
    ck_assert_int_eq(held.count, HELD);
    ck_assert_int_eq(train.count, IMAGES - HELD);
    int seen[IMAGES] = {0}, late = 0;
    for (int part = 0; part < 2; part++) {
        const struct data *data = part == 0 ? &train : &held;
        for (int i = 0; i < data->count; i++) {
            seen[value_of(data, (size_t)i)]++;
            ck_assert_int_eq(data->labels[i], value_of(data, (size_t)i) % CIFAR_CLASSES);
            ck_assert(i == 0 || value_of(data, (size_t)i) > value_of(data, (size_t)(i - 1)));
            late += part == 1 && value_of(data, (size_t)i) >= IMAGES / 2;
        }
    }
    for (int i = 0; i < IMAGES; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_msg(late > HELD / 4 && late < 3 * HELD / 4, "%d of %d from the second half", late,
                  HELD);
    for (int i = 0; i < HELD; i++)
        ck_assert_int_eq(value_of(&held, (size_t)i), value_of(&same, (size_t)i));
    data_close(&train);
    data_close(&held);
    data_close(&again);
    data_close(&same);
}
END_TEST

/* Another number makes another choice, none that is nested in the other: with chance alone, 18 of
 * 60 and 60 of 200 images meet. What is chosen is the same on every machine. */
START_TEST(another_number_holds_out_other_images)
{
    static const uint8_t first[] = {0, 1, 4, 6, 9, 10, 13, 17};
    struct data train[2], held[2];
    struct err wrong = {0};
    bool chosen[IMAGES] = {false};
    int both = 0;
    for (int i = 0; i < 2; i++) {
        make_images(&train[i]);
        ck_assert(data_hold_out(&train[i], HELD + i, &held[i], &wrong));
        ck_assert_int_eq(held[i].count, HELD + i);
    }
    for (size_t i = 0; i < sizeof first; i++)
        ck_assert_int_eq(value_of(&held[0], i), first[i]);
    for (int i = 0; i < HELD; i++)
        chosen[value_of(&held[0], (size_t)i)] = true;
    for (int i = 0; i <= HELD; i++)
        both += chosen[value_of(&held[1], (size_t)i)];
    ck_assert_msg(both > 5 && both < 32, "%d images are in both", both);
    for (int i = 0; i < 2; i++) {
        data_close(&train[i]);
        data_close(&held[i]);
    }
}
END_TEST

/* All but one, and one alone. */
START_TEST(the_ends_of_holding_out)
{
    for (int n = 1; n < IMAGES; n += IMAGES - 2) {
        struct data train, held;
        struct err wrong = {0};
        make_images(&train);
        ck_assert(data_hold_out(&train, n, &held, &wrong));
        ck_assert_int_eq(held.count, n);
        ck_assert_int_eq(train.count, IMAGES - n);
        ck_assert_int_eq(held.c + held.h + held.w, 3);
        data_close(&train);
        data_close(&held);
    }
}
END_TEST

START_TEST(some_images_must_be_left_to_train_on)
{
    static const int wrongs[] = {-1, 0, IMAGES, IMAGES + 1};
    struct data train, held;
    make_images(&train);
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct err wrong = {0};
        char text[80];
        ck_assert(!data_hold_out(&train, wrongs[i], &held, &wrong));
        ck_assert_int_eq(wrong.code, EXIT_USAGE);
        snprintf(text, sizeof text, "%d held out of 200 training images: expected 1 to 199",
                 wrongs[i]);
        ck_assert_str_eq(wrong.message, text);
        ck_assert_int_eq(train.count, IMAGES);
        ck_assert_ptr_null(held.images);
    }
    data_close(&train);
}
END_TEST
/* A description with the number of classes that was found helps where there are two or more. */
START_TEST(what_does_not_fit_says_what_would)
{
    const struct data_shape wanted = {1, 2, 3, 4};
    const struct data_request request = {.path = "x.npz", .wanted = &wanted};
    struct data data = {.c = 1, .h = 2, .w = 3, .classes = 4};
    struct err err = {0};
    ck_assert(dataset_fits(&data, &request, "net", &err));
    data.classes = 5;
    ck_assert(!dataset_fits(&data, &request, "net", &err));
    ck_assert_str_eq(err.message,
                     "network net takes 1x2x3 images of 4 classes, and x.npz has 1x2x3 images of "
                     "5: expected the same; a description for these images says: input = { 1, 2, "
                     "3 }, classes = 5");
    err = (struct err){0};
    data.classes = 1;
    ck_assert(!dataset_fits(&data, &request, "net", &err));
    ck_assert_str_eq(err.message,
                     "network net takes 1x2x3 images of 4 classes, and x.npz has 1x2x3 images of "
                     "1: expected the same; all are of one class, and no network takes that");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *tests = tcase_create("data");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, statistics_by_hand);
    tcase_add_test(tests, statistics_of_other_pixels);
    tcase_add_test(tests, a_mean_far_above_its_deviation);
    tcase_add_test(tests, pictures_are_bytes);
    tcase_add_test(tests, what_does_not_fit_says_what_would);
    tcase_add_test(tests, holding_out_parts_the_images);
    tcase_add_test(tests, another_number_holds_out_other_images);
    tcase_add_test(tests, the_ends_of_holding_out);
    tcase_add_test(tests, some_images_must_be_left_to_train_on);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
