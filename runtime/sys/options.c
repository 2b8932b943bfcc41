/* options.c - getopt_long driven by a table.
 *
 * getopt_long finds the options, abbreviations included; everything it says to people is said
 * here instead, so that each message names the command, the option and what was expected.
 */
#include "sys/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sys/lines.h"
#include "sys/nearest.h"

enum { NAME_SIZE = 64 };
enum { FIRST_VALUE = 256 }; /* values getopt_long returns, above every character */

/* -- Numbers ----------------------------------------------------------------------------------- */

/* strtol and strtod skip leading blanks; we do not. */
static bool starts_number(const char *text)
{
    return text[0] != '\0' && !isspace((unsigned char)text[0]);
}

bool options_int(const char *what, const char *text, double min, double max, int64_t *out,
                 struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!starts_number(text) || *end != '\0') {
        return err_set_code(err, EXIT_USAGE, "%s: '%s': expected an integer from %.0f to %.0f",
                            what, text, min, max);
    }
    if (errno != 0 || (double)value < min || (double)value > max) {
        return err_set_code(err, EXIT_USAGE, "%s: %s is out of range: expected %.0f to %.0f", what,
                            text, min, max);
    }
    *out = value;
    return true;
}

bool options_real(const char *what, const char *text, double min, double max, double *out,
                  struct err *err)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (!starts_number(text) || *end != '\0' || isnan(value)) {
        return err_set_code(err, EXIT_USAGE, "%s: '%s': expected a number from %g to %g", what,
                            text, min, max);
    }
    if (!(value >= min && value <= max)) {
        return err_set_code(err, EXIT_USAGE, "%s: %s is out of range: expected %g to %g", what,
                            text, min, max);
    }
    *out = value;
    return true;
}

/* -- Parsing ----------------------------------------------------------------------------------- */

static bool is_flag(const struct option_spec *spec)
{
    return spec->kind == OPTION_ON || spec->kind == OPTION_OFF;
}

static bool is_choice(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (const char *word = words; *word != '\0';) {
        size_t n = strcspn(word, "|");
        if (n == length && strncmp(word, text, n) == 0)
            return true;
        word += n + (word[n] == '|');
    }
    return false;
}

/* The message for a word that is none of "a|b|c". */
static bool refuse_choice(const char *choices, const char *what, const char *text, struct err *err)
{
    enum { MOST = 16 };
    char copy[256], hint[NEAREST_HINT];
    const char *words[MOST];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", choices);
    for (char *word = copy; *word != '\0' && count < MOST; count++) {
        words[count] = word;
        word += strcspn(word, "|");
        if (*word == '|')
            *word++ = '\0';
    }
    nearest_hint(hint, text, words, count);
    return err_set_code(err, EXIT_USAGE, "%s: '%s'%s: expected %s", what, text, hint, choices);
}

static bool set_value(const struct option_spec *spec, const char *command, const char *text,
                      struct err *err)
{
    char what[80];
    snprintf(what, sizeof what, "%s: --%s", command, spec->name);
    switch (spec->kind) {
    case OPTION_ON:
    case OPTION_OFF:
        *(bool *)spec->target = spec->kind == OPTION_ON;
        return true;
    case OPTION_INT:
        return options_int(what, text, spec->min, spec->max, spec->target, err);
    case OPTION_REAL:
        return options_real(what, text, spec->min, spec->max, spec->target, err);
    case OPTION_CHOICE:
        if (!is_choice(spec->value, text))
            return refuse_choice(spec->value, what, text, err);
        break;
    case OPTION_TEXT:
        if (text[0] == '\0')
            return err_set_code(err, EXIT_USAGE, "%s: empty: expected %s", what, spec->value);
        break;
    }
    *(const char **)spec->target = text;
    return true;
}

/* The message for what getopt_long refused: the argument before optind. */
static bool refuse(const struct option_spec *specs, int count, char **argv, int found,
                   struct err *err)
{
    const char *argument = argv[optind - 1];
    if (found == ':' && optopt >= FIRST_VALUE) {
        const struct option_spec *spec = &specs[optopt - FIRST_VALUE];
        return err_set_code(err, EXIT_USAGE, "%s: --%s: the value is missing: expected %s", argv[0],
                            spec->name, spec->value);
    }
    if (optopt >= FIRST_VALUE)
        return err_set_code(err, EXIT_USAGE, "%s: %s: a value too many: expected none", argv[0],
                            argument);
    /* With dashes, as they are typed; the value that may follow is none of our business. */
    char names[OPTIONS_MAX][NAME_SIZE], word[NAME_SIZE], hint[NEAREST_HINT];
    const char *words[OPTIONS_MAX];
    for (int i = 0; i < count; i++) {
        snprintf(names[i], NAME_SIZE, "--%s", specs[i].name);
        words[i] = names[i];
    }
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    nearest_hint(hint, word, words, count);
    return err_set_code(err, EXIT_USAGE,
                        "%s: %s: unknown or ambiguous%s: expected an option that --help lists",
                        argv[0], argument, hint);
}

bool options_parse_before(const struct option_spec *specs, int count, int argc, char **argv,
                          uint64_t *given, int *first, struct err *err)
{
    assert(count <= OPTIONS_MAX);
    struct option table[OPTIONS_MAX + 1] = {0};
    for (int i = 0; i < count; i++) {
        table[i] = (struct option){.name = specs[i].name,
                                   .has_arg = is_flag(&specs[i]) ? no_argument : required_argument,
                                   .val = FIRST_VALUE + i};
    }
    table[count] = (struct option){.name = "help", .val = FIRST_VALUE + OPTIONS_MAX};
    *given = 0;
    opterr = 0;
    optind = 0; /* makes the GNU and BSD versions start afresh */
    for (;;) {
        int found = getopt_long(argc, argv, ":h", table, NULL);
        if (found == -1)
            break;
        if (found == 'h' || found == FIRST_VALUE + OPTIONS_MAX) {
            *given |= UINT64_C(1) << OPTIONS_HELP;
            *first = argc;
            return true;
        }
        if (found < FIRST_VALUE)
            return refuse(specs, count, argv, found, err);
        int i = found - FIRST_VALUE;
        if (!set_value(&specs[i], argv[0], optarg, err))
            return false;
        if (i < OPTIONS_HELP)
            *given |= UINT64_C(1) << i;
    }
    *first = optind;
    return true;
}

bool options_parse(const struct option_spec *specs, int count, int argc, char **argv,
                   uint64_t *given, struct err *err)
{
    int first = argc;
    if (!options_parse_before(specs, count, argc, argv, given, &first, err))
        return false;
    return first == argc ||
           err_set_code(err, EXIT_USAGE, "%s: '%s': no option: expected options alone", argv[0],
                        argv[first]);
}

enum { HELP_COLUMN = 31 };

/* One option: its name and value, then its text from HELP_COLUMN on. */
static void print_option(FILE *out, const char *left, const char *text)
{
    int column = fprintf(out, "  %-*s", HELP_COLUMN - 3, left);
    if (column >= HELP_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    lines_words(out, text, column, HELP_COLUMN, lines_columns(out));
}

void options_help(FILE *out, const struct option_spec *specs, int count)
{
    for (int i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", specs[i].name, is_flag(&specs[i]) ? "" : " ",
                 is_flag(&specs[i]) ? "" : specs[i].value);
        print_option(out, left, specs[i].help);
    }
    print_option(out, "--help", "this text");
}
