/* settings.c - walks the rows of settings_rows.c.
 *
 * The invariant: settings_set(settings_text(x)) is x, to the bit, for every setting; so a resumed
 * run has exactly the numbers of the interrupted one.
 */
#include "train/settings_rows.h"

#include <assert.h>
#include <cJSON.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"
#include "sys/cpu.h"
#include "sys/lines.h"
#include "sys/nearest.h"
#include "sys/options.h"

static const struct settings_row *const rows = settings_rows;

void settings_init(struct settings *settings, const struct model *model)
{
    const int online = cpu_online();
    const int useful = model_most_chunks(model); /* no more chunks to share out */
    *settings = (struct settings){
        .backend = BACKEND_GENERATED,
        .threads = online < useful ? online : useful,
        .seed = 1,
        .shuffle = true,
        .dropout = true,
        .augment = true,
        .recipe = *model->recipe,
    };
    snprintf(settings->out, sizeof settings->out, "runs/%s_%s", model->name, model->norm);
    for (int i = 0; i < SETTING_COUNT; i++)
        settings->source[i] = rows[i].source;
    for (int i = 0; i < PARAM_KINDS && !model->recipe->factors; i++)
        settings->recipe.rate[i] = settings->recipe.decay[i] = 1.0f;
    settings->recipe.factors = true;
}

/* -- Text -------------------------------------------------------------------------------------- */

static bool set_choice(int *out, const char *const *words, const char *text, const char *what,
                       struct err *err)
{
    char list[120] = "", hint[NEAREST_HINT];
    int count = 0;
    for (int i = 0; words[i] != NULL; i++, count++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    nearest_hint(hint, text, words, count);
    return err_set_code(err, EXIT_USAGE, "%s: '%s'%s: expected one of %s", what, text, hint, list);
}

/* Rounds once, not by way of a double. Kernels take what is below FLT_MIN for zero, so that must
 * not be said by a number that is none. The text is a number from row->min to row->max. */
static bool set_float(float *out, const struct settings_row *row, const char *text,
                      const char *what, struct err *err)
{
    errno = 0;
    float value = strtof(text, NULL);
    if (errno == ERANGE || (value != 0.0f && fabsf(value) < FLT_MIN))
        return err_set_code(err, EXIT_USAGE,
                            "%s: %s is too small for a float: expected 0, or %g and more", what,
                            text, (double)FLT_MIN);
    if (row->kind == ABOVE && (double)value <= row->min)
        return err_set_code(err, EXIT_USAGE,
                            "%s: %s is out of range: expected above %g, at most %g", what, text,
                            row->min, row->max);
    if (row->kind == BELOW && (double)value >= row->max)
        return err_set_code(err, EXIT_USAGE, "%s: %s is out of range: expected from %g, below %g",
                            what, text, row->min, row->max);
    *out = value;
    return true;
}

/* "10,15" */
static bool set_epochs(int *out, const struct settings_row *row, const char *text, const char *what,
                       struct err *err)
{
    int list[RECIPE_MILESTONES] = {0}, count = 0;
    const char *rest = text;
    while (*rest != '\0') {
        char word[16];
        int64_t epoch = 0;
        size_t length = strcspn(rest, ",");
        snprintf(word, sizeof word, "%.*s", length < 15 ? (int)length : 15, rest);
        if (!options_int(what, word, row->min, row->max, &epoch, err))
            return false;
        if (count == RECIPE_MILESTONES || (count > 0 && epoch <= list[count - 1]))
            return err_set_code(err, EXIT_USAGE, "%s: '%s': expected at most %d epochs that rise",
                                what, text, RECIPE_MILESTONES);
        list[count++] = (int)epoch;
        rest += length + (rest[length] == ',');
    }
    memcpy(out, list, sizeof list);
    return true;
}

static char *epochs_text(const int *epochs, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < RECIPE_MILESTONES && epochs[i] > 0 && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%d", i > 0 ? "," : "", epochs[i]);
    return out;
}

bool settings_set(struct settings *settings, enum settings_key key, const char *text,
                  enum settings_source source, const char *what, struct err *err)
{
    static const char *const booleans[] = {"off", "on", NULL};
    const struct settings_row *row = &rows[key];
    void *field = (char *)settings + row->offset;
    int64_t integer = 0;
    double number = 0.0;
    int choice = 0;
    switch (row->kind) {
    case TEXT:
        if (text[0] == '\0' || strlen(text) >= SETTINGS_TEXT_SIZE) {
            return err_set_code(err, EXIT_USAGE, "%s: %zu characters: expected 1 to %d", what,
                                strlen(text), SETTINGS_TEXT_SIZE - 1);
        }
        strcpy(field, text);
        break;
    case INT:
        if (!options_int(what, text, row->min, row->max, &integer, err))
            return false;
        *(int *)field = (int)integer;
        break;
    case LONG:
        if (row->words != NULL && strcmp(text, row->words[0]) == 0)
            integer = SETTINGS_AUTO;
        else if (!options_int(what, text, row->min, row->max, &integer, err))
            return false;
        *(int64_t *)field = integer;
        break;
    case REAL:
    case ABOVE:
    case BELOW:
        if (!options_real(what, text, row->min, row->max, &number, err) ||
            !set_float(field, row, text, what, err))
            return false;
        break;
    case BOOL:
        if (!set_choice(&choice, booleans, text, what, err))
            return false;
        *(bool *)field = choice == 1;
        break;
    case CHOICE:
        if (!set_choice(&choice, row->words, text, what, err))
            return false;
        memcpy(field, &choice, sizeof choice);
        break;
    case EPOCHS:
        if (!set_epochs(field, row, text, what, err))
            return false;
        break;
    }
    settings->source[key] = source;
    return true;
}

static int choice_of(const struct settings *settings, const struct settings_row *row)
{
    int choice;
    memcpy(&choice, (const char *)settings + row->offset, sizeof choice);
    return choice;
}

char *settings_float_text(float value, char *out, size_t size)
{
    for (int digits = 6; digits <= 9; digits++) { /* %g drops trailing zeros */
        snprintf(out, size, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    return out;
}

char *settings_text(const struct settings *settings, enum settings_key key, char *out, size_t size)
{
    const struct settings_row *row = &rows[key];
    const void *field = (const char *)settings + row->offset;
    int64_t integer;
    switch (row->kind) {
    case TEXT:
        snprintf(out, size, "%s", (const char *)field);
        break;
    case INT:
        snprintf(out, size, "%d", *(const int *)field);
        break;
    case LONG:
        integer = *(const int64_t *)field;
        if (integer == SETTINGS_AUTO)
            snprintf(out, size, "%s", row->words[0]);
        else
            snprintf(out, size, "%lld", (long long)integer);
        break;
    case REAL:
    case ABOVE:
    case BELOW:
        settings_float_text(*(const float *)field, out, size);
        break;
    case BOOL:
        snprintf(out, size, "%s", *(const bool *)field ? "on" : "off");
        break;
    case CHOICE:
        snprintf(out, size, "%s", row->words[choice_of(settings, row)]);
        break;
    case EPOCHS:
        epochs_text(field, out, size);
        break;
    }
    return out;
}

bool settings_from_file(struct settings *settings, const struct safetensors *file, struct err *err)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!rows[i].saved)
            continue;
        char what[SETTINGS_TEXT_SIZE + 64];
        snprintf(what, sizeof what, "%s: metadata \"%s\"", file->path, rows[i].name);
        const char *text = safetensors_meta(file, rows[i].name);
        if (text == NULL)
            text = rows[i].off;
        if (text == NULL) {
            return err_set_code(err, EXIT_DATA, "%s: missing: expected a checkpoint of a training",
                                what);
        }
        if (!settings_set(settings, (enum settings_key)i, text, SETTINGS_CHECKPOINT, what, err)) {
            err->code = EXIT_DATA;
            return false;
        }
    }
    return true;
}

/* -- Showing ----------------------------------------------------------------------------------- */

const char *settings_name(enum settings_key key)
{
    return rows[key].name;
}

/* What had no row once is saved where it matters; the others always are. */
bool settings_saved(const struct settings *settings, enum settings_key key)
{
    return rows[key].saved && (rows[key].off == NULL || settings_applies(settings, key));
}

const char *settings_source_name(enum settings_source source)
{
    static const char *const names[] = {
        [SETTINGS_DEFAULT] = "default",       [SETTINGS_RECIPE] = "recipe",
        [SETTINGS_CHECKPOINT] = "checkpoint", [SETTINGS_ENVIRONMENT] = "environment",
        [SETTINGS_OPTION] = "option",
    };
    return names[source];
}

static bool varies(const struct recipe *r)
{
    return r->crop > 0 || r->flip != FLIP_NONE || r->flip_vertical || r->cutout > 0 ||
           r->rotate > 0 || r->brightness > 0 || r->contrast > 0 || r->mixup > 0;
}

char *settings_idle(const struct settings *settings, enum settings_key key, char *out, size_t size)
{
    char word[SETTINGS_TEXT_SIZE];
    const struct settings_row *row = &rows[key];
    out[0] = '\0';
    if (row->schedules != 0 && (row->schedules >> settings->recipe.schedule & 1) == 0)
        snprintf(out, size, "schedule %.40s",
                 settings_text(settings, SETTING_SCHEDULE, word, sizeof word));
    else if (row->optimizers != 0 && (row->optimizers >> settings->recipe.optimizer & 1) == 0)
        snprintf(out, size, "optimizer %.40s",
                 settings_text(settings, SETTING_OPTIMIZER, word, sizeof word));
    else if (settings->recipe.optimizer == OPTIMIZER_MUON &&
             settings->recipe.others == OPTIMIZER_SGD && key >= SETTING_BETA1 && key <= SETTING_EPS)
        snprintf(out, size, "others sgd");
    else if ((key == SETTING_EMA_START || key == SETTING_EMA_BATCHES) &&
             !(settings->recipe.ema > 0))
        snprintf(out, size, "ema 0");
    else if (key == SETTING_CROP_BORDER && settings->recipe.crop == 0 &&
             !(settings->recipe.rotate > 0))
        snprintf(out, size, "crop 0 and rotate 0");
    else if (!settings->augment && key >= SETTING_CROP && key <= SETTING_PLAIN_EPOCHS)
        snprintf(out, size, "--no-augment");
    else if (key == SETTING_PLAIN_EPOCHS && !varies(&settings->recipe))
        snprintf(out, size, "images as they are in all epochs");
    return out;
}

bool settings_applies(const struct settings *settings, enum settings_key key)
{
    char why[64], text[64];
    switch (key) {
    case SETTING_RESIZE:
        return settings->resize != RESIZE_NONE;
    case SETTING_SKIP_BAD:
        return settings->skip_bad;
    case SETTING_PARTIAL:
        return settings->partial;
    case SETTING_LABELS:
        return settings->labels[0] != '\0';
    case SETTING_LAYOUT:
        return settings->layout[0] != '\0';
    case SETTING_INIT:
        return settings->init[0] != '\0';
    case SETTING_RESUME:
        return settings->resume[0] != '\0';
    case SETTING_MAX_STEPS:
        return settings->max_steps > 0;
    case SETTING_VALIDATE:
        return settings->validate > 0;
    case SETTING_PROBE:
        return settings->probe != 0;
    case SETTING_WARMUP_DIV:
        return settings->recipe.warmup_epochs > 0 &&
               settings_idle(settings, key, why, sizeof why)[0] == '\0';
    default:
        return settings_idle(settings, key, why, sizeof why)[0] == '\0' &&
               !(rows[key].quiet &&
                 strcmp(settings_text(settings, key, text, sizeof text), rows[key].off) == 0);
    }
}

void settings_print(const struct settings *settings, FILE *out, const char *prefix)
{
    char text[SETTINGS_TEXT_SIZE];
    int width = (int)strlen("value");
    for (int i = 0; i < SETTING_COUNT; i++) {
        int length = (int)strlen(settings_text(settings, (enum settings_key)i, text, sizeof text));
        width = settings_applies(settings, (enum settings_key)i) && length > width ? length : width;
    }
    lines_print(out, prefix, "%-16s  %-*s  %s", "setting", width, "value", "source");
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (settings_applies(settings, (enum settings_key)i)) {
            settings_text(settings, (enum settings_key)i, text, sizeof text);
            lines_print(out, prefix, "%-16s  %-*s  %s", rows[i].name, width, text,
                        settings_source_name(settings->source[i]));
        }
    }
}

static cJSON *value_json(const struct settings *settings, enum settings_key key)
{
    char text[SETTINGS_TEXT_SIZE];
    settings_text(settings, key, text, sizeof text);
    switch (rows[key].kind) {
    case LONG:
        if (rows[key].words != NULL && strcmp(text, rows[key].words[0]) == 0)
            return cJSON_CreateString(text);
        return cJSON_CreateNumber(strtod(text, NULL));
    case INT:
    case REAL:
    case ABOVE:
    case BELOW: /* by way of the text: 0.1, not 0.100000001490116 */
        return cJSON_CreateNumber(strtod(text, NULL));
    case BOOL:
        return cJSON_CreateBool(strcmp(text, "on") == 0);
    default:
        return cJSON_CreateString(text);
    }
}

struct cJSON *settings_json(const struct settings *settings)
{
    cJSON *all = cJSON_CreateObject();
    bool ok = all != NULL;
    for (int i = 0; ok && i < SETTING_COUNT; i++) {
        if (settings_applies(settings, (enum settings_key)i)) {
            cJSON *one = cJSON_AddObjectToObject(all, rows[i].name);
            ok = json_add(one, "value", value_json(settings, (enum settings_key)i)) &&
                 cJSON_AddStringToObject(one, "source",
                                         settings_source_name(settings->source[i])) != NULL;
        }
    }
    if (!ok) {
        cJSON_Delete(all);
        return NULL;
    }
    return all;
}
