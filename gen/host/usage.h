/* usage.h - the commands and options of burin, described once.
 *
 *     for (int i = 0; i < usage_command_count; i++) ... usage_commands[i].name ...
 *     usage_options[OPT_NORM].choices ...
 *     usage_print(stdout, usage_find("gen"));
 *
 * The command line is parsed and checked by these tables; the help, the manual page and what shells
 * complete are made of them. All strings are constant.
 */
#ifndef BURIN_USAGE_H
#define BURIN_USAGE_H

#include <stdio.h>

enum { USAGE_COMMANDS = 12, USAGE_CHOICES = 12, USAGE_MOST_OPERANDS = 512 };

enum usage_option_id {
    OPT_NORM,
    OPT_ISA,
    OPT_REAL,
    OPT_PRECISION,
    OPT_OUTPUT,
    OPT_ALGORITHM,
    OPT_UNROLL,
    OPT_MAX_MEMORY,
    OPT_TUNED,
    OPT_RECIPE,
    OPT_CANDIDATE,
    OPT_PASS,
    OPT_SUMMARY,
    OPT_STEP,
    OPT_RANKS,
    OPT_LATENCY,
    OPT_BANDWIDTH,
    OPT_FIGURE,
    OPT_NUMBERS,
    OPT_OPSET,
    OPT_PREPROCESS,
    OPT_WEIGHTS,
    OPT_EXTERNAL,
    OPT_SAMPLES,
    OPT_GEN_DIR,
    OPTION_COUNT,
    OPT_HELP,
    OPT_VERSION
};

/* Commands as bits, to say which of them take an option. */
enum usage_command_bit {
    GEN = 1,
    PLAN = 2,
    TWIN = 4,
    LAYERS = 8,
    REPORT = 16,
    EXPORT = 32,
    IMPORT = 64,
    FREEZE = 128,
    DATA = 256, /* a program of its own, with options of its own */
    NEW = 512,
    COMPLETION = 1024,
    SCALE = 2048,
    MODELS = EXPORT | IMPORT | FREEZE,
    ALL = GEN | PLAN | SCALE | TWIN | LAYERS | REPORT | MODELS | NEW | COMPLETION
};

struct usage_option {
    const char *name;     /* on the command line */
    const char *key;      /* in the table that Lua gets; NULL for those that stay in C */
    const char *fallback; /* the value where none is given, or NULL */
    const char *value;    /* what the help calls its value; NULL: it takes none */
    const char *help;     /* its default stands in brackets at the end */
    unsigned commands;
    const char *choices[USAGE_CHOICES]; /* none: any text; "bn1 to bn9999": bn and a number */
};

struct usage_command {
    const char *name;
    unsigned bit;
    const char *line;     /* what follows burin in a usage line; NULL: as that of gen */
    const char *help;     /* one line */
    int least, most;      /* operands that it takes */
    const char *operand;  /* what Lua calls the first: "network", which a second one always is */
    const char *expected; /* how a message calls them */
    const char *excess;   /* what it says of too many; NULL: the same */
};

extern const struct usage_option usage_options[OPTION_COUNT];
extern const struct usage_command usage_commands[];
extern const int usage_command_count;

/* The command of this name, or NULL. */
const struct usage_command *usage_find(const char *name);

/* The help of one command, or, where that is NULL, of all. */
void usage_print(FILE *out, const struct usage_command *command);

#endif
