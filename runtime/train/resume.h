/* resume.h - finds the checkpoint to go on from.
 *
 *     struct resume from = {0};
 *     if (!resume_open(&from, "runs/s8_bn", &err)) ...      (a run's folder, or a checkpoint)
 *     ... from.file ...
 *     resume_close(&from);
 *
 * A run keeps its newest checkpoint as last.safetensors and the one before as previous.safetensors.
 * When the newest is damaged or missing, the other takes its place, and from.warning says so. A
 * file of any other name is taken as it is or not at all.
 */
#ifndef BURIN_RESUME_H
#define BURIN_RESUME_H

#include "file/rundir.h"
#include "file/safetensors.h"

struct resume {
    struct safetensors file;
    char path[RUNDIR_PATH_SIZE]; /* of the file */
    char folder[RUNDIR_PATH_SIZE];
    bool fell_back; /* the file is the previous one */
    char warning[3 * RUNDIR_PATH_SIZE];
};

/* Opens a checkpoint that is whole, by its digest. EXIT_DATA when there is none, with what is wrong
 * with every file that was tried. */
bool resume_open(struct resume *resume, const char *given, struct err *err);

/* Whether the run in a folder has epochs to go, by its newest checkpoint, and the steps it made. A
 * folder without a checkpoint that can be read has none. */
bool resume_is_unfinished(const char *folder, int64_t *step);

/* Accepts a zeroed struct. */
void resume_close(struct resume *resume);

#endif
