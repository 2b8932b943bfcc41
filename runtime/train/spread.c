/* spread.c - first what the images have in common, then names and labels, then pixels, a piece of
 * at most PIECE bytes at a time.
 */
#include "train/spread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 24, FORMAT_SIZE = 32 };

struct head {
    int count, c, h, w, classes;
    int type; /* enum data_type */
    bool synthetic;
    char format[FORMAT_SIZE];
    char digest[SHA256_HEX_SIZE];
    char source[DATA_PATH_SIZE];
    char note[2 * DATA_PATH_SIZE], warning[2 * DATA_PATH_SIZE];
    int name_bytes; /* of all class names with their ends */
};

/* What the first rank has in `from`, all have afterwards in `to`; both hold whole lines. */
static void give(struct ranks *ranks, const void *from, void *to, size_t size)
{
    const int lines[RANKS_MAX] = {ranks_lines(size)};
    ranks_gather(ranks, from, to, lines);
}

static size_t whole_lines(size_t bytes)
{
    return (size_t)ranks_lines(bytes) * RANKS_LINE;
}

/* Room for `bytes` to give and as many to get, at *to; the error is that of all ranks. */
static uint8_t *both(uint8_t **to, size_t bytes, struct ranks *ranks, const char *what,
                     struct err *err)
{
    uint8_t *from = malloc(2 * whole_lines(bytes));
    if (!ranks_agree(ranks, from != NULL || err_set_errno(err, ENOMEM, "%s", what), err)) {
        free(from);
        return NULL;
    }
    *to = from + whole_lines(bytes);
    return from;
}

bool spread_bytes(void *bytes, size_t size, struct ranks *ranks, struct err *err)
{
    uint8_t *to, *from = both(&to, size, ranks, "what the first rank gives", err);
    if (from == NULL)
        return false;
    memcpy(from, bytes, size);
    give(ranks, from, to, size);
    const bool ok = ranks_well(ranks, err);
    if (ok)
        memcpy(bytes, to, size);
    free(from);
    return ok;
}

static void fill_head(struct head *head, const struct data *data)
{
    *head = (struct head){.count = data->count,
                          .c = data->c,
                          .h = data->h,
                          .w = data->w,
                          .classes = data->classes,
                          .type = (int)data->type,
                          .synthetic = data->synthetic};
    snprintf(head->format, sizeof head->format, "%s", data->format);
    memcpy(head->digest, data->digest, sizeof head->digest);
    memcpy(head->source, data->source, sizeof head->source);
    memcpy(head->note, data->note, sizeof head->note);
    memcpy(head->warning, data->warning, sizeof head->warning);
    for (int k = 0; k < data->classes; k++)
        head->name_bytes += (int)strlen(data->class_names[k]) + 1;
}

/* Memory for what is to come; the first rank's is there. */
static bool make_room(struct data *data, const struct head *head, struct err *err)
{
    data->c = head->c;
    data->h = head->h;
    data->w = head->w;
    data->classes = head->classes;
    data->type = (enum data_type)head->type;
    data->synthetic = head->synthetic;
    memcpy(data->digest, head->digest, sizeof data->digest);
    memcpy(data->source, head->source, sizeof data->source);
    memcpy(data->note, head->note, sizeof data->note);
    memcpy(data->warning, head->warning, sizeof data->warning);
    char *format = NULL;
    if (data_plain(data, head->count) != NULL)
        format = data_block(data, sizeof head->format);
    if (format == NULL)
        return err_set_errno(err, ENOMEM, "%d images of the first rank", head->count);
    data->format = memcpy(format, head->format, sizeof head->format);
    return true;
}

static void pack_names(char *out, const struct data *data)
{
    for (int k = 0; k < data->classes; k++) {
        const size_t size = strlen(data->class_names[k]) + 1;
        memcpy(out, data->class_names[k], size);
        out += size;
    }
}

static bool unpack_names(struct data *data, const char *in)
{
    const char *names[DATA_MAX_CLASSES];
    for (int k = 0; k < data->classes; k++) {
        names[k] = in;
        in += strlen(in) + 1;
    }
    return data_name_classes(data, names);
}

static size_t pixel_size(const struct data *data)
{
    return data->type == DATA_FLOATS ? sizeof(float) : 1;
}

static void pack_image(uint8_t *out, const struct data *data, int i)
{
    const size_t size = pixel_size(data);
    const struct data_strides *s = &data->strides;
    const uint8_t *image = data->images[i];
    for (size_t c = 0; c < (size_t)data->c; c++)
        for (size_t y = 0; y < (size_t)data->h; y++)
            for (size_t x = 0; x < (size_t)data->w; x++, out += size)
                memcpy(out, image + (c * s->channel + y * s->row + x * s->column) * size, size);
}

/* So many at a time that their pixels fill a piece; at least one. */
static bool give_pixels(struct data *data, struct ranks *ranks, struct err *err)
{
    const size_t image = data_pixels(data) * pixel_size(data);
    const int most = image < PIECE ? (int)(PIECE / image) : 1;
    uint8_t *to, *from = both(&to, (size_t)most * image, ranks, "images of the first rank", err);
    if (from == NULL)
        return false;
    for (int first = 0; first < data->count; first += most) {
        const int n = data->count - first < most ? data->count - first : most;
        for (int i = 0; ranks->me == 0 && i < n; i++)
            pack_image(from + (size_t)i * image, data, first + i);
        give(ranks, from, to, (size_t)n * image);
        for (int i = 0; ranks->me != 0 && i < n; i++)
            memcpy((uint8_t *)data->images[first + i], to + (size_t)i * image, image);
    }
    free(from);
    return ranks_well(ranks, err);
}

static bool give_labels(struct data *data, struct ranks *ranks, int name_bytes, struct err *err)
{
    const size_t labels = (size_t)data->count, size = labels + (size_t)name_bytes;
    uint8_t *to, *from = both(&to, size, ranks, "labels of the first rank", err);
    if (from == NULL)
        return false;
    if (ranks->me == 0) {
        memcpy(from, data->labels, labels);
        pack_names((char *)from + labels, data);
    }
    give(ranks, from, to, size);
    bool ok = ranks_well(ranks, err);
    if (ok && ranks->me != 0) {
        memcpy(data->labels, to, labels);
        ok = unpack_names(data, (const char *)to + labels) ||
             err_set_errno(err, ENOMEM, "names of classes of the first rank");
    }
    free(from);
    return ranks_agree(ranks, ok, err);
}

bool spread_data(struct data *data, struct ranks *ranks, bool opened, struct err *err)
{
    if (!ranks_agree(ranks, opened, err))
        return false;
    union {
        struct head head;
        char lines[(sizeof(struct head) + RANKS_LINE - 1) / RANKS_LINE * RANKS_LINE];
    } mine, first;
    memset(&mine, 0, sizeof mine);
    memset(&first, 0, sizeof first);
    if (ranks->me == 0)
        fill_head(&mine.head, data);
    give(ranks, &mine, &first, sizeof mine);
    bool ok = ranks_well(ranks, err) && (ranks->me == 0 || make_room(data, &first.head, err));
    return ranks_agree(ranks, ok, err) && give_labels(data, ranks, first.head.name_bytes, err) &&
           give_pixels(data, ranks, err);
}
