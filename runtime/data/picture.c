/* picture.c - which format it is, and from its samples to planes.
 *
 * The decoders (picture_png.c, picture_jpeg.c) leave pixels of one or three samples in the order of
 * the file. One pass here turns them, brings them to the channels asked for and parts the planes.
 */
#include "data/picture.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture_format.h"
#include "file/infile.h"

const char *picture_note(int i)
{
    static const char *const texts[PICTURE_NOTES] = {
        "grey made three channels", "colour made grey",
        "palette looked up",        "transparency dropped",
        "16 bits rounded to 8",     "CMYK made red, green, blue",
        "turned as EXIF says",      "resized",
    };
    assert(i >= 0 && i < PICTURE_NOTES);
    return texts[i];
}

bool picture_room(struct picture_raw *raw, struct picture_file *file, unsigned long h,
                  unsigned long w)
{
    if (h == 0 || w == 0 || h > PICTURE_SIDE || w > PICTURE_SIDE) {
        snprintf(file->reason, sizeof file->reason,
                 "%lu pixels high, %lu wide: expected 1 to %d each", h, w, PICTURE_SIDE);
        return false;
    }
    raw->h = (int)h;
    raw->w = (int)w;
    raw->samples = malloc(h * w * (size_t)raw->channels);
    if (raw->samples == NULL)
        snprintf(file->reason, sizeof file->reason, "no memory for %lu x %lu pixels", h, w);
    return raw->samples != NULL;
}

/* -- EXIF -------------------------------------------------------------------------------------- */

/* Numbers of a TIFF block, whose first two bytes say in which order theirs are. */
struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool little;
};

/* n is 2 or 4; false behind the end. */
static bool tiff_number(const struct tiff *t, size_t at, int n, uint32_t *value)
{
    if (at > t->size || t->size - at < (size_t)n)
        return false;
    *value = 0;
    for (int i = 0; i < n; i++)
        *value = *value << 8 | t->bytes[at + (size_t)(t->little ? n - 1 - i : i)];
    return true;
}

/* The first directory of tags is searched, where the orientation belongs (EXIF 2.32, 4.6.4). */
int picture_orientation(const uint8_t *tiff, size_t size)
{
    enum { MAGIC = 42, ENTRY_BYTES = 12, TAG_ORIENTATION = 0x112, TYPE_SHORT = 3 };
    struct tiff t = {tiff, size, size >= 2 && tiff[0] == 'I'};
    uint32_t magic, directory, entries, tag, type, value;
    if (size < 2 || (memcmp(tiff, "II", 2) != 0 && memcmp(tiff, "MM", 2) != 0) ||
        !tiff_number(&t, 2, 2, &magic) || magic != MAGIC || !tiff_number(&t, 4, 4, &directory) ||
        !tiff_number(&t, directory, 2, &entries))
        return 1;
    for (uint32_t i = 0; i < entries; i++) {
        size_t at = (size_t)directory + 2 + (size_t)i * ENTRY_BYTES;
        if (!tiff_number(&t, at, 2, &tag) || !tiff_number(&t, at + 2, 2, &type) ||
            !tiff_number(&t, at + 8, 2, &value))
            return 1;
        if (tag == TAG_ORIENTATION)
            return type == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* -- Planes ------------------------------------------------------------------------------------ */

/* Where the pixels of a picture that is turned come from: pixel (y, x) from sample
 * first + y * down + x * right. */
struct turn {
    int h, w;
    ptrdiff_t first, down, right;
};

/* Orientation 1 is as stored, 2 mirrored, 3 upside down, 4 both; 5 to 8 have rows and columns
 * exchanged before that. */
static struct turn turn_of(const struct picture_raw *raw)
{
    const int o = raw->orientation;
    const bool exchanged = o >= 5;
    const bool from_below = o == 3 || o == 4 || o == 6 || o == 7;
    const bool from_right = o == 2 || o == 3 || o == 7 || o == 8;
    const ptrdiff_t column = raw->channels, row = column * raw->w;
    const ptrdiff_t by_row = from_below ? -row : row, by_column = from_right ? -column : column;
    return (struct turn){
        .h = exchanged ? raw->w : raw->h,
        .w = exchanged ? raw->h : raw->w,
        .first = (from_below ? row * (raw->h - 1) : 0) + (from_right ? column * (raw->w - 1) : 0),
        .down = exchanged ? by_column : by_row,
        .right = exchanged ? by_row : by_column,
    };
}

/* ITU-R BT.601, in units of 2^-16, which add up to one. */
static uint8_t luma(const uint8_t *rgb)
{
    enum { RED = 19595, GREEN = 38470, BLUE = 7471, HALF = 1 << 15 };
    return (uint8_t)((rgb[0] * RED + rgb[1] * GREEN + rgb[2] * BLUE + HALF) >> 16);
}

static bool part_planes(struct picture *picture, const struct picture_raw *raw, int channels)
{
    const struct turn turn = turn_of(raw);
    const size_t plane = (size_t)turn.h * (size_t)turn.w;
    uint8_t *out = malloc(plane * (size_t)channels);
    if (out == NULL)
        return false;
    *picture = (struct picture){out, channels, turn.h, turn.w, raw->notes};
    picture->notes |= raw->orientation > 1 ? PICTURE_TURNED : 0U;
    picture->notes |= raw->channels < channels ? PICTURE_GREY : 0U;
    picture->notes |= raw->channels > channels ? PICTURE_COLOUR : 0U;
    for (int y = 0; y < turn.h; y++) {
        const uint8_t *sample = raw->samples + turn.first + y * turn.down;
        for (int x = 0; x < turn.w; x++, sample += turn.right, out++) {
            if (channels == 1) {
                out[0] = raw->channels == 1 ? sample[0] : luma(sample);
                continue;
            }
            for (size_t c = 0; c < 3; c++)
                out[c * plane] = sample[raw->channels == 1 ? 0 : c];
        }
    }
    return true;
}

/* -- Files ------------------------------------------------------------------------------------- */

static bool decode(struct picture_raw *raw, struct picture_file *file)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    if (file->size >= sizeof png && memcmp(file->bytes, png, sizeof png) == 0)
        return picture_png_decode(raw, file);
    if (file->size >= sizeof jpeg && memcmp(file->bytes, jpeg, sizeof jpeg) == 0)
        return picture_jpeg_decode(raw, file);
    snprintf(file->reason, sizeof file->reason, "%s: expected a PNG or JPEG file",
             file->size == 0 ? "empty" : "neither PNG nor JPEG");
    return false;
}

bool picture_decode(struct picture *picture, const void *bytes, size_t size, int channels,
                    const char *name, struct err *err)
{
    assert(channels == 1 || channels == 3);
    struct picture_file file = {.bytes = bytes, .size = size};
    struct picture_raw raw = {.orientation = 1};
    *picture = (struct picture){0};
    bool ok = decode(&raw, &file);
    if (!ok)
        err_set_code(err, EXIT_DATA, "%s: %s", name, file.reason);
    else if (!part_planes(picture, &raw, channels))
        ok = err_set_errno(err, ENOMEM, "%s", name);
    free(raw.samples);
    return ok;
}

uint8_t *picture_slurp(void *stream, const char *name, size_t *size, struct err *err)
{
    enum { FIRST_ROOM = 1 << 16 };
    FILE *file = stream;
    uint8_t *bytes = NULL;
    size_t room = 0, used = 0;
    do {
        room = room == 0                   ? FIRST_ROOM
               : room < PICTURE_FILE_BYTES ? 2 * room
                                           : (size_t)PICTURE_FILE_BYTES + 1;
        uint8_t *more = realloc(bytes, room);
        if (more == NULL) {
            free(bytes);
            err_set_code(err, EXIT_DATA, "%s: cannot hold it: expected at most %d bytes", name,
                         PICTURE_FILE_BYTES);
            return NULL;
        }
        bytes = more;
        used += fread(bytes + used, 1, room - used, file);
    } while (used == room && room <= PICTURE_FILE_BYTES);
    *size = used;
    if (!ferror(file) && used <= PICTURE_FILE_BYTES)
        return bytes;
    err_set_code(err, EXIT_DATA, "%s: cannot read: %s", name,
                 ferror(file) ? strerror(errno) : "too large");
    free(bytes);
    return NULL;
}

bool picture_read(struct picture *picture, const char *path, int channels, struct err *err)
{
    *picture = (struct picture){0};
    FILE *file = infile_open(path, "rb");
    if (file == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", path, infile_reason(errno));
    size_t size = 0;
    uint8_t *bytes = picture_slurp(file, path, &size, err);
    fclose(file);
    bool ok = bytes != NULL && picture_decode(picture, bytes, size, channels, path, err);
    free(bytes);
    return ok;
}

void picture_free(struct picture *picture)
{
    free(picture->pixels);
    *picture = (struct picture){0};
}
