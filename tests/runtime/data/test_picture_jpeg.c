/* test_picture_jpeg.c - every kind of JPEG becomes the bytes that it should, turned as EXIF says,
 * and nothing that is cut off or damaged becomes any. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture.h"
#include "data/picture_format.h"
#include "decode.h"

static void expect_near(const struct picture *picture, int i, int c, double wanted)
{
    const double most = 3.0; /* of rounding in both directions, at this quality */
    double found = picture->pixels[c * SIDE * SIDE + i];
    ck_assert_msg(fabs(found - wanted) <= most, "pixel %d, channel %d: %g, not %g", i, c, found,
                  wanted);
}

START_TEST(every_kind_of_jpeg_becomes_its_colours)
{
    static const struct jpeg_file kinds[] = {
        {.space = JCS_RGB},
        {.space = JCS_RGB, .progressive = true},
        {.space = JCS_RGB, .stored = JCS_RGB},
        {.space = JCS_GRAYSCALE},
        {.space = JCS_CMYK},
        {.space = JCS_CMYK, .stored = JCS_YCCK},
        {.space = JCS_CMYK, .stored = JCS_YCCK, .progressive = true},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        struct jpeg_file like = kinds[kind];
        const int n = like.space == JCS_RGB ? 3 : like.space == JCS_CMYK ? 4 : 1;
        uint8_t samples[SIDE * SIDE * 4];
        slopes(samples, n);
        like.h = like.w = SIDE;
        like.quality = 100;
        struct bytes file = make_jpeg(&like, samples);
        struct picture picture = decode(&file, 3);
        ck_assert_uint_eq(picture.notes, n == 1 ? PICTURE_GREY : n == 4 ? PICTURE_CMYK : 0);
        for (int i = 0; i < SIDE * SIDE; i++) {
            const uint8_t *at = samples + (ptrdiff_t)i * n;
            for (int c = 0; c < 3; c++)
                expect_near(&picture, i, c,
                            n == 4   ? at[c] * at[3] / 255.0
                            : n == 3 ? at[c]
                                     : at[0]);
        }
        picture_free(&picture);
        free(file.at);
    }
}
END_TEST

/* Printers' files that no program of Adobe marked hold the ink itself. */
START_TEST(ink_that_nobody_complemented_is_taken_as_ink)
{
    uint8_t samples[SIDE * SIDE * 4];
    slopes(samples, 4);
    struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_CMYK, .quality = 100};
    struct bytes file = make_jpeg(&like, samples);
    size_t at = 0;
    while (memcmp(file.at + at, "Adobe", 5) != 0)
        at++;
    file.at[at] = 'X';
    struct picture picture = decode(&file, 3);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const uint8_t *ink = samples + (ptrdiff_t)i * 4;
        for (int c = 0; c < 3; c++)
            expect_near(&picture, i, c, (255 - ink[c]) * (255 - ink[3]) / 255.0);
    }
    picture_free(&picture);
    free(file.at);
}
END_TEST

/* What the library warns of and reads all the same. */
START_TEST(marks_of_other_versions_do_not_matter)
{
    uint8_t samples[SIDE * SIDE * 4];
    for (int adobe = 0; adobe < 2; adobe++) {
        slopes(samples, 4);
        struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90};
        if (adobe == 1) {
            like.space = JCS_CMYK;
            like.stored = JCS_YCCK;
        }
        struct bytes file = make_jpeg(&like, samples);
        struct picture whole = decode(&file, 3);
        size_t at = 0;
        while (memcmp(file.at + at, adobe == 1 ? "Adobe" : "JFIF", 4) != 0)
            at++;
        file.at[at + (adobe == 1 ? 11 : 5)] = 9; /* the transform, or the version */
        struct picture picture = decode(&file, 3);
        ck_assert_mem_eq(picture.pixels, whole.pixels, (size_t)3 * SIDE * SIDE);
        picture_free(&picture);
        picture_free(&whole);
        free(file.at);
    }
}
END_TEST

/* Two components are no colours. */
START_TEST(components_that_are_no_colours_are_refused)
{
    uint8_t samples[SIDE * SIDE * 4];
    slopes(samples, 2);
    struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_UNKNOWN, .quality = 90};
    struct bytes file = make_jpeg(&like, samples);
    refuses(file.at, file.size, "a/name: JPEG: 2 colour components: expected grey, colour or CMYK");
    free(file.at);
}
END_TEST

/* Each scan goes over the whole picture: a small file would take for ever. */
START_TEST(scans_have_a_limit)
{
    enum { MOST = 200 };
    uint8_t samples[SIDE * SIDE * 3];
    slopes(samples, 3);
    struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90, .parted = true};
    struct bytes file = make_jpeg(&like, samples);
    struct picture whole = decode(&file, 3);
    size_t last = file.size - 2; /* of the three scans, before the end of the image */
    while (file.at[last] != 0xff || file.at[last + 1] != 0xda)
        last--;
    const size_t scan = file.size - 2 - last;
    for (int more = MOST - 3; more <= MOST - 2; more++) {
        struct bytes longer = {malloc(file.size + MOST * scan), file.size + (size_t)more * scan};
        memcpy(longer.at, file.at, file.size - 2);
        for (int i = 0; i <= more; i++)
            memcpy(longer.at + last + (size_t)i * scan, file.at + last, scan + 2);
        if (more == MOST - 3) {
            struct picture picture = decode(&longer, 3);
            ck_assert_mem_eq(picture.pixels, whole.pixels, sizeof samples);
            picture_free(&picture);
        } else {
            refuses(longer.at, longer.size, "a/name: JPEG: more than 200 scans: expected fewer");
        }
        free(longer.at);
    }
    picture_free(&whole);
    free(file.at);
}
END_TEST

START_TEST(no_part_of_a_jpeg_is_a_picture)
{
    uint8_t samples[SIDE * SIDE * 3];
    fill(samples, sizeof samples);
    for (int progressive = 0; progressive < 2; progressive++) {
        struct jpeg_file like = {
            .h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90, .progressive = progressive == 1};
        struct bytes file = make_jpeg(&like, samples);
        for (size_t size = 0; size < file.size; size++) {
            struct picture picture;
            struct err err = {0};
            ck_assert_msg(!picture_decode(&picture, file.at, size, 3, "name", &err), "%zu bytes",
                          size);
        }
        refuses(file.at, file.size - 2, "a/name: JPEG: Premature end of JPEG file");
        file.at[file.size / 2] = 0xff; /* what follows it is no marker */
        file.at[file.size / 2 + 1] = 0xd9;
        struct picture picture;
        struct err err = {0};
        ck_assert(!picture_decode(&picture, file.at, file.size, 3, "name", &err));
        free(file.at);
    }
}
END_TEST

/* Bytes between two segments are passed over. */
START_TEST(what_stands_between_segments_does_not_matter)
{
    uint8_t samples[SIDE * SIDE * 3];
    slopes(samples, 3);
    struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90};
    struct bytes file = make_jpeg(&like, samples);
    struct picture whole = decode(&file, 3);
    const size_t first = 2 + 2 + (size_t)(file.at[4] << 8 | file.at[5]); /* behind the first one */
    file.at = realloc(file.at, file.size + 3);
    memmove(file.at + first + 3, file.at + first, file.size - first);
    memcpy(file.at + first, "abc", 3);
    file.size += 3;
    struct picture picture = decode(&file, 3);
    ck_assert_mem_eq(picture.pixels, whole.pixels, sizeof samples);
    picture_free(&picture);
    picture_free(&whole);
    free(file.at);
}
END_TEST

/* Bytes behind the end change no pixel, and cameras put some there. */
START_TEST(what_follows_a_jpeg_does_not_matter)
{
    uint8_t samples[SIDE * SIDE * 3];
    slopes(samples, 3);
    struct jpeg_file like = {.h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90};
    struct bytes file = make_jpeg(&like, samples);
    file.at = realloc(file.at, file.size + 3);
    memcpy(file.at + file.size, "abc", 3);
    file.size += 3;
    struct picture picture = decode(&file, 3);
    picture_free(&picture);
    free(file.at);
}
END_TEST

/* -- EXIF -------------------------------------------------------------------------------------- */

/* A quarter to the right, h x w of one channel to w x h. */
static void turn_right(uint8_t *out, const uint8_t *in, int h, int w)
{
    for (int y = 0; y < w; y++) {
        for (int x = 0; x < h; x++)
            out[y * h + x] = in[(h - 1 - x) * w + y];
    }
}

static void mirror(uint8_t *plane, int h, int w)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w / 2; x++) {
            uint8_t *left = plane + y * w + x, *right = plane + y * w + (w - 1 - x), kept = *left;
            *left = *right;
            *right = kept;
        }
    }
}

/* What to do with a picture as stored (EXIF 2.32, figure 10): mirror it, then quarters to the
 * right. */
static const struct {
    int orientation, quarters;
    bool mirrored;
} turns[] = {
    {1, 0, false}, {2, 0, true},  {3, 2, false}, {4, 2, true},
    {5, 3, true},  {6, 1, false}, {7, 1, true},  {8, 3, false},
};

START_TEST(a_picture_is_turned_as_exif_says)
{
    uint8_t samples[PIXELS];
    fill(samples, sizeof samples);
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        struct png_file like = {.h = H,
                                .w = W,
                                .depth = 8,
                                .type = PNG_COLOR_TYPE_GRAY,
                                .orientation = turns[i].orientation};
        struct bytes file = make_png(&like, samples);
        struct picture picture = decode(&file, 1);
        uint8_t wanted[PIXELS], last[PIXELS];
        int h = H, w = W;
        memcpy(wanted, samples, sizeof wanted);
        if (turns[i].mirrored)
            mirror(wanted, h, w);
        for (int k = 0; k < turns[i].quarters; k++) {
            memcpy(last, wanted, sizeof last);
            turn_right(wanted, last, h, w);
            int kept = h;
            h = w;
            w = kept;
        }
        ck_assert_int_eq(picture.h, h);
        ck_assert_int_eq(picture.w, w);
        ck_assert_uint_eq(picture.notes, i == 0 ? 0 : PICTURE_TURNED);
        ck_assert_mem_eq(picture.pixels, wanted, PIXELS);
        picture_free(&picture);
        free(file.at);
    }
}
END_TEST

START_TEST(both_orders_of_bytes_are_understood_and_nonsense_is_passed_over)
{
    uint8_t samples[SIDE * SIDE * 3];
    slopes(samples, 3);
    for (int orientation = 0; orientation <= 10; orientation++) {
        for (int little = 0; little < 2; little++) {
            struct jpeg_file like = {.h = SIDE,
                                     .w = SIDE,
                                     .space = JCS_RGB,
                                     .quality = 90,
                                     .orientation = orientation,
                                     .little_endian = little == 1};
            struct bytes file = make_jpeg(&like, samples);
            struct picture picture = decode(&file, 3);
            bool turned = orientation >= 2 && orientation <= 8;
            ck_assert_uint_eq(picture.notes, turned ? PICTURE_TURNED : 0);
            picture_free(&picture);
            free(file.at);
        }
    }
}
END_TEST

/* Segments of others, long and short, stand before that of EXIF. */
START_TEST(exif_is_found_among_segments)
{
    static const uint8_t others[] = "\xff\xe1\x00\x04"
                                    "ab"
                                    "\xff\xe1\x00\x12"
                                    "http://a.name.xy";
    uint8_t samples[SIDE * SIDE * 3];
    slopes(samples, 3);
    struct jpeg_file like = {
        .h = SIDE, .w = SIDE, .space = JCS_RGB, .quality = 90, .orientation = 6};
    struct bytes file = make_jpeg(&like, samples);
    const size_t more = sizeof others - 1, first = 2 + 2 + (size_t)(file.at[4] << 8 | file.at[5]);
    file.at = realloc(file.at, file.size + more);
    memmove(file.at + first + more, file.at + first, file.size - first);
    memcpy(file.at + first, others, more);
    file.size += more;
    struct picture picture = decode(&file, 3);
    ck_assert_uint_eq(picture.notes, PICTURE_TURNED);
    picture_free(&picture);
    free(file.at);
}
END_TEST

/* A block that ends before the value says nothing; nor does one whose order, magic number, type
 * or place of its directory is another. */
START_TEST(every_byte_of_exif_may_be_wrong)
{
    enum { VALUE_END = 32 };
    for (int little = 0; little < 2; little++) {
        uint8_t whole[64], bytes[64];
        const size_t size = make_tiff(whole, 6, little == 1);
        ck_assert_int_eq(picture_orientation(whole, size), 6);
        for (size_t at = 0; at < size; at++) {
            const uint8_t others[] = {0, 255, whole[at] ^ 1, whole[at] ^ 4};
            ck_assert_msg(picture_orientation(whole, at) == (at < VALUE_END ? 1 : 6), "end %zu",
                          at);
            for (size_t k = 0; k < sizeof others; k++) {
                memcpy(bytes, whole, size);
                bytes[at] = others[k];
                const int orientation = picture_orientation(bytes, size);
                ck_assert_msg(orientation >= 1 && orientation <= 8, "byte %zu: %d", at,
                              orientation);
                if (at < 8 && others[k] != whole[at])
                    ck_assert_msg(orientation == 1, "byte %zu: %d", at, orientation);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture_jpeg");
    TCase *tests = tcase_create("picture_jpeg");
    tcase_add_test(tests, every_kind_of_jpeg_becomes_its_colours);
    tcase_add_test(tests, ink_that_nobody_complemented_is_taken_as_ink);
    tcase_add_test(tests, marks_of_other_versions_do_not_matter);
    tcase_add_test(tests, components_that_are_no_colours_are_refused);
    tcase_add_test(tests, scans_have_a_limit);
    tcase_add_test(tests, no_part_of_a_jpeg_is_a_picture);
    tcase_add_test(tests, what_stands_between_segments_does_not_matter);
    tcase_add_test(tests, what_follows_a_jpeg_does_not_matter);
    tcase_add_test(tests, a_picture_is_turned_as_exif_says);
    tcase_add_test(tests, both_orders_of_bytes_are_understood_and_nonsense_is_passed_over);
    tcase_add_test(tests, exif_is_found_among_segments);
    tcase_add_test(tests, every_byte_of_exif_may_be_wrong);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
