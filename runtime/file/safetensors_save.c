/* safetensors_save.c - the writer.
 *
 * The header is a pure function of the arguments: entries in the given order, no optional blanks,
 * sizes as integers. So two runs that reach the same state write the same bytes. It is printed with
 * zeros for its digest, which are replaced when the digest of all is known.
 */
#include "file/safetensors.h"

#include <assert.h>
#include <cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"
#include "file/outfile.h"
#include "file/sha256.h"

enum { PREFIX = 8, ALIGNMENT = 8 };

static const char no_digest[] = "0000000000000000000000000000000000000000000000000000000000000000";
_Static_assert(sizeof no_digest == SHA256_HEX_SIZE, "as many digits as a digest has");

static bool add_tensor(cJSON *header, const struct safetensor *tensor, size_t begin)
{
    cJSON *entry = cJSON_AddObjectToObject(header, tensor->name);
    cJSON *dtype = cJSON_AddStringToObject(entry, "dtype", safetensors_dtype_name(tensor->dtype));
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    bool ok = dtype != NULL && shape != NULL && offsets != NULL;
    for (int i = 0; i < tensor->rank; i++)
        ok = ok && json_append(shape, cJSON_CreateNumber((double)tensor->shape[i]));
    ok = ok && json_append(offsets, cJSON_CreateNumber((double)begin));
    return ok &&
           json_append(offsets, cJSON_CreateNumber((double)(begin + safetensors_bytes(tensor))));
}

/* The header as text, or NULL without memory; to be given to cJSON_free. */
static char *print_header(const struct safetensor *tensors, size_t count,
                          const struct safetensors_meta *metas, size_t meta_count)
{
    cJSON *header = cJSON_CreateObject();
    bool ok = header != NULL;
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    ok = ok && cJSON_AddStringToObject(object, "sha256", no_digest) != NULL;
    for (size_t i = 0; ok && i < meta_count; i++)
        ok = cJSON_AddStringToObject(object, metas[i].key, metas[i].value) != NULL;
    size_t begin = 0;
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_tensor(header, &tensors[i], begin);
        begin += safetensors_bytes(&tensors[i]);
    }
    char *text = ok ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

/* What stands before the data. */
struct head {
    unsigned char prefix[PREFIX];
    char *text;
    size_t length, padding;
};

static const char blanks[ALIGNMENT + 1] = "        ";

/* Puts the digest of the whole file in the place of its zeros. */
static bool sign(struct head *head, const struct safetensor *tensors, size_t count)
{
    static const char opening[] = SAFETENSORS_DIGEST;
    assert(strncmp(head->text, opening, sizeof opening - 1) == 0);
    char hex[SHA256_HEX_SIZE];
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, head->prefix, PREFIX);
    sha256_add(&sum, head->text, head->length);
    sha256_add(&sum, blanks, head->padding);
    for (size_t i = 0; i < count; i++)
        sha256_add(&sum, tensors[i].data, safetensors_bytes(&tensors[i]));
    bool ok = sha256_finish(&sum, hex);
    if (ok)
        memcpy(head->text + sizeof opening - 1, hex, SHA256_HEX_SIZE - 1);
    return ok;
}

static bool write_all(struct outfile *out, const struct head *head,
                      const struct safetensor *tensors, size_t count, struct err *err)
{
    bool ok = outfile_write(out, head->prefix, PREFIX, err) &&
              outfile_write(out, head->text, head->length, err) &&
              outfile_write(out, blanks, head->padding, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = outfile_write(out, tensors[i].data, safetensors_bytes(&tensors[i]), err);
    return ok;
}

bool safetensors_save(const char *path, const char *kept, const struct safetensor *tensors,
                      size_t count, const struct safetensors_meta *metas, size_t meta_count,
                      struct err *err)
{
    struct head head = {.text = print_header(tensors, count, metas, meta_count)};
    if (head.text == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    head.length = strlen(head.text);
    head.padding = (ALIGNMENT - head.length % ALIGNMENT) % ALIGNMENT;
    for (int i = 0; i < PREFIX; i++)
        head.prefix[i] = (unsigned char)((uint64_t)(head.length + head.padding) >> (8 * i) & 0xff);
    struct outfile out = {0};
    bool ok = sign(&head, tensors, count) || err_set_errno(err, ENOMEM, "%s", path);
    ok = ok && outfile_open(&out, path, err) && write_all(&out, &head, tensors, count, err) &&
         outfile_commit(&out, kept, err);
    outfile_close(&out);
    cJSON_free(head.text);
    return ok;
}
