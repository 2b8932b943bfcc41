/* safetensors_save.c - the writer.
 *
 * The header is a pure function of the arguments: entries in the given order, no optional blanks,
 * sizes as integers. So two runs that reach the same state write the same bytes.
 */
#include "safetensors.h"

#include <cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "outfile.h"

enum { PREFIX = 8, ALIGNMENT = 8 };

static bool add_tensor(cJSON *header, const struct safetensor *tensor, size_t begin)
{
    cJSON *entry = cJSON_AddObjectToObject(header, tensor->name);
    cJSON *dtype = cJSON_AddStringToObject(entry, "dtype", safetensors_dtype_name(tensor->dtype));
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    bool ok = dtype != NULL;
    for (int i = 0; i < tensor->rank; i++)
        ok = ok && cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape[i]));
    ok = ok && cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin));
    return ok && cJSON_AddItemToArray(
                     offsets, cJSON_CreateNumber((double)(begin + safetensors_bytes(tensor))));
}

/* The header as text, or NULL without memory; to be given to cJSON_free. */
static char *print_header(const struct safetensor *tensors, size_t count,
                          const struct safetensors_meta *metas, size_t meta_count)
{
    cJSON *header = cJSON_CreateObject();
    bool ok = header != NULL;
    if (meta_count > 0) {
        cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
        for (size_t i = 0; ok && i < meta_count; i++)
            ok = cJSON_AddStringToObject(object, metas[i].key, metas[i].value) != NULL;
    }
    size_t begin = 0;
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_tensor(header, &tensors[i], begin);
        begin += safetensors_bytes(&tensors[i]);
    }
    char *text = ok ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

static bool write_all(struct outfile *out, const char *header, const struct safetensor *tensors,
                      size_t count, struct err *err)
{
    size_t length = strlen(header);
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    unsigned char prefix[PREFIX];
    for (int i = 0; i < PREFIX; i++)
        prefix[i] = (unsigned char)((uint64_t)padded >> (8 * i) & 0xff);
    bool ok = outfile_write(out, prefix, PREFIX, err) && outfile_write(out, header, length, err) &&
              outfile_write(out, "        ", padded - length, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = outfile_write(out, tensors[i].data, safetensors_bytes(&tensors[i]), err);
    return ok;
}

bool safetensors_save(const char *path, const struct safetensor *tensors, size_t count,
                      const struct safetensors_meta *metas, size_t meta_count, struct err *err)
{
    char *header = print_header(tensors, count, metas, meta_count);
    if (header == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    struct outfile out = {0};
    bool ok = outfile_open(&out, path, err) && write_all(&out, header, tensors, count, err) &&
              outfile_commit(&out, err);
    outfile_close(&out);
    cJSON_free(header);
    return ok;
}
