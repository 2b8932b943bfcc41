/* dataset.c - one name for both kinds of data; nothing here chooses the synthetic set by itself. */
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "data/synthetic.h"

bool dataset_fits(const struct model *model, struct err *err)
{
    if (model->c == DATA_CHANNELS && model->h == DATA_SIDE && model->w == DATA_SIDE &&
        model->classes == DATA_CLASSES)
        return true;
    return err_set_code(err, EXIT_DATA,
                        "network %s takes %dx%dx%d images of %d classes: expected %dx%dx%d and %d, "
                        "as CIFAR-10 and the synthetic set have",
                        model->name, model->c, model->h, model->w, model->classes, DATA_CHANNELS,
                        DATA_SIDE, DATA_SIDE, DATA_CLASSES);
}

bool dataset_find(char name[DATA_PATH_SIZE], const char *option, bool *environment, struct err *err)
{
    const char *variable = getenv("CIFAR10_DIR");
    *environment = option == NULL && variable != NULL && variable[0] != '\0';
    if (option == NULL || strcmp(option, DATASET_SYNTHETIC) != 0)
        return data_find(name, option, err);
    memcpy(name, DATASET_SYNTHETIC, sizeof DATASET_SYNTHETIC);
    return true;
}

bool dataset_open(struct data *data, const char *name, enum data_part part, struct err *err)
{
    int images = part == DATA_TRAIN ? SYNTHETIC_TRAIN : SYNTHETIC_TEST;
    return strcmp(name, DATASET_SYNTHETIC) == 0 ? synthetic_open(data, part, images, err)
                                                : data_open(data, name, part, err);
}

const char *const *dataset_classes(const struct data *data)
{
    static const char *const photographed[DATA_CLASSES] = {
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
    static const char *const painted[DATA_CLASSES] = {"level",    "upright", "slanting", "checker",
                                                      "disc",     "ring",    "cross",    "triangle",
                                                      "gradient", "blobs"};
    return data->synthetic ? painted : photographed;
}
