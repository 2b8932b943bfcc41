/* test_picture.c - every kind of PNG becomes the bytes that it should, and nothing that is cut off
 * or damaged becomes any; what is refused of both kinds of files. */
#define _GNU_SOURCE /* fopencookie */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/picture.h"
#include "data/picture_format.h"
#include "decode.h"

/* -- PNG --------------------------------------------------------------------------------------- */

/* Pixel i of the plane c of a picture with these notes. */
static void expect_png(const struct png_file *like, const uint8_t *samples, int channels,
                       unsigned notes, uint8_t (*wanted)(const uint8_t *samples, int i, int c))
{
    struct bytes file = make_png(like, samples);
    struct picture picture = decode(&file, channels);
    ck_assert_int_eq(picture.h, H);
    ck_assert_int_eq(picture.w, W);
    ck_assert_uint_eq(picture.notes, notes);
    for (int c = 0; c < channels; c++) {
        for (int i = 0; i < PIXELS; i++)
            ck_assert_int_eq(picture.pixels[c * PIXELS + i], wanted(samples, i, c));
    }
    picture_free(&picture);
    free(file.at);
}

static uint8_t of_rgb(const uint8_t *samples, int i, int c)
{
    return samples[3 * i + c];
}

static uint8_t of_rgba(const uint8_t *samples, int i, int c)
{
    return samples[4 * i + c];
}

static uint8_t of_grey(const uint8_t *samples, int i, int c)
{
    (void)c;
    return samples[i];
}

static uint8_t of_grey_alpha(const uint8_t *samples, int i, int c)
{
    (void)c;
    return samples[2 * i];
}

static uint8_t of_deep_rgb(const uint8_t *samples, int i, int c)
{
    const uint8_t *sample = samples + (ptrdiff_t)2 * (3 * i + c);
    return (uint8_t)((sample[0] * 256 + sample[1] + 128) / 257);
}

static uint8_t of_luma(const uint8_t *samples, int i, int c)
{
    const uint8_t *rgb = samples + (ptrdiff_t)3 * i;
    (void)c;
    return (uint8_t)lround(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
}

/* Rows of two-bit samples have two bytes here. */
static int two_bits(const uint8_t *samples, int i)
{
    return samples[i / W * 2 + i % W / 4] >> (6 - 2 * (i % W % 4)) & 3;
}

static uint8_t of_two_bits(const uint8_t *samples, int i, int c)
{
    (void)c;
    return (uint8_t)(85 * two_bits(samples, i));
}

static const png_color palette[4] = {{1, 2, 3}, {40, 50, 60}, {255, 0, 9}, {7, 77, 177}};

static uint8_t of_palette(const uint8_t *samples, int i, int c)
{
    const png_color *colour = &palette[two_bits(samples, i)];
    return c == 0 ? colour->red : c == 1 ? colour->green : colour->blue;
}

START_TEST(every_kind_of_png_becomes_its_bytes)
{
    uint8_t samples[PIXELS * 6];
    fill(samples, sizeof samples);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        struct png_file like = {.h = H, .w = W, .depth = 8, .interlaced = interlaced == 1};
        like.type = PNG_COLOR_TYPE_RGB;
        expect_png(&like, samples, 3, 0, of_rgb);
        expect_png(&like, samples, 1, PICTURE_COLOUR, of_luma);
        like.type = PNG_COLOR_TYPE_RGB_ALPHA;
        expect_png(&like, samples, 3, PICTURE_ALPHA, of_rgba);
        like.type = PNG_COLOR_TYPE_GRAY;
        expect_png(&like, samples, 1, 0, of_grey);
        expect_png(&like, samples, 3, PICTURE_GREY, of_grey);
        like.type = PNG_COLOR_TYPE_GRAY_ALPHA;
        expect_png(&like, samples, 1, PICTURE_ALPHA, of_grey_alpha);
        like.type = PNG_COLOR_TYPE_RGB;
        like.depth = 16;
        expect_png(&like, samples, 3, PICTURE_DEEP, of_deep_rgb);
        like.depth = 2;
        like.type = PNG_COLOR_TYPE_GRAY;
        expect_png(&like, samples, 1, 0, of_two_bits);
        like.type = PNG_COLOR_TYPE_PALETTE;
        memcpy(like.palette, palette, sizeof palette);
        expect_png(&like, samples, 3, PICTURE_PALETTE, of_palette);
        like.transparent = true;
        expect_png(&like, samples, 3, PICTURE_PALETTE | PICTURE_ALPHA, of_palette);
        like.type = PNG_COLOR_TYPE_RGB;
        like.depth = 8;
        expect_png(&like, samples, 3, PICTURE_ALPHA, of_rgb);
    }
}
END_TEST

START_TEST(no_part_of_a_png_is_a_picture)
{
    uint8_t samples[PIXELS * 3];
    fill(samples, sizeof samples);
    struct png_file like = {.h = H, .w = W, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    struct bytes file = make_png(&like, samples);
    for (size_t size = 0; size < file.size; size++) {
        struct picture picture;
        struct err err = {0};
        ck_assert_msg(!picture_decode(&picture, file.at, size, 3, "name", &err), "%zu bytes", size);
    }
    char truncated[200];
    snprintf(truncated, sizeof truncated,
             "a/name: PNG: ends after %zu bytes in the middle of a chunk: truncated",
             file.size - 1);
    refuses(file.at, file.size - 1, truncated);
    free(file.at);
}
END_TEST

START_TEST(no_byte_of_a_png_can_change)
{
    uint8_t samples[PIXELS * 3];
    fill(samples, sizeof samples);
    struct png_file like = {.h = H, .w = W, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    struct bytes file = make_png(&like, samples);
    for (size_t at = 0; at < file.size; at++) {
        struct picture picture;
        struct err err = {0};
        file.at[at] ^= 0x40;
        ck_assert_msg(!picture_decode(&picture, file.at, file.size, 3, "name", &err), "byte %zu",
                      at);
        file.at[at] ^= 0x40;
    }
    free(file.at);
}
END_TEST

/* -- Refusals ---------------------------------------------------------------------------------- */

START_TEST(what_is_no_picture_is_said_so)
{
    static const char gif[] = "GIF89a and more";
    refuses(gif, sizeof gif, "a/name: neither PNG nor JPEG: expected a PNG or JPEG file");
    refuses(gif, 0, "a/name: empty: expected a PNG or JPEG file");
    refuses("\x89PNG\r\n\x1a\n", 8,
            "a/name: PNG: ends after 8 bytes in the middle of a chunk: truncated");
    refuses("\xff\xd8\xff", 3, "a/name: JPEG: Premature end of JPEG file");
    refuses("\xff\xd8\xff\xd9", 4, "a/name: JPEG: JPEG datastream contains no image");
}
END_TEST

START_TEST(sides_have_a_limit)
{
    uint8_t *samples = calloc(PICTURE_SIDE + 1, 1);
    struct png_file wide = {.h = 1, .w = PICTURE_SIDE + 1, .depth = 8, .type = PNG_COLOR_TYPE_GRAY};
    struct bytes file = make_png(&wide, samples);
    refuses(file.at, file.size, "a/name: 1 pixels high, 4097 wide: expected 1 to 4096 each");
    free(file.at);
    struct jpeg_file high = {.h = PICTURE_SIDE + 1, .w = 1, .space = JCS_GRAYSCALE, .quality = 50};
    file = make_jpeg(&high, samples);
    refuses(file.at, file.size, "a/name: 4097 pixels high, 1 wide: expected 1 to 4096 each");
    free(file.at);
    wide.w = PICTURE_SIDE;
    file = make_png(&wide, samples);
    struct picture picture = decode(&file, 3);
    ck_assert_int_eq(picture.w, PICTURE_SIDE);
    picture_free(&picture);
    free(file.at);
    free(samples);
}
END_TEST

START_TEST(files_are_read_whole_and_named)
{
    char folder[300], path[320], wanted[400];
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/burin-picture-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    static uint8_t samples[300 * 300];
    fill(samples, sizeof samples); /* more than one buffer of random bytes */
    struct png_file like = {.h = 300, .w = 300, .depth = 8, .type = PNG_COLOR_TYPE_GRAY};
    struct bytes file = make_png(&like, samples);
    ck_assert_uint_gt(file.size, 65536);
    snprintf(path, sizeof path, "%s/a.png", folder);
    put_bytes(path, &file);
    struct picture picture;
    struct err err = {0};
    ck_assert(picture_read(&picture, path, 1, &err));
    ck_assert_mem_eq(picture.pixels, samples, sizeof samples);
    picture_free(&picture);
    free(file.at);
    unlink(path);
    ck_assert(!picture_read(&picture, path, 1, &err));
    snprintf(wanted, sizeof wanted, "%s: cannot open: No such file or directory", path);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    err = (struct err){0};
    ck_assert(!picture_read(&picture, path, 1, &err));
    snprintf(wanted, sizeof wanted, "%s: cannot open: not a regular file", path);
    ck_assert_str_eq(err.message, wanted);
    ck_assert_int_eq(err.code, EXIT_DATA);
    unlink(path);
    ck_assert_int_eq(symlink("/proc/self/mem", path), 0);
    err = (struct err){0};
    ck_assert(!picture_read(&picture, path, 1, &err));
    snprintf(wanted, sizeof wanted, "%s: cannot read: Input/output error", path);
    ck_assert_str_eq(err.message, wanted);
    unlink(path);
    rmdir(folder);
}
END_TEST

/* A stream of zeros without an end. */
static ssize_t give_zeros(void *cookie, char *to, size_t size)
{
    *(size_t *)cookie += size;
    memset(to, 0, size);
    return (ssize_t)size;
}

START_TEST(a_stream_without_an_end_is_refused)
{
    size_t given = 0, size = 0;
    struct err err = {0};
    FILE *zeros = fopencookie(&given, "rb", (cookie_io_functions_t){.read = give_zeros});
    ck_assert_ptr_nonnull(zeros);
    ck_assert_ptr_null(picture_slurp(zeros, "zeros", &size, &err));
    ck_assert_str_eq(err.message, "zeros: cannot read: too large");
    ck_assert_uint_le(given, (size_t)PICTURE_FILE_BYTES + (1 << 20)); /* a buffer more */
    fclose(zeros);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture");
    TCase *tests = tcase_create("picture");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, every_kind_of_png_becomes_its_bytes);
    tcase_add_test(tests, no_part_of_a_png_is_a_picture);
    tcase_add_test(tests, no_byte_of_a_png_can_change);
    tcase_add_test(tests, what_is_no_picture_is_said_so);
    tcase_add_test(tests, sides_have_a_limit);
    tcase_add_test(tests, files_are_read_whole_and_named);
    tcase_add_test(tests, a_stream_without_an_end_is_refused);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
