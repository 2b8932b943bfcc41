/* program.h - the main function of every generated program.
 *
 *     int main(int argc, char **argv) { return program_main(&model, argc, argv); }
 */
#ifndef BURIN_PROGRAM_H
#define BURIN_PROGRAM_H

#include "export.h"
#include "model.h"

/* Runs train, eval, predict, bench or info and returns the program's exit code (enum exit_code). */
int program_main(const struct model *model, int argc, char **argv) BURIN_EXPORT(program_main);

#endif
