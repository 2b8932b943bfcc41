/* picture_files.h - PNG and JPEG files in memory, for what reads them.
 *
 *     struct png_file like = {.h = 5, .w = 7, .type = PNG_COLOR_TYPE_RGB, .depth = 8};
 *     struct bytes png = make_png(&like, samples);         (as the file has them, row by row)
 *     struct jpeg_file as = {.h = 5, .w = 7, .space = JCS_RGB, .quality = 95};
 *     struct bytes jpeg = make_jpeg(&as, samples);
 *     put_bytes(path, &png);
 *     free(png.at);
 */
#ifndef BURIN_PICTURE_FILES_H
#define BURIN_PICTURE_FILES_H

#include <check.h>
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct bytes {
    uint8_t *at;
    size_t size;
};

struct png_file {
    int h, w, type, depth;
    bool interlaced;
    bool transparent;     /* a chunk tRNS: entry or colour 1 */
    int orientation;      /* a chunk eXIf, unless 0 */
    png_color palette[4]; /* of PNG_COLOR_TYPE_PALETTE */
};

struct jpeg_file {
    int h, w, quality;
    J_COLOR_SPACE space;  /* of the samples */
    J_COLOR_SPACE stored; /* JCS_UNKNOWN: as the library chooses */
    bool progressive;
    bool parted;        /* a scan for each channel */
    int orientation;    /* an APP1 segment with EXIF, unless 0 */
    bool little_endian; /* of it */
};

/* TIFF tags: one that nobody knows, and the orientation. Returns the size. */
static inline size_t make_tiff(uint8_t out[64], int orientation, bool little)
{
    static const uint16_t words[] = {42, 0, 8, 2, 0x100, 3, 0, 1, 9, 0, 0x112, 3, 0, 1, 0, 0, 0, 0};
    static const uint8_t wide[] = {1, 6, 12}; /* where a number of 32 bits is, in words */
    const size_t count = sizeof words / sizeof words[0];
    memcpy(out, little ? "II" : "MM", 2);
    for (size_t i = 0; i < count; i++) {
        uint16_t word = i == 14 ? (uint16_t)orientation : words[i];
        for (size_t k = 0; little && k < sizeof wide; k++)
            word = i == wide[k] ? words[i + 1] : i == wide[k] + 1U ? words[i - 1] : word;
        out[2 + 2 * i] = (uint8_t)(little ? word : word >> 8);
        out[3 + 2 * i] = (uint8_t)(little ? word >> 8 : word);
    }
    return 2 + 2 * count;
}

static inline void append_bytes(png_structp png, png_bytep more, png_size_t count)
{
    struct bytes *bytes = png_get_io_ptr(png);
    bytes->at = realloc(bytes->at, bytes->size + count);
    ck_assert_ptr_nonnull(bytes->at);
    memcpy(bytes->at + bytes->size, more, count);
    bytes->size += count;
}

static inline void flush_nothing(png_structp png)
{
    (void)png;
}

static inline struct bytes make_png(const struct png_file *like, const uint8_t *samples)
{
    struct bytes bytes = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &bytes, append_bytes, flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)like->w, (png_uint_32)like->h, like->depth, like->type,
                 like->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (like->type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, like->palette, 4);
    png_byte alpha[] = {255, 0};
    png_color_16 colour = {1, 1, 1, 1, 1};
    if (like->transparent)
        png_set_tRNS(png, info, alpha, like->type == PNG_COLOR_TYPE_PALETTE ? 2 : 0, &colour);
    uint8_t tiff[64];
    if (like->orientation != 0)
        png_set_eXIf_1(png, info, (png_uint_32)make_tiff(tiff, like->orientation, false), tiff);
    png_write_info(png, info);
    const size_t pitch = png_get_rowbytes(png, info);
    png_bytep *rows = malloc((size_t)like->h * sizeof rows[0]);
    for (int y = 0; y < like->h; y++)
        rows[y] = (png_bytep)(uintptr_t)(samples + (size_t)y * pitch);
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return bytes;
}

static inline struct bytes make_jpeg(const struct jpeg_file *like, const uint8_t *samples)
{
    unsigned char *out = NULL;
    unsigned long size = 0;
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &size);
    const int n = like->space == JCS_GRAYSCALE ? 1
                  : like->space == JCS_UNKNOWN ? 2
                  : like->space == JCS_CMYK    ? 4
                                               : 3;
    jpeg.image_width = (JDIMENSION)like->w;
    jpeg.image_height = (JDIMENSION)like->h;
    jpeg.input_components = n;
    jpeg.in_color_space = like->space;
    jpeg_set_defaults(&jpeg);
    if (like->stored != JCS_UNKNOWN)
        jpeg_set_colorspace(&jpeg, like->stored);
    jpeg_set_quality(&jpeg, like->quality, TRUE);
    for (int c = 0; c < n; c++) /* colours as sharp as brightness */
        jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
    if (like->progressive)
        jpeg_simple_progression(&jpeg);
    const jpeg_scan_info scans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}, {1, {3}, 0, 63, 0, 0}};
    if (like->parted) {
        jpeg.scan_info = scans;
        jpeg.num_scans = n;
    }
    jpeg_start_compress(&jpeg, TRUE);
    if (like->orientation != 0) {
        uint8_t exif[6 + 64] = "Exif\0";
        size_t tiff = make_tiff(exif + 6, like->orientation, like->little_endian);
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, (unsigned)(6 + tiff));
    }
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row =
            (JSAMPROW)(uintptr_t)(samples + (size_t)jpeg.next_scanline * (size_t)(like->w * n));
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (struct bytes){out, size};
}

static inline void put_bytes(const char *path, const struct bytes *bytes)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(bytes->at, 1, bytes->size, file), bytes->size);
    ck_assert_int_eq(fclose(file), 0);
}

#endif
