/* typed.h - the command line of `train`, as it was typed.
 *
 *     struct typed typed;
 *     if (!typed_parse(&typed, argc, argv, &err)) ...
 *     settings_options(&settings, typed.text, &err);
 *
 * The options of the settings come from their rows (settings_rows.c); here are the flags, too.
 */
#ifndef BURIN_TYPED_H
#define BURIN_TYPED_H

#include "train/settings.h"

struct typed {
    const char *text[SETTING_COUNT]; /* of each setting; NULL where no option says it */
    int64_t ranks;  /* 1: this process, and those that a launcher of MPI has started */
    bool from_root; /* the first of them alone reads the images */
    bool profile, pin, quiet, anyway, help;
};

/* argv[0] is the command's name. With --help nothing else counts. */
bool typed_parse(struct typed *typed, int argc, char **argv, struct err *err);

/* What --help answers. */
void typed_help(const struct model *model, const char *program);

#endif
