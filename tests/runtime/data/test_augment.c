/* test_augment.c - each augmentation by hand on a 4 x 4 image, and what the draws promise. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/cifar.h"
#include "rng.h"

enum { H = 4, W = 4, PLANE = H * W, IMAGE = CIFAR_CHANNELS * PLANE };

/* Keeps the bytes as they are: mean 0, and 255 units to one. */
static const struct data_stats identity = {{0, 0, 0}, {1 / 255.0, 1 / 255.0, 1 / 255.0}, 3};

/* For bytes in planes of three channels. */
static void init(struct augment *augment, const struct data_stats *stats, int h, int w)
{
    const struct data data = {.c = CIFAR_CHANNELS, .h = h, .w = w, .strides = data_planes(h, w)};
    augment_init(augment, stats, &data);
}

/* Pixel (y, x) of channel c is 100c + 10y + x. */
static void number_pixels(uint8_t *pixels)
{
    for (int i = 0; i < IMAGE; i++)
        pixels[i] = (uint8_t)(100 * (i / PLANE) + 10 * (i / W % H) + i % W);
}

/* Compares channel 0 with a picture and the others with it plus 100 and 200; -1 stands for the
 * mean, which is 0 in all channels. */
static void looks_like(const struct augment_draw *draw, int crop, int cutout,
                       const int picture[H][W])
{
    uint8_t pixels[IMAGE];
    float out[IMAGE];
    struct augment augment;
    number_pixels(pixels);
    init(&augment, &identity, H, W);
    augment.crop = crop;
    augment.cutout = cutout;
    augment_apply(out, pixels, &augment, draw);
    for (int i = 0; i < IMAGE; i++) {
        int expected = picture[i / W % H][i % W];
        expected = expected < 0 ? 0 : expected + 100 * (i / PLANE);
        ck_assert_msg(fabs((double)out[i] - expected) < 1e-4, "float %d: %g, expected %d", i,
                      (double)out[i], expected);
    }
}

/* -- Pixels of other kinds --------------------------------------------------------------------- */

static const struct {
    enum data_type type;
    struct data_strides strides;
} kinds[] = {
    {DATA_BYTES, {1, CIFAR_CHANNELS *W, CIFAR_CHANNELS}}, /* interleaved */
    {DATA_BYTES, {PLANE, 1, H}},                          /* transposed planes */
    {DATA_FLOATS, {PLANE, W, 1}},
    {DATA_FLOATS, {1, CIFAR_CHANNELS *W, CIFAR_CHANNELS}},
};

/* However the pixels lie, they come out as those of planes of bytes. */
START_TEST(every_kind_of_pixels_is_read)
{
    uint8_t plain[IMAGE], bytes[IMAGE];
    float floats[IMAGE], expected[IMAGE], out[IMAGE];
    const struct data_stats scaled = {{51, 0, 102}, {2, 1, 4}, CIFAR_CHANNELS};
    const struct data_stats of_bytes = {
        {0.2, 0, 0.4}, {2 / 255.0, 1 / 255.0, 4 / 255.0}, CIFAR_CHANNELS};
    const struct augment_draw draw = {
        .down = 1, .right = -1, .mirror = true, .row = 2, .column = 1};
    const struct data_strides *s = &kinds[_i].strides;
    const struct data data = {
        .c = CIFAR_CHANNELS, .h = H, .w = W, .type = kinds[_i].type, .strides = *s};
    struct augment augment;
    number_pixels(plain);
    init(&augment, &of_bytes, H, W);
    augment.crop = 1;
    augment.cutout = 1;
    augment_apply(expected, plain, &augment, &draw);

    for (int i = 0; i < IMAGE; i++) {
        size_t at = (size_t)(i / PLANE) * s->channel + (size_t)(i / W % H) * s->row +
                    (size_t)(i % W) * s->column;
        bytes[at] = plain[i];
        floats[at] = plain[i];
    }
    bool is_float = data.type == DATA_FLOATS;
    augment_init(&augment, is_float ? &scaled : &of_bytes, &data);
    augment.crop = 1;
    augment.cutout = 1;
    augment_apply(out, is_float ? (const void *)floats : bytes, &augment, &draw);
    for (int i = 0; i < IMAGE; i++)
        ck_assert_msg(fabsf(out[i] - expected[i]) < 1e-5f, "float %d: %g, expected %g", i,
                      (double)out[i], (double)expected[i]);
}
END_TEST

/* -- By hand ----------------------------------------------------------------------------------- */

START_TEST(nothing_changes_nothing)
{
    looks_like(
        &(struct augment_draw){0}, 0, 0,
        (const int[H][W]){{0, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, 22, 23}, {30, 31, 32, 33}});
}
END_TEST

START_TEST(up_and_left_reflects_without_the_edge)
{
    looks_like(
        &(struct augment_draw){.down = -2, .right = -1}, 2, 0,
        (const int[H][W]){{21, 20, 21, 22}, {11, 10, 11, 12}, {1, 0, 1, 2}, {11, 10, 11, 12}});
}
END_TEST

START_TEST(upside_turns_the_cropped_window)
{
    looks_like(
        &(struct augment_draw){.down = 1, .upside = true}, 1, 0,
        (const int[H][W]){{20, 21, 22, 23}, {30, 31, 32, 33}, {20, 21, 22, 23}, {10, 11, 12, 13}});
}
END_TEST

/* The window beside the image, mirrored and turned over: the mean is 0. */
START_TEST(a_border_may_be_the_mean)
{
    static const int expected[H][W] = {
        {0, 0, 0, 0}, {0, 33, 32, 31}, {0, 23, 22, 21}, {0, 13, 12, 11}};
    const struct augment_draw draw = {.down = 1, .right = 1, .mirror = true, .upside = true};
    uint8_t pixels[IMAGE];
    float out[IMAGE];
    struct augment augment;
    number_pixels(pixels);
    init(&augment, &identity, H, W);
    augment.crop = 1;
    augment.crop_border = CROP_ZERO;
    augment_apply(out, pixels, &augment, &draw);
    for (int i = 0; i < IMAGE; i++) {
        const int pixel = expected[i / W % H][i % W];
        ck_assert_double_eq_tol((double)out[i], pixel == 0 ? 0 : pixel + 100 * (i / PLANE), 1e-4);
    }
}
END_TEST

/* About half of all, by the top bit at position 5, and none unless asked for. */
START_TEST(images_are_turned_upside_down_at_random)
{
    enum { SAMPLES = 4000 };
    struct augment augment;
    int turned = 0;
    init(&augment, &identity, H, W);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        augment.flip_vertical = false;
        ck_assert(!augment_draw(&augment, 7, 3, i).upside);
        augment.flip_vertical = true;
        const bool upside = augment_draw(&augment, 7, 3, i).upside;
        ck_assert(upside == (rng_bits(rng_key(7, 3, i, RNG_AUGMENT), 5) >> 31 == 1));
        turned += upside;
    }
    ck_assert_int_ge(turned, SAMPLES / 2 - 160); /* five deviations */
    ck_assert_int_le(turned, SAMPLES / 2 + 160);
}
END_TEST

START_TEST(down_and_right_reflects_without_the_edge)
{
    looks_like(
        &(struct augment_draw){.down = 1, .right = 2}, 2, 0,
        (const int[H][W]){{12, 13, 12, 11}, {22, 23, 22, 21}, {32, 33, 32, 31}, {22, 23, 22, 21}});
}
END_TEST

START_TEST(the_whole_border_is_usable)
{
    looks_like(
        &(struct augment_draw){.down = 3, .right = -3}, 3, 0,
        (const int[H][W]){{33, 32, 31, 30}, {23, 22, 21, 20}, {13, 12, 11, 10}, {3, 2, 1, 0}});
}
END_TEST

START_TEST(mirror_turns_the_cropped_window)
{
    looks_like(
        &(struct augment_draw){.mirror = true}, 0, 0,
        (const int[H][W]){{3, 2, 1, 0}, {13, 12, 11, 10}, {23, 22, 21, 20}, {33, 32, 31, 30}});
    looks_like(
        &(struct augment_draw){.right = 1, .mirror = true}, 1, 0,
        (const int[H][W]){{2, 3, 2, 1}, {12, 13, 12, 11}, {22, 23, 22, 21}, {32, 33, 32, 31}});
}
END_TEST

START_TEST(cutout_is_clipped_at_the_edges)
{
    looks_like(
        &(struct augment_draw){.row = 1, .column = 2}, 0, 2,
        (const int[H][W]){{0, -1, -1, 3}, {10, -1, -1, 13}, {20, 21, 22, 23}, {30, 31, 32, 33}});
    looks_like(
        &(struct augment_draw){.row = 0, .column = 0}, 0, 2,
        (const int[H][W]){{-1, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, 22, 23}, {30, 31, 32, 33}});
    looks_like(
        &(struct augment_draw){.row = 3, .column = 3}, 0, 3,
        (const int[H][W]){{0, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, -1, -1}, {30, 31, -1, -1}});
    looks_like(
        &(struct augment_draw){.row = 3, .column = 3}, 0, 1,
        (const int[H][W]){{0, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, 22, 23}, {30, 31, 32, -1}});
}
END_TEST

START_TEST(bytes_are_normalised)
{
    const struct data_stats stats = {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}, 3};
    struct augment augment;
    static uint8_t pixels[CIFAR_CHANNELS * 256];
    static float out[CIFAR_CHANNELS * 256];
    for (int i = 0; i < CIFAR_CHANNELS * 256; i++)
        pixels[i] = (uint8_t)i;
    init(&augment, &stats, 16, 16);
    augment_image(out, pixels, &augment, 1, 2, 3);
    for (int i = 0; i < CIFAR_CHANNELS * 256; i++) {
        double expected = (i % 256 / 255.0 - stats.mean[i / 256]) / stats.std[i / 256];
        ck_assert_double_eq_tol((double)out[i], expected, 2e-7);
    }
}
END_TEST

/* -- Rotation ---------------------------------------------------------------------------------- */

/* A value of channel 0 at any row and column, mirrored or the mean outside. */
static double value_at(const float *plane, enum crop_border border, int h, int w, int y, int x)
{
    if (border == CROP_ZERO && (y < 0 || y >= h || x < 0 || x >= w))
        return 0;
    while (y < 0 || y >= h)
        y = y < 0 ? -y : 2 * (h - 1) - y;
    while (x < 0 || x >= w)
        x = x < 0 ? -x : 2 * (w - 1) - x;
    return (double)plane[y * w + x];
}

/* A quarter turn against the clock, by hand: the right column becomes the upper row. */
START_TEST(a_quarter_turn_is_against_the_clock)
{
    static const int expected[H][W] = {
        {3, 13, 23, 33}, {2, 12, 22, 32}, {1, 11, 21, 31}, {0, 10, 20, 30}};
    uint8_t pixels[IMAGE];
    float out[IMAGE];
    struct augment augment;
    number_pixels(pixels);
    init(&augment, &identity, H, W);
    augment.rotate = 90;
    augment_apply(out, pixels, &augment, &(struct augment_draw){.angle = acos(-1) / 2});
    for (int i = 0; i < IMAGE; i++)
        ck_assert_double_eq_tol((double)out[i], expected[i / W % H][i % W] + 100 * (i / PLANE),
                                1e-4);
}
END_TEST

static const struct {
    double degrees;
    enum crop_border border;
    struct augment_draw draw;
} turns[] = {
    {17, CROP_REFLECT, {0}},
    {-33, CROP_ZERO, {0}},
    {140, CROP_REFLECT, {.down = 2, .right = -1, .mirror = true}},
    {95, CROP_ZERO, {.down = -1, .right = 2, .upside = true}},
};

/* Against weights of the distance to every pixel around, which are 0 from a pixel on. */
START_TEST(rotated_pixels_are_interpolated)
{
    enum { TALL = 5, WIDE = 9 };
    const double angle = turns[_i].degrees * acos(-1) / 180;
    struct augment_draw draw = turns[_i].draw;
    const struct data data = {
        .c = 1, .h = TALL, .w = WIDE, .type = DATA_FLOATS, .strides = data_planes(TALL, WIDE)};
    const struct data_stats stats = {{0}, {1}, 1};
    float plane[TALL * WIDE], out[TALL * WIDE];
    struct augment augment;
    for (uint32_t i = 0; i < TALL * WIDE; i++)
        plane[i] = rng_float(5, i) - 0.5f;
    augment_init(&augment, &stats, &data);
    augment.rotate = 180;
    augment.crop = 2;
    augment.crop_border = turns[_i].border;
    draw.angle = angle;
    augment_apply(out, plane, &augment, &draw);
    for (int i = 0; i < TALL * WIDE; i++) {
        /* From the middle to the right and upward, and back by the angle. */
        int row = draw.upside ? TALL - 1 - i / WIDE : i / WIDE;
        int column = draw.mirror ? WIDE - 1 - i % WIDE : i % WIDE;
        double right = column + draw.right - (WIDE - 1) / 2.0;
        double up = (TALL - 1) / 2.0 - (row + draw.down), sum = 0;
        double x = (WIDE - 1) / 2.0 + right * cos(angle) + up * sin(angle);
        double y = (TALL - 1) / 2.0 - (up * cos(angle) - right * sin(angle));
        for (int v = -2 * WIDE; v <= 3 * WIDE; v++) {
            for (int u = -2 * WIDE; u <= 3 * WIDE; u++)
                sum += fmax(0, 1 - fabs(y - v)) * fmax(0, 1 - fabs(x - u)) *
                       value_at(plane, augment.crop_border, TALL, WIDE, v, u);
        }
        ck_assert_msg(fabs(sum - (double)out[i]) < 1e-6, "pixel %d: %g, expected %g", i,
                      (double)out[i], sum);
    }
}
END_TEST

/* -- Levels ------------------------------------------------------------------------------------ */

/* Brightness and contrast come first, of the whole image: test_levels.c has their numbers. */
START_TEST(levels_are_those_of_the_image)
{
    static struct levels levels;
    uint8_t pixels[IMAGE];
    float out[IMAGE];
    struct augment augment;
    number_pixels(pixels);
    for (int on = 0; on < 3; on++) {
        init(&augment, &identity, H, W);
        augment.crop = 3;
        augment.brightness = on == 1 ? 0.5f : 0;
        augment.contrast = on == 2 ? 0.5f : 0;
        const struct augment_draw draw = {.right = 3, .brightness = 1.25, .contrast = 0.75};
        augment_apply(out, pixels, &augment, &draw);
        levels_of_data(&levels, &identity);
        if (on > 0)
            levels_change(&levels, &identity, &augment.form, pixels, 1.25, 0.75);
        for (int i = 0; i < IMAGE; i += W) /* whose first column is the last of the image */
            ck_assert(out[i] == levels.of_byte[i / PLANE][pixels[i + W - 1]]);
    }
}
END_TEST

/* -- Draws ------------------------------------------------------------------------------------- */

static struct augment everything(enum flip_mode flip)
{
    struct augment augment;
    init(&augment, &identity, 32, 32);
    augment.crop = 4;
    augment.flip = flip;
    augment.cutout = 8;
    return augment;
}

START_TEST(draws_cover_their_ranges_evenly)
{
    enum { SAMPLES = 16200, WINDOWS = 81 };
    struct augment augment = everything(FLIP_RANDOM);
    int windows[9][9] = {{0}}, rows[32] = {0}, columns[32] = {0}, mirrored = 0;
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        struct augment_draw d = augment_draw(&augment, 1, 5, sample);
        ck_assert(abs(d.down) <= 4 && abs(d.right) <= 4);
        ck_assert(d.row >= 0 && d.row < 32 && d.column >= 0 && d.column < 32);
        windows[d.down + 4][d.right + 4]++;
        rows[d.row]++;
        columns[d.column]++;
        mirrored += d.mirror;
    }
    for (int i = 0; i < WINDOWS; i++)
        ck_assert_int_lt(abs(windows[i / 9][i % 9] - 200), 5 * 14);
    for (int i = 0; i < 32; i++) {
        ck_assert_int_lt(abs(rows[i] - 506), 5 * 22);
        ck_assert_int_lt(abs(columns[i] - 506), 5 * 22);
    }
    ck_assert_int_lt(abs(mirrored - SAMPLES / 2), 5 * 64);
}
END_TEST

/* Each by its position: uniform between its ends, and what it is without where that is off. */
START_TEST(angles_and_factors_are_uniform)
{
    enum { SAMPLES = 4000 };
    struct augment augment = everything(FLIP_NONE);
    double sums[3] = {0}, squares[3] = {0};
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        augment.rotate = 90;
        augment.brightness = 0.5f;
        augment.contrast = 0.25f;
        const struct augment_draw d = augment_draw(&augment, 1, 5, sample);
        const double parts[] = {d.angle / (acos(-1) / 2), (d.brightness - 1) / 0.5,
                                (d.contrast - 1) / 0.25};
        for (uint32_t k = 0; k < 3; k++) {
            const uint64_t key = rng_key(1, 5, sample, RNG_AUGMENT);
            const double drawn = rng_bits(key, 6 + k) / 0x1p31 - 1;
            ck_assert_double_eq_tol(parts[k], drawn, 1e-6);
            sums[k] += parts[k];
            squares[k] += parts[k] * parts[k];
        }
        augment.rotate = augment.brightness = augment.contrast = 0;
        const struct augment_draw off = augment_draw(&augment, 1, 5, sample);
        ck_assert(off.angle == 0 && off.brightness == 1 && off.contrast == 1);
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_double_le(fabs(sums[k] / SAMPLES), 5 * sqrt(1.0 / 3 / SAMPLES));
        ck_assert_double_le(fabs(squares[k] / SAMPLES - 1.0 / 3), 5 * sqrt(4.0 / 45 / SAMPLES));
    }
}
END_TEST

START_TEST(random_flips_are_tossed_every_epoch)
{
    struct augment augment = everything(FLIP_RANDOM);
    int changes = 0;
    for (uint32_t sample = 0; sample < 10000; sample++)
        changes += augment_draw(&augment, 1, 1, sample).mirror !=
                   augment_draw(&augment, 1, 2, sample).mirror;
    ck_assert_int_lt(abs(changes - 5000), 5 * 50);
}
END_TEST

START_TEST(alternating_flips_turn_every_epoch)
{
    struct augment augment = everything(FLIP_ALTERNATING);
    int mirrored = 0;
    for (uint32_t sample = 0; sample < 10000; sample++) {
        bool first = augment_draw(&augment, 1, 1, sample).mirror;
        mirrored += first;
        for (uint32_t epoch = 2; epoch < 7; epoch++)
            ck_assert(augment_draw(&augment, 1, epoch, sample).mirror ==
                      (first ^ (epoch % 2 == 0)));
    }
    ck_assert_int_lt(abs(mirrored - 5000), 5 * 50);
}
END_TEST

START_TEST(without_flips_nothing_is_mirrored)
{
    struct augment augment = everything(FLIP_NONE);
    for (uint32_t sample = 0; sample < 1000; sample++)
        ck_assert(!augment_draw(&augment, 1, 1, sample).mirror);
}
END_TEST

/* The positions are documented; other programs may rely on them. */
START_TEST(draws_are_at_their_positions)
{
    struct augment augment = everything(FLIP_RANDOM);
    uint64_t key = rng_key(11, 22, 33, RNG_AUGMENT);
    struct augment_draw d = augment_draw(&augment, 11, 22, 33);
    ck_assert_int_eq(d.mirror, (int)(rng_bits(key, 0) >> 31));
    ck_assert_int_eq(d.down, (int)rng_below(key, 1, 9) - 4);
    ck_assert_int_eq(d.right, (int)rng_below(key, 2, 9) - 4);
    ck_assert_int_eq(d.row, (int)rng_below(key, 3, 32));
    ck_assert_int_eq(d.column, (int)rng_below(key, 4, 32));
}
END_TEST

START_TEST(any_order_gives_the_same_bits)
{
    enum { IMAGES = 20 };
    static uint8_t pixels[IMAGES][CIFAR_PIXELS];
    static float forward[IMAGES][CIFAR_PIXELS], backward[IMAGES][CIFAR_PIXELS];
    for (uint32_t i = 0; i < IMAGES * CIFAR_PIXELS; i++)
        pixels[i / CIFAR_PIXELS][i % CIFAR_PIXELS] = (uint8_t)rng_bits(1, i);
    struct augment augment = everything(FLIP_ALTERNATING);
    for (uint32_t i = 0; i < IMAGES; i++)
        augment_image(forward[i], pixels[i], &augment, 1, 3, i);
    for (uint32_t i = IMAGES; i-- > 0;)
        augment_image(backward[i], pixels[i], &augment, 1, 3, i);
    ck_assert_mem_eq(forward, backward, sizeof forward);
    augment_image(backward[0], pixels[0], &augment, 1, 4, 0);
    ck_assert_mem_ne(forward[0], backward[0], sizeof forward[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("augment");
    TCase *tests = tcase_create("augment");
    tcase_add_loop_test(tests, every_kind_of_pixels_is_read, 0, sizeof kinds / sizeof kinds[0]);
    tcase_add_test(tests, nothing_changes_nothing);
    tcase_add_test(tests, up_and_left_reflects_without_the_edge);
    tcase_add_test(tests, down_and_right_reflects_without_the_edge);
    tcase_add_test(tests, upside_turns_the_cropped_window);
    tcase_add_test(tests, a_border_may_be_the_mean);
    tcase_add_test(tests, images_are_turned_upside_down_at_random);
    tcase_add_test(tests, the_whole_border_is_usable);
    tcase_add_test(tests, mirror_turns_the_cropped_window);
    tcase_add_test(tests, cutout_is_clipped_at_the_edges);
    tcase_add_test(tests, bytes_are_normalised);
    tcase_add_test(tests, a_quarter_turn_is_against_the_clock);
    tcase_add_loop_test(tests, rotated_pixels_are_interpolated, 0, sizeof turns / sizeof turns[0]);
    tcase_add_test(tests, levels_are_those_of_the_image);
    tcase_add_test(tests, angles_and_factors_are_uniform);
    tcase_add_test(tests, draws_cover_their_ranges_evenly);
    tcase_add_test(tests, random_flips_are_tossed_every_epoch);
    tcase_add_test(tests, alternating_flips_turn_every_epoch);
    tcase_add_test(tests, without_flips_nothing_is_mirrored);
    tcase_add_test(tests, draws_are_at_their_positions);
    tcase_add_test(tests, any_order_gives_the_same_bits);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
