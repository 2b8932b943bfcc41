/* settings.h - everything a training run was told, and who told it.
 *
 *     struct settings settings;
 *     settings_init(&settings, &model);                              (defaults and the recipe)
 *     settings_from_file(&settings, &checkpoint, &err);              (on resume)
 *     settings_set(&settings, SETTING_EPOCHS, "5", SETTINGS_OPTION, "--epochs", &err);
 *     settings_print(&settings, stdout, "");
 *
 * One table, settings_rows.c, describes each setting: its key, type, range, place in the struct,
 * option and whether a checkpoint keeps it. The options, the table at the start of a run, the log,
 * the metadata of the checkpoints and their reading are all made from it, so they cannot drift
 * apart. Saved are the settings that decide the numbers; threads and folders are not among them, so
 * the same training gives the same checkpoint on any machine and in any folder.
 */
#ifndef BURIN_SETTINGS_H
#define BURIN_SETTINGS_H

#include "data/resize.h"
#include "file/safetensors.h"
#include "model.h"
#include "sys/err.h"

#include <stdint.h>
#include <stdio.h>

struct cJSON;

enum { SETTINGS_TEXT_SIZE = 1024, SETTINGS_MAX_EPOCHS = 100000 };

/* A number that the program chooses: "auto". */
enum { SETTINGS_AUTO = -1 };

/* Seeds above this would not survive JSON, whose numbers are doubles. */
#define SETTINGS_MAX_SEED 9007199254740992.0

enum settings_source {
    SETTINGS_DEFAULT,
    SETTINGS_RECIPE,
    SETTINGS_CHECKPOINT,
    SETTINGS_ENVIRONMENT,
    SETTINGS_OPTION
};

enum settings_backend { BACKEND_GENERATED, BACKEND_GENERIC };

/* In the order of the printed table. */
enum settings_key {
    SETTING_DATA,
    SETTING_RESIZE,
    SETTING_SKIP_BAD,
    SETTING_LABELS,
    SETTING_LAYOUT,
    SETTING_OUT,
    SETTING_INIT,
    SETTING_PARTIAL,
    SETTING_RESUME,
    SETTING_BACKEND,
    SETTING_THREADS,
    SETTING_SEED,
    SETTING_EPOCHS,
    SETTING_MAX_STEPS,
    SETTING_VALIDATE,
    SETTING_BATCH,
    SETTING_OPTIMIZER,
    SETTING_LR,
    SETTING_SCHEDULE,
    SETTING_STEP_EPOCHS,
    SETTING_MILESTONES,
    SETTING_STEP_GAMMA,
    SETTING_PATIENCE,
    SETTING_WARMUP,
    SETTING_START_DIV,
    SETTING_FINAL_DIV,
    SETTING_WARMUP_EPOCHS,
    SETTING_WARMUP_DIV,
    SETTING_MOMENTUM,
    SETTING_NESTEROV,
    SETTING_BETA1,
    SETTING_BETA2,
    SETTING_EPS,
    SETTING_OTHERS,
    SETTING_OTHERS_LR,
    SETTING_NEWTON_SCHULZ,
    SETTING_RENORMALIZE,
    SETTING_WEIGHT_DECAY,
    SETTING_CLIP,
    SETTING_EMA,
    SETTING_EMA_START,
    SETTING_EMA_BATCHES,
    SETTING_RATE_WEIGHT, /* in the order of enum param_kind */
    SETTING_RATE_HEAD,
    SETTING_RATE_NORM,
    SETTING_RATE_BIAS,
    SETTING_DECAY_WEIGHT,
    SETTING_DECAY_HEAD,
    SETTING_DECAY_NORM,
    SETTING_DECAY_BIAS,
    SETTING_LABEL_SMOOTHING,
    SETTING_SHUFFLE,
    SETTING_DROPOUT,
    SETTING_AUGMENT,
    SETTING_CROP,
    SETTING_CROP_BORDER,
    SETTING_FLIP,
    SETTING_FLIP_VERTICAL,
    SETTING_CUTOUT,
    SETTING_ROTATE,
    SETTING_BRIGHTNESS,
    SETTING_CONTRAST,
    SETTING_MIXUP,
    SETTING_PLAIN_EPOCHS,
    SETTING_LOG_STEPS,
    SETTING_PROBE,
    SETTING_COUNT
};

struct settings {
    char data[SETTINGS_TEXT_SIZE]; /* file, folder or "synthetic" */
    enum resize resize;            /* of images of another size */
    bool skip_bad;                 /* images that cannot be read are left out */
    char labels[SETTINGS_TEXT_SIZE], layout[SETTINGS_TEXT_SIZE]; /* of data_options; empty: none */
    char out[SETTINGS_TEXT_SIZE];
    char init[SETTINGS_TEXT_SIZE];   /* empty: none */
    bool partial;                    /* of init what fits */
    char resume[SETTINGS_TEXT_SIZE]; /* empty: none */
    enum settings_backend backend;
    int threads;
    int64_t seed;
    int validate;      /* training images that are held out and evaluated; 0: the test set is */
    int64_t max_steps; /* training stops when this many steps were made in all; 0: never */
    bool shuffle, dropout, augment;
    bool log_steps;
    int64_t probe;        /* steps between two looks inside (probe.h); 0: none; SETTINGS_AUTO */
    struct recipe recipe; /* with epochs and lr as resolved */
    enum settings_source source[SETTING_COUNT];
};

/* The recipe of the model and the defaults of everything else; data stays empty. */
void settings_init(struct settings *settings, const struct model *model);

/* Sets one setting from text, strictly: the type, the range. what begins the message of an error,
 * whose code is EXIT_USAGE. */
bool settings_set(struct settings *settings, enum settings_key key, const char *text,
                  enum settings_source source, const char *what, struct err *err);

/* Sets those that options say, texts[key] or NULL: each by itself. EXIT_USAGE where a text is
 * wrong.
 */
bool settings_values(struct settings *settings, const char *const texts[SETTING_COUNT],
                     struct err *err);

/* The same, and what an option that chooses a schedule leaves open becomes what is usual.
 * EXIT_USAGE also where an option has no effect beside the others, and where a schedule lacks what
 * has no usual value. */
bool settings_options(struct settings *settings, const char *const texts[SETTING_COUNT],
                      struct err *err);

/* "--max-steps". Returns out. */
const char *settings_option(enum settings_key key, char *out, size_t size);

/* Appends to out, a text, the settings of a checkpoint that must not become others in a training
 * that goes on, and are others now: "\n  --momentum 0.9: here 0.8". */
void settings_differences(const struct settings *was, const struct settings *now, char *out,
                          size_t size);

/* Sets every saved setting from the metadata of a checkpoint. Errors have code EXIT_DATA. */
bool settings_from_file(struct settings *settings, const struct safetensors *file, struct err *err);

/* The value as a person writes it; settings_set reads it back to the same bits. Returns out. */
char *settings_text(const struct settings *settings, enum settings_key key, char *out, size_t size);

/* "epochs" */
const char *settings_name(enum settings_key key);

/* "default", "recipe", "checkpoint", "environment", "option" */
const char *settings_source_name(enum settings_source source);

/* Whether the setting has a meaning here: "step_gamma" only with the step schedule, and so on. */
bool settings_applies(const struct settings *settings, enum settings_key key);

/* "schedule cosine", "optimizer lion": what leaves the setting without effect, or an empty text.
 * Returns out. */
char *settings_idle(const struct settings *settings, enum settings_key key, char *out, size_t size);

/* Whether a checkpoint keeps it. */
bool settings_saved(const struct settings *settings, enum settings_key key);

/* An aligned table of all settings that apply; prefix begins every line. */
void settings_print(const struct settings *settings, FILE *out, const char *prefix);

/* {"epochs": {"value": 20, "source": "recipe"}, ...} of those that apply, or NULL without memory.
 */
struct cJSON *settings_json(const struct settings *settings);

/* A decimal text as short as it can be, yet read back as this very float. Returns out. */
char *settings_float_text(float value, char *out, size_t size);

#endif
