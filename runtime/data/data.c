/* data.c - images by pointer: who holds some out moves pointers, and the pixels stay. */
#include "data/data.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rng.h"
#include "sys/utf8.h"

enum { LONGEST_NAME = 64 }; /* of a class out of a text, with the zero at its end */

/* -- Memory ------------------------------------------------------------------------------------ */

struct block {
    struct block *next;
    void *at;
    size_t mapped; /* bytes of mmap; 0: of malloc */
};

struct data_memory {
    int users; /* structs data */
    struct block *blocks;
};

static bool share(struct data *data)
{
    if (data->memory == NULL) {
        data->memory = calloc(1, sizeof *data->memory);
        if (data->memory == NULL)
            return false;
    }
    data->memory->users++;
    return true;
}

static void release(void *at, size_t mapped)
{
    if (mapped > 0)
        munmap(at, mapped);
    else
        free(at);
}

static void leave(struct data_memory *memory)
{
    if (memory == NULL || --memory->users > 0)
        return;
    while (memory->blocks != NULL) {
        struct block *block = memory->blocks;
        memory->blocks = block->next;
        release(block->at, block->mapped);
        free(block);
    }
    free(memory);
}

bool data_adopt(struct data *data, void *at, size_t mapped)
{
    struct block *block = malloc(sizeof *block);
    if (block == NULL || (data->memory == NULL && !share(data))) {
        free(block);
        release(at, mapped);
        return false;
    }
    *block = (struct block){data->memory->blocks, at, mapped};
    data->memory->blocks = block;
    return true;
}

void *data_block(struct data *data, size_t bytes)
{
    void *at = malloc(bytes > 0 ? bytes : 1);
    return at != NULL && data_adopt(data, at, 0) ? at : NULL;
}

bool data_reserve(struct data *data, int count)
{
    assert(count >= 1 && data->labels == NULL && data->images == NULL);
    data->labels = malloc((size_t)count);
    data->images = malloc((size_t)count * sizeof *data->images);
    return data->labels != NULL && data->images != NULL;
}

void *data_plain(struct data *data, int count)
{
    const size_t element = data->type == DATA_FLOATS ? sizeof(float) : 1;
    const size_t image = data_pixels(data) * element;
    if (!data_reserve(data, count) || (size_t)count > SIZE_MAX / 2 / image)
        return NULL;
    uint8_t *pixels = data_block(data, (size_t)count * image);
    if (pixels == NULL)
        return NULL;
    data->count = count;
    data->strides = data_planes(data->h, data->w);
    for (int i = 0; i < count; i++)
        data->images[i] = pixels + (size_t)i * image;
    return pixels;
}

void data_close(struct data *data)
{
    free(data->labels);
    free(data->images);
    free(data->class_names);
    leave(data->memory);
    *data = (struct data){0};
}

/* -- Pixels ------------------------------------------------------------------------------------ */

struct data_strides data_planes(int h, int w)
{
    return (struct data_strides){(size_t)h * (size_t)w, (size_t)w, 1};
}

size_t data_pixels(const struct data *data)
{
    return (size_t)data->c * (size_t)data->h * (size_t)data->w;
}

static size_t place_of(const struct data *data, int c, int y, int x)
{
    const struct data_strides *s = &data->strides;
    return (size_t)c * s->channel + (size_t)y * s->row + (size_t)x * s->column;
}

static double pixel(const struct data *data, int i, int c, int y, int x)
{
    const size_t at = place_of(data, c, y, x);
    return data->type == DATA_FLOATS ? (double)data_float(data->images[i], at)
                                     : ((const uint8_t *)data->images[i])[at];
}

void data_picture(const struct data *data, int i, uint8_t *out)
{
    double least = 0, most = 255;
    if (data->type == DATA_FLOATS) {
        least = most = pixel(data, i, 0, 0, 0);
        for (int c = 0; c < data->c; c++) {
            for (int y = 0; y < data->h; y++) {
                for (int x = 0; x < data->w; x++) {
                    least = fmin(least, pixel(data, i, c, y, x));
                    most = fmax(most, pixel(data, i, c, y, x));
                }
            }
        }
    }
    const double scale = most > least ? 255 / (most - least) : 0;
    for (int c = 0; c < data->c; c++) {
        for (int y = 0; y < data->h; y++) {
            for (int x = 0; x < data->w; x++)
                *out++ = (uint8_t)((pixel(data, i, c, y, x) - least) * scale + 0.5);
        }
    }
}

/* -- Class names ------------------------------------------------------------------------------- */

bool data_name_classes(struct data *data, const char *const *names)
{
    const size_t count = (size_t)data->classes;
    size_t bytes = count * sizeof *data->class_names;
    for (size_t k = 0; k < count; k++)
        bytes += strlen(names[k]) + 1;
    data->class_names = malloc(bytes);
    if (data->class_names == NULL)
        return false;
    char *text = (char *)(data->class_names + count);
    for (size_t k = 0; k < count; k++) {
        const size_t size = strlen(names[k]) + 1;
        data->class_names[k] = memcpy(text, names[k], size);
        for (char *at = text; *at != '\0'; at++) {
            if ((unsigned char)*at < ' ' || *at == 0x7f)
                *at = '?';
        }
        text += size;
    }
    return true;
}

bool data_is_name(const char *name)
{
    const size_t length = strlen(name);
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++) {
        if (*at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) /* U+0080 to U+009F, too */
            return false;
    }
    return utf8_end(name, length) == length;
}

size_t data_name_length(const char *name)
{
    size_t length = strlen(name) + 3;
    for (; *name != '\0'; name++)
        length += *name == '"' || *name == '\\';
    return length;
}

/* One name of the lines, and what all take so far. */
static bool copy_name(char *copy, const char *line, size_t length, int k, size_t *all,
                      const char *what, struct err *err)
{
    const size_t good = utf8_end(line, length);
    if (good < length)
        return err_set_code(err, EXIT_DATA,
                            "%s: name of class %d, byte %zu: found 0x%02x: expected UTF-8 text",
                            what, k, good, (unsigned)(unsigned char)line[good]);
    if (length >= LONGEST_NAME)
        length = utf8_cut(line, LONGEST_NAME - 1);
    memcpy(copy, line, length);
    copy[length] = '\0';
    *all += data_name_length(copy);
    return *all <= DATA_NAMES_SIZE ||
           err_set_code(err, EXIT_DATA,
                        "%s: names of classes of more than %d characters in all: expected shorter "
                        "names",
                        what, DATA_NAMES_SIZE);
}

bool data_name_lines(struct data *data, const char *text, const char *what, struct err *err)
{
    static const char ends[] = "\r\n", mark[] = "\xef\xbb\xbf"; /* some editors mark UTF-8 so */
    assert(data->classes <= DATA_MAX_CLASSES);
    if (text != NULL && strncmp(text, mark, strlen(mark)) == 0)
        text += strlen(mark);
    char(*copies)[LONGEST_NAME] = malloc(DATA_MAX_CLASSES * sizeof *copies);
    if (copies == NULL)
        return err_set_errno(err, ENOMEM, "%s: cannot hold the names of classes", what);
    const char *names[DATA_MAX_CLASSES];
    size_t all = 0;
    bool ok = true;
    int count = 0;
    for (; ok && count < data->classes; count++) {
        size_t length = text != NULL ? strcspn(text, ends) : 0;
        if (text != NULL && length == 0)
            break;
        if (text == NULL)
            snprintf(copies[count], LONGEST_NAME, "%d", count);
        else
            ok = copy_name(copies[count], text, length, count, &all, what, err);
        names[count] = copies[count];
        if (text != NULL)
            text += length + strspn(text + length, ends);
    }
    bool whole = count == data->classes && (text == NULL || *text == '\0');
    if (ok && !whole)
        ok = err_set_code(err, EXIT_DATA, "%s: expected %d line%s with a name each", what,
                          data->classes, data->classes == 1 ? "" : "s");
    ok = ok && (data_name_classes(data, names) ||
                err_set_errno(err, ENOMEM, "%s: cannot hold the names of classes", what));
    free(copies);
    return ok;
}

/* -- Sealing ----------------------------------------------------------------------------------- */

static bool check_floats(const struct data *data, int i, const char *what, struct err *err)
{
    const size_t n = data_pixels(data);
    for (size_t k = 0; k < n; k++) {
        const float value = data_float(data->images[i], k);
        if (!isfinite(value))
            return err_set_code(err, EXIT_DATA,
                                "%s: image %d of %d, element %zu: %g: expected a finite number",
                                what, i, data->count, k, (double)value);
    }
    return true;
}

bool data_seal(struct data *data, const char *what, struct err *err)
{
    const size_t element = data->type == DATA_FLOATS ? sizeof(float) : 1;
    const size_t image = data_pixels(data) * element;
    struct sha256 sum;
    bool ok = true;
    sha256_start(&sum);
    sha256_add(&sum, data->labels, (size_t)data->count);
    for (int i = 0; ok && i < data->count; i++) {
        sha256_add(&sum, data->images[i], image);
        ok = data->type == DATA_BYTES || check_floats(data, i, what, err);
    }
    bool summed = sha256_finish(&sum, data->digest);
    return ok && (summed || err_set_errno(err, ENOMEM, "%s: no digest", what));
}

/* -- Holding out ------------------------------------------------------------------------------- */

static void move_image(struct data *to, int at, const struct data *from, int i)
{
    to->labels[at] = from->labels[i];
    to->images[at] = from->images[i];
}

/* A part of data without images, with room for n. */
static bool open_part(struct data *part, struct data *data, int n)
{
    *part = *data;
    part->labels = NULL;
    part->images = NULL;
    part->class_names = NULL;
    part->count = 0;
    part->memory = NULL;
    if (data->memory == NULL || !data_reserve(part, n) ||
        !data_name_classes(part, (const char *const *)data->class_names))
        return false;
    part->memory = data->memory;
    return share(part);
}

bool data_hold_out(struct data *data, int n, struct data *held, struct err *err)
{
    *held = (struct data){0};
    if (n < 1 || n >= data->count)
        return err_set_code(err, EXIT_USAGE, "%d held out of %d training images: expected 1 to %d",
                            n, data->count, data->count - 1);
    struct data part;
    if (!open_part(&part, data, n)) {
        data_close(&part);
        return err_set_errno(err, ENOMEM, "cannot hold out %d images of %s", n, data->source);
    }
    /* Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S): each image is taken
     * with the chance of those still wanted among those still to come. */
    const uint64_t key = rng_key(0, 0, (uint32_t)n, RNG_HOLD_OUT);
    int kept = 0;
    for (int i = 0; i < data->count; i++) {
        uint32_t left = (uint32_t)(data->count - i);
        if (rng_below(key, (uint32_t)i, left) < (uint32_t)(n - part.count))
            move_image(&part, part.count++, data, i);
        else
            move_image(data, kept++, data, i);
    }
    data->count = kept;
    *held = part;
    return true;
}

/* -- Statistics -------------------------------------------------------------------------------- */

/* Sums of one channel. Those of bytes are exact: a row's stay below 2^32 for up to 66,000 pixels,
 * those of all rows below 2^64. */
struct sums {
    uint64_t sum, squares;
};

/* Inlined with a constant stride, so that pixels side by side are added up by vectors. */
static inline void add_row(struct sums *sums, const uint8_t *row, int w, size_t column)
{
    uint32_t s = 0, q = 0;
    for (int x = 0; x < w; x++) {
        uint32_t p = row[(size_t)x * column];
        s += p;
        q += p * p;
    }
    sums->sum += s;
    sums->squares += q;
}

static struct sums sum_bytes(const struct data *data, int c)
{
    struct sums sums = {0, 0};
    for (int i = 0; i < data->count; i++) {
        for (int y = 0; y < data->h; y++) {
            const uint8_t *row = (const uint8_t *)data->images[i] + place_of(data, c, y, 0);
            if (data->strides.column == 1)
                add_row(&sums, row, data->w, 1);
            else
                add_row(&sums, row, data->w, data->strides.column);
        }
    }
    return sums;
}

static void measure_bytes(struct data_stats *stats, const struct data *data, int c, double n)
{
    const struct sums sums = sum_bytes(data, c);
    double mean = (double)sums.sum / n;
    double variance = (double)sums.squares / n - mean * mean;
    stats->mean[c] = mean / 255;
    stats->std[c] = variance > 0 ? sqrt(variance) / 255 : 1;
}

/* Shifted by the first pixel: sums of x and x * x lose the variance of a channel whose mean is far
 * above its deviation. */
static void measure_floats(struct data_stats *stats, const struct data *data, int c, double n)
{
    const double shift = pixel(data, 0, c, 0, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < data->count; i++) {
        double image = 0, image_squares = 0;
        for (int y = 0; y < data->h; y++) {
            for (int x = 0; x < data->w; x++) {
                const double d = pixel(data, i, c, y, x) - shift;
                image += d;
                image_squares += d * d;
            }
        }
        sum += image;
        squares += image_squares;
    }
    const double mean = sum / n, variance = squares / n - mean * mean;
    stats->mean[c] = mean + shift;
    stats->std[c] = variance > 0 ? sqrt(variance) : 1;
}

struct data_stats data_statistics(const struct data *data)
{
    assert(data->c >= 1 && data->c <= DATA_MAX_CHANNELS && data->count > 0);
    assert(data->w <= DATA_MAX_SIDE);
    struct data_stats stats = {.channels = data->c};
    const double n = (double)data->count * (double)data->h * (double)data->w;
    for (int c = 0; c < data->c; c++) {
        if (data->type == DATA_FLOATS)
            measure_floats(&stats, data, c, n);
        else
            measure_bytes(&stats, data, c, n);
    }
    return stats;
}
