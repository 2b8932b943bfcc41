/* test_levels.c - brightness, contrast and normalisation of bytes and floats, by their definitions
 * in double. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "data/levels.h"
#include "rng.h"

enum { H = 4, W = 4, PLANE = H * W, IMAGE = 3 * PLANE };

static struct levels levels, of_floats;

static void near(float value, double expected)
{
    ck_assert_double_eq_tol((double)value, expected, 2e-5);
}

static double cut_off(double x)
{
    return fmin(1, fmax(0, x));
}

/* Bytes of three channels, by the definition and in double: torchvision's ColorJitter. */
START_TEST(brightness_and_contrast_are_factors)
{
    static const double factors[][2] = {{1.6, 1}, {1, 0.4}, {0.7, 1.9}};
    static const double grey_of[] = {0.299, 0.587, 0.114};
    const struct data_stats stats = {{0.5, 0.25, 0.4}, {0.25, 0.5, 0.125}, 3};
    const double brightness = factors[_i][0], contrast = factors[_i][1];
    struct form form = {3, H, W, DATA_BYTES, data_planes(H, W)};
    uint8_t pixels[IMAGE];
    float floats[IMAGE];
    double bright[IMAGE], grey = 0, uncut[IMAGE], uncut_grey = 0;
    for (uint32_t i = 0; i < IMAGE; i++) {
        pixels[i] = (uint8_t)rng_bits(9, i);
        floats[i] = pixels[i] / 255.0f;
        uncut[i] = (double)floats[i] * brightness;
        uncut_grey += grey_of[i / PLANE] * uncut[i] / PLANE;
        bright[i] = cut_off(pixels[i] / 255.0 * brightness);
        grey += grey_of[i / PLANE] * bright[i] / PLANE;
    }
    levels_change(&levels, &stats, &form, pixels, brightness, contrast);
    form.type = DATA_FLOATS;
    levels_change(&of_floats, &stats, &form, floats, brightness, contrast);
    for (int i = 0; i < IMAGE; i++) {
        const double mean = stats.mean[i / PLANE], std = stats.std[i / PLANE];
        const double of_byte = cut_off(grey + contrast * (bright[i] - grey));
        const double of_float = uncut_grey + contrast * (uncut[i] - uncut_grey);
        near(levels_at(&levels, DATA_BYTES, pixels, (size_t)i, i / PLANE), (of_byte - mean) / std);
        near(levels_at(&of_floats, DATA_FLOATS, floats, (size_t)i, i / PLANE),
             (of_float - mean) / std);
    }
}
END_TEST

/* Grey of other numbers of channels is their mean, which contrast 0 leaves alone; strides say where
 * the channels of a pixel lie. */
START_TEST(grey_is_the_mean_of_other_channels)
{
    const struct form form = {2, 2, 1, DATA_BYTES, {1, 4, 2}};
    const struct data_stats stats = {{0}, {1, 1}, 2};
    const uint8_t pixels[] = {0, 51, 255, 255, 102, 255}; /* the middle two are of nobody */
    levels_change(&levels, &stats, &form, pixels, 1, 0);
    for (int c = 0; c < 2; c++)
        near(levels_at(&levels, DATA_BYTES, pixels, (size_t)c, c), 0.4);
}
END_TEST

/* Of all images: bytes by their table, floats by one product. */
START_TEST(nothing_is_changed_but_the_unit)
{
    const struct data_stats stats = {{0.5, 0.25}, {0.25, 2}, 2};
    const float floats[] = {0.125f, -7};
    levels_of_data(&levels, &stats);
    for (int c = 0; c < 2; c++) {
        near(levels_at(&levels, DATA_FLOATS, floats, 1, c), (-7 - stats.mean[c]) / stats.std[c]);
        for (int byte = 0; byte < 256; byte++)
            ck_assert(levels.of_byte[c][byte] ==
                      (float)((byte / 255.0 - stats.mean[c]) / stats.std[c]));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("levels");
    TCase *tests = tcase_create("levels");
    tcase_add_loop_test(tests, brightness_and_contrast_are_factors, 0, 3);
    tcase_add_test(tests, grey_is_the_mean_of_other_channels);
    tcase_add_test(tests, nothing_is_changed_but_the_unit);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
