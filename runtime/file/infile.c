/* infile.c - looks at what was opened, not at what the path meant a moment before. */
#include "file/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

FILE *infile_open(const char *path, const char *mode)
{
    enum { AT_ONCE = O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
    int fd =
        strchr(mode, '+') != NULL ? open(path, O_RDWR | AT_ONCE) : open(path, O_RDONLY | AT_ONCE);
    if (fd < 0)
        return NULL;
    struct stat info;
    int problem = fstat(fd, &info) != 0   ? errno
                  : S_ISDIR(info.st_mode) ? EISDIR
                  : S_ISREG(info.st_mode) ? 0
                                          : EINVAL;
    FILE *file = problem == 0 ? fdopen(fd, mode) : NULL;
    if (file != NULL)
        return file;
    problem = problem != 0 ? problem : errno;
    close(fd);
    errno = problem;
    return NULL;
}

const char *infile_reason(int errno_value)
{
    return errno_value == EINVAL ? "not a regular file" : strerror(errno_value);
}
