/* predict.h - the command `predict`. */
#ifndef BURIN_PREDICT_H
#define BURIN_PREDICT_H

#include "model.h"
#include "sys/err.h"

#include <stdbool.h>

/* Prints what a model says of images in files, as the options say; argv[0] is the command's name.
 * An image that cannot be read is reported and the others are done; then EXIT_DATA. */
bool predict_main(const struct model *model, const char *program, int argc, char **argv,
                  struct err *err);

#endif
