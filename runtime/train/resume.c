/* resume.c - the newest checkpoint that is whole.
 *
 * Only what the file itself shows lets the one before it step in. Missing memory, another network
 * or other data would be the same there, and are the caller's to judge.
 */
#include "train/resume.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/options.h"

static bool open_whole(struct safetensors *file, const char *path, struct err *err)
{
    if (!safetensors_open(file, path, err))
        return false;
    if (file->has_digest)
        return true;
    safetensors_close(file);
    return err_set_code(err, EXIT_DATA,
                        "%s: carries no digest: expected a checkpoint as it was saved (a model can "
                        "be given to --init)",
                        path);
}

static bool fits(int length)
{
    return (size_t)length < RUNDIR_PATH_SIZE;
}

/* Sets path and folder. */
static bool find(struct resume *resume, const char *given)
{
    struct stat info;
    if (stat(given, &info) == 0 && S_ISDIR(info.st_mode))
        return fits(snprintf(resume->folder, sizeof resume->folder, "%s", given)) &&
               fits(snprintf(resume->path, sizeof resume->path, "%s/%s", given, RUNDIR_LAST));
    const char *slash = strrchr(given, '/');
    int length = slash == NULL || slash == given ? 1 : (int)(slash - given);
    return fits(snprintf(resume->path, sizeof resume->path, "%s", given)) &&
           fits(snprintf(resume->folder, sizeof resume->folder, "%.*s", length,
                         slash == NULL ? "." : given));
}

static bool is_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, RUNDIR_LAST) == 0;
}

/* `first` is why the newest cannot be taken. */
static bool open_previous(struct resume *resume, const struct err *first, struct err *err)
{
    char *path = resume->path;
    struct err second = {0};
    int length = snprintf(path, sizeof resume->path, "%s/%s", resume->folder, RUNDIR_PREVIOUS);
    if (!fits(length) || access(path, F_OK) != 0)
        return err_set_code(err, first->code, "%s", first->message);
    resume->fell_back = open_whole(&resume->file, path, &second);
    if (!resume->fell_back)
        return err_set_code(err, second.code, "%.480s\n  nor can the one before it be read: %.480s",
                            first->message, second.message);
    snprintf(resume->warning, sizeof resume->warning,
             "%s; going on from the checkpoint before it, %s", first->message, path);
    return true;
}

/* The whole number in a tensor of a checkpoint, or -1. */
static int64_t counter(const struct safetensors *file, const char *name)
{
    const struct safetensor *tensor = safetensors_find(file, name);
    int64_t value = -1;
    if (tensor != NULL && tensor->dtype == SAFETENSORS_I64 && tensor->rank == 0)
        memcpy(&value, tensor->data, sizeof value);
    return value;
}

bool resume_is_unfinished(const char *folder, int64_t *step)
{
    struct safetensors file = {0};
    struct err ignored = {0};
    char path[RUNDIR_PATH_SIZE];
    bool unfinished = false;
    if (fits(snprintf(path, sizeof path, "%s/%s", folder, RUNDIR_LAST)) &&
        open_whole(&file, path, &ignored)) {
        const char *epochs = safetensors_meta(&file, "epochs");
        int64_t wanted = 0;
        *step = counter(&file, "train.step");
        unfinished = epochs != NULL && options_int("epochs", epochs, 1, 1e6, &wanted, &ignored) &&
                     *step >= 0 && counter(&file, "train.epoch") < wanted;
    }
    safetensors_close(&file);
    return unfinished;
}

bool resume_open(struct resume *resume, const char *given, struct err *err)
{
    struct err first = {0};
    *resume = (struct resume){.fell_back = false};
    if (!find(resume, given))
        return err_set_code(err, EXIT_DATA,
                            "%.200s...: %zu bytes long: expected a path of at most %d", given,
                            strlen(given), RUNDIR_PATH_SIZE - 32);
    if (open_whole(&resume->file, resume->path, &first))
        return true;
    if (first.code == EXIT_DATA && is_last(resume->path))
        return open_previous(resume, &first, err);
    return err_set_code(err, first.code, "%s", first.message);
}

void resume_close(struct resume *resume)
{
    safetensors_close(&resume->file);
    *resume = (struct resume){.fell_back = false};
}
