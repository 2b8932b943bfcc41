/* folder_list.c - two levels of names, each sorted, so that a list does not depend on the file
 * system. Nothing is searched deeper, so links cannot lead round in a circle. */
#include "data/folder_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* -- Names ------------------------------------------------------------------------------------- */

struct names {
    char **at; /* sorted */
    int count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct names){0};
}

static bool add_name(struct names *names, const char *name)
{
    const int count = names->count;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        char **more = realloc(names->at, (count > 0 ? 2 * (size_t)count : 1) * sizeof *more);
        if (more == NULL)
            return false;
        names->at = more;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    names->at[names->count++] = copy;
    return true;
}

/* All names in a folder but those that begin with a dot. */
static bool read_names(struct names *names, const char *path, struct err *err)
{
    *names = (struct names){0};
    DIR *folder = opendir(path);
    if (folder == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot read the folder: %s", path,
                            strerror(errno));
    bool ok = true;
    const struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(folder)) != NULL)
        ok = entry->d_name[0] == '.' || add_name(names, entry->d_name);
    const int problem = ok ? errno : ENOMEM;
    closedir(folder);
    if (problem != 0) {
        free_names(names);
        return err_set_code(err, EXIT_DATA, "%s: cannot read the folder: %s", path,
                            strerror(problem));
    }
    if (names->count > 1)
        qsort(names->at, (size_t)names->count, sizeof names->at[0], by_name);
    return true;
}

static bool join(char out[DATA_PATH_SIZE], const char *folder, const char *name, struct err *err)
{
    int length = snprintf(out, DATA_PATH_SIZE, "%s/%s", folder, name);
    return (size_t)length < DATA_PATH_SIZE ||
           err_set_code(err, EXIT_DATA, "%.200s...: path too long: expected at most %d bytes",
                        folder, DATA_PATH_SIZE - 1);
}

bool folder_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool folder_is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                           strcasecmp(dot, ".jpeg") == 0);
}

void folder_note(char *note, size_t size, const char *fmt, ...)
{
    size_t used = strlen(note);
    if (used + 2 >= size)
        return;
    if (used > 0) {
        memcpy(note + used, "; ", 3);
        used += 2;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(note + used, size - used, fmt, args);
    va_end(args);
    for (char *at = note + used; *at != '\0'; at++) { /* names do nothing to a terminal */
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
}

/* -- Classes ----------------------------------------------------------------------------------- */

static bool add_class(struct folder_list *list, const char *name, size_t *length, struct err *err)
{
    *length += data_name_length(name);
    if (!data_is_name(name))
        return err_set_code(err, EXIT_DATA,
                            "%s/%s: expected a name in UTF-8 without control characters, for a "
                            "class",
                            list->path, name);
    if (*length > DATA_NAMES_SIZE)
        return err_set_code(err, EXIT_DATA,
                            "%s: names of classes of more than %d characters in all: expected "
                            "shorter names",
                            list->path, DATA_NAMES_SIZE);
    if (list->class_count == DATA_MAX_CLASSES)
        return err_set_code(err, EXIT_DATA,
                            "%s: more than %d folders: expected one a class, at most %d",
                            list->path, DATA_MAX_CLASSES, DATA_MAX_CLASSES);
    char *copy = strdup(name);
    if (copy == NULL)
        return err_set_errno(err, ENOMEM, "%s", name);
    list->classes[list->class_count++] = copy;
    return true;
}

static int class_of(const struct folder_list *list, const char *name)
{
    for (int k = 0; k < list->class_count; k++) {
        if (strcmp(list->classes[k], name) == 0)
            return k;
    }
    return -1;
}

/* What was passed over, and its first name. */
struct passed {
    int count;
    char first[DATA_PATH_SIZE];
};

static void pass_over(struct passed *passed, const char path[DATA_PATH_SIZE])
{
    if (passed->count++ == 0)
        memcpy(passed->first, path, sizeof passed->first);
}

/* The folders in `path` are the classes. */
static bool find_classes(struct folder_list *list, const char *path, struct passed *others,
                         struct err *err)
{
    struct names names;
    size_t length = 0;
    list->classes = calloc(DATA_MAX_CLASSES, sizeof list->classes[0]);
    if (list->classes == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    bool ok = read_names(&names, path, err);
    for (int i = 0; ok && i < names.count; i++) {
        char entry[DATA_PATH_SIZE];
        ok = join(entry, path, names.at[i], err);
        if (ok && folder_is_folder(entry))
            ok = add_class(list, names.at[i], &length, err);
        else if (ok)
            pass_over(others, entry);
    }
    free_names(&names);
    return ok && (list->class_count >= 2 ||
                  err_set_code(err, EXIT_DATA, "%s: %d folder%s: expected one a class, two or more",
                               path, list->class_count, list->class_count == 1 ? "" : "s"));
}

/* -- Images ------------------------------------------------------------------------------------ */

static bool add_file(struct folder_list *list, const char *class, const char *name, int label,
                     const struct stat *info)
{
    if (list->count == list->room) {
        const int room = list->room > 0 ? 2 * list->room : 256;
        struct folder_file *more = realloc(list->files, (size_t)room * sizeof *more);
        if (more == NULL)
            return false;
        list->files = more;
        list->room = room;
    }
    const size_t size = strlen(class) + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL)
        return false;
    snprintf(path, size, "%s/%s", class, name);
    list->files[list->count++] = (struct folder_file){
        .path = path,
        .label = label,
        .size = info->st_size,
        .changed = {info->st_mtim.tv_sec, info->st_mtim.tv_nsec, info->st_ctim.tv_sec,
                    info->st_ctim.tv_nsec},
    };
    return true;
}

/* The images of one class, which lie in `folder`. A link to nowhere is listed: to read it will
 * fail. */
static bool find_images(struct folder_list *list, int label, const char *folder,
                        struct passed *others, struct err *err)
{
    const char *class = list->classes[label];
    struct names names;
    if (!read_names(&names, folder, err))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < names.count; i++) {
        char path[DATA_PATH_SIZE];
        struct stat info = {.st_size = 0};
        ok = join(path, folder, names.at[i], err);
        if (!ok)
            break;
        if (!list->names_only && stat(path, &info) != 0)
            info = (struct stat){.st_size = -1};
        if (S_ISDIR(info.st_mode))
            ok = err_set_code(err, EXIT_DATA,
                              "%s: a folder in the folder of a class: expected images alone", path);
        else if (folder_is_image(names.at[i]))
            ok = add_file(list, class, names.at[i], label, &info) ||
                 err_set_errno(err, ENOMEM, "%s", path);
        else
            pass_over(others, path);
    }
    free_names(&names);
    return ok;
}

/* The images of all classes. Those that a training lacks are an error, those that a test lacks a
 * note. */
static bool find_all_images(struct folder_list *list, enum data_part part, struct passed *others,
                            struct err *err)
{
    struct passed empty = {0};
    for (int k = 0; k < list->class_count; k++) {
        char folder[DATA_PATH_SIZE];
        const int before = list->count;
        if (!join(folder, list->path, list->classes[k], err))
            return false;
        if (folder_is_folder(folder) && !find_images(list, k, folder, others, err))
            return false;
        if (list->count > before)
            continue;
        if (part == DATA_TRAIN)
            return err_set_code(err, EXIT_DATA,
                                "%s: no image of this class: expected .png, .jpg or .jpeg files",
                                folder);
        pass_over(&empty, folder);
    }
    if (list->count == 0)
        return err_set_code(err, EXIT_DATA,
                            "%s: no images: expected .png, .jpg or .jpeg files in the folders of "
                            "the classes",
                            list->path);
    if (others->count > 0)
        folder_note(list->note, sizeof list->note, "%d file%s passed over: %.160s%s", others->count,
                    others->count == 1 ? "" : "s", others->first,
                    others->count == 1 ? "" : " and others");
    if (empty.count > 0)
        folder_note(list->note, sizeof list->note, "no test images of %d class%s: %.160s%s",
                    empty.count, empty.count == 1 ? "" : "es", empty.first,
                    empty.count == 1 ? "" : " and others");
    return true;
}

/* Every folder of the test is one of the training. */
static bool check_test_classes(const struct folder_list *list, struct passed *others,
                               struct err *err)
{
    struct names names;
    bool ok = read_names(&names, list->path, err);
    for (int i = 0; ok && i < names.count; i++) {
        char entry[DATA_PATH_SIZE];
        ok = join(entry, list->path, names.at[i], err);
        if (ok && !folder_is_folder(entry))
            pass_over(others, entry);
        else if (ok && class_of(list, names.at[i]) < 0)
            ok = err_set_code(err, EXIT_DATA,
                              "%s: no class of the training: expected one of its %d folders, "
                              "%.60s to %.60s",
                              entry, list->class_count, list->classes[0],
                              list->classes[list->class_count - 1]);
    }
    free_names(&names);
    return ok;
}

/* -- Opening ----------------------------------------------------------------------------------- */

/* Sets list->path to the folder of the test. */
static bool find_test(struct folder_list *list, const char *path, struct err *err)
{
    char other[DATA_PATH_SIZE];
    if (!join(list->path, path, "test", err) || !join(other, path, "val", err))
        return false;
    if (folder_is_folder(list->path)) {
        if (folder_is_folder(other))
            folder_note(list->note, sizeof list->note,
                        "%.200s is not looked at: %.200s is the test", other, list->path);
        return true;
    }
    memcpy(list->path, other, sizeof other);
    return folder_is_folder(other) ||
           err_set_code(err, EXIT_DATA,
                        "%s: neither test/ nor val/ in it: expected one, beside train/, or "
                        "--validate N, which holds out N training images",
                        path);
}

static bool fill(struct folder_list *list, const char *path, enum data_part part, struct err *err)
{
    char train[DATA_PATH_SIZE];
    if (!join(train, path, "train", err))
        return false;
    const bool parted = folder_is_folder(train);
    if (part == DATA_TEST && !parted)
        return err_set_code(err, EXIT_DATA,
                            "%s: all images are for training: expected train/ and test/ in it, or "
                            "--validate N, which holds out N training images",
                            path);
    const char *classes = parted ? train : path;
    struct passed of_training = {0}, of_test = {0};
    snprintf(list->path, sizeof list->path, "%s", classes);
    if (!find_classes(list, classes, &of_training, err))
        return false;
    if (part == DATA_TRAIN)
        return find_all_images(list, part, &of_training, err);
    return find_test(list, path, err) && check_test_classes(list, &of_test, err) &&
           find_all_images(list, part, &of_test, err);
}

bool folder_list_open(struct folder_list *list, const char *path, enum data_part part,
                      bool names_only, struct err *err)
{
    *list = (struct folder_list){.names_only = names_only};
    bool ok = fill(list, path, part, err);
    if (!ok)
        folder_list_close(list);
    return ok;
}

void folder_list_close(struct folder_list *list)
{
    for (int k = 0; k < list->class_count; k++)
        free(list->classes[k]);
    for (int i = 0; i < list->count; i++)
        free(list->files[i].path);
    free(list->classes);
    free(list->files);
    *list = (struct folder_list){0};
}
