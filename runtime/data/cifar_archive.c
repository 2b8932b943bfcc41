/* cifar_archive.c - the official .tar.gz, read from its beginning to its end once, and never
 * unpacked on disk. Which of the two sets it is, its files say. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar.h"
#include "file/infile.h"

enum { NAMES_BYTES = 65536 };

struct archived {
    const uint8_t *bytes; /* NULL: not seen yet */
    size_t size;
};

struct reading {
    struct data *data;
    const struct data_request *request;
    struct archive *archive;
    struct cifar cifar; /* its kind NULL until a file has told it */
    char *names;        /* or NULL */
    struct archived files[CIFAR_FILES];
};

static const struct cifar_kind *const kinds[] = {&cifar_10, &cifar_100};

static bool corrupt(const struct reading *r, const char *name, struct err *err)
{
    const char *reason = archive_error_string(r->archive);
    return err_set_code(err, EXIT_DATA, "%s: %s%s%s: expected a whole .tar.gz", r->request->path,
                        name != NULL ? name : "", name != NULL ? ": " : "",
                        reason != NULL ? reason : "cannot be read");
}

/* The entry under way as a block of data: at most `most` bytes and one more. */
static bool read_entry(struct reading *r, const char *name, uint8_t *to, size_t most, size_t *size,
                       struct err *err)
{
    *size = 0;
    while (*size < most) {
        la_ssize_t got = archive_read_data(r->archive, to + *size, most - *size);
        if (got < 0)
            return corrupt(r, name, err);
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    return true;
}

static bool read_names(struct reading *r, const char *name, struct err *err)
{
    size_t size = 0;
    free(r->names);
    r->names = malloc(NAMES_BYTES + 1);
    if (r->names == NULL)
        return err_set_errno(err, ENOMEM, "%s: %s", r->request->path, name);
    if (!read_entry(r, name, (uint8_t *)r->names, NAMES_BYTES, &size, err))
        return false;
    r->names[size] = '\0';
    return true;
}

static bool read_images(struct reading *r, int k, const char *name, struct err *err)
{
    struct archived *file = &r->files[k];
    const size_t most = cifar_file_bytes(&r->cifar) + 1;
    if (file->bytes != NULL)
        return err_set_code(err, EXIT_DATA, "%s: %s is in it twice: expected once",
                            r->request->path, name);
    uint8_t *bytes = data_block(r->data, most);
    file->bytes = bytes;
    return bytes != NULL ? read_entry(r, name, bytes, most, &file->size, err)
                         : err_set_errno(err, ENOMEM, "%s: %s", r->request->path, name);
}

/* Which file of a part this is; -1: none. */
static int file_of(const struct cifar_kind *kind, int part, const char *name)
{
    for (int k = 0; kind->files[part][k] != NULL; k++) {
        if (strcmp(kind->files[part][k], name) == 0)
            return k;
    }
    return -1;
}

/* The first file with images or names tells which set it is; one of the other is an error. */
static bool settle(struct reading *r, const char *name, struct err *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct cifar_kind *kind = kinds[i];
        bool its = file_of(kind, DATA_TRAIN, name) >= 0 || file_of(kind, DATA_TEST, name) >= 0;
        for (int k = 0; k < 2 && kind->labels[k].names != NULL; k++)
            its = its || strcmp(kind->labels[k].names, name) == 0;
        if (!its || r->cifar.kind == kind)
            continue;
        if (r->cifar.kind != NULL)
            return err_set_code(err, EXIT_DATA, "%s: %s beside files of %s: expected one data set",
                                r->request->path, name, r->cifar.kind->name);
        return cifar_choose(&r->cifar, kind, r->request, err);
    }
    return true;
}

static bool take_entry(struct reading *r, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (!settle(r, name, err))
        return false;
    if (r->cifar.kind == NULL)
        return true;
    if (strcmp(name, r->cifar.labels->names) == 0)
        return read_names(r, name, err);
    int k = file_of(r->cifar.kind, (int)r->request->part, name);
    return k < 0 || r->request->look || read_images(r, k, name, err);
}

static bool read_entries(struct reading *r, struct err *err)
{
    struct archive_entry *entry = NULL;
    int status;
    while ((status = archive_read_next_header(r->archive, &entry)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN) {
        const char *path = archive_entry_pathname(entry);
        if (path != NULL && !take_entry(r, path, err))
            return false;
    }
    return status == ARCHIVE_EOF || corrupt(r, NULL, err);
}

static bool take_files(struct reading *r, struct err *err)
{
    const char *path = r->request->path;
    if (!cifar_begin(&r->cifar, r->data, r->request, r->names, err))
        return false;
    for (int k = 0; !r->request->look && k < cifar_files(&r->cifar); k++) {
        const char *name = r->cifar.kind->files[r->request->part][k];
        char what[DATA_PATH_SIZE + 40];
        if (r->files[k].bytes == NULL)
            return err_set_code(err, EXIT_DATA, "%s: no %s: expected %s", path, name,
                                r->cifar.kind->list);
        snprintf(what, sizeof what, "%s: %s", path, name);
        if (!cifar_take(&r->cifar, k, what, r->files[k].bytes, r->files[k].size, err))
            return false;
    }
    return r->request->look || cifar_end(&r->cifar, err);
}

static bool read_archive(struct reading *r, FILE *file, struct err *err)
{
    if (archive_read_support_filter_gzip(r->archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(r->archive) != ARCHIVE_OK ||
        archive_read_open_FILE(r->archive, file) != ARCHIVE_OK)
        return corrupt(r, NULL, err);
    if (!read_entries(r, err))
        return false;
    if (r->cifar.kind == NULL)
        return err_set_code(
            err, EXIT_DATA,
            "%s: neither of CIFAR-10 nor of CIFAR-100: expected the binary version, "
            "with %s, or %s",
            r->request->path, cifar_10.list, cifar_100.list);
    return take_files(r, err);
}

static bool open_archive(struct data *data, const struct data_request *request,
                         const struct data_place *place, struct err *err)
{
    (void)place;
    struct reading r = {.data = data, .request = request};
    FILE *file = infile_open(request->path, "rb");
    if (file == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", request->path,
                            infile_reason(errno));
    r.archive = archive_read_new();
    bool ok = r.archive != NULL ? read_archive(&r, file, err)
                                : err_set_errno(err, ENOMEM, "%s", request->path);
    if (r.archive != NULL)
        archive_read_free(r.archive);
    fclose(file);
    free(r.names);
    return ok;
}

static bool recognises(const struct data_place *place)
{
    return !place->folder &&
           (format_ends(place->name, ".tar.gz") || format_ends(place->name, ".tgz"));
}

const struct data_format cifar_archive_format = {
    "archive", "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz, as downloaded", recognises,
    open_archive};
