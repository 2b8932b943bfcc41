/* rundir.h - the folder of a training run: one run at a time, and nothing is lost by starting anew.
 *
 *     struct rundir dir = {0};
 *     if (!rundir_open(&dir, "runs/s8_bn", fresh, &err)) ...
 *     rundir_path(&dir, "last.safetensors", path, sizeof path);
 *     rundir_close(&dir);
 *
 * A fresh run moves the files of the run before it into the subfolder `previous`, and what is there
 * into `previous/previous`; a run that left no checkpoint is not worth that. However a move is
 * interrupted, the next opening finishes it or takes it back. What a killed process left half
 * written is removed. A lock on `.lock` keeps a second process out; it ends with the process,
 * however that ends.
 */
#ifndef BURIN_RUNDIR_H
#define BURIN_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/err.h"

enum { RUNDIR_PATH_SIZE = 1200 };

/* The checkpoints of a run: the newest, the one before it, and that of the best epoch. */
#define RUNDIR_LAST "last.safetensors"
#define RUNDIR_PREVIOUS "previous.safetensors"
#define RUNDIR_BEST "best.safetensors"

/* Images with the logits of the best model. */
#define RUNDIR_SAMPLES "samples.safetensors"

struct rundir {
    const char *path; /* the caller's */
    int lock;         /* descriptor + 1, so that zero is none */
    bool moved;       /* an earlier run went to `previous` */
};

/* Creates the folder where it is missing. A run that goes on in its folder is not fresh. */
bool rundir_open(struct rundir *dir, const char *path, bool fresh, struct err *err);
void rundir_close(struct rundir *dir);

/* "path/name". Returns out. */
char *rundir_path(const struct rundir *dir, const char *name, char *out, size_t size);

#endif
