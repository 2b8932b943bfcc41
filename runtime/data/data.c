/* data.c - each file is read whole, compared with its digest, checked record by record, and taken
 * apart into labels and pixels. Nothing is handed out before everything has been checked. */
#include "data/data.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/infile.h"
#include "file/sha256.h"
#include "rng.h"

enum {
    RECORDS = DATA_RECORDS,
    RECORD_BYTES = 1 + CIFAR_PIXELS,
    FILE_BYTES = RECORDS * RECORD_BYTES,
    MAX_FILES = 5
};

static const char *const part_files[][MAX_FILES + 1] = {
    [DATA_TRAIN] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                    "data_batch_5.bin", NULL},
    [DATA_TEST] = {"test_batch.bin", NULL},
};

/* -- Where it is ------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

const struct data_shape data_cifar10 = {CIFAR_CHANNELS, CIFAR_SIDE, CIFAR_SIDE, CIFAR_CLASSES};

static const char *const class_names[CIFAR_CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

bool data_find(char dir[DATA_PATH_SIZE], const char *dir_option, struct err *err)
{
    const char *variable = getenv("CIFAR10_DIR");
    if (variable && !*variable)
        variable = NULL;
    const char *chosen = dir_option ? dir_option : variable ? variable : DATA_DEFAULT_DIR;

    if (strlen(chosen) >= DATA_PATH_SIZE)
        return err_set_code(err, EXIT_DATA,
                            "the path of the data folder has %zu bytes: expected at most %d",
                            strlen(chosen), DATA_PATH_SIZE - 1);
    if (is_folder(chosen)) {
        memcpy(dir, chosen, strlen(chosen) + 1);
        return true;
    }
    const char *none = "no such folder", *later = "not looked at";
    const char *option_is = dir_option ? none : "not given";
    const char *variable_is = !variable ? "not set" : dir_option ? later : none;
    const char *default_is = dir_option || variable ? later : none;
    return err_set_code(err, EXIT_DATA,
                        "no CIFAR-10 data: expected its folder in one of these places:\n"
                        "  --data%s%.200s: %s\n"
                        "  $CIFAR10_DIR%s%.200s: %s\n"
                        "  %s: %s\n"
                        "`make data` downloads it; `--data synthetic` trains without it",
                        dir_option ? " " : "", dir_option ? dir_option : "", option_is,
                        variable ? " " : "", variable ? variable : "", variable_is,
                        DATA_DEFAULT_DIR, default_is);
}

static bool join(char path[DATA_PATH_SIZE], const char *dir, const char *name, struct err *err)
{
    int length = snprintf(path, DATA_PATH_SIZE, "%s/%s", dir, name);
    if (length < 0 || length >= DATA_PATH_SIZE)
        return err_set_code(err, EXIT_DATA, "%.200s...: path too long: expected at most %d bytes",
                            dir, DATA_PATH_SIZE - 1);
    return true;
}

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
    if (!join(path, dir, "SHA256SUMS", &ignored))
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
    const char *mark = DATA_OFFICIAL_MARK;
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

static bool missing_file(const char *path, const char *dir, struct err *err)
{
    if (!is_folder(dir))
        return err_set_code(err, EXIT_DATA,
                            "%s: no such folder: expected one with CIFAR-10's six files", dir);
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
static bool split(struct data *data, int i, const uint8_t *record, const char *path,
                  struct err *err)
{
    if (record[0] >= CIFAR_CLASSES)
        return err_set_code(err, EXIT_DATA,
                            "%s: record %d of %d, at byte %d: label %d: expected 0 to %d", path,
                            i + 1, RECORDS, i * RECORD_BYTES, record[0], CIFAR_CLASSES - 1);
    size_t at = (size_t)(data->count + i);
    data->labels[at] = record[0];
    memcpy(data->pixels + at * CIFAR_PIXELS, record + 1, CIFAR_PIXELS);
    return true;
}

/* Reads a file record by record: a buffer of the whole file would stay with the process. */
static bool read_records(struct data *data, FILE *file, struct sha256 *sum, const char *path,
                         struct err *err)
{
    uint8_t record[RECORD_BYTES];
    for (int i = 0; i < RECORDS; i++) {
        size_t got = fread(record, 1, RECORD_BYTES, file);
        if (ferror(file))
            return failed_errno(err, errno, "cannot read", path);
        if (got < RECORD_BYTES)
            return too_short(err, path, (size_t)i * RECORD_BYTES + got);
        sha256_add(sum, record, RECORD_BYTES);
        if (!split(data, i, record, path, err))
            return false;
    }
    return true;
}

/* all: takes the digest of this file. */
static bool read_file(struct data *data, const char *name, const struct sums *sums,
                      struct sha256 *all, struct err *err)
{
    char path[DATA_PATH_SIZE], digest[SHA256_HEX_SIZE];
    struct sha256 sum;
    if (!join(path, data->source, name, err))
        return false;
    FILE *file = infile_open(path, "rb");
    if (!file && errno == ENOENT)
        return missing_file(path, data->source, err);
    if (!file)
        return err_set_code(err, EXIT_DATA, "%s: cannot open: %s", path, infile_reason(errno));
    sha256_start(&sum);
    bool ok = check_size(file, path, err) && read_records(data, file, &sum, path, err);
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

static bool read_files(struct data *data, enum data_part part, struct err *err)
{
    struct sums sums;
    struct sha256 all;
    bool ok = true;
    read_sums(&sums, data->source);
    sha256_start(&all);
    for (const char *const *name = part_files[part]; ok && *name; name++)
        ok = read_file(data, *name, &sums, &all, err);
    bool summed = sha256_finish(&all, data->digest);
    if (!ok || !summed)
        return err_set_errno(err, ENOMEM, "%s: no digest", data->source);
    judge(data, &sums);
    return true;
}

bool data_open(struct data *data, const char *dir, enum data_part part, struct err *err)
{
    *data = (struct data){
        .c = CIFAR_CHANNELS, .h = CIFAR_SIDE, .w = CIFAR_SIDE, .classes = CIFAR_CLASSES};
    if (strlen(dir) >= sizeof data->source)
        return err_set_code(err, EXIT_DATA,
                            "the path of the data folder has %zu bytes: expected at most %d",
                            strlen(dir), DATA_PATH_SIZE - 1);
    memcpy(data->source, dir, strlen(dir) + 1);

    size_t files = 0;
    while (part_files[part][files])
        files++;
    data->labels = malloc(files * RECORDS);
    data->pixels = malloc(files * RECORDS * CIFAR_PIXELS);
    bool ok = data->labels && data->pixels && data_name_classes(data, class_names)
                  ? read_files(data, part, err)
                  : err_set_errno(err, ENOMEM, "cannot hold the images of %s", dir);
    if (!ok)
        data_close(data);
    return ok;
}

/* -- Class names ------------------------------------------------------------------------------- */

bool data_name_classes(struct data *data, const char *const *names)
{
    const size_t count = (size_t)data->classes;
    size_t bytes = count * sizeof *data->class_names;
    for (size_t k = 0; k < count; k++)
        bytes += strlen(names[k]) + 1;
    data->class_names = malloc(bytes);
    if (data->class_names == NULL)
        return false;
    char *text = (char *)(data->class_names + count);
    for (size_t k = 0; k < count; k++) {
        const size_t size = strlen(names[k]) + 1;
        data->class_names[k] = memcpy(text, names[k], size);
        text += size;
    }
    return true;
}

/* -- Holding out ------------------------------------------------------------------------------- */

static size_t image_bytes(const struct data *data)
{
    return (size_t)data->c * (size_t)data->h * (size_t)data->w;
}

static void move_image(struct data *to, int at, const struct data *from, int i)
{
    const size_t image = image_bytes(from);
    to->labels[at] = from->labels[i];
    memmove(to->pixels + (size_t)at * image, from->pixels + (size_t)i * image, image);
}

bool data_hold_out(struct data *data, int n, struct data *held, struct err *err)
{
    *held = (struct data){0};
    if (n < 1 || n >= data->count)
        return err_set_code(err, EXIT_USAGE, "%d held out of %d training images: expected 1 to %d",
                            n, data->count, data->count - 1);
    struct data part = *data;
    part.labels = malloc((size_t)n);
    part.pixels = malloc((size_t)n * image_bytes(data));
    if (!data_name_classes(&part, (const char *const *)data->class_names) || !part.labels ||
        !part.pixels) {
        data_close(&part);
        return err_set_errno(err, ENOMEM, "cannot hold out %d images of %s", n, data->source);
    }
    /* Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S): each image is taken
     * with the chance of those still wanted among those still to come. */
    const uint64_t key = rng_key(0, 0, (uint32_t)n, RNG_HOLD_OUT);
    part.count = 0;
    int kept = 0;
    for (int i = 0; i < data->count; i++) {
        uint32_t left = (uint32_t)(data->count - i);
        if (rng_below(key, (uint32_t)i, left) < (uint32_t)(n - part.count))
            move_image(&part, part.count++, data, i);
        else
            move_image(data, kept++, data, i);
    }
    data->count = kept;
    *held = part;
    return true;
}

void data_close(struct data *data)
{
    free(data->labels);
    free(data->pixels);
    free(data->class_names);
    *data = (struct data){0};
}

/* -- Statistics -------------------------------------------------------------------------------- */

struct data_stats data_statistics(const struct data *data)
{
    /* A row's sums stay below 2^32 for up to 66,000 pixels; the sums of all rows are exact in 64
     * bits. */
    assert(data->c >= 1 && data->c <= DATA_MAX_CHANNELS && data->count > 0);
    assert(data->w <= DATA_MAX_SIDE);
    uint64_t sum[DATA_MAX_CHANNELS] = {0}, squares[DATA_MAX_CHANNELS] = {0};
    const uint8_t *p = data->pixels;
    for (int i = 0; i < data->count; i++) {
        for (int c = 0; c < data->c; c++) {
            for (int y = 0; y < data->h; y++, p += data->w) {
                uint32_t s = 0, q = 0;
                for (int k = 0; k < data->w; k++) {
                    uint32_t x = p[k];
                    s += x;
                    q += x * x;
                }
                sum[c] += s;
                squares[c] += q;
            }
        }
    }

    struct data_stats stats = {.channels = data->c};
    double n = (double)data->count * (double)data->h * (double)data->w;
    for (int c = 0; c < data->c; c++) {
        double mean = (double)sum[c] / n;
        double variance = (double)squares[c] / n - mean * mean;
        stats.mean[c] = mean / 255;
        stats.std[c] = variance > 0 ? sqrt(variance) / 255 : 1;
    }
    return stats;
}
