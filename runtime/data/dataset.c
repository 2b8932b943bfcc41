/* dataset.c - one name for both kinds of data; nothing here chooses the synthetic set by itself. */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/synthetic.h"
#include "sys/nearest.h"

/* The synthetic images of a part take at most so many bytes, as long as each class has one. */
static const size_t SYNTHETIC_BYTES = (size_t)1 << 28;

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

static bool missing(const char *option, const char *variable, struct err *err)
{
    const char *none = "no such file or folder", *later = "not looked at";
    const char *synthetic = DATASET_SYNTHETIC;
    char hint[NEAREST_HINT];
    nearest_hint(hint, option ? option : "", &synthetic, 1);
    return err_set_code(err, EXIT_DATA,
                        "no data: expected a file or folder in one of these places:\n"
                        "  --data%s%.200s: %s%s\n"
                        "  $CIFAR10_DIR%s%.200s: %s\n"
                        "  " DATASET_DEFAULT ": %s\n"
                        "`make data` downloads CIFAR-10; `--data synthetic` trains without it",
                        option ? " " : "", option ? option : "", option ? none : "not given", hint,
                        variable ? " " : "", variable ? variable : "",
                        !variable ? "not set"
                        : option  ? later
                                  : none,
                        option || variable ? later : none);
}

bool dataset_find(char name[DATA_PATH_SIZE], const char *option, bool *environment, struct err *err)
{
    const char *variable = getenv("CIFAR10_DIR");
    if (variable != NULL && variable[0] == '\0')
        variable = NULL;
    *environment = option == NULL && variable != NULL;
    const char *chosen = option ? option : variable ? variable : DATASET_DEFAULT;
    if (strlen(chosen) >= DATA_PATH_SIZE)
        return err_set_code(err, EXIT_DATA,
                            "the path of the data has %zu bytes: expected at most %d",
                            strlen(chosen), DATA_PATH_SIZE - 1);
    bool synthetic = option != NULL && strcmp(option, DATASET_SYNTHETIC) == 0;
    if (!synthetic && !exists(chosen))
        return missing(option, variable, err);
    memcpy(name, chosen, strlen(chosen) + 1);
    return true;
}

static bool same(const struct data_shape *a, const struct data_shape *b)
{
    return a->c == b->c && a->h == b->h && a->w == b->w && a->classes == b->classes;
}

static bool check_limits(const struct model *model, struct err *err)
{
    return (model->c <= DATA_MAX_CHANNELS && model->h <= DATA_MAX_SIDE &&
            model->w <= DATA_MAX_SIDE) ||
           err_set_code(err, EXIT_DATA,
                        "network %s takes %dx%dx%d images: expected at most %d channels of %dx%d",
                        model->name, model->c, model->h, model->w, DATA_MAX_CHANNELS, DATA_MAX_SIDE,
                        DATA_MAX_SIDE);
}

bool dataset_fits(const struct data *data, const struct data_request *request, const char *network,
                  struct err *err)
{
    const struct data_shape found = {data->c, data->h, data->w, data->classes};
    const struct data_shape *wanted = request->wanted;
    if (same(&found, wanted))
        return true;
    char line[160];
    snprintf(line, sizeof line,
             "a description for these images says: input = { %d, %d, %d }, "
             "classes = %d",
             found.c, found.h, found.w, found.classes);
    return err_set_code(
        err, EXIT_DATA,
        "network %s takes %dx%dx%d images of %d classes, and %s has %dx%dx%d images "
        "of %d: expected the same; %s",
        network, wanted->c, wanted->h, wanted->w, wanted->classes, request->path, found.c, found.h,
        found.w, found.classes,
        found.classes > 1 ? line : "all are of one class, and no network takes that");
}

bool dataset_alike(const struct data *train, enum data_type tests, struct err *err)
{
    static const char *const names[] = {[DATA_BYTES] = "bytes", [DATA_FLOATS] = "floats"};
    return train->type == tests ||
           err_set_code(err, EXIT_DATA,
                        "%s: the training images are %s, the test images %s: expected both of one "
                        "type: bytes are scaled to 0 to 1, x.astype(numpy.float32) / 255, and "
                        "floats are taken as they are",
                        train->source, names[train->type], names[tests]);
}

/* Looks at what is there, before it is read. */
static bool check_shape(const struct data_request *request, const struct model *model,
                        struct err *err)
{
    struct data data = {0};
    struct data_request look = *request;
    look.look = true;
    bool ok = format_open(&data, &look, err) && dataset_fits(&data, request, model->name, err);
    data_close(&data);
    return ok;
}

/* Whole rounds of the classes are not needed: image i is of class i % classes. */
static int synthetic_images(const struct data_shape *shape, enum data_part part)
{
    const size_t image = (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
    const int usual = part == DATA_TRAIN ? SYNTHETIC_TRAIN : SYNTHETIC_TEST;
    const size_t room = SYNTHETIC_BYTES / image;
    const int most = room < (size_t)shape->classes ? shape->classes : (int)room;
    return most < usual ? most : usual;
}

struct data_shape dataset_shape(const struct model *model)
{
    return (struct data_shape){model->c, model->h, model->w, model->classes};
}

bool dataset_open(struct data *data, const char *name, enum data_part part,
                  const struct data_options *options, const struct model *model, struct err *err)
{
    const struct data_shape wanted = dataset_shape(model);
    const struct data_request request = {
        .path = name, .part = part, .wanted = &wanted, .options = *options};
    if (!check_limits(model, err))
        return false;
    if (strcmp(name, DATASET_SYNTHETIC) == 0)
        return format_one_labels(&request, err) && format_one_layout(&request, err) &&
               synthetic_open(data, &wanted, part, synthetic_images(&wanted, part), err);
    return check_shape(&request, model, err) && format_open(data, &request, err);
}
