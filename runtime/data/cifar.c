/* cifar.c - each file is checked record by record, and its pixels are pointed at where they lie.
 * Nothing is handed out before everything has been checked. */
#include "data/cifar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/bytes.h"
#include "data/cifar_sums.h"
#include "file/infile.h"
#include "file/sha256.h"

enum { NAMES_BYTES = 65536 };

const struct data_shape cifar_shape = {CIFAR_CHANNELS, CIFAR_SIDE, CIFAR_SIDE, CIFAR_CLASSES};

#define CIFAR_10_LIST "data_batch_1.bin to data_batch_5.bin and test_batch.bin"
#define CIFAR_100_LIST "train.bin and test.bin"

const struct cifar_kind cifar_10 = {
    .name = "cifar10",
    .list = CIFAR_10_LIST,
    .files = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin", NULL},
              {"test_batch.bin", NULL}},
    .records = {CIFAR_RECORDS, CIFAR_RECORDS},
    .label_bytes = 1,
    .labels = {{NULL, "batches.meta.txt", 0, CIFAR_CLASSES}},
};

const struct cifar_kind cifar_100 = {
    .name = "cifar100",
    .list = CIFAR_100_LIST,
    .files = {{"train.bin", NULL}, {"test.bin", NULL}},
    .records = {5 * CIFAR_RECORDS, CIFAR_RECORDS},
    .label_bytes = 2,
    .labels = {{"fine", "fine_label_names.txt", 1, 100},
               {"coarse", "coarse_label_names.txt", 0, 20}},
};

static const char usual_names[] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\n"
                                  "truck\n";

static int record_bytes(const struct cifar *cifar)
{
    return cifar->kind->label_bytes + CIFAR_PIXELS;
}

static int records(const struct cifar *cifar)
{
    return cifar->kind->records[cifar->part];
}

int cifar_files(const struct cifar *cifar)
{
    int files = 0;
    while (cifar->kind->files[cifar->part][files] != NULL)
        files++;
    return files;
}

size_t cifar_file_bytes(const struct cifar *cifar)
{
    return (size_t)records(cifar) * (size_t)record_bytes(cifar);
}

/* -- What all files have in common ------------------------------------------------------------- */

bool cifar_choose(struct cifar *cifar, const struct cifar_kind *kind,
                  const struct data_request *request, struct err *err)
{
    *cifar = (struct cifar){.kind = kind, .part = request->part, .labels = kind->labels};
    if (!format_one_layout(request, err))
        return false;
    if (request->options.labels == NULL)
        return true;
    for (int i = 0; i < 2; i++) {
        if (kind->labels[i].name != NULL &&
            strcmp(kind->labels[i].name, request->options.labels) == 0) {
            cifar->labels = &kind->labels[i];
            return true;
        }
    }
    if (kind->labels[0].name == NULL)
        return format_one_labels(request, err);
    return err_set_code(err, EXIT_USAGE, "--labels %s: %s: %s has: expected %s or %s",
                        request->options.labels, request->path, kind->name, kind->labels[0].name,
                        kind->labels[1].name);
}

bool cifar_begin(struct cifar *cifar, struct data *data, const struct data_request *request,
                 const char *names, struct err *err)
{
    const struct cifar_labels *labels = cifar->labels;
    cifar->data = data;
    data->format = cifar->kind->name;
    data->c = CIFAR_CHANNELS;
    data->h = data->w = CIFAR_SIDE;
    data->classes = labels->classes;
    data->strides = data_planes(CIFAR_SIDE, CIFAR_SIDE);
    data->count = cifar_files(cifar) * records(cifar);
    if (names == NULL && cifar->kind == &cifar_10)
        names = usual_names;
    else if (names == NULL)
        snprintf(data->warning, sizeof data->warning,
                 "%s: no %s: the classes are named by their numbers", data->source, labels->names);
    char what[DATA_PATH_SIZE + 40];
    snprintf(what, sizeof what, "%s/%s", data->source, labels->names);
    if (!data_name_lines(data, names, what, err))
        return false;
    return request->look || data_reserve(data, data->count) ||
           err_set_errno(err, ENOMEM, "cannot hold the images of %s", data->source);
}

/* -- Records ----------------------------------------------------------------------------------- */

static bool check_size(const struct cifar *cifar, const char *path, size_t size, struct err *err)
{
    const size_t expected = cifar_file_bytes(cifar);
    if (size < expected)
        return err_set_code(err, EXIT_DATA,
                            "%s: %zu bytes short: expected %zu (%d records of %d), got %zu", path,
                            expected - size, expected, records(cifar), record_bytes(cifar), size);
    return size == expected ||
           err_set_code(err, EXIT_DATA,
                        "%s: %zu bytes too long: expected %zu (%d records of %d), got %zu", path,
                        size - expected, expected, records(cifar), record_bytes(cifar), size);
}

bool cifar_take(struct cifar *cifar, int k, const char *path, const uint8_t *bytes, size_t size,
                struct err *err)
{
    struct data *data = cifar->data;
    const struct cifar_labels *labels = cifar->labels;
    const int n = records(cifar), record = record_bytes(cifar);
    if (!check_size(cifar, path, size, err))
        return false;
    for (int i = 0; i < n; i++, bytes += record) {
        const int at = k * n + i;
        if (bytes[labels->at] >= labels->classes)
            return err_set_code(
                err, EXIT_DATA, "%s: record %d of %d, at byte %d: label %d: expected 0 to %d", path,
                i + 1, n, i * record + labels->at, bytes[labels->at], labels->classes - 1);
        data->labels[at] = bytes[labels->at];
        data->images[at] = bytes + cifar->kind->label_bytes;
    }
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, bytes - size, size);
    return sha256_finish(&sum, cifar->digests[k]) ||
           err_set_errno(err, ENOMEM, "%s: no digest", path);
}

bool cifar_end(struct cifar *cifar, struct err *err)
{
    struct sha256 all;
    sha256_start(&all);
    for (int k = 0; k < cifar_files(cifar); k++)
        sha256_add(&all, cifar->digests[k], SHA256_HEX_SIZE - 1);
    if (cifar->labels != cifar->kind->labels)
        sha256_add(&all, cifar->labels->name, strlen(cifar->labels->name));
    return sha256_finish(&all, cifar->data->digest) ||
           err_set_errno(err, ENOMEM, "%s: no digest", cifar->data->source);
}

/* -- Folders ----------------------------------------------------------------------------------- */

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

static bool read_file(struct cifar *cifar, int k, const struct data_request *request,
                      const struct cifar_sums *sums, struct err *err)
{
    char path[DATA_PATH_SIZE];
    const char *name = cifar->kind->files[cifar->part][k];
    const uint8_t *bytes = NULL;
    size_t size = 0;
    if (!format_join(path, request->path, name, err))
        return false;
    if (!exists(path) && errno == ENOENT)
        return err_set_code(err, EXIT_DATA, "%s: no such file: expected %s in this folder%s", path,
                            cifar->kind->list,
                            cifar->kind == &cifar_10 ? "; `make data` downloads them" : "");
    if (!bytes_open(cifar->data, path, request->options.map_from, &bytes, &size, err) ||
        !cifar_take(cifar, k, path, bytes, size, err))
        return false;
    cifar_sums_compare(cifar->data, sums, name, cifar->digests[k]);
    return true;
}

static bool read_files(struct cifar *cifar, const struct data_request *request, struct err *err)
{
    struct cifar_sums sums = {false, ""};
    if (cifar->kind == &cifar_10)
        cifar_sums_read(&sums, request->path);
    for (int k = 0; k < cifar_files(cifar); k++) {
        if (!read_file(cifar, k, request, &sums, err))
            return false;
    }
    if (cifar->kind == &cifar_10)
        cifar_sums_judge(cifar->data, &sums);
    return cifar_end(cifar, err);
}

/* NULL where there is no such file. */
static bool read_names(char **names, const char *path, struct err *err)
{
    *names = bytes_text(path, NAMES_BYTES);
    return *names != NULL || errno == ENOENT ||
           err_set_code(err, EXIT_DATA, "%s: cannot read: %s", path,
                        errno != 0 ? infile_reason(errno) : "expected a text with a name a line");
}

static bool open_folder(struct data *data, const struct cifar_kind *kind,
                        const struct data_request *request, struct err *err)
{
    struct cifar cifar;
    char path[DATA_PATH_SIZE], *names = NULL;
    if (!cifar_choose(&cifar, kind, request, err) ||
        !format_join(path, request->path, cifar.labels->names, err) ||
        !read_names(&names, path, err))
        return false;
    bool ok = cifar_begin(&cifar, data, request, names, err) &&
              (request->look || read_files(&cifar, request, err));
    free(names);
    return ok;
}

static bool open_10(struct data *data, const struct data_request *request,
                    const struct data_place *place, struct err *err)
{
    (void)place;
    return open_folder(data, &cifar_10, request, err);
}

static bool open_100(struct data *data, const struct data_request *request,
                     const struct data_place *place, struct err *err)
{
    (void)place;
    return open_folder(data, &cifar_100, request, err);
}

static bool has_any(const struct data_place *place, const struct cifar_kind *kind)
{
    for (int part = DATA_TRAIN; part <= DATA_TEST; part++) {
        for (const char *const *name = kind->files[part]; *name != NULL; name++) {
            if (format_has(place, *name))
                return true;
        }
    }
    return false;
}

static bool recognises_10(const struct data_place *place)
{
    return has_any(place, &cifar_10);
}

static bool recognises_100(const struct data_place *place)
{
    return has_any(place, &cifar_100);
}

const struct data_format cifar_10_format = {"cifar10", "a folder with " CIFAR_10_LIST,
                                            recognises_10, open_10};
const struct data_format cifar_100_format = {"cifar100", "a folder with " CIFAR_100_LIST,
                                             recognises_100, open_100};
