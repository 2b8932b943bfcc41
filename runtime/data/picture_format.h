/* picture_format.h - between picture.c and the decoders of the formats; for nobody else. */
#ifndef BURIN_PICTURE_FORMAT_H
#define BURIN_PICTURE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICTURE_REASON_SIZE = 256 };

/* A picture as its decoder leaves it. */
struct picture_raw {
    uint8_t *samples; /* [h][w][channels] */
    int channels;     /* 1 grey, 3 red green blue */
    int h, w;
    int orientation; /* EXIF's, 1 to 8 */
    unsigned notes;
};

/* A file in memory, and why it cannot be decoded. */
struct picture_file {
    const uint8_t *bytes;
    size_t size;
    char reason[PICTURE_REASON_SIZE];
};

/* Each fills raw, whose samples the caller frees also after a failure. */
bool picture_png_decode(struct picture_raw *raw, struct picture_file *file);
bool picture_jpeg_decode(struct picture_raw *raw, struct picture_file *file);

/* Sets raw's sides and gives it room for its samples; false, with a reason, where a side is zero or
 * above PICTURE_SIDE, or there is no memory. */
bool picture_room(struct picture_raw *raw, struct picture_file *file, unsigned long h,
                  unsigned long w);

/* EXIF's orientation, of a block of TIFF tags; 1 where it says nothing that makes sense. */
int picture_orientation(const uint8_t *tiff, size_t size);

#endif
