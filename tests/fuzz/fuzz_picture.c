/* fuzz_picture.c - any bytes as a PNG or JPEG file, then resized.
 *
 * The first byte chooses the channels, how to resize and the new sides. libpng's checksums would
 * keep mutations from everything behind them, so its chunks get right ones first.
 */
#include <png.h>
#include <string.h>

#include "data/resize.h"
#include "fuzz.h"
#include "fuzz_message.h"

/* Bit by bit (PNG specification, third edition, annex D). */
FUZZ_UNTRACED static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~sum;
}

/* Of every chunk of a PNG: length, type, data, checksum of type and data. */
static void mend_checksums(uint8_t *file, size_t size)
{
    enum { SIGNATURE = 8, HEAD = 8, SUM = 4 };
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (size < sizeof png || memcmp(file, png, sizeof png) != 0)
        return;
    for (size_t at = SIGNATURE; size - at >= HEAD + SUM;) {
        size_t length = png_get_uint_32(file + at);
        if (length > size - at - HEAD - SUM)
            return;
        png_save_uint_32(file + at + HEAD + length, checksum(file + at + 4, length + 4));
        at += HEAD + length + SUM;
    }
}

FUZZ_UNTRACED static void judge(const struct picture *picture, int channels)
{
    unsigned sum = 0;
    FUZZ_CHECK(picture->c == channels && picture->h >= 1 && picture->w >= 1 &&
                   picture->h <= PICTURE_SIDE && picture->w <= PICTURE_SIDE,
               "%d x %d x %d", picture->c, picture->h, picture->w);
    FUZZ_CHECK(picture->notes >> PICTURE_NOTES == 0, "notes %x", picture->notes);
    for (size_t i = 0; i < (size_t)picture->c * (size_t)picture->h * (size_t)picture->w; i++)
        sum += picture->pixels[i];
    FUZZ_CHECK(sum != 1, "all pixels are read"); /* so that a sanitizer sees what is unset */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CHANNELS = 1, CROP = 2, SIDES = 4 };
    if (size < 1)
        return 0;
    const int channels = data[0] & CHANNELS ? 3 : 1, side = 1 + data[0] / SIDES;
    uint8_t *file = malloc(size);
    FUZZ_CHECK(file != NULL, "no memory");
    memcpy(file, data + 1, size - 1);
    mend_checksums(file, size - 1);
    struct picture picture;
    struct err err = {0};
    if (picture_decode(&picture, file, size - 1, channels, "name", &err)) {
        judge(&picture, channels);
        FUZZ_CHECK(resize_picture(&picture, data[0] & CROP ? RESIZE_CROP : RESIZE_FIT, side,
                                  65 - side, &err),
                   "%s", err.message);
        FUZZ_CHECK(picture.h == side && picture.w == 65 - side, "%d x %d", picture.h, picture.w);
    } else {
        FUZZ_CHECK(picture.pixels == NULL, "an error with pixels");
        check_message(&err, "name");
    }
    picture_free(&picture);
    free(file);
    return 0;
}
