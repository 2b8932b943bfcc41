/* picture_png.c - a PNG file, read by libpng.
 *
 * libpng reports by longjmp. Everything that is allocated hangs on `struct decoding`, which
 * picture_png_decode owns and frees; between setjmp and longjmp no local variable is changed.
 */
#include "data/picture_format.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture.h"

struct decoding {
    struct picture_raw *raw;
    struct picture_file *file;
    size_t read; /* bytes of the file */
    png_structp png;
    png_infop info;
    png_bytep *rows;
    jmp_buf failed;
};

static void note_error(png_structp png, png_const_charp message)
{
    struct decoding *d = png_get_error_ptr(png);
    if (d->file->reason[0] == '\0')
        snprintf(d->file->reason, sizeof d->file->reason, "PNG: %s", message);
    longjmp(d->failed, 1);
}

static void pass_over_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t count)
{
    struct decoding *d = png_get_io_ptr(png);
    const size_t left = d->file->size - d->read;
    if (left < count) {
        snprintf(d->file->reason, sizeof d->file->reason,
                 "PNG: ends after %zu bytes in the middle of a chunk: truncated", d->file->size);
        png_error(png, "truncated");
    }
    memcpy(out, d->file->bytes + d->read, count);
    d->read += count;
}

/* Grey or red, green, blue in 8 bits; each conversion is noted. */
static void ask_for_bytes(struct decoding *d)
{
    struct picture_raw *raw = d->raw;
    const int type = png_get_color_type(d->png, d->info);
    const int depth = png_get_bit_depth(d->png, d->info);
    raw->channels = type & PNG_COLOR_MASK_COLOR ? 3 : 1;
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(d->png);
        raw->notes |= PICTURE_PALETTE;
    }
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(d->png);
    if (type & PNG_COLOR_MASK_ALPHA || png_get_valid(d->png, d->info, PNG_INFO_tRNS)) {
        png_set_strip_alpha(d->png);
        raw->notes |= PICTURE_ALPHA;
    }
    if (depth == 16) {
        png_set_scale_16(d->png);
        raw->notes |= PICTURE_DEEP;
    }
    png_set_interlace_handling(d->png);
}

static void find_orientation(struct decoding *d)
{
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 size = 0;
    png_bytep tiff = NULL;
    if (png_get_eXIf_1(d->png, d->info, &size, &tiff) != 0)
        d->raw->orientation = picture_orientation(tiff, size);
#else
    (void)d;
#endif
}

/* What may jump. */
static bool read_image(struct decoding *d)
{
    struct picture_raw *raw = d->raw;
    png_read_info(d->png, d->info);
    ask_for_bytes(d);
    if (!picture_room(raw, d->file, png_get_image_height(d->png, d->info),
                      png_get_image_width(d->png, d->info)))
        return false;
    png_read_update_info(d->png, d->info); /* makes room for rows, so not before they are checked */
    const size_t pitch = (size_t)raw->w * (size_t)raw->channels;
    if (png_get_rowbytes(d->png, d->info) != pitch)
        png_error(d->png, "rows of an unknown length");
    d->rows = calloc((size_t)raw->h, sizeof d->rows[0]);
    if (d->rows == NULL)
        png_error(d->png, "no memory");
    for (int y = 0; y < raw->h; y++)
        d->rows[y] = raw->samples + (size_t)y * pitch;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, d->info); /* to the chunk IEND: a file without it was truncated */
    find_orientation(d);
    return true;
}

static bool try_to_read(struct decoding *d)
{
    return setjmp(d->failed) == 0 && read_image(d);
}

bool picture_png_decode(struct picture_raw *raw, struct picture_file *file)
{
    enum { CHUNK_BYTES = 8 << 20, CHUNKS = 100 };
    struct decoding d = {.raw = raw, .file = file};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, note_error, pass_over_warning);
    d.info = d.png == NULL ? NULL : png_create_info_struct(d.png);
    bool ok = d.info != NULL;
    if (ok) {
        png_set_read_fn(d.png, &d, read_bytes);
        png_set_user_limits(d.png, PNG_UINT_31_MAX,
                            PNG_UINT_31_MAX); /* picture_room has better words */
        png_set_chunk_malloc_max(d.png, CHUNK_BYTES);
        png_set_chunk_cache_max(d.png, CHUNKS);
        ok = try_to_read(&d);
    } else {
        snprintf(file->reason, sizeof file->reason, "no memory");
    }
    png_destroy_read_struct(&d.png, &d.info, NULL);
    free(d.rows);
    return ok;
}
