/* info.h - the command `info`: what the program's network consists of. */
#ifndef BURIN_INFO_H
#define BURIN_INFO_H

#include "model.h"
#include "sys/err.h"

/* What people call a kind of layer: "conv", "batch norm", "loss". */
const char *info_op_name(const struct layer *layer);

/* Learned numbers of a layer. */
size_t info_parameters(const struct model *model, const struct layer *layer);

/* Prints the layer table on standard output. argv[0] is the command's name. */
bool info_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err);

#endif
