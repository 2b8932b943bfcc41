/* idx.c - which files, their headers, and pixels where they lie. */
#include "data/idx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/bytes.h"
#include "file/infile.h"

enum { NAME_SIZE = 96, NAMES_BYTES = 65536, BYTES = 8, HEAD = 4, DIMENSION = 4 };

static const char *const split_names[] = {"balanced", "byclass", "bymerge",
                                          "digits",   "letters", "mnist"};
enum { SPLITS = sizeof split_names / sizeof split_names[0] };

/* EMNIST's classes (Cohen, Afshar, Tapson and van Schaik, "EMNIST: an extension of MNIST to
 * handwritten letters", arXiv:1702.05373). Merged splits leave out the small letters that look like
 * large ones. */
static const char merged[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";
static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";
static const char *const split_classes[SPLITS] = {merged, all, merged, digits, letters, digits};

/* -- Names ------------------------------------------------------------------------------------- */

enum what { IMAGES, LABELS };

/* The ways to write the name of a file; split: of EMNIST, or -1. */
enum { SPELLINGS = 4 };

/* What a name begins with. */
static void begin(char name[NAME_SIZE], int split, enum data_part part)
{
    static const char *const parts[] = {"train", "t10k"};
    if (split < 0)
        snprintf(name, NAME_SIZE, "%s", parts[part]);
    else
        snprintf(name, NAME_SIZE, "emnist-%s-%s", split_names[split],
                 part == DATA_TRAIN ? "train" : "test");
}

static void spell(char name[NAME_SIZE], int split, enum data_part part, enum what what, int way)
{
    begin(name, split, part);
    size_t used = strlen(name);
    snprintf(name + used, NAME_SIZE - used, "-%s%cidx%d-ubyte%s",
             what == IMAGES ? "images" : "labels", way % 2 == 0 ? '-' : '.', what == IMAGES ? 3 : 1,
             way < 2 ? "" : ".gz");
}

static bool any_begins(const struct data_place *place, const char *first)
{
    const size_t length = strlen(first);
    for (int i = 0; i < place->count; i++) {
        if (strncmp(place->entries[i], first, length) == 0)
            return true;
    }
    return false;
}

/* All names of all splits are many to spell: most folders have none that begins so. */
static bool has_split(const struct data_place *place, int split)
{
    char name[NAME_SIZE];
    for (int part = DATA_TRAIN; place->count > 0 && part <= DATA_TEST; part++) {
        begin(name, split, (enum data_part)part);
        const int ways = any_begins(place, name) ? SPELLINGS : 0;
        for (int way = 0; way < ways; way++) {
            spell(name, split, (enum data_part)part, IMAGES, way);
            if (format_has(place, name))
                return true;
        }
    }
    return false;
}

static bool recognises(const struct data_place *place)
{
    for (int split = -1; split < SPLITS; split++) {
        if (has_split(place, split))
            return true;
    }
    return false;
}

/* Which files of a folder are meant: -1, or a split of EMNIST. */
static bool choose(int *split, const struct data_place *place, const struct data_request *request,
                   struct err *err)
{
    char there[100] = "";
    int count = 0;
    for (int i = -1; i < SPLITS; i++) {
        if (!has_split(place, i))
            continue;
        const char *name = i < 0 ? "plain" : split_names[i];
        size_t used = strlen(there);
        snprintf(there + used, sizeof there - used, "%s%s", count++ > 0 ? ", " : "", name);
        if (request->options.labels == NULL || strcmp(request->options.labels, name) == 0)
            *split = i;
        else
            continue;
        if (request->options.labels != NULL)
            return true;
    }
    if (request->options.labels != NULL)
        return err_set_code(err, EXIT_USAGE, "--labels %s: %s: expected what is there: %s",
                            request->options.labels, request->path, there);
    return count == 1 || err_set_code(err, EXIT_DATA,
                                      "%s: several data sets: %s: expected --labels with one of "
                                      "them",
                                      request->path, there);
}

/* -- Files ------------------------------------------------------------------------------------- */

struct idx {
    struct data *data;
    const struct data_request *request;
    const struct data_place *place;
    int split;
};

/* The elements of a file, and its dimensions. */
struct elements {
    char path[DATA_PATH_SIZE];
    const uint8_t *bytes;
    size_t size; /* of them */
    uint32_t shape[3];
};

/* Checks what is before the elements, and that they are as many as it says. */
static bool check_head(struct elements *e, int rank, struct err *err)
{
    const size_t head = HEAD + (size_t)rank * DIMENSION;
    if (e->size < head)
        return err_set_code(err, EXIT_DATA,
                            "%s: %zu bytes: expected %zu of a header and what it says", e->path,
                            e->size, head);
    const uint8_t *at = e->bytes;
    if (at[0] != 0 || at[1] != 0 || at[2] != BYTES || at[3] != rank)
        return err_set_code(err, EXIT_DATA,
                            "%s: begins with %02x %02x %02x %02x: expected 00 00 08 %02x: an IDX "
                            "file of bytes in %d dimension%s",
                            e->path, at[0], at[1], at[2], at[3], (unsigned)rank, rank,
                            rank == 1 ? "" : "s");
    uint64_t wanted = 1;
    char shape[64] = "";
    for (int i = 0; i < rank; i++) {
        size_t used = strlen(shape);
        e->shape[i] = bytes_big32(at + HEAD + (size_t)i * DIMENSION);
        snprintf(shape + used, sizeof shape - used, "%s%u", i > 0 ? " x " : "", e->shape[i]);
        if (i > 0 && (e->shape[i] < 1 || e->shape[i] > DATA_MAX_SIDE))
            return err_set_code(err, EXIT_DATA,
                                "%s: byte %zu: images of %u: expected sides of 1 to %d", e->path,
                                HEAD + (size_t)i * DIMENSION, e->shape[i], DATA_MAX_SIDE);
        wanted *= e->shape[i];
    }
    if (e->shape[0] < 1 || e->shape[0] > INT32_MAX)
        return err_set_code(err, EXIT_DATA, "%s: byte %d: %u of them: expected 1 to %d", e->path,
                            HEAD, e->shape[0], INT32_MAX);
    e->bytes += head;
    e->size -= head;
    return e->size == wanted ||
           err_set_code(err, EXIT_DATA, "%s: %zu bytes after the header: expected %s = %llu",
                        e->path, e->size, shape, (unsigned long long)wanted);
}

static bool find_file(const struct idx *idx, struct elements *e, enum data_part part,
                      enum what what, struct err *err)
{
    char name[NAME_SIZE];
    for (int way = 0; way < SPELLINGS; way++) {
        spell(name, idx->split, part, what, way);
        if (format_has(idx->place, name))
            return format_join(e->path, idx->request->path, name, err);
    }
    spell(name, idx->split, part, what, 0);
    return err_set_code(err, EXIT_DATA, "%s/%s: no such file, nor with .gz", idx->request->path,
                        name);
}

static bool read_file(const struct idx *idx, struct elements *e, enum data_part part,
                      enum what what, struct err *err)
{
    return find_file(idx, e, part, what, err) &&
           (format_ends(e->path, ".gz")
                ? bytes_gunzip(idx->data, e->path, &e->bytes, &e->size, err)
                : bytes_open(idx->data, e->path, idx->request->options.map_from, &e->bytes,
                             &e->size, err)) &&
           check_head(e, what == IMAGES ? 3 : 1, err);
}

/* -- Images and labels ------------------------------------------------------------------------- */

/* EMNIST counts letters from 1. */
static int first_label(const struct idx *idx)
{
    return idx->split >= 0 && split_classes[idx->split] == letters ? 1 : 0;
}

static bool has_part(const struct idx *idx, enum data_part part)
{
    struct elements e;
    struct err ignored = {0};
    return find_file(idx, &e, part, LABELS, &ignored);
}

/* Without names, there are as many classes as the largest label of both parts says. */
static bool count_classes(const struct idx *idx, struct err *err)
{
    int largest = 0;
    for (int part = DATA_TRAIN; part <= DATA_TEST; part++) {
        struct elements e = {.bytes = NULL};
        if (!has_part(idx, (enum data_part)part))
            continue;
        if (!read_file(idx, &e, (enum data_part)part, LABELS, err))
            return false;
        for (size_t i = 0; i < e.size; i++)
            largest = e.bytes[i] > largest ? e.bytes[i] : largest;
    }
    idx->data->classes = largest + 1;
    return true;
}

static bool name_split(struct data *data, const char *characters, struct err *err)
{
    char text[2 * sizeof all], *at = text;
    data->classes = (int)strlen(characters);
    for (; *characters != '\0'; characters++) {
        *at++ = *characters;
        *at++ = '\n';
    }
    *at = '\0';
    return data_name_lines(data, text, data->source, err);
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (text += strspn(text, "\r\n"); *text != '\0'; text += strspn(text, "\r\n")) {
        lines++;
        text += strcspn(text, "\r\n");
    }
    return lines;
}

static bool name_classes(const struct idx *idx, struct err *err)
{
    struct data *data = idx->data;
    char path[DATA_PATH_SIZE];
    if (idx->split >= 0)
        return name_split(data, split_classes[idx->split], err);
    if (!format_has(idx->place, "classes.txt"))
        return count_classes(idx, err) && data_name_lines(data, NULL, data->source, err);
    if (!format_join(path, data->source, "classes.txt", err))
        return false;
    char *text = bytes_text(path, NAMES_BYTES);
    if (text == NULL && errno != 0)
        return err_set_code(err, EXIT_DATA, "%s: cannot read: %s", path, infile_reason(errno));
    data->classes = text != NULL ? count_lines(text) : 0;
    bool ok = (data->classes >= 1 && data->classes <= DATA_MAX_CLASSES) ||
              err_set_code(err, EXIT_DATA, "%s: expected 1 to %d lines with a name each", path,
                           DATA_MAX_CLASSES);
    ok = ok && data_name_lines(data, text, path, err);
    free(text);
    return ok;
}

static bool take_labels(const struct idx *idx, const struct elements *labels, struct err *err)
{
    const int first = first_label(idx), last = first + idx->data->classes - 1;
    for (int i = 0; i < idx->data->count; i++) {
        if (labels->bytes[i] < first || labels->bytes[i] > last)
            return err_set_code(err, EXIT_DATA,
                                "%s: record %d of %d, at byte %d: label %d: expected %d to %d",
                                labels->path, i + 1, idx->data->count, HEAD + DIMENSION + i,
                                labels->bytes[i], first, last);
        idx->data->labels[i] = (uint8_t)(labels->bytes[i] - first);
    }
    return true;
}

static bool read_part(const struct idx *idx, struct err *err)
{
    struct data *data = idx->data;
    struct elements images, labels;
    const enum data_part part = idx->request->part;
    if (!read_file(idx, &images, part, IMAGES, err) ||
        !read_file(idx, &labels, part, LABELS, err) || !name_classes(idx, err))
        return false;
    if (images.shape[0] != labels.shape[0])
        return err_set_code(err, EXIT_DATA, "%s: %u labels: expected one for each of the %u images",
                            labels.path, labels.shape[0], images.shape[0]);
    const bool turned = idx->split >= 0;
    data->count = (int)images.shape[0];
    data->c = 1;
    data->h = (int)images.shape[turned ? 2 : 1];
    data->w = (int)images.shape[turned ? 1 : 2];
    data->strides = data_planes(data->h, data->w);
    if (turned)
        data->strides = (struct data_strides){data_pixels(data), 1, (size_t)data->h};
    if (idx->request->look)
        return true;
    if (!data_reserve(data, data->count))
        return err_set_errno(err, ENOMEM, "cannot hold the images of %s", data->source);
    for (int i = 0; i < data->count; i++)
        data->images[i] = images.bytes + (size_t)i * data_pixels(data);
    return take_labels(idx, &labels, err) && data_seal(data, images.path, err);
}

static bool open_folder(struct data *data, const struct data_request *request,
                        const struct data_place *place, struct err *err)
{
    struct idx idx = {.data = data, .request = request, .place = place, .split = -1};
    return format_one_layout(request, err) && choose(&idx.split, place, request, err) &&
           read_part(&idx, err);
}

const struct data_format idx_format = {
    "idx", "a folder with train-images-idx3-ubyte[.gz] and its kin, or EMNIST's", recognises,
    open_folder};
