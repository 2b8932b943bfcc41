/* settings_rows.h - the table behind settings.h: one row a setting, and an option for most.
 *
 * A row says what its setting is called, which texts it takes, where it stands in the struct, what
 * `train --help` says of its option, and with which learning-rate schedules and optimizers it means
 * anything. Nothing else knows one setting from another, but for a few that settings_applies asks
 * for by name.
 */
#ifndef BURIN_SETTINGS_ROWS_H
#define BURIN_SETTINGS_ROWS_H

#include "train/settings.h"

/* REAL with its two ends, ABOVE without min, BELOW without max; EPOCHS: int[RECIPE_MILESTONES], a
 * list that rises, ended by 0. */
enum settings_kind { TEXT, INT, LONG, REAL, ABOVE, BELOW, BOOL, CHOICE, EPOCHS };

struct settings_row {
    const char *name;
    enum settings_kind kind;
    bool saved;
    enum settings_source source; /* before anybody said anything */
    size_t offset;
    double min, max;                /* of numbers */
    const char *const *words;       /* CHOICE, in the order of its enum; LONG: of SETTINGS_AUTO */
    const char *value, *help;       /* of its option; NULL where it has none */
    unsigned schedules, optimizers; /* a bit each that it belongs to; 0: to all */
    const char *off; /* what a checkpoint means that does not say it; NULL: every one must */
    bool quiet;      /* neither shown nor saved where it is off */
};

extern const struct settings_row settings_rows[SETTING_COUNT];

/* What a setting is where an option chooses this schedule or optimizer (a bit each) and the recipe
 * has another; what has no row here must then be said. */
struct settings_usual {
    enum settings_key key;
    unsigned choices;
    const char *text;
};

extern const struct settings_usual settings_usuals[];
extern const int settings_usual_count;

#endif
