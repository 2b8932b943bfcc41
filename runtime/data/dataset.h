/* dataset.h - the data of a command line: files or folders of any format, or the synthetic set.
 *
 *     char name[DATA_PATH_SIZE];
 *     bool environment;
 *     if (!dataset_find(name, option, &environment, &err)) ...
 *     struct data train = {0};
 *     if (!dataset_open(&train, name, DATA_TRAIN, &options, &model, &err)) ...
 */
#ifndef BURIN_DATASET_H
#define BURIN_DATASET_H

#include "data/data.h"
#include "data/format.h"
#include "model.h"

/* What stands for the synthetic set where a path is expected. */
#define DATASET_SYNTHETIC "synthetic"

/* Where `make data` puts CIFAR-10. */
#define DATASET_DEFAULT "data/cifar-10-batches-bin"

/* The images and the number of classes that the network takes. */
struct data_shape dataset_shape(const struct model *model);

/* Fills name with DATASET_SYNTHETIC when that is asked for, else with the path of the data: option
 * if it is not NULL, else $CIFAR10_DIR if it is set and not empty, else DATASET_DEFAULT. The first
 * that is given decides, so that a misspelt one is never passed over in silence. environment tells
 * whether $CIFAR10_DIR decided. EXIT_DATA when nothing is there; the message lists all places. */
bool dataset_find(char name[DATA_PATH_SIZE], const char *option, bool *environment,
                  struct err *err);

/* Whether data, opened by this request, is what it wanted for this network: if not, EXIT_DATA, with
 * both shapes and the line of a description that takes these images. */
bool dataset_fits(const struct data *data, const struct data_request *request, const char *network,
                  struct err *err);

/* Whether the training images are of the type of the test images, as both are normalised alike. If
 * not, EXIT_DATA. */
bool dataset_alike(const struct data *train, enum data_type tests, struct err *err);

/* Opens a part of what dataset_find named; free it with data_close. The synthetic set has the shape
 * of the network. Files have their own: where it is another, EXIT_DATA, with both shapes. */
bool dataset_open(struct data *data, const char *name, enum data_part part,
                  const struct data_options *options, const struct model *model, struct err *err);

#endif
