/* rundir.c - lock first, then move: only the process that holds the lock touches the files.
 *
 * An old run goes to `previous` in steps of one rename each, and a process may be killed between
 * any two of them:
 *
 *     gather     `previous` and the files of the run go into `previous.new`, one by one, and
 *                last.safetensors at the end
 *     name       `previous.new` becomes `previous`
 *
 * The invariant: nothing is removed and nothing is renamed over a file, so each file of each run is
 * in one place; and while `previous.new` is there, the folder has no files of a newer run. So what
 * is found says how far the move came. Opening for a new run makes the steps that are left. Opening
 * to go on with the old run, which is possible as long as it has a checkpoint in the folder, takes
 * back what was gathered.
 */
#include "file/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/outfile.h"

/* What is moved, in the order in which it is gathered. */
static const char *const moved[] = {"previous",  "eval_images.bin", "eval.json",
                                    "log.csv",   "log.jsonl",       RUNDIR_SAMPLES,
                                    RUNDIR_BEST, RUNDIR_PREVIOUS,   RUNDIR_LAST};
enum { MOVED = sizeof moved / sizeof moved[0], CHECKPOINTS = 3, WHOLE = 1 + CHECKPOINTS };
static const char *const *const checkpoints = &moved[MOVED - CHECKPOINTS];

char *rundir_path(const struct rundir *dir, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", dir->path, name);
    return out;
}

/* What cannot be looked at may be there, and to take it for missing would be to write over it. */
static bool look(const char *path, bool *there, struct err *err)
{
    struct stat info;
    *there = lstat(path, &info) == 0;
    return *there || errno == ENOENT || errno == ENOTDIR ||
           err_set_errno(err, errno, "%s: cannot tell whether it is there", path);
}

/* -- Locking ----------------------------------------------------------------------------------- */

static bool lock_folder(struct rundir *dir, struct err *err)
{
    char path[RUNDIR_PATH_SIZE];
    rundir_path(dir, ".lock", path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
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

/* Whether a training that goes on with the run in `previous` writes there now. */
static bool previous_is_locked(const struct rundir *dir)
{
    char path[RUNDIR_PATH_SIZE];
    int fd = open(rundir_path(dir, "previous/.lock", path, sizeof path), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool locked = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return locked;
}

/* -- Moving ------------------------------------------------------------------------------------ */

static bool look_for_checkpoint(const struct rundir *dir, bool *has, struct err *err)
{
    char path[RUNDIR_PATH_SIZE];
    bool ok = true;
    *has = false;
    for (int i = 0; ok && !*has && i < CHECKPOINTS; i++)
        ok = look(rundir_path(dir, checkpoints[i], path, sizeof path), has, err);
    return ok;
}

/* Moves what is there, and never over something else. */
static bool move_one(const char *from, const char *to, struct err *err)
{
    bool there, taken;
    if (!look(from, &there, err) || !look(to, &taken, err))
        return false;
    if (!there)
        return true;
    if (taken)
        return err_set(err, "%s and %s: both are there: expected one of them", from, to);
    return rename(from, to) == 0 || err_set_errno(err, errno, "%s: cannot move to %s", from, to);
}

/* Moves all from the folder into `previous.new`, or back, in the other order. */
static bool move_all(const struct rundir *dir, bool back, struct err *err)
{
    bool ok = true;
    for (int i = 0; ok && i < MOVED; i++) {
        const char *name = moved[back ? MOVED - 1 - i : i];
        char here[RUNDIR_PATH_SIZE], gathered[RUNDIR_PATH_SIZE];
        rundir_path(dir, name, here, sizeof here);
        snprintf(gathered, sizeof gathered, "%s/previous.new/%s", dir->path, name);
        ok = back ? move_one(gathered, here, err) : move_one(here, gathered, err);
    }
    return ok;
}

/* Makes the steps that are left of a move, or takes them back, or begins a move. */
static bool move_previous(struct rundir *dir, bool fresh, struct err *err)
{
    char gathered[RUNDIR_PATH_SIZE], previous[RUNDIR_PATH_SIZE];
    rundir_path(dir, "previous.new", gathered, sizeof gathered);
    rundir_path(dir, "previous", previous, sizeof previous);
    bool gathering, here;
    if (!look(gathered, &gathering, err) || !look_for_checkpoint(dir, &here, err))
        return false;
    if (gathering && here && !fresh)
        return move_all(dir, true, err) &&
               (rmdir(gathered) == 0 ||
                err_set_errno(err, errno, "%s: cannot be removed", gathered));
    dir->moved = gathering || (here && fresh);
    if (!dir->moved)
        return true;
    if (previous_is_locked(dir))
        return err_set(err, "%s: another training writes here: expected it to end first", previous);
    return outfile_make_folder(gathered, err) && move_all(dir, false, err) &&
           outfile_sync_folder(gathered, err) && move_one(gathered, previous, err) &&
           outfile_sync_folder(dir->path, err);
}

/* -- Opening ----------------------------------------------------------------------------------- */

/* The temporary files of outfile.h that a process did not live to rename. */
static bool remove_unfinished(const struct rundir *dir, struct err *err)
{
    for (int i = MOVED - WHOLE; i < MOVED; i++) { /* what a training writes so */
        char name[64], path[RUNDIR_PATH_SIZE];
        snprintf(name, sizeof name, "%s.tmp", moved[i]);
        if (unlink(rundir_path(dir, name, path, sizeof path)) != 0 && errno != ENOENT)
            return err_set_errno(err, errno, "%s: cannot be removed", path);
    }
    return true;
}

bool rundir_open(struct rundir *dir, const char *path, bool fresh, struct err *err)
{
    *dir = (struct rundir){.path = path};
    bool ok = outfile_make_folder(path, err) && lock_folder(dir, err) &&
              remove_unfinished(dir, err) && move_previous(dir, fresh, err);
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
