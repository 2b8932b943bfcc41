/* foreign.h - model files of other programs, made to look like ours.
 *
 *     struct safetensors file = {0};
 *     char said[FOREIGN_SAID_SIZE];
 *     safetensors_open(&file, path, &err) && foreign_adapt(&file, &model, said, &err) &&
 *         checkpoint_fits(&file, &model, &err) ...             (said is what was changed, or "")
 *     foreign_load(&file, &run, said, &err);                   (or what fits of it)
 *
 * Numbers of 16 and of 64 bits become floats, and what training frameworks put before every name
 * goes: "module." of data parallelism, "_orig_mod." of compilation, "model." of a model in a model,
 * in any order and as often as they stand there.
 */
#ifndef BURIN_FOREIGN_H
#define BURIN_FOREIGN_H

#include "file/safetensors.h"
#include "run.h"

enum { FOREIGN_SAID_SIZE = 1600 };

/* Changes the file in memory. A prefix goes only where all names have it and none is a parameter of
 * this model as it stands. Doubles are rounded to the nearest float. False where there is no
 * memory. */
bool foreign_adapt(struct safetensors *file, const struct model *model,
                   char said[FOREIGN_SAID_SIZE], struct err *err);

/* Copies those parameters whose name, type and shape are the model's, and packs; the others stay as
 * they are. Appends to said what was taken, and what was not, by name and shape. EXIT_DATA where
 * none fits, or a number is not finite. */
bool foreign_load(const struct safetensors *file, struct run *run, char said[FOREIGN_SAID_SIZE],
                  struct err *err);

/* The float of these 16 bits: IEEE 754 binary16, or the upper half of a float. */
float foreign_from_f16(uint16_t bits);
float foreign_from_bf16(uint16_t bits);

#endif
