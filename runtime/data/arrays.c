/* arrays.c - which axis is which, and whole numbers of any size as labels. */
#include "data/arrays.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t array_element(enum array_type type)
{
    static const size_t sizes[ARRAY_TYPES] = {
        [ARRAY_U8] = 1,  [ARRAY_I8] = 1,  [ARRAY_U16] = 2, [ARRAY_I16] = 2, [ARRAY_U32] = 4,
        [ARRAY_I32] = 4, [ARRAY_U64] = 8, [ARRAY_I64] = 8, [ARRAY_F32] = 4};
    return sizes[type];
}

/* -- Axes -------------------------------------------------------------------------------------- */

/* A way to read an array of four axes. */
struct reading {
    const char *name;
    int c, h, w; /* axes */
};

static const struct reading readings[] = {{"nhwc", 3, 1, 2}, {"nchw", 1, 2, 3}};

static const char *describe(const struct array *a, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s (", a->name);
    for (int i = 0; i < a->rank; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i > 0 ? ", " : "", a->shape[i]);
    snprintf(out + used, size - used, "%s)", a->rank == 1 ? "," : "");
    return out;
}

static bool possible(const struct array *a, const struct reading *r)
{
    return a->shape[r->c] >= 1 && a->shape[r->c] <= DATA_MAX_CHANNELS && a->shape[r->h] >= 1 &&
           a->shape[r->h] <= DATA_MAX_SIDE && a->shape[r->w] >= 1 &&
           a->shape[r->w] <= DATA_MAX_SIDE;
}

static bool wanted(const struct array *a, const struct reading *r, const struct data_shape *shape)
{
    return a->shape[r->c] == (size_t)shape->c && a->shape[r->h] == (size_t)shape->h &&
           a->shape[r->w] == (size_t)shape->w;
}

/* The one reading that the option, the network or the bounds of a shape leave. */
static bool choose(const struct reading **reading, const struct data_request *request,
                   const struct array *a, struct err *err)
{
    char what[160];
    int possibles = 0, wanteds = 0;
    describe(a, what, sizeof what);
    for (int i = 0; i < 2; i++) {
        const struct reading *r = &readings[i];
        if (request->options.layout != NULL && strcmp(request->options.layout, r->name) == 0) {
            *reading = r;
            return possible(a, r) ||
                   err_set_code(err, EXIT_DATA,
                                "%s: %s: as %s images of %zux%zux%zu: expected at most %d channels "
                                "of %dx%d",
                                request->path, what, r->name, a->shape[r->c], a->shape[r->h],
                                a->shape[r->w], DATA_MAX_CHANNELS, DATA_MAX_SIDE, DATA_MAX_SIDE);
        }
    }
    if (request->options.layout != NULL)
        return err_set_code(err, EXIT_USAGE, "--layout %s: %s: %s: expected nhwc or nchw",
                            request->options.layout, request->path, what);
    for (int i = 0; request->wanted != NULL && i < 2; i++) {
        if (possible(a, &readings[i]) && wanted(a, &readings[i], request->wanted)) {
            wanteds++;
            *reading = &readings[i];
        }
    }
    if (wanteds == 1)
        return true;
    for (int i = 0; wanteds == 0 && i < 2; i++) {
        if (possible(a, &readings[i])) {
            possibles++;
            *reading = &readings[i];
        }
    }
    if (possibles == 1)
        return true;
    return err_set_code(err, EXIT_DATA,
                        "%s: %s: images of %zux%zux%zu (channels, rows, columns), or of "
                        "%zux%zux%zu: expected --layout nhwc for the first, nchw for the others",
                        request->path, what, a->shape[3], a->shape[1], a->shape[2], a->shape[1],
                        a->shape[2], a->shape[3]);
}

static bool take_shape(struct data *data, const struct data_request *request, const struct array *a,
                       struct err *err)
{
    static const struct reading grey = {"nhw", 0, 1, 2};
    const struct reading *r = &grey;
    char what[160];
    describe(a, what, sizeof what);
    if (a->type != ARRAY_U8 && a->type != ARRAY_F32)
        return err_set_code(err, EXIT_DATA, "%s: %s: expected uint8 or float32", request->path,
                            what);
    if (a->rank != 3 && a->rank != 4)
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: expected (N, H, W), (N, H, W, C) or (N, C, H, W)",
                            request->path, what);
    if (a->shape[0] < 1 || a->shape[0] > INT32_MAX)
        return err_set_code(err, EXIT_DATA, "%s: %s: expected 1 to %d images", request->path, what,
                            INT32_MAX);
    if (a->rank == 4 && !choose(&r, request, a, err))
        return false;
    if (a->rank == 3 && request->options.layout != NULL &&
        strcmp(request->options.layout, r->name) != 0)
        return err_set_code(err, EXIT_USAGE, "--layout %s: %s: %s: expected nhw or none",
                            request->options.layout, request->path, what);
    if (a->rank == 3 && (a->shape[1] < 1 || a->shape[1] > DATA_MAX_SIDE || a->shape[2] < 1 ||
                         a->shape[2] > DATA_MAX_SIDE))
        return err_set_code(err, EXIT_DATA, "%s: %s: expected sides of 1 to %d", request->path,
                            what, DATA_MAX_SIDE);
    data->type = a->type == ARRAY_F32 ? DATA_FLOATS : DATA_BYTES;
    data->count = (int)a->shape[0];
    data->c = a->rank == 3 ? 1 : (int)a->shape[r->c];
    data->h = (int)a->shape[r->h];
    data->w = (int)a->shape[r->w];
    data->strides = data_planes(data->h, data->w);
    if (r == &readings[0])
        data->strides =
            (struct data_strides){1, (size_t)data->w * (size_t)data->c, (size_t)data->c};
    return true;
}

/* -- Labels ------------------------------------------------------------------------------------ */

/* Element i; what is below zero becomes very large. */
static uint64_t whole(const struct array *a, size_t i)
{
    uint64_t value = 0;
    const size_t size = array_element(a->type);
    const uint8_t *at = a->bytes + i * size;
    for (size_t k = 0; k < size; k++)
        value |= (uint64_t)at[k] << 8 * k;
    bool is_signed = a->type == ARRAY_I8 || a->type == ARRAY_I16 || a->type == ARRAY_I32;
    if (is_signed && at[size - 1] >> 7 != 0)
        value |= ~(uint64_t)0 << 8 * size;
    return value;
}

static bool check_labels(const struct data_request *request, const struct array *a, int classes,
                         int *largest, struct err *err)
{
    char what[160];
    describe(a, what, sizeof what);
    if (a->rank != 1)
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: expected one axis: (N,): y = y.argmax(axis=1) where each has "
                            "a number a class, y = y.ravel() where they are a column",
                            request->path, what);
    if (a->type == ARRAY_F32)
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: floats: expected whole numbers: y = y.astype(numpy.int64)",
                            request->path, what);
    for (size_t i = 0; i < a->shape[0]; i++) {
        const uint64_t label = whole(a, i);
        if (label >= (uint64_t)classes)
            return err_set_code(err, EXIT_DATA, "%s: %s: element %zu: label %lld: expected 0 to %d",
                                request->path, what, i, (long long)label, classes - 1);
        *largest = (int)label > *largest ? (int)label : *largest;
    }
    return true;
}

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

/* The first one without a character, or -1. */
static int empty_line(const char *text)
{
    for (int line = 0; *text != '\0'; line++, text += strcspn(text, "\n") + 1) {
        if (*text == '\n')
            return line;
    }
    return -1;
}

static bool take_classes(struct data *data, const struct data_request *request,
                         const struct arrays *arrays, struct err *err)
{
    const int named = arrays->names != NULL ? lines_of(arrays->names) : DATA_MAX_CLASSES;
    const int empty = arrays->names != NULL ? empty_line(arrays->names) : -1;
    int largest = 0;
    if (empty >= 0)
        return err_set_code(err, EXIT_DATA, "%s: the name of class %d is empty: expected a text",
                            request->path, empty);
    if (named < 1 || named > DATA_MAX_CLASSES)
        return err_set_code(err, EXIT_DATA, "%s: %d names of classes: expected 1 to %d",
                            request->path, named, DATA_MAX_CLASSES);
    for (int part = 0; part < 2; part++) {
        if (arrays->labels[part] != NULL &&
            !check_labels(request, arrays->labels[part], named, &largest, err))
            return false;
    }
    data->classes = arrays->names != NULL ? named : largest + 1;
    return data_name_lines(data, arrays->names, request->path, err);
}

bool arrays_take(struct data *data, const struct data_request *request, const struct arrays *arrays,
                 struct err *err)
{
    const struct array *images = &arrays->images, *labels = arrays->labels[request->part];
    char what[DATA_PATH_SIZE + 40];
    snprintf(what, sizeof what, "%s: %s", request->path, images->name);
    if (!format_one_labels(request, err) || !take_shape(data, request, images, err))
        return false;
    assert(labels != NULL);
    if (!take_classes(data, request, arrays, err))
        return false;
    if (labels->shape[0] != images->shape[0])
        return err_set_code(err, EXIT_DATA, "%s: %zu images: expected as many labels, got %zu",
                            what, images->shape[0], labels->shape[0]);
    if (request->look)
        return true;
    if (!data_reserve(data, data->count))
        return err_set_errno(err, ENOMEM, "cannot hold the images of %s", request->path);
    const size_t image = data_pixels(data) * array_element(images->type);
    for (int i = 0; i < data->count; i++) {
        data->labels[i] = (uint8_t)whole(labels, (size_t)i);
        data->images[i] = images->bytes + (size_t)i * image;
    }
    return data_seal(data, what, err);
}
