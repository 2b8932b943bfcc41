/* picture_jpeg.c - a JPEG file, read by libjpeg.
 *
 * libjpeg reports by longjmp, from error_exit. Everything that is allocated hangs on the library's
 * own pools or on `struct picture_raw`; between setjmp and longjmp no local variable is changed.
 *
 * The library fills what is missing or wrong with grey and warns. Such a warning is an error here,
 * but for those about what does not change a pixel.
 */
#include <stdio.h> /* jpeglib.h needs it and does not say so */

#include "data/picture_format.h"

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "data/picture.h"

/* A progressive file may have as many scans as it likes, each over the whole picture. */
enum { MOST_SCANS = 200 };

struct decoding {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct picture_raw *raw;
    struct picture_file *file;
    jmp_buf failed;
};

static void note_error(j_common_ptr jpeg)
{
    struct decoding *d = jpeg->client_data;
    if (d->file->reason[0] == '\0') {
        char message[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, message);
        snprintf(d->file->reason, sizeof d->file->reason, "JPEG: %s", message);
    }
    longjmp(d->failed, 1);
}

static bool changes_pixels(int message)
{
    return message != JWRN_EXTRANEOUS_DATA && message != JWRN_JFIF_MAJOR &&
           message != JWRN_ADOBE_XFORM;
}

/* level is below zero for warnings. */
static void judge_warning(j_common_ptr jpeg, int level)
{
    if (level < 0 && changes_pixels(jpeg->err->msg_code))
        note_error(jpeg);
}

static void count_scans(j_common_ptr jpeg)
{
    struct decoding *d = jpeg->client_data;
    if (d->jpeg.input_scan_number > MOST_SCANS) {
        snprintf(d->file->reason, sizeof d->file->reason,
                 "JPEG: more than %d scans: expected fewer", MOST_SCANS);
        note_error(jpeg);
    }
}

/* An APP1 segment that begins with "Exif", two zeros and a TIFF block. */
static void find_orientation(struct decoding *d)
{
    static const char head[] = "Exif\0";
    for (jpeg_saved_marker_ptr at = d->jpeg.marker_list; at != NULL; at = at->next) {
        if (at->data_length > sizeof head && memcmp(at->data, head, sizeof head) == 0) {
            d->raw->orientation =
                picture_orientation(at->data + sizeof head, at->data_length - sizeof head);
            return;
        }
    }
}

/* Of ink: cyan, magenta, yellow and black, each complemented, as Adobe's programs store it and
 * everybody who followed them. The product is that of 255ths, rounded. */
static void ink_to_light(uint8_t *rgb, const JSAMPLE *ink, int pixels, bool complemented)
{
    for (int x = 0; x < pixels; x++, rgb += 3, ink += 4) {
        for (int c = 0; c < 3; c++) {
            int light = complemented ? ink[c] : 255 - ink[c];
            int black = complemented ? ink[3] : 255 - ink[3];
            rgb[c] = (uint8_t)((light * black + 127) / 255);
        }
    }
}

static bool choose_colours(struct decoding *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        d->raw->channels = 1;
        jpeg->out_color_space = JCS_GRAYSCALE;
        return true;
    case JCS_YCbCr:
    case JCS_RGB:
        d->raw->channels = 3;
        jpeg->out_color_space = JCS_RGB;
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        d->raw->channels = 3;
        d->raw->notes |= PICTURE_CMYK;
        jpeg->out_color_space = JCS_CMYK;
        return true;
    default:
        snprintf(d->file->reason, sizeof d->file->reason,
                 "JPEG: %d colour components: expected grey, colour or CMYK", jpeg->num_components);
        return false;
    }
}

/* What may jump. */
static bool read_image(struct decoding *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    struct picture_raw *raw = d->raw;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, d->file->bytes, d->file->size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    if (!choose_colours(d) || !picture_room(raw, d->file, jpeg->image_height, jpeg->image_width))
        return false;
    find_orientation(d);
    jpeg_start_decompress(jpeg);
    JSAMPARRAY ink = NULL;
    if (jpeg->out_color_space == JCS_CMYK)
        ink = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row =
            raw->samples + (size_t)jpeg->output_scanline * (size_t)raw->w * (size_t)raw->channels;
        jpeg_read_scanlines(jpeg, ink != NULL ? ink : &row, 1);
        if (ink != NULL)
            ink_to_light(row, ink[0], raw->w, jpeg->saw_Adobe_marker);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

static bool try_to_read(struct decoding *d)
{
    return setjmp(d->failed) == 0 && read_image(d);
}

bool picture_jpeg_decode(struct picture_raw *raw, struct picture_file *file)
{
    struct decoding d = {.raw = raw, .file = file, .progress.progress_monitor = count_scans};
    d.jpeg.client_data = &d;
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = note_error;
    d.errors.emit_message = judge_warning;
    bool ok = try_to_read(&d);
    jpeg_destroy_decompress(&d.jpeg);
    return ok;
}
