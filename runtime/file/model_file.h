/* model_file.h - what those who only use a model ask of its file.
 *
 *     char path[RUNDIR_PATH_SIZE];
 *     if (!model_file_find(path, "runs/s8_bn", &err)) ...      (a file, or the folder of a run)
 *     struct safetensors file = {0};
 *     if (!safetensors_open(&file, path, &err)) ...
 *     char **names = model_file_classes(&file, 10, &err);
 *     free(names);
 */
#ifndef BURIN_MODEL_FILE_H
#define BURIN_MODEL_FILE_H

#include "file/rundir.h"
#include "file/safetensors.h"

/* Of a folder the model of its best epoch, or else its newest checkpoint; a file is itself.
 * EXIT_DATA for a folder with neither. */
bool model_file_find(char path[RUNDIR_PATH_SIZE], const char *given, struct err *err);

/* The names that the metadata "classes" has, a JSON array, in one block; "0", "1", ... where there
 * is none. NULL and EXIT_DATA where it is no array of so many names. */
char **model_file_classes(const struct safetensors *file, int classes, struct err *err);

#endif
