/* format.c - every format is asked, and exactly one must say yes. */
#include "data/format.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/arrays.h"
#include "data/cifar.h"
#include "data/folder.h"
#include "data/idx.h"

static const struct data_format *const formats[] = {
    &cifar_10_format, &cifar_100_format,   &cifar_archive_format, &idx_format,
    &npz_format,      &safetensors_format, &folder_format,
};

enum { FORMATS = sizeof formats / sizeof formats[0], SHOWN = 8 };

/* -- What lies there --------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_entry(struct data_place *place, int *room, const char *name)
{
    if (place->count == *room) {
        int more = *room > 0 ? 2 * *room : 16;
        char **entries = malloc((size_t)more * sizeof *entries);
        if (entries == NULL)
            return false;
        if (place->count > 0)
            memcpy(entries, place->entries, (size_t)place->count * sizeof *entries);
        free(place->entries);
        place->entries = entries;
        *room = more;
    }
    place->entries[place->count] = strdup(name);
    return place->entries[place->count] != NULL && ++place->count > 0;
}

static bool list(struct data_place *place, struct err *err)
{
    DIR *folder = opendir(place->path);
    if (folder == NULL)
        return err_set_code(err, EXIT_DATA, "%s: cannot read: %s", place->path, strerror(errno));
    bool ok = true;
    int room = 0;
    const struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(folder)) != NULL)
        ok = entry->d_name[0] == '.' || add_entry(place, &room, entry->d_name);
    const int problem = ok ? errno : ENOMEM;
    closedir(folder);
    if (problem != 0)
        return err_set_errno(err, problem, "%s: cannot list it", place->path);
    if (place->count > 0)
        qsort(place->entries, (size_t)place->count, sizeof *place->entries, by_name);
    return true;
}

static void place_close(struct data_place *place)
{
    for (int i = 0; i < place->count; i++)
        free(place->entries[i]);
    free(place->entries);
    *place = (struct data_place){0};
}

static bool place_open(struct data_place *place, const char *path, struct err *err)
{
    struct stat s;
    const char *slash = strrchr(path, '/');
    *place = (struct data_place){.path = path, .name = slash != NULL ? slash + 1 : path};
    if (stat(path, &s) != 0)
        return errno == ENOENT
                   ? err_set_code(err, EXIT_DATA, "%s: no such file or folder", path)
                   : err_set_code(err, EXIT_DATA, "%s: cannot read: %s", path, strerror(errno));
    place->folder = S_ISDIR(s.st_mode);
    if (!place->folder && !S_ISREG(s.st_mode))
        return err_set_code(err, EXIT_DATA, "%s: neither a regular file nor a folder", path);
    return !place->folder || list(place, err);
}

bool format_has(const struct data_place *place, const char *name)
{
    return place->count > 0 && bsearch(&name, place->entries, (size_t)place->count,
                                       sizeof *place->entries, by_name) != NULL;
}

bool format_ends(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

bool format_one_labels(const struct data_request *request, struct err *err)
{
    return request->options.labels == NULL ||
           err_set_code(err, EXIT_USAGE, "--labels %s: %s has one kind of labels: expected none",
                        request->options.labels, request->path);
}

bool format_one_layout(const struct data_request *request, struct err *err)
{
    return request->options.layout == NULL ||
           err_set_code(err, EXIT_USAGE, "--layout %s: %s is no array: expected none",
                        request->options.layout, request->path);
}

bool format_join(char path[DATA_PATH_SIZE], const char *folder, const char *name, struct err *err)
{
    int length = snprintf(path, DATA_PATH_SIZE, "%s/%s", folder, name);
    if ((size_t)length >= DATA_PATH_SIZE)
        return err_set_code(err, EXIT_DATA, "%.200s...: path too long: expected at most %d bytes",
                            folder, DATA_PATH_SIZE - 1);
    return true;
}

/* -- Which format it is ------------------------------------------------------------------------ */

/* Appends to a text of a fixed size; what has no room is cut. */
static void append(char *text, size_t size, const char *first, const char *second)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", first, second);
}

/* "a file", "an empty folder", "a folder with a.txt, b.txt and 3 more" */
static void describe(const struct data_place *place, char *text, size_t size)
{
    snprintf(text, size,
             place->folder ? place->count > 0 ? "a folder with " : "an empty folder" : "a file");
    for (int i = 0; i < place->count && i < SHOWN; i++) {
        char name[40];
        snprintf(name, sizeof name, "%.36s%s", place->entries[i],
                 strlen(place->entries[i]) > 36 ? ".." : "");
        append(text, size, i > 0 ? ", " : "", name);
    }
    if (place->count > SHOWN) {
        char more[40];
        snprintf(more, sizeof more, " and %d more", place->count - SHOWN);
        append(text, size, more, "");
    }
}

/* Neither none nor several: the message lists what was found, and these formats' needs. */
static bool unclear(const struct data_place *place, const char *what,
                    const struct data_format *const *listed, int count, struct err *err)
{
    char found[400], needs[800] = "";
    describe(place, found, sizeof found);
    for (int i = 0; i < count; i++) {
        append(needs, sizeof needs, "\n  ", listed[i]->name);
        append(needs, sizeof needs, ": ", listed[i]->needs);
    }
    return err_set_code(err, EXIT_DATA, "%s: %s: %s:%s", place->path, found, what, needs);
}

/* Folders that people have and no format reads: what each is, and what was meant. */
static const struct relative {
    const char *has, *is, *meant;
} relatives[] = {
    {"data_batch_1", "CIFAR-10 in its Python version",
     "the binary version, with data_batch_1.bin: `make data` downloads it"},
    {"data_batch_1.mat", "CIFAR-10 in its Matlab version",
     "the binary version, with data_batch_1.bin: `make data` downloads it"},
    {"meta", "CIFAR-100 in its Python version",
     "the binary version, cifar-100-binary.tar.gz or its folder with train.bin"},
    {"train_32x32.mat", "SVHN as Matlab files", "arrays in a file .npz"},
};

static const struct relative *relative_of(const struct data_place *place)
{
    for (size_t i = 0; i < sizeof relatives / sizeof relatives[0]; i++) {
        if (format_has(place, relatives[i].has))
            return &relatives[i];
    }
    return NULL;
}

static bool unknown(const struct data_place *place, struct err *err)
{
    const struct relative *relative = relative_of(place);
    if (relative != NULL)
        return err_set_code(err, EXIT_DATA, "%s: %s: expected %s", place->path, relative->is,
                            relative->meant);
    return unclear(place, "expected one of", formats, FORMATS, err);
}

/* The formats that recognise a place; returns their number. */
static int matching_formats(const struct data_format *matching[FORMATS],
                            const struct data_place *place)
{
    int matches = 0;
    for (size_t i = 0; i < FORMATS; i++) {
        if (formats[i]->recognises(place))
            matching[matches++] = formats[i];
    }
    return matches;
}

static bool is_data_set(const struct data_place *place)
{
    const struct data_format *matching[FORMATS];
    return matching_formats(matching, place) == 1;
}

static bool is_relative(const struct data_place *place)
{
    return relative_of(place) != NULL;
}

/* The only entry of a folder that is such a place, as what an archive leaves in the folder that it
 * was unpacked in; NULL where there is none, or where there are several. */
static const char *only_inside(const struct data_place *place,
                               bool (*is_such)(const struct data_place *))
{
    enum { MOST = 64 };
    const char *found = NULL;
    int count = 0;
    for (int i = 0; i < place->count && place->count <= MOST; i++) {
        char path[DATA_PATH_SIZE];
        struct data_place inside = {0};
        struct err ignored = {0};
        if (format_join(path, place->path, place->entries[i], &ignored) &&
            place_open(&inside, path, &ignored) && is_such(&inside)) {
            found = place->entries[i];
            count++;
        }
        place_close(&inside);
    }
    return count == 1 ? found : NULL;
}

static bool choose(const struct data_format **format, const struct data_place *place,
                   struct err *err)
{
    const struct data_format *matching[FORMATS];
    int matches = matching_formats(matching, place);
    if (matches == 0)
        return unknown(place, err);
    if (matches > 1)
        return unclear(place, "more than one data set: expected only one of", matching, matches,
                       err);
    *format = matching[0];
    return true;
}

/* Opens place as the data set that lies there, or inside. */
static bool place_find(struct data_place *place, char path[DATA_PATH_SIZE], struct err *err)
{
    const struct data_format *matching[FORMATS];
    if (!place_open(place, path, err))
        return false;
    if (matching_formats(matching, place) != 0 || is_relative(place))
        return true;
    const char *inside = only_inside(place, is_data_set);
    if (inside == NULL)
        inside = only_inside(place, is_relative); /* to say what it is */
    if (inside == NULL)
        return true;
    char longer[DATA_PATH_SIZE];
    bool joined = format_join(longer, path, inside, err);
    place_close(place);
    memcpy(path, longer, sizeof longer);
    return joined && place_open(place, path, err);
}

bool format_open(struct data *data, const struct data_request *request, struct err *err)
{
    struct data_request there = *request;
    struct data_place place = {0};
    const struct data_format *format = NULL;
    *data = (struct data){0};
    if (strlen(request->path) >= sizeof data->source)
        return err_set_code(err, EXIT_DATA,
                            "the path of the data has %zu bytes: expected at most %d",
                            strlen(request->path), DATA_PATH_SIZE - 1);
    snprintf(data->source, sizeof data->source, "%s", request->path);
    bool ok = place_find(&place, data->source, err) && choose(&format, &place, err);
    if (ok) {
        data->format = format->name;
        there.path = data->source;
        ok = format->open(data, &there, &place, err);
    }
    place_close(&place);
    if (!ok)
        data_close(data);
    return ok;
}
