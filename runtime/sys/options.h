/* options.h - command lines, described once: the table is parsed by and printed as the help.
 *
 *     struct option_spec specs[] = {
 *         {"epochs", "N", "passes over the data", OPTION_INT, &epochs, 1, 100000}, ...
 *     };
 *     uint64_t given = 0;                    (bit i: specs[i] was given, i below OPTIONS_HELP)
 *     if (!options_parse(specs, count, argc, argv, &given, &err)) ...
 *
 * Numbers are read strictly: the whole text must be one number inside its range. Every command
 * also knows --help. Errors have code EXIT_USAGE.
 */
#ifndef BURIN_OPTIONS_H
#define BURIN_OPTIONS_H

#include "sys/err.h"

#include <stdint.h>
#include <stdio.h>

enum { OPTIONS_MAX = 128, OPTIONS_HELP = 63 }; /* bit OPTIONS_HELP of given: --help */

enum option_kind {
    OPTION_ON,    /* bool *: sets true */
    OPTION_OFF,   /* bool *: sets false */
    OPTION_INT,   /* int64_t *, min .. max */
    OPTION_REAL,  /* double *, min .. max */
    OPTION_TEXT,  /* const char **: any text but the empty one */
    OPTION_CHOICE /* const char **: one of the words in value, "a|b|c" */
};

struct option_spec {
    const char *name;  /* without the dashes */
    const char *value; /* what the help calls its value; NULL for ON and OFF */
    const char *help;
    enum option_kind kind;
    void *target;
    double min, max; /* INT and REAL; exact up to 2^53 */
};

/* argv[0] is the name of the command, for messages. Fills the targets of the options given.
 * Stops at --help. Arguments that are no options are errors. */
bool options_parse(const struct option_spec *specs, int count, int argc, char **argv,
                   uint64_t *given, struct err *err);

/* The same for a command that takes arguments, too: they are argv[*first] to argv[argc - 1], in
 * their order, behind the options. */
bool options_parse_before(const struct option_spec *specs, int count, int argc, char **argv,
                          uint64_t *given, int *first, struct err *err);

/* The options, their texts aligned, in lines that fit the terminal. */
void options_help(FILE *out, const struct option_spec *specs, int count);

/* The numbers by themselves; what is the beginning of the message: "--epochs". */
bool options_int(const char *what, const char *text, double min, double max, int64_t *out,
                 struct err *err);
bool options_real(const char *what, const char *text, double min, double max, double *out,
                  struct err *err);

#endif
