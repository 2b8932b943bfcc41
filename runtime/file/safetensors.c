/* safetensors.c - the strict reader.
 *
 * The invariant after safetensors_open: names are unique, printable and sorted; every tensor's
 * bytes equal its shape times its element size; and the tensors, in the order of their offsets,
 * cover the data section exactly, without overlap, hole or rest. So no later code checks a bound.
 * The digest comes last: where something else is wrong too, that says more.
 */
#include "file/safetensors.h"

#include <cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/infile.h"
#include "file/sha256.h"
#include "file/strict_json.h"
#include "sys/utf8.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian and are copied as they are"
#endif

static const struct {
    const char *name;
    size_t bytes;
} dtypes[SAFETENSORS_DTYPES] = {
    [SAFETENSORS_BOOL] = {"BOOL", 1}, [SAFETENSORS_U8] = {"U8", 1},
    [SAFETENSORS_I8] = {"I8", 1},     [SAFETENSORS_U16] = {"U16", 2},
    [SAFETENSORS_I16] = {"I16", 2},   [SAFETENSORS_F16] = {"F16", 2},
    [SAFETENSORS_BF16] = {"BF16", 2}, [SAFETENSORS_U32] = {"U32", 4},
    [SAFETENSORS_I32] = {"I32", 4},   [SAFETENSORS_F32] = {"F32", 4},
    [SAFETENSORS_U64] = {"U64", 8},   [SAFETENSORS_I64] = {"I64", 8},
    [SAFETENSORS_F64] = {"F64", 8},
};

/* -- Tensors ----------------------------------------------------------------------------------- */

size_t safetensors_bytes(const struct safetensor *tensor)
{
    size_t bytes = dtypes[tensor->dtype].bytes;
    for (int i = 0; i < tensor->rank; i++)
        bytes *= tensor->shape[i];
    return bytes;
}

const char *safetensors_dtype_name(enum safetensors_dtype dtype)
{
    return dtypes[dtype].name;
}

char *safetensors_describe(char *out, size_t size, const struct safetensor *tensor)
{
    int used = snprintf(out, size, "%s [", dtypes[tensor->dtype].name);
    for (int i = 0; i < tensor->rank && (size_t)used < size; i++) {
        used +=
            snprintf(out + used, size - (size_t)used, "%s%zu", i > 0 ? ", " : "", tensor->shape[i]);
    }
    if ((size_t)used < size)
        snprintf(out + used, size - (size_t)used, "]");
    return out;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct safetensor *)a)->name, ((const struct safetensor *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct safetensors_meta *)a)->key,
                  ((const struct safetensors_meta *)b)->key);
}

/* By offset; an empty tensor before the one that begins where it stands. */
static int compare_offsets(const void *a, const void *b)
{
    const struct safetensor *x = a, *y = b;
    const unsigned char *p = x->data, *q = y->data;
    if (p != q)
        return p < q ? -1 : 1;
    size_t n = safetensors_bytes(x), m = safetensors_bytes(y);
    return (n > m) - (n < m);
}

const struct safetensor *safetensors_find(const struct safetensors *file, const char *name)
{
    struct safetensor key = {.name = name};
    return file->count == 0 ? NULL
                            : bsearch(&key, file->tensors, file->count, sizeof key, compare_names);
}

const char *safetensors_meta(const struct safetensors *file, const char *key)
{
    struct safetensors_meta wanted = {.key = key};
    const struct safetensors_meta *meta =
        file->meta_count == 0
            ? NULL
            : bsearch(&wanted, file->metas, file->meta_count, sizeof wanted, compare_keys);
    return meta == NULL ? NULL : meta->value;
}

bool safetensors_check(const struct safetensors *file, const struct safetensor *tensor,
                       enum safetensors_dtype dtype, int rank, const size_t *shape, struct err *err)
{
    struct safetensor wanted = {.dtype = dtype, .rank = rank};
    bool same = tensor->dtype == dtype && tensor->rank == rank;
    for (int i = 0; i < rank; i++) {
        wanted.shape[i] = shape[i];
        same = same && tensor->shape[i] == shape[i];
    }
    char expected[160], found[160];
    return same || err_set_code(err, EXIT_DATA, "%s: tensor \"%s\" is %s: expected %s", file->path,
                                tensor->name, safetensors_describe(found, sizeof found, tensor),
                                safetensors_describe(expected, sizeof expected, &wanted));
}

/* -- Header ------------------------------------------------------------------------------------ */

/* A name that can be shown to a person as it is. */
static bool printable(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    }
    return true;
}

/* A JSON number as a size; false when other integers would become the same double. */
static bool to_size(const cJSON *item, size_t *out)
{
    const double limit = 9007199254740992.0;
    if (!cJSON_IsNumber(item) || !(item->valuedouble < limit))
        return false;
    *out = (size_t)item->valuedouble; /* digits alone: see strict_json.h */
    return true;
}

static bool bad_tensor(const struct safetensors *file, const char *name, const char *what,
                       struct err *err)
{
    return err_set_code(err, EXIT_DATA, "%s: tensor \"%s\": %s", file->path, name, what);
}

static bool parse_shape(const struct safetensors *file, struct safetensor *tensor,
                        const cJSON *shape, struct err *err)
{
    if (!cJSON_IsArray(shape))
        return bad_tensor(file, tensor->name, "no \"shape\": expected an array of sizes", err);
    size_t bytes = dtypes[tensor->dtype].bytes;
    bool empty = false;
    for (const cJSON *item = shape->child; item != NULL; item = item->next) {
        if (tensor->rank == SAFETENSORS_RANK_MAX) {
            return bad_tensor(file, tensor->name, "more than 8 dimensions: expected at most 8",
                              err);
        }
        size_t n;
        if (!to_size(item, &n)) {
            return bad_tensor(file, tensor->name,
                              "\"shape\" holds something else than sizes: "
                              "expected integers from 0 to 2^53 - 1",
                              err);
        }
        if (n > 0 && bytes > SIZE_MAX / n) {
            return bad_tensor(file, tensor->name,
                              "the shape overflows: expected at most 2^64 - 1 bytes", err);
        }
        empty = empty || n == 0;
        bytes *= n > 0 ? n : 1;
        tensor->shape[tensor->rank++] = n;
    }
    return true;
}

static bool parse_tensor(const struct safetensors *file, const cJSON *item, size_t data_bytes,
                         const unsigned char *data, struct safetensor *tensor, struct err *err)
{
    *tensor = (struct safetensor){.name = item->string, .dtype = SAFETENSORS_DTYPES};
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsObject(item) || !cJSON_IsString(dtype) || !offsets || !shape ||
        cJSON_GetArraySize(item) != 3) {
        return bad_tensor(
            file, tensor->name,
            "has other fields: expected an object of \"dtype\", \"shape\" and \"data_offsets\"",
            err);
    }
    for (int i = 0; i < SAFETENSORS_DTYPES; i++) {
        if (strcmp(dtype->valuestring, dtypes[i].name) == 0)
            tensor->dtype = (enum safetensors_dtype)i;
    }
    if (tensor->dtype == SAFETENSORS_DTYPES) {
        return bad_tensor(file, tensor->name,
                          "unknown dtype: expected F32, F64, I64, U8 or another of the format",
                          err);
    }
    if (!parse_shape(file, tensor, shape, err))
        return false;
    size_t begin, end;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !to_size(offsets->child, &begin) || !to_size(offsets->child->next, &end)) {
        return bad_tensor(file, tensor->name,
                          "\"data_offsets\" are no two sizes: expected [begin, end]", err);
    }
    if (begin > end || end > data_bytes) {
        return err_set_code(err, EXIT_DATA,
                            "%s: tensor \"%s\": data_offsets [%zu, %zu]: expected begin <= end <= "
                            "%zu, the size of the data",
                            file->path, tensor->name, begin, end, data_bytes);
    }
    size_t bytes = safetensors_bytes(tensor);
    if (end - begin != bytes) {
        char text[160];
        return err_set_code(
            err, EXIT_DATA, "%s: tensor \"%s\": %zu bytes of data: expected %zu for %s", file->path,
            tensor->name, end - begin, bytes, safetensors_describe(text, sizeof text, tensor));
    }
    tensor->data = data + begin;
    return true;
}

static bool parse_metadata(struct safetensors *file, const cJSON *object, struct err *err)
{
    if (!cJSON_IsObject(object)) {
        return err_set_code(err, EXIT_DATA,
                            "%s: \"__metadata__\" is no object: expected an object of strings",
                            file->path);
    }
    file->metas = calloc((size_t)cJSON_GetArraySize(object) + 1, sizeof file->metas[0]);
    if (file->metas == NULL)
        return err_set_errno(err, ENOMEM, "%s", file->path);
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!printable(item->string) || !cJSON_IsString(item)) {
            return err_set_code(
                err, EXIT_DATA,
                "%s: \"__metadata__\": entry %zu is no text: expected a string value", file->path,
                file->meta_count + 1);
        }
        file->metas[file->meta_count++] =
            (struct safetensors_meta){item->string, item->valuestring};
    }
    qsort(file->metas, file->meta_count, sizeof file->metas[0], compare_keys);
    for (size_t i = 1; i < file->meta_count; i++) {
        if (strcmp(file->metas[i].key, file->metas[i - 1].key) == 0) {
            return err_set_code(err, EXIT_DATA,
                                "%s: \"__metadata__\": \"%s\" occurs twice: expected once",
                                file->path, file->metas[i].key);
        }
    }
    return true;
}

/* The tensors, sorted by offset, must cover the data exactly. */
static bool check_cover(const struct safetensors *file, const unsigned char *data,
                        size_t data_bytes, struct err *err)
{
    size_t end = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const unsigned char *)tensor->data - data);
        if (begin != end) {
            return err_set_code(err, EXIT_DATA,
                                "%s: tensor \"%s\": data begins at %zu, %s: expected %zu",
                                file->path, tensor->name, begin,
                                begin < end ? "inside the tensor before it" : "after a hole", end);
        }
        end += safetensors_bytes(tensor);
    }
    return end == data_bytes ||
           err_set_code(err, EXIT_DATA,
                        "%s: %zu bytes of data: expected %zu, the end of the last tensor",
                        file->path, data_bytes, end);
}

static bool parse_entries(struct safetensors *file, size_t header_bytes, size_t data_bytes,
                          struct err *err)
{
    const unsigned char *data = file->bytes + header_bytes;
    file->tensors = calloc((size_t)cJSON_GetArraySize(file->header) + 1, sizeof file->tensors[0]);
    if (file->tensors == NULL)
        return err_set_errno(err, ENOMEM, "%s", file->path);
    for (const cJSON *item = file->header->child; item != NULL; item = item->next) {
        if (!printable(item->string)) {
            return err_set_code(err, EXIT_DATA,
                                "%s: the name of tensor %zu has control characters: expected text",
                                file->path, file->count + 1);
        }
        if (strcmp(item->string, "__metadata__") == 0) {
            if (file->metas != NULL) {
                return err_set_code(err, EXIT_DATA,
                                    "%s: \"__metadata__\" occurs twice: expected once", file->path);
            }
            if (!parse_metadata(file, item, err))
                return false;
        } else if (parse_tensor(file, item, data_bytes, data, &file->tensors[file->count], err)) {
            file->count++;
        } else {
            return false;
        }
    }
    qsort(file->tensors, file->count, sizeof file->tensors[0], compare_names);
    for (size_t i = 1; i < file->count; i++) {
        if (strcmp(file->tensors[i].name, file->tensors[i - 1].name) == 0)
            return bad_tensor(file, file->tensors[i].name, "occurs twice: expected once", err);
    }
    qsort(file->tensors, file->count, sizeof file->tensors[0], compare_offsets);
    bool ok = check_cover(file, data, data_bytes, err);
    qsort(file->tensors, file->count, sizeof file->tensors[0], compare_names);
    return ok;
}

static bool parse_header(struct safetensors *file, size_t header_bytes, struct err *err)
{
    enum { PREFIX = 8 };
    const char *text = (const char *)file->bytes;
    size_t good = utf8_end(file->bytes, header_bytes);
    if (good < header_bytes) {
        return err_set_code(err, EXIT_DATA, "%s: byte %zu: found 0x%02x: expected UTF-8 text",
                            file->path, PREFIX + good, file->bytes[good]);
    }
    const char *wrong = NULL;
    size_t at = strict_json_end(text, header_bytes, &wrong);
    if (wrong != NULL) {
        char found[8] = "the end";
        if (at < header_bytes)
            snprintf(found, sizeof found, "0x%02x", file->bytes[at]);
        return err_set_code(err, EXIT_DATA, "%s: byte %zu: found %s: expected %s", file->path,
                            PREFIX + at, found, wrong);
    }
    file->header = cJSON_ParseWithLengthOpts(text, header_bytes, NULL, 0);
    return file->header != NULL || err_set_errno(err, ENOMEM, "%s", file->path);
}

/* -- Digest ------------------------------------------------------------------------------------ */

/* Compares the digest of a file that begins with one. */
static bool check_digest(struct safetensors *file, size_t header_bytes, size_t data_bytes,
                         struct err *err)
{
    static const char opening[] = SAFETENSORS_DIGEST;
    enum { OPENING = sizeof opening - 1, DIGITS = SHA256_HEX_SIZE - 1, PREFIX = 8 };
    if (header_bytes < OPENING + DIGITS || memcmp(file->bytes, opening, OPENING) != 0)
        return true;
    const char *stored = (const char *)file->bytes + OPENING;
    if (strspn(stored, "0123456789abcdef") < DIGITS)
        return err_set_code(err, EXIT_DATA,
                            "%s: byte %d: no digest: expected %d hexadecimal digits", file->path,
                            PREFIX + OPENING, DIGITS);
    unsigned char prefix[PREFIX];
    char zeros[DIGITS], found[SHA256_HEX_SIZE];
    for (int i = 0; i < PREFIX; i++)
        prefix[i] = (unsigned char)((uint64_t)header_bytes >> (8 * i) & 0xff);
    memset(zeros, '0', sizeof zeros);
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, prefix, sizeof prefix);
    sha256_add(&sum, file->bytes, OPENING);
    sha256_add(&sum, zeros, sizeof zeros);
    sha256_add(&sum, file->bytes + OPENING + DIGITS, header_bytes + data_bytes - OPENING - DIGITS);
    if (!sha256_finish(&sum, found))
        return err_set_errno(err, ENOMEM, "%s", file->path);
    file->has_digest = memcmp(found, stored, DIGITS) == 0;
    return file->has_digest ||
           err_set_code(err, EXIT_DATA,
                        "%s: damaged: its %zu bytes have the digest %.16s...: expected %.16s..., "
                        "as when it was saved",
                        file->path, PREFIX + header_bytes + data_bytes, found, stored);
}

/* -- Files ------------------------------------------------------------------------------------- */

/* Reads everything after the 8-byte length into file->bytes. */
static bool read_bytes(struct safetensors *file, FILE *stream, size_t *header_bytes,
                       size_t *data_bytes, struct err *err)
{
    struct stat info;
    if (fstat(fileno(stream), &info) != 0)
        return err_set_code(err, EXIT_DATA, "%s: %s: expected a safetensors file", file->path,
                            strerror(errno));
    size_t size = (size_t)info.st_size;
    unsigned char prefix[8];
    if (size < sizeof prefix || fread(prefix, 1, sizeof prefix, stream) != sizeof prefix) {
        return err_set_code(err, EXIT_DATA,
                            "%s: not a safetensors file: %zu bytes: expected at least 8",
                            file->path, size);
    }
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    size_t rest = size - sizeof prefix;
    if (length > SAFETENSORS_HEADER_MAX || length > rest) {
        return err_set_code(err, EXIT_DATA,
                            "%s: not a safetensors file, or cut: byte 0: header of %llu bytes: "
                            "expected at most %zu",
                            file->path, (unsigned long long)length,
                            rest < SAFETENSORS_HEADER_MAX ? rest : (size_t)SAFETENSORS_HEADER_MAX);
    }
    file->bytes = malloc(rest + 1);
    if (file->bytes == NULL)
        return err_set_errno(err, ENOMEM, "%s: %zu bytes", file->path, size);
    size_t got = fread(file->bytes, 1, rest, stream);
    if (got != rest) {
        return err_set_code(err, EXIT_DATA, "%s: cannot read past byte %zu: expected %zu bytes",
                            file->path, got + sizeof prefix, size);
    }
    file->bytes[rest] = '\0';
    *header_bytes = (size_t)length;
    *data_bytes = rest - (size_t)length;
    return true;
}

bool safetensors_open(struct safetensors *file, const char *path, struct err *err)
{
    *file = (struct safetensors){.path = strdup(path)};
    if (file->path == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    FILE *stream = infile_open(path, "rb");
    if (stream == NULL) {
        err_set_code(err, EXIT_DATA, "%s: %s: expected a safetensors file", path,
                     infile_reason(errno));
        safetensors_close(file);
        return false;
    }
    size_t header_bytes = 0, data_bytes = 0;
    bool ok = read_bytes(file, stream, &header_bytes, &data_bytes, err) &&
              parse_header(file, header_bytes, err) &&
              parse_entries(file, header_bytes, data_bytes, err) &&
              check_digest(file, header_bytes, data_bytes, err);
    fclose(stream);
    if (!ok)
        safetensors_close(file);
    return ok;
}

void safetensors_close(struct safetensors *file)
{
    cJSON_Delete(file->header);
    free(file->converted);
    free(file->tensors);
    free(file->metas);
    free(file->bytes);
    free(file->path);
    *file = (struct safetensors){0};
}
