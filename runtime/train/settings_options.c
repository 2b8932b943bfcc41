/* settings_options.c - what the command line makes of the settings.
 *
 * Options win over recipe and checkpoint. What they leave open is not left as it was where that
 * would make no sense: the parameters of a schedule that an option has chosen.
 */
#include <stdio.h>
#include <string.h>

#include "train/settings_rows.h"

const char *settings_option(enum settings_key key, char *out, size_t size)
{
    char *underscore;
    snprintf(out, size, "--%s", settings_rows[key].name);
    while ((underscore = strchr(out, '_')) != NULL)
        *underscore = '-';
    return out;
}

static const char *usual(enum settings_key key, unsigned choice)
{
    for (int i = 0; i < settings_usual_count; i++) {
        if (settings_usuals[i].key == key && (settings_usuals[i].choices & choice) != 0)
            return settings_usuals[i].text;
    }
    return NULL;
}

/* What belongs to the schedule or optimizer that an option has chosen. What two schedules share
 * stays; of two optimizers the numbers are not comparable. */
static bool set_usual(struct settings *settings, enum settings_key key,
                      const struct settings *before, const char *const *texts, struct err *err)
{
    const struct settings_row *row = &settings_rows[key];
    const struct recipe *is = &settings->recipe, *was = &before->recipe;
    const bool schedule =
        (row->schedules >> is->schedule & 1) != 0 && (row->schedules >> was->schedule & 1) == 0;
    const bool optimizer =
        is->optimizer != was->optimizer && (row->optimizers >> is->optimizer & 1) != 0;
    if (texts[key] != NULL || (!schedule && !optimizer))
        return true;
    const char *text = usual(key, 1U << (schedule ? (unsigned)is->schedule : is->optimizer));
    if (text != NULL)
        return settings_set(settings, key, text, SETTINGS_DEFAULT, row->name, err);
    enum settings_key choice = schedule ? SETTING_SCHEDULE : SETTING_OPTIMIZER;
    char name[64], owner[64], word[SETTINGS_TEXT_SIZE];
    return err_set_code(err, EXIT_USAGE, "train: %s %s without %s: expected both",
                        settings_option(choice, owner, sizeof owner),
                        settings_text(settings, choice, word, sizeof word),
                        settings_option(key, name, sizeof name));
}

bool settings_values(struct settings *settings, const char *const texts[SETTING_COUNT],
                     struct err *err)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        char name[64], what[80];
        snprintf(what, sizeof what, "train: %s", settings_option(key, name, sizeof name));
        if (texts[i] != NULL && !settings_set(settings, key, texts[i], SETTINGS_OPTION, what, err))
            return false;
    }
    return true;
}

bool settings_options(struct settings *settings, const char *const texts[SETTING_COUNT],
                      struct err *err)
{
    const struct settings before = *settings;
    char name[64], why[64];
    if (!settings_values(settings, texts, err))
        return false;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        if (!set_usual(settings, key, &before, texts, err))
            return false;
        if (texts[i] != NULL && settings_idle(settings, key, why, sizeof why)[0] != '\0')
            return err_set_code(err, EXIT_USAGE, "train: %s has no effect with %s: expected none",
                                settings_option(key, name, sizeof name), why);
    }
    return true;
}

/* What may be another in a training that goes on: how long it lasts and how fast it moves, what
 * origin.c compares by itself, and the training's own kernels or the generic ones. */
static bool may_change(enum settings_key key)
{
    return key == SETTING_EPOCHS || key == SETTING_LR || key == SETTING_VALIDATE ||
           key == SETTING_BACKEND;
}

void settings_differences(const struct settings *was, const struct settings *now, char *out,
                          size_t size)
{
    char before[SETTINGS_TEXT_SIZE], after[SETTINGS_TEXT_SIZE], name[64];
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        size_t used = strlen(out);
        if (!settings_saved(now, key) || may_change(key) || !settings_applies(now, key) ||
            strcmp(settings_text(was, key, before, sizeof before),
                   settings_text(now, key, after, sizeof after)) == 0)
            continue;
        snprintf(out + used, size - used, "\n  %s %.60s: here %.60s",
                 settings_option(key, name, sizeof name), before, after);
    }
}
