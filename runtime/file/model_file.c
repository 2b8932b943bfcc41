/* model_file.c - see model_file.h. */
#include "file/model_file.h"

#include <cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool model_file_find(char path[RUNDIR_PATH_SIZE], const char *given, struct err *err)
{
    static const char *const names[] = {RUNDIR_BEST, RUNDIR_LAST};
    struct stat info;
    const bool folder = stat(given, &info) == 0 && S_ISDIR(info.st_mode);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int length = folder ? snprintf(path, RUNDIR_PATH_SIZE, "%s/%s", given, names[i])
                            : snprintf(path, RUNDIR_PATH_SIZE, "%s", given);
        if ((size_t)length >= RUNDIR_PATH_SIZE)
            return err_set_code(err, EXIT_DATA, "%.200s...: path too long", given);
        if (!folder || access(path, F_OK) == 0)
            return true;
    }
    return err_set_code(err, EXIT_DATA,
                        "%s: no model in this folder: expected that of a run, with " RUNDIR_BEST
                        " or " RUNDIR_LAST,
                        given);
}

/* Names in one block behind the pointers to them. */
static char **copy_names(const cJSON *array, int classes)
{
    size_t bytes = (size_t)classes * sizeof(char *);
    const cJSON *item;
    cJSON_ArrayForEach(item, array) bytes += strlen(item->valuestring) + 1;
    char **names = malloc(bytes);
    if (names == NULL)
        return NULL;
    char *text = (char *)(names + classes), **name = names;
    cJSON_ArrayForEach(item, array)
    {
        const size_t size = strlen(item->valuestring) + 1;
        *name++ = memcpy(text, item->valuestring, size);
        text += size;
    }
    return names;
}

static cJSON *numbers(int classes)
{
    cJSON *array = cJSON_CreateArray();
    for (int k = 0; array != NULL && k < classes; k++) {
        char text[16];
        snprintf(text, sizeof text, "%d", k);
        cJSON *name = cJSON_CreateString(text);
        if (!cJSON_AddItemToArray(array, name)) {
            cJSON_Delete(name);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static bool is_names(const cJSON *array, int classes)
{
    bool ok = cJSON_IsArray(array) && cJSON_GetArraySize(array) == classes;
    const cJSON *item;
    if (ok)
        cJSON_ArrayForEach(item, array) ok = ok && cJSON_IsString(item);
    return ok;
}

char **model_file_classes(const struct safetensors *file, int classes, struct err *err)
{
    const char *text = safetensors_meta(file, "classes");
    errno = 0;
    cJSON *array = text == NULL ? numbers(classes) : cJSON_ParseWithOpts(text, NULL, true);
    char **names = NULL;
    if (text != NULL && errno != ENOMEM && !is_names(array, classes)) {
        err_set_code(err, EXIT_DATA,
                     "%s: metadata \"classes\": %.60s: expected a JSON array of %d names",
                     file->path, text, classes);
    } else {
        names = array == NULL ? NULL : copy_names(array, classes);
        if (names == NULL)
            err_set_errno(err, ENOMEM, "%s: names of classes", file->path);
    }
    cJSON_Delete(array);
    return names;
}
