/* format.h - data sets by what is there: which reader a file or folder is for.
 *
 *     struct data train = {0};
 *     struct data_request request = {.path = "data/cifar-10-batches-bin", .part = DATA_TRAIN};
 *     if (!format_open(&train, &request, &err)) ...
 *     data_close(&train);
 *
 * A format is one file of this room with one `const struct data_format`, and one line in the table
 * of format.c. What no format recognises, or more than one, is an error that lists what was found
 * and what each of them needs: no format is taken by guess.
 */
#ifndef BURIN_FORMAT_H
#define BURIN_FORMAT_H

#include "data/data.h"
#include "data/resize.h"

/* What a command line says about how to read. */
struct data_options {
    enum resize resize; /* of images of another size than wanted */
    bool skip_bad;      /* images that cannot be read are left out, and counted in data->note */
    const char *labels; /* which of several, as "fine"; NULL: nobody said */
    const char *layout; /* of arrays: "nhwc" or "nchw"; NULL: as wanted says */
    size_t map_from;    /* bytes of a file from which on it is mapped; 0: a quarter of the memory */
};

struct data_request {
    const char *path;
    enum data_part part;
    const struct data_shape *wanted; /* what the network takes, or NULL where nobody knows */
    bool look; /* only c, h, w, type, classes, class_names and count: what is told at little cost */
    struct data_options options;
};

/* What lies at a path: a file, or a folder with these entries. */
struct data_place {
    const char *path;
    const char *name; /* of the file or folder itself, without what leads to it */
    bool folder;
    char **entries; /* [count], in the order of strcmp, without those that begin with a dot */
    int count;
};

struct data_format {
    const char *name;  /* a word, for logs and metadata */
    const char *needs; /* what it is recognised by, for messages */
    bool (*recognises)(const struct data_place *place);
    /* Fills data, which is zeroed but for format and source, with the images of a part.
     * EXIT_DATA, with the file, what is wrong in it and where; then data is closed by format_open.
     */
    bool (*open)(struct data *data, const struct data_request *request,
                 const struct data_place *place, struct err *err);
};

/* Opens a part of what lies at request->path, or, where a folder is no data set but holds one and no
 * other, of that one; data->source says which. On failure data is empty. EXIT_DATA. */
bool format_open(struct data *data, const struct data_request *request, struct err *err);

/* For `recognises`: whether a folder has an entry of this name. */
bool format_has(const struct data_place *place, const char *name);

bool format_ends(const char *name, const char *end);

/* For `open`: the error of --labels or --layout where there is nothing to choose; true where the
 * option was not given. EXIT_USAGE. */
bool format_one_labels(const struct data_request *request, struct err *err);
bool format_one_layout(const struct data_request *request, struct err *err);

/* For `open`: path = folder/name. EXIT_DATA where it is too long. */
bool format_join(char path[DATA_PATH_SIZE], const char *folder, const char *name, struct err *err);

#endif
