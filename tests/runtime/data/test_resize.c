/* test_resize.c - every pixel is the mean of the area that it covers. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/resize.h"
#include "rng.h"

static struct picture random_picture(int c, int h, int w, uint64_t seed)
{
    struct picture picture = {.c = c, .h = h, .w = w};
    const size_t count = (size_t)c * (size_t)h * (size_t)w;
    picture.pixels = malloc(count);
    for (size_t i = 0; i < count; i++)
        picture.pixels[i] = (uint8_t)(rng_float(rng_key(seed, 0, 0, 0), (uint32_t)i) * 256.0f);
    return picture;
}

static struct picture resized(const struct picture *of, enum resize how, int h, int w)
{
    struct picture picture = *of;
    struct err err = {0};
    const size_t count = (size_t)of->c * (size_t)of->h * (size_t)of->w;
    picture.pixels = malloc(count);
    memcpy(picture.pixels, of->pixels, count);
    ck_assert_msg(resize_picture(&picture, how, h, w, &err), "%s", err.message);
    ck_assert_int_eq(picture.c, of->c);
    ck_assert_int_eq(picture.h, h);
    ck_assert_int_eq(picture.w, w);
    return picture;
}

static int pixel(const struct picture *p, int c, int y, int x)
{
    return p->pixels[((size_t)c * (size_t)p->h + (size_t)y) * (size_t)p->w + (size_t)x];
}

START_TEST(whole_ratios_are_plain_means)
{
    for (int ratio = 2; ratio <= 5; ratio++) {
        struct picture large = random_picture(3, 6 * ratio, 4 * ratio, (uint64_t)ratio);
        for (int how = RESIZE_FIT; how <= RESIZE_CROP; how++) {
            struct picture small = resized(&large, (enum resize)how, 6, 4);
            for (int i = 0; i < 3 * 6 * 4; i++) {
                const int c = i / 24, y = i / 4 % 6, x = i % 4;
                int sum = 0;
                for (int k = 0; k < ratio * ratio; k++)
                    sum += pixel(&large, c, y * ratio + k / ratio, x * ratio + k % ratio);
                ck_assert_int_eq(pixel(&small, c, y, x),
                                 (2 * sum + ratio * ratio) / (2 * ratio * ratio));
            }
            ck_assert_uint_eq(small.notes, PICTURE_RESIZED);
            picture_free(&small);
        }
        picture_free(&large);
    }
}
END_TEST

START_TEST(whole_ratios_repeat_pixels)
{
    struct picture small = random_picture(1, 5, 3, 1);
    for (int ratio = 2; ratio <= 4; ratio++) {
        struct picture large = resized(&small, RESIZE_FIT, 5 * ratio, 3 * ratio);
        for (int y = 0; y < large.h; y++) {
            for (int x = 0; x < large.w; x++)
                ck_assert_int_eq(pixel(&large, 0, y, x), pixel(&small, 0, y / ratio, x / ratio));
        }
        picture_free(&large);
    }
    struct picture same = resized(&small, RESIZE_CROP, 5, 3);
    ck_assert_mem_eq(same.pixels, small.pixels, 15);
    ck_assert_uint_eq(same.notes, 0);
    picture_free(&same);
    picture_free(&small);
}
END_TEST

/* The part of [j, j + 1) inside [from, to). */
static long double overlap(int j, long double from, long double to)
{
    const long double first = from > j ? from : j, last = to < j + 1 ? to : j + 1;
    return last > first ? last - first : 0;
}

/* Of the rectangle with this corner and these sides in the old picture. */
static long double mean(const struct picture *p, int c, long double top, long double left,
                        long double high, long double wide)
{
    long double sum = 0;
    for (int y = 0; y < p->h; y++) {
        for (int x = 0; x < p->w; x++)
            sum += pixel(p, c, y, x) * overlap(y, top, top + high) * overlap(x, left, left + wide);
    }
    return sum / (high * wide);
}

static void expect(const struct picture *p, int c, int y, int x, long double wanted)
{
    const long double found = pixel(p, c, y, x);
    ck_assert_msg(fabsl(found - wanted) <= 0.5L + 1e-12L, "(%d, %d): %Lg, not %Lg", y, x, found,
                  wanted);
}

static int random_side(uint64_t key, uint32_t at)
{
    return 1 + (int)rng_below(key, at, 40);
}

START_TEST(any_ratio_is_the_mean_of_an_area)
{
    for (uint32_t i = 0; i < 300; i++) {
        const uint64_t key = rng_key(3, 0, i, 0);
        const int h = random_side(key, 0), w = random_side(key, 1);
        struct picture old = random_picture(2, random_side(key, 2), random_side(key, 3), i);
        struct picture crop = resized(&old, RESIZE_CROP, h, w);
        struct picture fit = resized(&old, RESIZE_FIT, h, w);
        const long double by_h = (long double)old.h / h, by_w = (long double)old.w / w;
        const long double least = by_h < by_w ? by_h : by_w; /* old pixels for a new one */
        const long double top = (old.h - least * h) / 2, left = (old.w - least * w) / 2;
        const bool wide = by_w > by_h;
        const int inner_h = wide ? (int)fmaxl(1, roundl((long double)old.h * w / old.w)) : h;
        const int inner_w = wide ? w : (int)fmaxl(1, roundl((long double)old.w * h / old.h));
        const long double fit_h = (long double)old.h / inner_h,
                          fit_w = (long double)old.w / inner_w;
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                const int v = y - (h - inner_h) / 2, u = x - (w - inner_w) / 2;
                expect(&crop, 1, y, x,
                       mean(&old, 1, top + y * least, left + x * least, least, least));
                if (v < 0 || v >= inner_h || u < 0 || u >= inner_w)
                    ck_assert_int_eq(pixel(&fit, 1, y, x), 0);
                else
                    expect(&fit, 1, y, x, mean(&old, 1, v * fit_h, u * fit_w, fit_h, fit_w));
            }
        }
        picture_free(&old);
        picture_free(&crop);
        picture_free(&fit);
    }
}
END_TEST

START_TEST(the_largest_pictures_do_not_overflow)
{
    struct picture white = {.c = 1, .h = PICTURE_SIDE, .w = PICTURE_SIDE};
    white.pixels = malloc((size_t)PICTURE_SIDE * PICTURE_SIDE);
    memset(white.pixels, 255, (size_t)PICTURE_SIDE * PICTURE_SIDE);
    struct picture dot = resized(&white, RESIZE_CROP, 1, 1);
    ck_assert_int_eq(dot.pixels[0], 255);
    picture_free(&dot);
    struct picture line = resized(&white, RESIZE_CROP, 4095, 1);
    for (int y = 0; y < 4095; y++)
        ck_assert_int_eq(line.pixels[y], 255);
    picture_free(&line);
    picture_free(&white);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resize");
    TCase *tests = tcase_create("resize");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, whole_ratios_are_plain_means);
    tcase_add_test(tests, whole_ratios_repeat_pixels);
    tcase_add_test(tests, any_ratio_is_the_mean_of_an_area);
    tcase_add_test(tests, the_largest_pictures_do_not_overflow);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
