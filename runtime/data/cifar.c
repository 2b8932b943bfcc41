/* cifar.c - each file is read whole, compared with its digest, checked record by record, and taken
 * apart into labels and pixels. Nothing is handed out before everything has been checked. */
#include "data/cifar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/infile.h"
#include "file/sha256.h"

enum {
    RECORDS = CIFAR_RECORDS,
    RECORD_BYTES = 1 + CIFAR_PIXELS,
    FILE_BYTES = RECORDS * RECORD_BYTES,
    MAX_FILES = 5
};

static const char *const part_files[][MAX_FILES + 1] = {
    [DATA_TRAIN] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                    "data_batch_5.bin", NULL},
    [DATA_TEST] = {"test_batch.bin", NULL},
};

const struct data_shape cifar_shape = {CIFAR_CHANNELS, CIFAR_SIDE, CIFAR_SIDE, CIFAR_CLASSES};

static const char *const class_names[CIFAR_CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

/* -- Is it official? --------------------------------------------------------------------------- */

/* The text of the folder's SHA256SUMS, empty when there is none or it cannot be read. A list of
 * six files fits many times over; a longer file is cut, and what is missing is warned about. */
struct sums {
    bool there;
    char text[8192];
};

static void read_sums(struct sums *sums, const char *dir)
{
    char path[DATA_PATH_SIZE];
    struct err ignored = {0};
    *sums = (struct sums){0};
    if (!format_join(path, dir, "SHA256SUMS", &ignored))
        return;
    FILE *file = infile_open(path, "rb");
    if (!file)
        return;
    size_t length = fread(sums->text, 1, sizeof sums->text - 1, file);
    sums->text[length] = '\0';
    sums->there = !ferror(file);
    fclose(file);
}

/* The digest that a list gives for a file, or NULL. A line is the digest, a blank, a blank or an
 * asterisk, and the name. */
static const char *listed_digest(const struct sums *sums, const char *name)
{
    const size_t digest = SHA256_HEX_SIZE - 1;
    for (const char *line = sums->text; *line;) {
        size_t length = strcspn(line, "\r\n");
        if (length == digest + 2 + strlen(name) && line[digest] == ' ' &&
            strncmp(line + digest + 2, name, strlen(name)) == 0)
            return line;
        line += length;
        line += strspn(line, "\r\n");
    }
    return NULL;
}

/* Notes in data->warning what keeps this file from being known as official; the first note stays.
 */
static void compare(struct data *data, const struct sums *sums, const char *name,
                    const char *digest)
{
    if (!sums->there || data->warning[0])
        return;
    const char *listed = listed_digest(sums, name);
    if (!listed) {
        snprintf(data->warning, sizeof data->warning, "%s/SHA256SUMS: does not list %s",
                 data->source, name);
        return;
    }
    if (strncmp(listed, digest, strlen(digest)) != 0)
        snprintf(data->warning, sizeof data->warning,
                 "%s/%s: differs from the SHA256SUMS beside it", data->source, name);
}

static void judge(struct data *data, const struct sums *sums)
{
    const char *mark = CIFAR_OFFICIAL_MARK;
    if (data->warning[0])
        return;
    if (!sums->there)
        snprintf(data->warning, sizeof data->warning,
                 "%s: not verified as the official archive: no SHA256SUMS beside the files "
                 "(`make data` writes it)",
                 data->source);
    else if (strncmp(sums->text, mark, strlen(mark)) != 0)
        snprintf(data->warning, sizeof data->warning,
                 "%s: not verified as the official archive: SHA256SUMS does not begin with \"%s\"",
                 data->source, mark);
}

/* -- Reading ----------------------------------------------------------------------------------- */

static bool failed_errno(struct err *err, int reason, const char *what, const char *path)
{
    err_set_errno(err, reason, "%s: %s", path, what);
    err->code = EXIT_DATA;
    return false;
}

static bool missing_file(const char *path, struct err *err)
{
    return err_set_code(err, EXIT_DATA,
                        "%s: no such file: expected data_batch_1.bin to data_batch_5.bin and "
                        "test_batch.bin in this folder; `make data` downloads them",
                        path);
}

static bool too_short(struct err *err, const char *path, size_t got)
{
    return err_set_code(err, EXIT_DATA,
                        "%s: %zu bytes short: expected %d (%d records of %d), got %zu", path,
                        FILE_BYTES - got, FILE_BYTES, RECORDS, RECORD_BYTES, got);
}

/* The size that the system tells, before anything is read. */
static bool check_size(FILE *file, const char *path, struct err *err)
{
    struct stat s;
    if (fstat(fileno(file), &s) != 0)
        return failed_errno(err, errno, "cannot read", path);
    if (s.st_size < FILE_BYTES)
        return too_short(err, path, (size_t)s.st_size);
    if (s.st_size > FILE_BYTES)
        return err_set_code(err, EXIT_DATA,
                            "%s: %lld bytes too long: expected %d (%d records of %d), got %lld",
                            path, (long long)s.st_size - FILE_BYTES, FILE_BYTES, RECORDS,
                            RECORD_BYTES, (long long)s.st_size);
    return true;
}

/* Takes record i of a file apart. */
static bool split(struct data *data, uint8_t *pixels, int i, const uint8_t *record,
                  const char *path, struct err *err)
{
    if (record[0] >= CIFAR_CLASSES)
        return err_set_code(err, EXIT_DATA,
                            "%s: record %d of %d, at byte %d: label %d: expected 0 to %d", path,
                            i + 1, RECORDS, i * RECORD_BYTES, record[0], CIFAR_CLASSES - 1);
    size_t at = (size_t)(data->count + i);
    data->labels[at] = record[0];
    memcpy(pixels + at * CIFAR_PIXELS, record + 1, CIFAR_PIXELS);
    return true;
}

/* Reads a file record by record: a buffer of the whole file would stay with the process. */
static bool read_records(struct data *data, uint8_t *pixels, FILE *file, struct sha256 *sum,
                         const char *path, struct err *err)
{
    uint8_t record[RECORD_BYTES];
    for (int i = 0; i < RECORDS; i++) {
        size_t got = fread(record, 1, RECORD_BYTES, file);
        if (ferror(file))
            return failed_errno(err, errno, "cannot read", path);
        if (got < RECORD_BYTES)
            return too_short(err, path, (size_t)i * RECORD_BYTES + got);
        sha256_add(sum, record, RECORD_BYTES);
        if (!split(data, pixels, i, record, path, err))
            return false;
    }
    return true;
}

/* all: takes the digest of this file. */
static bool read_file(struct data *data, uint8_t *pixels, const char *name, const struct sums *sums,
                      struct sha256 *all, struct err *err)
{
    char path[DATA_PATH_SIZE], digest[SHA256_HEX_SIZE];
    struct sha256 sum;
    if (!format_join(path, data->source, name, err))
        return false;
    FILE *file = infile_open(path, "rb");
    if (!file && errno == ENOENT)
        return missing_file(path, err);
    if (!file)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", path, infile_reason(errno));
    sha256_start(&sum);
    bool ok = check_size(file, path, err) && read_records(data, pixels, file, &sum, path, err);
    bool summed = sha256_finish(&sum, digest);
    fclose(file);
    if (!ok)
        return false;
    if (!summed)
        return err_set_errno(err, ENOMEM, "%s: no digest", path);
    compare(data, sums, name, digest);
    sha256_add(all, digest, strlen(digest));
    data->count += RECORDS;
    return true;
}

static bool read_files(struct data *data, uint8_t *pixels, enum data_part part, struct err *err)
{
    struct sums sums;
    struct sha256 all;
    bool ok = true;
    read_sums(&sums, data->source);
    sha256_start(&all);
    for (const char *const *name = part_files[part]; ok && *name; name++)
        ok = read_file(data, pixels, *name, &sums, &all, err);
    bool summed = sha256_finish(&all, data->digest);
    if (!ok || !summed)
        return err_set_errno(err, ENOMEM, "%s: no digest", data->source);
    judge(data, &sums);
    return true;
}

static bool open_part(struct data *data, const struct data_request *request, struct err *err)
{
    int files = 0;
    while (part_files[request->part][files])
        files++;
    data->c = CIFAR_CHANNELS;
    data->h = data->w = CIFAR_SIDE;
    data->classes = CIFAR_CLASSES;
    if (!data_name_classes(data, class_names))
        return err_set_errno(err, ENOMEM, "cannot hold the names of %s", data->source);
    if (request->look) {
        data->count = files * RECORDS;
        return true;
    }
    uint8_t *pixels = data_plain(data, files * RECORDS);
    data->count = 0;
    return pixels != NULL
               ? read_files(data, pixels, request->part, err)
               : err_set_errno(err, ENOMEM, "cannot hold the images of %s", data->source);
}

/* -- The format -------------------------------------------------------------------------------- */

static bool recognises(const struct data_place *place)
{
    for (int part = DATA_TRAIN; part <= DATA_TEST; part++) {
        for (const char *const *name = part_files[part]; *name; name++) {
            if (format_has(place, *name))
                return true;
        }
    }
    return false;
}

const struct data_format cifar_format = {
    .name = "cifar10",
    .needs = "a folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin",
    .recognises = recognises,
    .open = open_part,
};
