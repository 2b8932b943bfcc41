/* decode.h - what tests of pictures decode, and how. */
#ifndef BURIN_TEST_DECODE_H
#define BURIN_TEST_DECODE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture.h"
#include "picture_files.h"
#include "rng.h"

enum { H = 5, W = 7, PIXELS = H * W, SIDE = 24 };

static inline uint8_t random_byte(uint32_t at)
{
    return (uint8_t)(rng_float(rng_key(7, 0, 0, 0), at) * 256.0f);
}

static inline void fill(uint8_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = random_byte((uint32_t)i);
}

static inline struct picture decode(const struct bytes *file, int channels)
{
    struct picture picture;
    struct err err = {0};
    ck_assert_msg(picture_decode(&picture, file->at, file->size, channels, "name", &err), "%s",
                  err.message);
    ck_assert_int_eq(picture.c, channels);
    return picture;
}

static inline void refuses(const void *bytes, size_t size, const char *message)
{
    struct picture picture;
    struct err err = {0};
    ck_assert(!picture_decode(&picture, bytes, size, 3, "a/name", &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(picture.pixels);
}

/* A slope in each channel: what a JPEG keeps nearly as it was. */
static inline void slopes(uint8_t *samples, int channels)
{
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            uint8_t *at = samples + (ptrdiff_t)(y * SIDE + x) * channels;
            const int values[4] = {10 * x, 255 - 9 * y, 5 * (x + y), 255 - 3 * x};
            for (int c = 0; c < channels; c++)
                at[c] = (uint8_t)values[c];
        }
    }
}

#endif
