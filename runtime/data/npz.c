/* npz.c - the arrays of NumPy's savez: a zip file of .npy files, packed or stored. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "data/arrays.h"
#include "data/bytes.h"
#include "data/npy.h"

enum { WHAT_SIZE = DATA_PATH_SIZE + 40, MOST_PACKED = 1100, LOOK = 16 };

struct npz {
    struct data *data;
    const struct data_request *request;
    zip_t *zip;
    uint64_t file_size; /* bytes */
    struct array labels[2];
    char *names;
};

static const char *const image_files[] = {"x_train.npy", "x_test.npy"};
static const char *const label_files[] = {"y_train.npy", "y_test.npy"};
static const char names_file[] = "class_names.npy";

/* -- Entries ----------------------------------------------------------------------------------- */

struct entry {
    char what[WHAT_SIZE]; /* begins messages */
    zip_stat_t stat;
    uint8_t *bytes; /* belong to data */
    size_t size;    /* of those read */
};

static bool has(const struct npz *npz, const char *name)
{
    return zip_name_locate(npz->zip, name, 0) >= 0;
}

/* Sets an entry, whose sizes are what a file as large can hold: no memory is asked for on the word
 * of a header. */
static bool look_at(const struct npz *npz, struct entry *e, const char *name, struct err *err)
{
    enum { NEEDED = ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD };
    snprintf(e->what, sizeof e->what, "%s: %s", npz->request->path, name);
    e->bytes = NULL;
    e->size = 0;
    zip_stat_init(&e->stat);
    if (zip_stat(npz->zip, name, 0, &e->stat) != 0)
        return err_set_code(err, EXIT_DATA,
                            "%s: not in it: expected x_train, y_train, x_test and y_test: "
                            "numpy.savez(...)",
                            e->what);
    if ((e->stat.valid & NEEDED) != NEEDED)
        return err_set_code(err, EXIT_DATA, "%s: of unknown size", e->what);
    if (e->stat.comp_size > npz->file_size)
        return err_set_code(err, EXIT_DATA, "%s: %llu bytes in a file of %llu", e->what,
                            (unsigned long long)e->stat.comp_size,
                            (unsigned long long)npz->file_size);
    return e->stat.size / MOST_PACKED <= e->stat.comp_size ||
           err_set_code(err, EXIT_DATA, "%s: %llu bytes out of %llu: more than can be packed",
                        e->what, (unsigned long long)e->stat.size,
                        (unsigned long long)e->stat.comp_size);
}

/* The first `most` bytes of an entry, or all of it: then also its check sum is right. */
static bool read_entry(const struct npz *npz, struct entry *e, size_t most, struct err *err)
{
    const size_t wanted = e->stat.size < most ? (size_t)e->stat.size : most;
    e->bytes = data_block(npz->data, wanted);
    if (e->bytes == NULL)
        return err_set_errno(err, ENOMEM, "%s: cannot hold %zu bytes", e->what, wanted);
    zip_file_t *file = zip_fopen_index(npz->zip, e->stat.index, 0);
    if (file == NULL)
        return err_set_code(err, EXIT_DATA, "%s: %s", e->what, zip_strerror(npz->zip));
    zip_int64_t got = 1;
    while (e->size < wanted && (got = zip_fread(file, e->bytes + e->size, wanted - e->size)) > 0)
        e->size += (size_t)got;
    uint8_t beyond;
    if (got > 0 && most >= e->stat.size)
        got = zip_fread(file, &beyond, 1); /* only the end tells a wrong check sum */
    bool ok = got >= 0 && e->size == wanted && (most < e->stat.size || got == 0);
    if (!ok)
        err_set_code(err, EXIT_DATA, "%s: after %zu of %zu bytes: %s", e->what, e->size, wanted,
                     got < 0 ? zip_file_strerror(file) : "expected its end there");
    zip_fclose(file);
    return ok;
}

/* -- Stored entries, mapped -------------------------------------------------------------------- */

static size_t little(const uint8_t *at, int bytes)
{
    size_t value = 0;
    for (int k = 0; k < bytes; k++)
        value |= (size_t)at[k] << 8 * k;
    return value;
}

/* Where the bytes of a stored entry begin in a zip file; 0: not where they can be found by going
 * from one local header to the next. (PKWARE's APPNOTE, 4.3.7.) */
static size_t find_stored(const uint8_t *zip, size_t size, const char *name, size_t stored)
{
    enum { HEAD = 30, MARK = 0x04034b50, STREAMED = 8, LARGE = 1, LARGE_HEAD = 4 };
    const size_t length = strlen(name);
    for (size_t at = 0; size - at >= HEAD && little(zip + at, 4) == MARK;) {
        const uint8_t *h = zip + at;
        const size_t name_bytes = little(h + 26, 2), extra = little(h + 28, 2);
        const size_t first = HEAD + name_bytes + extra;
        size_t packed = little(h + 18, 4);
        if (size - at < first || (little(h + 6, 2) & STREAMED) != 0)
            return 0;
        const uint8_t *more = h + HEAD + name_bytes;
        if (packed == UINT32_MAX) {
            if (extra < LARGE_HEAD + 16 || little(more, 2) != LARGE)
                return 0;
            packed = little(more + LARGE_HEAD + 8, 8);
        }
        if (size - at - first < packed)
            return 0;
        if (name_bytes == length && memcmp(h + HEAD, name, length) == 0)
            return packed == stored ? at + first : 0;
        at += first + packed;
    }
    return 0;
}

/* Whether what the local headers led to is what libzip reads, with the right check sum: the
 * directory at the end, which it goes by, may say otherwise in a file that is damaged. */
static bool reads_same(const struct npz *npz, const struct entry *e, const uint8_t *bytes)
{
    enum { CHUNK = 1 << 16 };
    uint8_t *chunk = malloc(CHUNK);
    zip_file_t *file = chunk != NULL ? zip_fopen_index(npz->zip, e->stat.index, 0) : NULL;
    zip_int64_t got = -1;
    size_t at = 0;
    while (file != NULL && (got = zip_fread(file, chunk, CHUNK)) > 0 &&
           (size_t)got <= e->stat.size - at && memcmp(bytes + at, chunk, (size_t)got) == 0)
        at += (size_t)got;
    if (file != NULL)
        zip_fclose(file);
    free(chunk);
    return got == 0 && at == e->stat.size;
}

/* An entry whose pixels can stay in the file: large, and stored as it is. What cannot is read. */
static bool map_entry(const struct npz *npz, struct entry *e, const char *name,
                      const uint8_t **bytes, struct err *err)
{
    const size_t from =
        npz->request->options.map_from > 0 ? npz->request->options.map_from : bytes_limit();
    const uint8_t *file = NULL;
    size_t size = 0;
    *bytes = NULL;
    if (e->stat.size < from || e->stat.comp_method != ZIP_CM_STORE)
        return true;
    if (!bytes_open(npz->data, npz->request->path, 1, &file, &size, err))
        return false;
    const size_t at = find_stored(file, size, name, (size_t)e->stat.size);
    if (at > 0 && reads_same(npz, e, file + at)) {
        *bytes = file + at;
        e->size = (size_t)e->stat.size;
    }
    return true;
}

/* -- Arrays ------------------------------------------------------------------------------------ */

static bool type_of(enum array_type *type, const char *descr)
{
    static const char *const codes[ARRAY_TYPES] = {
        [ARRAY_U8] = "u1",  [ARRAY_I8] = "i1",  [ARRAY_U16] = "u2",
        [ARRAY_I16] = "i2", [ARRAY_U32] = "u4", [ARRAY_I32] = "i4",
        [ARRAY_U64] = "u8", [ARRAY_I64] = "i8", [ARRAY_F32] = "f4"};
    for (int i = 0; i < ARRAY_TYPES; i++) {
        if ((descr[0] == '<' || descr[0] == '|') && strcmp(descr + 1, codes[i]) == 0) {
            *type = (enum array_type)i;
            return true;
        }
    }
    return false;
}

/* Sets an array from the bytes of its .npy file, of which a mere look has only the first. */
static bool take_array(struct array *array, const struct entry *e, const uint8_t *bytes, bool whole,
                       struct err *err)
{
    struct npy npy;
    if (!npy_parse(&npy, bytes, e->size, e->what, err))
        return false;
    if (!type_of(&array->type, npy.descr))
        return err_set_code(err, EXIT_DATA,
                            "%s: '%s': expected uint8 or float32 images and labels of whole "
                            "numbers: x = x.astype(numpy.float32), y = y.astype(numpy.int64)",
                            e->what, npy.descr);
    array->rank = npy.rank;
    memcpy(array->shape, npy.shape, sizeof array->shape);
    const size_t expected = npy.head + npy.elements * array_element(array->type);
    array->bytes = whole ? bytes + npy.head : NULL;
    return e->stat.size == expected ||
           err_set_code(err, EXIT_DATA, "%s: %llu bytes: expected %zu: %zu of a header, %zu of %s",
                        e->what, (unsigned long long)e->stat.size, expected, npy.head, npy.elements,
                        npy.descr);
}

static bool read_images(const struct npz *npz, struct array *array, struct err *err)
{
    const char *name = image_files[npz->request->part];
    const bool look = npz->request->look;
    struct entry e = {.size = 0};
    const uint8_t *mapped = NULL;
    *array = (struct array){.name = name};
    if (!look_at(npz, &e, name, err) || (!look && !map_entry(npz, &e, name, &mapped, err)))
        return false;
    if (mapped != NULL)
        return take_array(array, &e, mapped, true, err);
    return read_entry(npz, &e, look ? NPY_HEADER + LOOK : SIZE_MAX, err) &&
           take_array(array, &e, e.bytes, !look, err);
}

static bool read_labels(struct npz *npz, int part, struct err *err)
{
    struct entry e = {.size = 0};
    npz->labels[part] = (struct array){.name = label_files[part]};
    return look_at(npz, &e, label_files[part], err) && read_entry(npz, &e, SIZE_MAX, err) &&
           take_array(&npz->labels[part], &e, e.bytes, true, err);
}

/* -- Names ------------------------------------------------------------------------------------- */

/* A character as UTF-8; what ends a line becomes a blank. */
static size_t put_character(char *to, uint32_t c)
{
    if (c == '\n' || c == '\r')
        c = ' ';
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(heads[more] | (c >> 6 * more & 0x3f));
    for (int k = 1; k <= more; k++)
        to[k] = (char)(0x80 | (c >> 6 * (more - k) & 0x3f));
    return (size_t)more + 1;
}

/* '<U10' is characters of 4 bytes, '|S10' of one; what a name does not need is zero. */
static bool read_names(struct npz *npz, struct err *err)
{
    struct entry e = {.size = 0};
    struct npy npy;
    if (!look_at(npz, &e, names_file, err) || !read_entry(npz, &e, SIZE_MAX, err) ||
        !npy_parse(&npy, e.bytes, e.size, e.what, err))
        return false;
    const char kind = npy.descr[1]; /* it has one character or more */
    const unsigned long width = kind == 'U' || kind == 'S' ? strtoul(npy.descr + 2, NULL, 10) : 0;
    const size_t character = kind == 'U' ? 4 : 1;
    if (npy.rank != 1 || npy.elements < 1 || npy.elements > DATA_MAX_CLASSES || width < 1 ||
        width > 1024 || e.size - npy.head != npy.elements * width * character)
        return err_set_code(err, EXIT_DATA,
                            "%s: '%s' with %d axes: expected 1 to %d texts: "
                            "class_names=numpy.array(['cat', 'dog'])",
                            e.what, npy.descr, npy.rank, DATA_MAX_CLASSES);
    char *at = npz->names = malloc(npy.elements * (4 * width + 1) + 1);
    if (at == NULL)
        return err_set_errno(err, ENOMEM, "%s", e.what);
    const uint8_t *from = e.bytes + npy.head;
    for (size_t i = 0; i < npy.elements; i++) {
        for (size_t k = 0; k < width; k++, from += character) {
            const uint32_t c = (uint32_t)little(from, (int)character);
            if (c > 0 && c < 0x110000)
                at += put_character(at, c);
        }
        *at++ = '\n';
    }
    *at = '\0';
    return true;
}

/* -- The format -------------------------------------------------------------------------------- */

static bool read_all(struct npz *npz, struct err *err)
{
    struct arrays arrays = {.names = NULL};
    if (!read_images(npz, &arrays.images, err))
        return false;
    for (int part = DATA_TRAIN; part <= DATA_TEST; part++) {
        if (part != (int)npz->request->part && !has(npz, label_files[part]))
            continue;
        if (!read_labels(npz, part, err))
            return false;
        arrays.labels[part] = &npz->labels[part];
    }
    if (has(npz, names_file) && !read_names(npz, err))
        return false;
    arrays.names = npz->names;
    return arrays_take(npz->data, npz->request, &arrays, err);
}

static bool open_npz(struct data *data, const struct data_request *request,
                     const struct data_place *place, struct err *err)
{
    (void)place;
    int code = 0;
    struct npz npz = {.data = data, .request = request};
    npz.zip = zip_open(request->path, ZIP_RDONLY, &code);
    if (npz.zip == NULL) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        err_set_code(err, EXIT_DATA, "%s: %s: expected what numpy.savez writes", request->path,
                     zip_error_strerror(&error));
        zip_error_fini(&error);
        return false;
    }
    struct stat s;
    bool ok = stat(request->path, &s) == 0 || err_set_errno(err, errno, "%s", request->path);
    npz.file_size = ok ? (uint64_t)s.st_size : 0;
    ok = ok && read_all(&npz, err);
    free(npz.names);
    zip_discard(npz.zip);
    return ok;
}

static bool recognises(const struct data_place *place)
{
    return !place->folder && format_ends(place->name, ".npz");
}

const struct data_format npz_format = {"npz", "a file .npz with x_train, y_train, x_test, y_test",
                                       recognises, open_npz};
