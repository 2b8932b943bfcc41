/* rundir.c - lock first, then move: only the process that holds the lock touches the files. */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "outfile.h"

/* The checkpoints come first. */
static const char *const run_files[] = {RUNDIR_BEST, RUNDIR_PREVIOUS, RUNDIR_LAST,      "log.jsonl",
                                        "log.csv",   "eval.json",     "eval_images.bin"};
enum { RUN_FILES = sizeof run_files / sizeof run_files[0], CHECKPOINTS = 3 };

char *rundir_path(const struct rundir *dir, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", dir->path, name);
    return out;
}

static bool lock_folder(struct rundir *dir, struct err *err)
{
    char path[RUNDIR_PATH_SIZE];
    rundir_path(dir, ".lock", path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    if (fd < 0)
        return err_set_errno(err, errno, "%s: cannot write", path);
    dir->lock = fd + 1;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN)) {
        return err_set(err,
                       "%s: another training writes here: expected a folder of its own (--out)",
                       dir->path);
    }
    return true; /* file systems without locks are served without one */
}

/* The temporary files of outfile.h that a process did not live to rename. */
static bool remove_unfinished(const struct rundir *dir, struct err *err)
{
    for (int i = 0; i < CHECKPOINTS; i++) {
        char name[64], path[RUNDIR_PATH_SIZE];
        snprintf(name, sizeof name, "%s.tmp", run_files[i]);
        if (unlink(rundir_path(dir, name, path, sizeof path)) != 0 && errno != ENOENT)
            return err_set_errno(err, errno, "%s: cannot be removed", path);
    }
    return true;
}

static bool move_previous(struct rundir *dir, struct err *err)
{
    char from[RUNDIR_PATH_SIZE], to[RUNDIR_PATH_SIZE], folder[RUNDIR_PATH_SIZE];
    rundir_path(dir, "previous", folder, sizeof folder);
    for (int i = 0; i < CHECKPOINTS; i++)
        dir->moved =
            dir->moved || access(rundir_path(dir, run_files[i], from, sizeof from), F_OK) == 0;
    if (!dir->moved)
        return true;
    if (!outfile_make_folder(folder, err))
        return false;
    for (int i = 0; i < RUN_FILES; i++) {
        rundir_path(dir, run_files[i], from, sizeof from);
        snprintf(to, sizeof to, "%s/previous/%s", dir->path, run_files[i]);
        /* A file that is missing now must not leave an older one of its name beside the others. */
        bool moved =
            rename(from, to) == 0 || (errno == ENOENT && (unlink(to) == 0 || errno == ENOENT));
        if (!moved)
            return err_set_errno(err, errno, "%s: cannot move to %s", from, to);
    }
    return true;
}

bool rundir_open(struct rundir *dir, const char *path, bool fresh, struct err *err)
{
    *dir = (struct rundir){.path = path};
    bool ok = outfile_make_folder(path, err) && lock_folder(dir, err) &&
              remove_unfinished(dir, err) && (!fresh || move_previous(dir, err));
    if (!ok)
        rundir_close(dir);
    return ok;
}

void rundir_close(struct rundir *dir)
{
    if (dir->lock > 0)
        close(dir->lock - 1);
    *dir = (struct rundir){0};
}
