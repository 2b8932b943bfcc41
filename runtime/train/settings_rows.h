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

/* REAL with its two ends, ABOVE without min, BELOW without max. */
enum settings_kind { TEXT, INT, LONG, REAL, ABOVE, BELOW, BOOL, CHOICE };

struct settings_row {
    const char *name;
    enum settings_kind kind;
    bool saved;
    enum settings_source source; /* before anybody said anything */
    size_t offset;
    double min, max;          /* of numbers */
    const char *const *words; /* CHOICE, in the order of its enum */
    const char *value, *help; /* of its option; NULL where it has none */
    unsigned schedules;       /* a bit each that it belongs to; 0: to all */
    /* What it is where an option chooses one of these schedules and the recipe has another: NULL
     * where nothing is usual, and it must be said. */
    const char *usual;
};

extern const struct settings_row settings_rows[SETTING_COUNT];

#endif
