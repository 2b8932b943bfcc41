/* folder_list.h - which images a folder of folders holds, before any of them is read.
 *
 *     struct folder_list list = {0};
 *     if (!folder_list_open(&list, "pictures", DATA_TRAIN, false, &err)) ...
 *     list.files[i].path, .label ...
 *     folder_list_close(&list);
 *
 * Either the folders of the classes stand in `train`, and those of the test in `test` or else in
 * `val`; or they stand in the folder itself, and there is no test. The classes are the folders of
 * the training, in the order of strcmp. Images are the files whose names end in .png, .jpg or
 * .jpeg, in capitals too, in the order of classes and then of strcmp.
 *
 * What else may lie there:
 *   names that begin with a dot        are passed over
 *   symbolic links                     are followed; one to nowhere is an image that cannot be read
 *   other files                        are passed over, and counted in a note
 *   a folder in a class                is an error: nobody knows what its images are
 *   a class without images             is an error in the training, and a note in the test
 *   a class of the test alone          is an error
 *   a name of a class not in UTF-8     is an error: a model could not keep it
 */
#ifndef BURIN_FOLDER_LIST_H
#define BURIN_FOLDER_LIST_H

#include <stdint.h>

#include "data/data.h"

enum { FOLDER_NOTE_SIZE = 512 };

struct folder_file {
    char *path; /* from the folder of the list: "cat/7.png" */
    int label;
    int64_t size, changed[4]; /* bytes; seconds and nanoseconds of content and of inode */
};

struct folder_list {
    char path[DATA_PATH_SIZE]; /* of the folder that holds those of the classes */
    char **classes;            /* [class_count] */
    int class_count;
    struct folder_file *files; /* [count] */
    int count;
    bool names_only;
    int room;                    /* files that there is memory for */
    char note[FOLDER_NOTE_SIZE]; /* what was passed over; else empty */
};

/* With names_only no file is asked for its size and times, which stay zero, nor whether it is a
 * folder. EXIT_DATA, with the folder or file and what was expected. */
bool folder_list_open(struct folder_list *list, const char *path, enum data_part part,
                      bool names_only, struct err *err);

/* Accepts a zeroed struct. */
void folder_list_close(struct folder_list *list);

/* Whether there is a folder, links followed. */
bool folder_is_folder(const char *path);

/* Whether a file of this name is taken for an image. */
bool folder_is_image(const char *name);

/* Appends to a text of `size` bytes, after "; " where it has some already; what has no room is
 * cut. */
void folder_note(char *note, size_t size, const char *fmt, ...) BURIN_PRINTF(3, 4);

#endif
