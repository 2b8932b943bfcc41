/* picture_paths.c - a walk through folders, each sorted before it is entered. */
#include "data/picture_paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/data.h"
#include "data/folder_list.h"

enum { DEEPEST = 16 };

bool picture_paths_append(struct picture_paths *paths, const char *path, struct err *err)
{
    if (paths->count == paths->room) {
        const int room = paths->room > 0 ? 2 * paths->room : 64;
        char **more = realloc(paths->at, (size_t)room * sizeof *more);
        if (more == NULL)
            return err_set_errno(err, ENOMEM, "%s", path);
        paths->at = more;
        paths->room = room;
    }
    char *copy = strdup(path);
    if (copy == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    paths->at[paths->count++] = copy;
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk(struct picture_paths *paths, const char *folder, int depth, struct err *err);

static bool visit(struct picture_paths *paths, const char *folder, const char *name, int depth,
                  struct err *err)
{
    char path[DATA_PATH_SIZE];
    struct stat info;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if ((size_t)length >= sizeof path)
        return err_set_code(err, EXIT_DATA, "%.200s...: path too long: expected at most %d bytes",
                            folder, DATA_PATH_SIZE - 1);
    if (lstat(path, &info) != 0)
        return picture_paths_append(paths, path, err); /* who reads it says why not */
    if (S_ISDIR(info.st_mode))
        return walk(paths, path, depth + 1, err);
    return !folder_is_image(name) || folder_is_folder(path) ||
           picture_paths_append(paths, path, err);
}

static bool walk(struct picture_paths *paths, const char *folder, int depth, struct err *err)
{
    struct dirent **entries;
    if (depth > DEEPEST)
        return err_set_code(err, EXIT_DATA, "%s: %d folders deep: expected at most %d", folder,
                            depth, DEEPEST);
    const int count = scandir(folder, &entries, is_visible, by_name);
    if (count < 0)
        return err_set_code(err, EXIT_DATA, "%s: cannot read the folder: %s", folder,
                            strerror(errno));
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && visit(paths, folder, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool picture_paths_add(struct picture_paths *paths, const char *argument, struct err *err)
{
    const int before = paths->count;
    if (!folder_is_folder(argument))
        return picture_paths_append(paths, argument, err);
    return walk(paths, argument, 1, err) &&
           (paths->count > before ||
            err_set_code(err, EXIT_DATA, "%s: no images: expected .png, .jpg or .jpeg files",
                         argument));
}

void picture_paths_close(struct picture_paths *paths)
{
    for (int i = 0; i < paths->count; i++)
        free(paths->at[i]);
    free(paths->at);
    *paths = (struct picture_paths){0};
}
