/* outfile.c - writes to a temporary file, then renames it over the final name.
 *
 * The invariant: the final name never refers to bytes that are not complete and on disk. rename()
 * replaces atomically, but only fsync before it orders the bytes, and only fsync of the folder
 * after it orders the name.
 */
#include "file/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool outfile_sync_folder(const char *folder, struct err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems have no fsync for folders and say EINVAL: nothing more can be done. */
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (!ok)
        err_set_errno(err, errno, "%s: cannot make the new file's name durable", folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool sync_folder_of(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    bool ok = outfile_sync_folder(folder, err);
    free(folder);
    return ok;
}

/* A new file, in place of whatever has its name: an old temporary file, a pipe, a link to another
 * file. */
static FILE *create(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file != NULL || fd < 0)
        return file;
    int problem = errno;
    close(fd);
    unlink(path);
    errno = problem;
    return NULL;
}

bool outfile_open(struct outfile *out, const char *path, struct err *err)
{
    static const char suffix[] = ".tmp";
    *out = (struct outfile){.path = strdup(path)};
    size_t length = strlen(path);
    char *temp = malloc(length + sizeof suffix);
    if (out->path == NULL || temp == NULL) {
        free(temp);
        return err_set_errno(err, ENOMEM, "%s", path);
    }
    memcpy(temp, path, length);
    memcpy(temp + length, suffix, sizeof suffix);
    out->file = create(temp);
    if (out->file == NULL) {
        err_set_errno(err, errno, "%s: cannot write", temp);
        free(temp);
        return false;
    }
    out->temp = temp;
    return true;
}

bool outfile_write(struct outfile *out, const void *data, size_t bytes, struct err *err)
{
    if (bytes > 0 && fwrite(data, 1, bytes, out->file) != bytes)
        return err_set_errno(err, errno, "%s: cannot write", out->temp);
    return true;
}

/* A second name for a file that is about to be replaced. Where there are no hard links it loses the
 * first one for a moment. */
static bool keep(const char *path, const char *kept, struct err *err)
{
    if (unlink(kept) != 0 && errno != ENOENT)
        return err_set_errno(err, errno, "%s: cannot be replaced", kept);
    if (link(path, kept) == 0 || errno == ENOENT || rename(path, kept) == 0)
        return true;
    return err_set_errno(err, errno, "%s: cannot be kept as %s", path, kept);
}

bool outfile_commit(struct outfile *out, const char *kept, struct err *err)
{
    if (fflush(out->file) != 0 || fsync(fileno(out->file)) != 0)
        return err_set_errno(err, errno, "%s: cannot write", out->temp);
    FILE *file = out->file;
    out->file = NULL;
    if (fclose(file) != 0)
        return err_set_errno(err, errno, "%s: cannot close", out->temp);
    if (kept != NULL && !keep(out->path, kept, err))
        return false;
    if (rename(out->temp, out->path) != 0)
        return err_set_errno(err, errno, "%s: cannot rename to %s", out->temp, out->path);
    free(out->temp);
    out->temp = NULL;
    return sync_folder_of(out->path, err);
}

void outfile_close(struct outfile *out)
{
    if (out->file != NULL)
        fclose(out->file);
    if (out->temp != NULL)
        unlink(out->temp);
    free(out->temp);
    free(out->path);
    *out = (struct outfile){0};
}

bool outfile_make_folder(const char *path, struct err *err)
{
    char *part = strdup(path);
    if (part == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    bool ok = true;
    for (char *at = part; ok && *at != '\0';) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char kept = *at;
        *at = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            ok = err_set_errno(err, errno, "%s: cannot create the folder", part);
        *at = kept;
    }
    struct stat info;
    if (ok && stat(path, &info) != 0) {
        ok = err_set_errno(err, errno, "%s", path);
    } else if (ok && !S_ISDIR(info.st_mode)) {
        ok = err_set(err, "%s: is a file: expected a folder", path);
    }
    free(part);
    return ok;
}
