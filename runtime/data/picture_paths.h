/* picture_paths.h - the files that arguments mean: images, and folders of images.
 *
 *     struct picture_paths paths = {0};
 *     if (!picture_paths_add(&paths, argument, &err)) ...
 *     paths.at[i] ...
 *     picture_paths_close(&paths);
 *
 * A folder stands for the .png, .jpg and .jpeg files in it and in its folders, in the order of
 * strcmp, but for names that begin with a dot. Links to files are followed, links to folders are
 * not, so none leads round in a circle. A file that is named itself may have any name.
 */
#ifndef BURIN_PICTURE_PATHS_H
#define BURIN_PICTURE_PATHS_H

#include <stdbool.h>

#include "sys/err.h"

/* What means standard input. */
#define PICTURE_PATHS_INPUT "-"

struct picture_paths {
    char **at;
    int count, room;
};

/* EXIT_DATA for a folder that cannot be read or has no images. What is no folder is added as it is:
 * to read it will tell what is wrong with it. */
bool picture_paths_add(struct picture_paths *paths, const char *argument, struct err *err);

/* This path, whatever is there or on another machine. */
bool picture_paths_append(struct picture_paths *paths, const char *path, struct err *err);

/* Accepts a zeroed struct. */
void picture_paths_close(struct picture_paths *paths);

#endif
