/* picture.h - one PNG or JPEG file as planes of bytes.
 *
 *     struct picture picture = {0};
 *     if (!picture_read(&picture, path, 3, &err)) ...
 *     if (picture.notes & PICTURE_ALPHA) ...             (what was converted on the way)
 *     picture_free(&picture);
 *
 * Whatever the file holds becomes the channels that are asked for, 8 bits each, as PyTorch's
 * ImageFolder would see them: palettes are looked up, transparency is dropped (the colour beneath
 * it stays), 16 bits are rounded to 8, CMYK becomes red, green and blue, and gamma and colour
 * profiles are left alone. In one thing it differs: where EXIF says which side of the sensor was
 * up, the picture is turned, as every viewer shows it.
 *
 * A file is untrusted. What is truncated or corrupt is an error with its name and what is wrong
 * with it, never a picture with grey parts; memory is bounded by PICTURE_SIDE and by the size of
 * the file.
 */
#ifndef BURIN_PICTURE_H
#define BURIN_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/err.h"

/* The fuzz target is compiled with a smaller one: it cannot try a million large pictures. */
#if !defined(PICTURE_MOST_PIXELS)
#define PICTURE_MOST_PIXELS 4096
#endif

enum {
    PICTURE_SIDE = PICTURE_MOST_PIXELS,    /* the most pixels of a side */
    PICTURE_FILE_BYTES = 256 * 1024 * 1024 /* the largest file */
};

/* What was converted, as bits. */
enum picture_note {
    PICTURE_GREY = 1 << 0,    /* one channel, repeated to make three */
    PICTURE_COLOUR = 1 << 1,  /* three channels, weighted to make one */
    PICTURE_PALETTE = 1 << 2, /* looked up */
    PICTURE_ALPHA = 1 << 3,   /* dropped */
    PICTURE_DEEP = 1 << 4,    /* 16 bits, rounded to 8 */
    PICTURE_CMYK = 1 << 5,    /* as printers have it */
    PICTURE_TURNED = 1 << 6,  /* by EXIF's orientation */
    PICTURE_RESIZED = 1 << 7, /* see resize.h */
    PICTURE_NOTES = 8
};

struct picture {
    uint8_t *pixels; /* [c][h][w] */
    int c, h, w;
    unsigned notes;
};

/* What bit i of notes says of a picture: "transparency dropped". */
const char *picture_note(int i);

/* Decodes a file in memory. channels: 1 or 3. name begins the message of an error, EXIT_DATA.
 * Three channels become one as 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), rounded. */
bool picture_decode(struct picture *picture, const void *bytes, size_t size, int channels,
                    const char *name, struct err *err);

/* The same of a file on disk. */
bool picture_read(struct picture *picture, const char *path, int channels, struct err *err);

/* The bytes of a stream to its end, to be freed; NULL after an error, EXIT_DATA, also where they
 * are more than PICTURE_FILE_BYTES. For picture_decode. */
uint8_t *picture_slurp(void *stream, const char *name, size_t *size, struct err *err);

/* Accepts a zeroed struct. */
void picture_free(struct picture *picture);

#endif
