/* safetensors.h - reads and writes safetensors files, the format of every model and checkpoint.
 *
 *     struct safetensors file = {0};
 *     if (!safetensors_open(&file, path, &err)) ...
 *     const struct safetensor *t = safetensors_find(&file, "conv1.weight");
 *     if (!safetensors_check(&file, t, SAFETENSORS_F32, rank, shape, &err)) ...
 *     safetensors_close(&file);             (tensors and strings live until here)
 *
 * A file is an 8-byte little-endian header length, a JSON header {"name": {"dtype", "shape",
 * "data_offsets": [begin, end]}, ..., "__metadata__": {string: string}} and the bytes of the
 * tensors. A file is refused when anything in it could be read in two ways; the errors say file,
 * offset or tensor, what was found and what was expected, with exit code EXIT_DATA.
 *
 * A file that we write begins with {"__metadata__":{"sha256":"..., the digest of the whole file
 * with zeros for these 64 digits. Where a file begins so, it is compared, so that one flipped bit
 * anywhere is found; files of other programs are read without. Format:
 * https://github.com/huggingface/safetensors#format
 */
#ifndef BURIN_SAFETENSORS_H
#define BURIN_SAFETENSORS_H

#include "sys/err.h"

#include <stddef.h>
#include <stdint.h>

/* Other readers take headers of up to 100 MB. This one takes what 50,000 tensors with long names
 * need, so that no file makes it use much memory before it is refused: see strict_json.h. */
enum { SAFETENSORS_RANK_MAX = 8, SAFETENSORS_HEADER_MAX = 16 * 1000 * 1000 };

/* The element types whose size is known. Files with others are refused. */
enum safetensors_dtype {
    SAFETENSORS_BOOL,
    SAFETENSORS_U8,
    SAFETENSORS_I8,
    SAFETENSORS_U16,
    SAFETENSORS_I16,
    SAFETENSORS_F16,
    SAFETENSORS_BF16,
    SAFETENSORS_U32,
    SAFETENSORS_I32,
    SAFETENSORS_F32,
    SAFETENSORS_U64,
    SAFETENSORS_I64,
    SAFETENSORS_F64,
    SAFETENSORS_DTYPES
};

/* One tensor. When reading, name and data belong to the file, and data may be unaligned: copy it
 * out with memcpy. When writing, they belong to the caller. */
struct safetensor {
    const char *name;
    enum safetensors_dtype dtype;
    int rank; /* 0 for a scalar */
    size_t shape[SAFETENSORS_RANK_MAX];
    const void *data;
};

struct safetensors_meta {
    const char *key, *value;
};

struct safetensors {
    char *path;
    struct safetensor *tensors; /* sorted by name */
    size_t count;
    struct safetensors_meta *metas; /* sorted by key */
    size_t meta_count;
    unsigned char *bytes; /* all behind the length: header and data */
    struct cJSON *header; /* owns the names */
    float *converted;     /* what foreign.c made of other numbers, or NULL */
    bool has_digest;      /* and it was right */
};

/* Reads a whole file. Memory is proportional to the file's size, whatever its header claims. */
bool safetensors_open(struct safetensors *file, const char *path, struct err *err);
void safetensors_close(struct safetensors *file);

/* The tensor of that name, or NULL. */
const struct safetensor *safetensors_find(const struct safetensors *file, const char *name);

/* The value of a metadata key, or NULL. */
const char *safetensors_meta(const struct safetensors *file, const char *key);

/* True when the tensor has this type and shape; else names the tensor, both types and shapes. */
bool safetensors_check(const struct safetensors *file, const struct safetensor *tensor,
                       enum safetensors_dtype dtype, int rank, const size_t *shape,
                       struct err *err);

/* Bytes of data of a tensor. */
size_t safetensors_bytes(const struct safetensor *tensor);

/* "F32", "I64", ... */
const char *safetensors_dtype_name(enum safetensors_dtype dtype);

/* Prints "F32 [32, 16, 3, 3]" for messages. Returns out. */
char *safetensors_describe(char *out, size_t size, const struct safetensor *tensor);

/* How a file begins that carries its digest; the digest follows. */
#define SAFETENSORS_DIGEST "{\"__metadata__\":{\"sha256\":\""

/* Writes a file whole or not at all (see outfile.h), tensors in the given order, the header padded
 * with spaces so that the data begins at a multiple of 8. Equal input gives equal bytes. Order
 * 8-byte tensors first to keep every tensor aligned. The file that was at path stays as `kept`,
 * unless that is NULL. No key of metas may be "sha256". */
bool safetensors_save(const char *path, const char *kept, const struct safetensor *tensors,
                      size_t count, const struct safetensors_meta *metas, size_t meta_count,
                      struct err *err);

#endif
