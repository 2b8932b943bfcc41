/* dataset.h - the data of a command line: CIFAR-10 files from a folder, or the synthetic set.
 *
 *     char name[DATA_PATH_SIZE];
 *     bool environment;
 *     if (!dataset_fits(&model, &err) || !dataset_find(name, option, &environment, &err)) ...
 *     struct data train = {0};
 *     if (!dataset_open(&train, name, DATA_TRAIN, &err)) ...
 */
#ifndef BURIN_DATASET_H
#define BURIN_DATASET_H

#include "data/data.h"
#include "model.h"

/* What stands for the synthetic set where a folder is expected. */
#define DATASET_SYNTHETIC "synthetic"

/* Whether the network takes the images and classes that both sets have. EXIT_DATA. */
bool dataset_fits(const struct model *model, struct err *err);

/* DATASET_SYNTHETIC when that is asked for, else a folder as data_find finds it. option may be
 * NULL; environment tells whether $CIFAR10_DIR decided. EXIT_DATA. */
bool dataset_find(char name[DATA_PATH_SIZE], const char *option, bool *environment,
                  struct err *err);

/* Opens a part of what dataset_find named; free it with data_close. */
bool dataset_open(struct data *data, const char *name, enum data_part part, struct err *err);

/* The names of its DATA_CLASSES classes. */
const char *const *dataset_classes(const struct data *data);

#endif
