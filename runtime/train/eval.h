/* eval.h - the command `eval`. */
#ifndef BURIN_EVAL_H
#define BURIN_EVAL_H

#include "model.h"
#include "sys/err.h"

#include <stdbool.h>

/* Evaluates a model as the options say, argv[0] being the command's name. */
bool eval_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err);

#endif
