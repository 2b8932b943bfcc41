/* dataset.c - one name for both kinds of data; nothing here chooses the synthetic set by itself. */
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "data/synthetic.h"

/* The synthetic images of a part take at most so many bytes, as long as each class has one. */
static const size_t SYNTHETIC_BYTES = (size_t)1 << 28;

bool dataset_find(char name[DATA_PATH_SIZE], const char *option, bool *environment, struct err *err)
{
    const char *variable = getenv("CIFAR10_DIR");
    *environment = option == NULL && variable != NULL && variable[0] != '\0';
    if (option == NULL || strcmp(option, DATASET_SYNTHETIC) != 0)
        return data_find(name, option, err);
    memcpy(name, DATASET_SYNTHETIC, sizeof DATASET_SYNTHETIC);
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

static bool check_shape(const struct data_shape *found, const struct model *model, const char *name,
                        struct err *err)
{
    const struct data_shape wanted = dataset_shape(model);
    return same(found, &wanted) ||
           err_set_code(
               err, EXIT_DATA,
               "network %s takes %dx%dx%d images of %d classes, and %s has %dx%dx%d images "
               "of %d: expected the same; a description for these images says: "
               "input = { %d, %d, %d }, classes = %d",
               model->name, wanted.c, wanted.h, wanted.w, wanted.classes, name, found->c, found->h,
               found->w, found->classes, found->c, found->h, found->w, found->classes);
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
                  const struct model *model, struct err *err)
{
    const struct data_shape shape = dataset_shape(model);
    if (!check_limits(model, err))
        return false;
    if (strcmp(name, DATASET_SYNTHETIC) == 0)
        return synthetic_open(data, &shape, part, synthetic_images(&shape, part), err);
    return check_shape(&data_cifar10, model, name, err) && data_open(data, name, part, err);
}
