/* json.c - prints, writes, frees. */
#include "file/json.h"

#include <cJSON.h>
#include <errno.h>
#include <string.h>

#include "file/outfile.h"
#include "sys/utf8.h"

/* Returns text, which may be NULL. */
static char *mask(char *text)
{
    if (text == NULL)
        return NULL;
    const size_t length = strlen(text);
    for (size_t at = 0; (at += utf8_end(text + at, length - at)) < length;)
        text[at] = '?';
    return text;
}

char *json_line(const struct cJSON *object)
{
    return mask(cJSON_PrintUnformatted(object));
}

bool json_save(struct cJSON *document, bool complete, const char *path, struct err *err)
{
    char *text = complete ? mask(cJSON_Print(document)) : NULL;
    cJSON_Delete(document);
    if (text == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    struct outfile out = {0};
    bool ok = outfile_open(&out, path, err) && outfile_write(&out, text, strlen(text), err) &&
              outfile_write(&out, "\n", 1, err) && outfile_commit(&out, NULL, err);
    outfile_close(&out);
    cJSON_free(text);
    return ok;
}

bool json_add(cJSON *object, const char *key, cJSON *item)
{
    if (object != NULL && item != NULL && cJSON_AddItemToObject(object, key, item))
        return true;
    cJSON_Delete(item);
    return false;
}

bool json_append(cJSON *array, cJSON *item)
{
    if (array != NULL && item != NULL && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}
