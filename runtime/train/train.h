/* train.h - the command `train`. */
#ifndef BURIN_TRAIN_H
#define BURIN_TRAIN_H

#include "model.h"
#include "sys/err.h"

/* Trains as the options say (argv[0] is the command's name). True when the training ended as it
 * should. An interrupted one has code EXIT_INTERRUPTED and an empty message. */
bool train_main(const struct model *model, const char *program, int argc, char **argv,
                struct err *err);

#endif
