/* test_rng.c - the numbers themselves, which checkpoints and generated programs rely on, and that
 * they look uniform and independent where they are used. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "rng.h"

/* Check's own ck_assert_float_eq promotes to double in silence, which the warnings forbid. */
static void same(float got, float expected)
{
    ck_assert_double_eq((double)got, (double)expected);
}

/* Changing any of these changes every run that anybody has ever made. */
START_TEST(numbers_never_change)
{
    ck_assert_uint_eq(rng_mix64(1), UINT64_C(0x5692161d100b05e5));
    ck_assert_uint_eq(rng_key(0, 0, 0, 0), UINT64_C(0x568a9b0b1a2c05ec));
    ck_assert_uint_eq(rng_key(42, 3, 49999, RNG_DROPOUT + 2), UINT64_C(0x8d3b1686fd9bcf26));
    ck_assert_uint_eq(rng_bits(rng_key(0, 0, 0, 0), 0), 0xf8b549f4);
    ck_assert_uint_eq(rng_bits(rng_key(42, 3, 49999, RNG_DROPOUT + 2), 12345), 0xd921ec1a);
}
END_TEST

START_TEST(every_part_of_a_key_counts)
{
    uint64_t key = rng_key(1, 2, 3, 4);
    ck_assert_uint_ne(key, rng_key(2, 2, 3, 4));
    ck_assert_uint_ne(key, rng_key(1, 3, 3, 4));
    ck_assert_uint_ne(key, rng_key(1, 2, 4, 4));
    ck_assert_uint_ne(key, rng_key(1, 2, 3, 5));
    ck_assert_uint_ne(rng_key(1, 2, 3, 4), rng_key(1, 4, 3, 2));
}
END_TEST

/* Pearson's statistic of 256 bins over 65536 draws has mean 255 and deviation 23. */
static double chi_squared(const int *bins)
{
    double sum = 0;
    for (int b = 0; b < 256; b++)
        sum += (bins[b] - 256.0) * (bins[b] - 256.0) / 256.0;
    return sum;
}

START_TEST(bytes_are_uniform_along_positions)
{
    for (int byte = 0; byte < 4; byte++) {
        int bins[256] = {0};
        for (uint32_t i = 0; i < 65536; i++)
            bins[rng_bits(rng_key(1, 1, 1, RNG_DROPOUT), i) >> 8 * byte & 255]++;
        ck_assert_double_lt(fabs(chi_squared(bins) - 255), 5 * 23);
    }
}
END_TEST

START_TEST(bytes_are_uniform_along_samples)
{
    for (int byte = 0; byte < 4; byte++) {
        int bins[256] = {0};
        for (uint32_t i = 0; i < 65536; i++)
            bins[rng_bits(rng_key(1, 1, i, RNG_AUGMENT), 0) >> 8 * byte & 255]++;
        ck_assert_double_lt(fabs(chi_squared(bins) - 255), 5 * 23);
    }
}
END_TEST

/* Correlation of the same position in two epochs, samples or layers: deviation 1/256. */
START_TEST(neighbouring_streams_are_uncorrelated)
{
    uint64_t key = rng_key(9, 1, 10, RNG_DROPOUT);
    const uint64_t others[] = {rng_key(9, 2, 10, RNG_DROPOUT), rng_key(9, 1, 11, RNG_DROPOUT),
                               rng_key(9, 1, 10, RNG_DROPOUT + 1), rng_key(10, 1, 10, RNG_DROPOUT)};
    for (int o = 0; o < 4; o++) {
        double sum = 0;
        for (uint32_t i = 0; i < 65536; i++)
            sum += ((double)rng_float(key, i) - 0.5) * ((double)rng_float(others[o], i) - 0.5);
        ck_assert_double_lt(fabs(sum / 65536 * 12), 5.0 / 256);
    }
}
END_TEST

START_TEST(floats_are_in_the_unit_interval)
{
    double sum = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        float x = rng_float(3, i);
        ck_assert(x >= 0 && x < 1);
        sum += (double)x;
    }
    ck_assert_double_lt(fabs(sum / 65536 - 0.5), 5 * 0.2887 / 256);
}
END_TEST

START_TEST(below_reaches_all_and_nothing_else)
{
    int bins[10] = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t x = rng_below(4, i, 10);
        ck_assert_uint_lt(x, 10);
        bins[x]++;
    }
    for (int b = 0; b < 10; b++)
        ck_assert_int_lt(abs(bins[b] - 1000), 5 * 30);
    ck_assert_uint_eq(rng_below(4, 0, 1), 0);
}
END_TEST

START_TEST(dropout_keeps_what_it_says)
{
    ck_assert_uint_eq(rng_drop_threshold(0), 0);
    ck_assert_uint_eq(rng_drop_threshold(0.5f), 1u << 15);
    same(rng_keep_scale(0), 1);
    same(rng_keep_scale(0.5f), 2);
    ck_assert(isfinite(rng_keep_scale(0.9999999f)));
    uint32_t threshold = rng_drop_threshold(0.1f);
    int dropped = 0;
    for (uint32_t i = 0; i < 65536; i++)
        dropped += rng_drops(rng_key(1, 1, 1, RNG_DROPOUT), i, threshold);
    ck_assert_int_lt(abs(dropped - 6554), 5 * 77);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rng");
    TCase *tests = tcase_create("rng");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, numbers_never_change);
    tcase_add_test(tests, every_part_of_a_key_counts);
    tcase_add_test(tests, bytes_are_uniform_along_positions);
    tcase_add_test(tests, bytes_are_uniform_along_samples);
    tcase_add_test(tests, neighbouring_streams_are_uncorrelated);
    tcase_add_test(tests, floats_are_in_the_unit_interval);
    tcase_add_test(tests, below_reaches_all_and_nothing_else);
    tcase_add_test(tests, dropout_keeps_what_it_says);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
