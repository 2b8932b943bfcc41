/* json.c - adds, prints, writes, frees. */
#include "json.h"

#include <cJSON.h>
#include <errno.h>
#include <string.h>

#include "outfile.h"

bool json_add(struct cJSON *object, const char *name, struct cJSON *value)
{
    if (value != NULL && cJSON_AddItemToObject(object, name, value))
        return true;
    cJSON_Delete(value);
    return false;
}

bool json_append(struct cJSON *array, struct cJSON *value)
{
    if (value != NULL && cJSON_AddItemToArray(array, value))
        return true;
    cJSON_Delete(value);
    return false;
}

bool json_save(struct cJSON *document, bool complete, const char *path, struct err *err)
{
    char *text = complete ? cJSON_Print(document) : NULL;
    cJSON_Delete(document);
    if (text == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    struct outfile out = {0};
    bool ok = outfile_open(&out, path, err) && outfile_write(&out, text, strlen(text), err) &&
              outfile_write(&out, "\n", 1, err) && outfile_commit(&out, err);
    outfile_close(&out);
    cJSON_free(text);
    return ok;
}
