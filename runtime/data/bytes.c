/* bytes.c - one look at the size decides between reading and mapping. */
#include "data/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "file/infile.h"

/* A quarter of the memory leaves room for a training and for the other part of the data. */
size_t bytes_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? (size_t)pages / 4 * (size_t)sysconf(_SC_PAGESIZE) : SIZE_MAX;
}

static bool cannot_read(const char *path, int reason, struct err *err)
{
    return err_set_code(err, EXIT_DATA, "%s: cannot read: %s", path, strerror(reason));
}

static bool map(struct data *data, FILE *file, const char *path, size_t size, const uint8_t **bytes,
                struct err *err)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    if (at == MAP_FAILED)
        return err_set_code(err, EXIT_DATA, "%s: cannot map %zu bytes: %s", path, size,
                            strerror(errno));
    *bytes = at;
    return data_adopt(data, at, size) || err_set_errno(err, ENOMEM, "%s: cannot hold it", path);
}

static bool take(struct data *data, FILE *file, const char *path, size_t size,
                 const uint8_t **bytes, struct err *err)
{
    uint8_t *at = data_block(data, size);
    if (at == NULL)
        return err_set_errno(err, ENOMEM, "%s: cannot hold %zu bytes", path, size);
    errno = 0;
    size_t got = fread(at, 1, size, file);
    if (ferror(file))
        return cannot_read(path, errno, err);
    *bytes = at;
    return got == size ||
           err_set_code(err, EXIT_DATA, "%s: ended after %zu bytes while it was read: expected %zu",
                        path, got, size);
}

bool bytes_open(struct data *data, const char *path, size_t map_from, const uint8_t **bytes,
                size_t *size, struct err *err)
{
    struct stat s;
    FILE *file = infile_open(path, "rb");
    if (file == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", path, infile_reason(errno));
    bool ok = fstat(fileno(file), &s) == 0 || cannot_read(path, errno, err);
    if (ok) {
        *size = (size_t)s.st_size;
        bool large = *size > 0 && *size >= (map_from > 0 ? map_from : bytes_limit());
        ok = large ? map(data, file, path, *size, bytes, err)
                   : take(data, file, path, *size, bytes, err);
    }
    fclose(file);
    return ok;
}

/* -- Unpacking --------------------------------------------------------------------------------- */

/* Unpacks into memory that grows by halves, to what is there: no header is believed. */
static bool unpack(gzFile stream, const char *path, uint8_t **bytes, size_t *size, struct err *err)
{
    enum { STEP = 1 << 30 };
    size_t room = 1 << 16;
    uint8_t *at = malloc(room);
    int got = 1;
    *size = 0;
    while (at != NULL && got > 0) {
        if (*size == room) {
            uint8_t *more = malloc(room + room / 2);
            if (more != NULL)
                memcpy(more, at, room);
            free(at);
            at = more;
            room += room / 2;
            continue;
        }
        size_t free_bytes = room - *size;
        got = gzread(stream, at + *size, (unsigned)(free_bytes < STEP ? free_bytes : STEP));
        *size += got > 0 ? (size_t)got : 0;
    }
    *bytes = at;
    if (at == NULL)
        return err_set_errno(err, ENOMEM, "%s: cannot hold %zu bytes", path, *size);
    int status = Z_OK;
    const char *reason = gzerror(stream, &status), *behind = strstr(reason, ">: ");
    if (behind != NULL) /* zlib begins with a name of its own: <fd:4> */
        reason = behind + strlen(">: ");
    if (got == 0 && status == Z_OK)
        return true;
    free(at);
    return err_set_code(err, EXIT_DATA, "%s: after %zu unpacked bytes: %s: expected a whole .gz",
                        path, *size, status == Z_ERRNO ? strerror(errno) : reason);
}

bool bytes_gunzip(struct data *data, const char *path, const uint8_t **bytes, size_t *size,
                  struct err *err)
{
    FILE *file = infile_open(path, "rb");
    if (file == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", path, infile_reason(errno));
    int fd = dup(fileno(file));
    fclose(file);
    gzFile stream = fd >= 0 ? gzdopen(fd, "rb") : NULL;
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return err_set_errno(err, ENOMEM, "%s: cannot unpack", path);
    }
    uint8_t *at = NULL;
    bool ok = unpack(stream, path, &at, size, err);
    gzclose(stream);
    *bytes = at;
    return ok &&
           (data_adopt(data, at, 0) || err_set_errno(err, ENOMEM, "%s: cannot hold it", path));
}

char *bytes_text(const char *path, size_t most)
{
    FILE *file = infile_open(path, "rb");
    char *text = file != NULL ? malloc(most + 2) : NULL;
    size_t got = text != NULL ? fread(text, 1, most + 1, file) : 0;
    bool ok = text != NULL && !ferror(file) && got <= most && memchr(text, '\0', got) == NULL;
    int reason = text == NULL || ferror(file) ? errno : 0;
    if (file != NULL)
        fclose(file);
    if (!ok) {
        free(text);
        errno = reason;
        return NULL;
    }
    text[got] = '\0';
    return text;
}
