/* info.h - the command `info`: what the program's network consists of. */
#ifndef BURIN_INFO_H
#define BURIN_INFO_H

#include "err.h"
#include "model.h"

/* Prints the layer table on standard output. argv[0] is the command's name. */
bool info_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err);

#endif
