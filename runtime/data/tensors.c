/* tensors.c - images and labels out of a safetensors file. */
#include <cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/arrays.h"
#include "file/safetensors.h"

static const char *const image_names[] = {"train.images", "test.images"};
static const char *const label_names[] = {"train.labels", "test.labels"};

static bool type_of(enum array_type *type, enum safetensors_dtype dtype)
{
    switch (dtype) {
    case SAFETENSORS_U8:
        *type = ARRAY_U8;
        return true;
    case SAFETENSORS_I8:
        *type = ARRAY_I8;
        return true;
    case SAFETENSORS_U16:
        *type = ARRAY_U16;
        return true;
    case SAFETENSORS_I16:
        *type = ARRAY_I16;
        return true;
    case SAFETENSORS_U32:
        *type = ARRAY_U32;
        return true;
    case SAFETENSORS_I32:
        *type = ARRAY_I32;
        return true;
    case SAFETENSORS_U64:
        *type = ARRAY_U64;
        return true;
    case SAFETENSORS_I64:
        *type = ARRAY_I64;
        return true;
    case SAFETENSORS_F32:
        *type = ARRAY_F32;
        return true;
    default:
        return false;
    }
}

static bool take_tensor(struct array *array, const struct safetensors *file, const char *name,
                        struct err *err)
{
    char text[128];
    const struct safetensor *tensor = safetensors_find(file, name);
    if (tensor == NULL)
        return err_set_code(err, EXIT_DATA,
                            "%s: no %s: expected train.images, train.labels, test.images and "
                            "test.labels",
                            file->path, name);
    *array = (struct array){.name = name, .bytes = tensor->data};
    if (tensor->rank > ARRAYS_RANK || !type_of(&array->type, tensor->dtype))
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: %s: expected U8 or F32 images and labels of whole numbers, "
                            "with at most %d axes",
                            file->path, name, safetensors_describe(text, sizeof text, tensor),
                            ARRAYS_RANK);
    array->rank = tensor->rank;
    memcpy(array->shape, tensor->shape, (size_t)tensor->rank * sizeof array->shape[0]);
    return true;
}

/* ["cat","dog"] as lines; NULL where the metadata has no such thing, or with errno ENOMEM. */
static char *class_lines(const char *json)
{
    errno = 0;
    cJSON *names = json != NULL ? cJSON_Parse(json) : NULL;
    char *text = cJSON_IsArray(names) ? malloc(strlen(json) + 1) : NULL, *at = text;
    const cJSON *name = NULL;
    bool ok = text != NULL;
    cJSON_ArrayForEach(name, names)
    {
        ok = ok && cJSON_IsString(name);
        for (const char *from = ok ? name->valuestring : ""; *from != '\0'; from++)
            *at++ = *from == '\n' || *from == '\r' ? ' ' : *from;
        if (ok)
            *at++ = '\n';
    }
    cJSON_Delete(names);
    if (!ok) {
        free(text);
        return NULL;
    }
    *at = '\0';
    return text;
}

/* The images stay where the file was read to. */
static bool keep(struct data *data, struct safetensors *file, struct err *err)
{
    void *all = file->bytes;
    file->bytes = NULL;
    return data_adopt(data, all, 0) || err_set_errno(err, ENOMEM, "%s", file->path);
}

static bool take_file(struct data *data, const struct data_request *request,
                      struct safetensors *file, struct err *err)
{
    struct array labels[2];
    struct arrays arrays = {.names = NULL};
    if (!take_tensor(&arrays.images, file, image_names[request->part], err))
        return false;
    for (int part = DATA_TRAIN; part <= DATA_TEST; part++) {
        bool other = part != (int)request->part;
        if (other && safetensors_find(file, label_names[part]) == NULL)
            continue;
        if (!take_tensor(&labels[part], file, label_names[part], err))
            return false;
        arrays.labels[part] = &labels[part];
    }
    if (!keep(data, file, err))
        return false;
    const char *classes = safetensors_meta(file, "classes");
    char *names = class_lines(classes);
    arrays.names = names;
    if (classes != NULL && names == NULL && errno == ENOMEM)
        return err_set_errno(err, ENOMEM, "%s: names of classes", file->path);
    bool ok = classes == NULL || names != NULL ||
              err_set_code(err, EXIT_DATA,
                           "%s: metadata \"classes\": expected a JSON array of names", file->path);
    ok = ok && arrays_take(data, request, &arrays, err);
    free(names);
    return ok;
}

static bool open_tensors(struct data *data, const struct data_request *request,
                         const struct data_place *place, struct err *err)
{
    (void)place;
    struct safetensors file = {0};
    bool ok = safetensors_open(&file, request->path, err) && take_file(data, request, &file, err);
    safetensors_close(&file);
    return ok;
}

static bool recognises(const struct data_place *place)
{
    return !place->folder && format_ends(place->name, ".safetensors");
}

const struct data_format safetensors_format = {
    "safetensors", "a file .safetensors with train.images, train.labels, test.images, test.labels",
    recognises, open_tensors};
