/* settings_rows.c - the settings of a training.
 *
 * A checkpoint and an option may say what a recipe may, and no more: where gen/language/recipe.lua
 * has the range of a field, it is the same here, as a test of the language sees to.
 */
#include "train/settings_rows.h"

#include "sys/team.h"

#define FIELD(field) offsetof(struct settings, field)
#define DEFAULT(field) true, SETTINGS_DEFAULT, FIELD(field)
#define RECIPE(field) true, SETTINGS_RECIPE, FIELD(recipe.field)
#define UNSAVED(field) false, SETTINGS_DEFAULT, FIELD(field)
#define OPTION(value, help) value, help, 0, NULL
#define NO_OPTION OPTION(NULL, NULL)

static const char *const resizes[] = {"none", "fit", "crop", NULL};
static const char *const backends[] = {"generated", "generic", NULL};
static const char *const schedules[] = {"constant", "step", "onecycle", "cosine", NULL};
static const char *const flips[] = {"none", "random", "alternating", NULL};

enum { STEP = 1 << LR_STEP, ONECYCLE = 1 << LR_ONECYCLE, COSINE = 1 << LR_COSINE };

const struct settings_row settings_rows[SETTING_COUNT] = {
    [SETTING_DATA] = {"data", TEXT, UNSAVED(data), 0, 0, NULL,
                      OPTION("PATH|synthetic",
                             "file or folder of images, or the built-in synthetic "
                             "set")},
    [SETTING_RESIZE] = {"resize", CHOICE, UNSAVED(resize), 0, 0, resizes,
                        OPTION("fit|crop", "of images of another size: all of it, or its middle")},
    [SETTING_SKIP_BAD] = {"skip_bad", BOOL, UNSAVED(skip_bad), 0, 0, NULL, NO_OPTION},
    [SETTING_LABELS] = {"labels", TEXT, UNSAVED(labels), 0, 0, NULL,
                        OPTION("NAME", "which labels: fine or coarse, or a split of EMNIST")},
    [SETTING_LAYOUT] = {"layout", TEXT, UNSAVED(layout), 0, 0, NULL,
                        OPTION("nhwc|nchw", "of arrays, where their shape leaves it open")},
    [SETTING_OUT] = {"out", TEXT, UNSAVED(out), 0, 0, NULL,
                     OPTION("DIR", "folder of log and checkpoints, default runs/<name>")},
    [SETTING_INIT] = {"init", TEXT, UNSAVED(init), 0, 0, NULL,
                      OPTION("FILE", "safetensors file to take the parameters from")},
    [SETTING_PARTIAL] = {"partial", BOOL, UNSAVED(partial), 0, 0, NULL, NO_OPTION},
    [SETTING_RESUME] = {"resume", TEXT, UNSAVED(resume), 0, 0, NULL,
                        OPTION("DIR|FILE", "run or checkpoint to go on from, with its settings")},
    [SETTING_BACKEND] = {"backend", CHOICE, DEFAULT(backend), 0, 0, backends,
                         OPTION("generated|generic",
                                "this program's own kernels, or the reference ones")},
    [SETTING_THREADS] = {"threads", INT, UNSAVED(threads), 1, TEAM_MAX_THREADS, NULL,
                         OPTION("N", "default: the processors, at most 16; no influence on "
                                     "results")},
    [SETTING_SEED] = {"seed", LONG, DEFAULT(seed), 0, SETTINGS_MAX_SEED, NULL,
                      OPTION("N", "of initial values, order, augmentation and dropout")},
    [SETTING_EPOCHS] = {"epochs", INT, RECIPE(epochs), 1, SETTINGS_MAX_EPOCHS, NULL,
                        OPTION("N", "passes over the training set")},
    [SETTING_MAX_STEPS] = {"max_steps", LONG, UNSAVED(max_steps), 1, 1e15, NULL,
                           OPTION("N", "stop after N steps in all")},
    [SETTING_VALIDATE] = {"validate", INT, DEFAULT(validate), 0, 1e9, NULL,
                          OPTION("N", "hold out N training images and evaluate them, not the test "
                                      "set")},
    [SETTING_BATCH] = {"batch", INT, RECIPE(batch), 1, 65536, NULL,
                       OPTION("N", "images a step, at most those that memory was planned for")},
    [SETTING_LR] = {"lr", REAL, RECIPE(lr), 0, 1e6, NULL,
                    OPTION("X", "highest learning rate of the schedule")},
    [SETTING_SCHEDULE] = {"schedule", CHOICE, RECIPE(schedule), 0, 0, schedules,
                          OPTION("NAME", "constant, step, onecycle or cosine")},
    [SETTING_STEP_EPOCHS] = {"step_epochs", INT, RECIPE(step_epochs), 1, SETTINGS_MAX_EPOCHS, NULL,
                             "N", "step: epochs between two drops", STEP, NULL},
    [SETTING_STEP_GAMMA] = {"step_gamma", ABOVE, RECIPE(step_gamma), 0, 1, NULL, "X",
                            "step: factor of a drop", STEP, NULL},
    [SETTING_WARMUP] = {"warmup", REAL, RECIPE(warmup), 0, 1, NULL, "X",
                        "onecycle: part of all steps spent rising", ONECYCLE, "0.3"},
    [SETTING_START_DIV] = {"start_div", REAL, RECIPE(start_div), 1, 1e12, NULL, "X",
                           "onecycle: lr / start_div is the first rate", ONECYCLE, "25"},
    [SETTING_FINAL_DIV] = {"final_div", REAL, RECIPE(final_div), 1, 1e12, NULL, "X",
                           "onecycle, cosine: lr / final_div is the last rate", ONECYCLE | COSINE,
                           "10000"},
    [SETTING_MOMENTUM] = {"momentum", BELOW, RECIPE(momentum), 0, 1, NULL,
                          OPTION("X", "part of the last movement that stays")},
    [SETTING_NESTEROV] = {"nesterov", BOOL, RECIPE(nesterov), 0, 0, NULL,
                          OPTION("on|off", "looks a step ahead")},
    [SETTING_WEIGHT_DECAY] = {"weight_decay", REAL, RECIPE(weight_decay), 0, 1, NULL,
                              OPTION("X", "part of the parameter added to its gradient")},
    [SETTING_LABEL_SMOOTHING] = {"label_smoothing", BELOW, RECIPE(label_smoothing), 0, 1, NULL,
                                 OPTION("X", "part of the target that goes to all classes alike")},
    [SETTING_SHUFFLE] = {"shuffle", BOOL, DEFAULT(shuffle), 0, 0, NULL, NO_OPTION},
    [SETTING_DROPOUT] = {"dropout", BOOL, DEFAULT(dropout), 0, 0, NULL, NO_OPTION},
    [SETTING_AUGMENT] = {"augment", BOOL, DEFAULT(augment), 0, 0, NULL, NO_OPTION},
    [SETTING_CROP] = {"crop", INT, RECIPE(crop), 0, 1023, NULL,
                      OPTION("N", "shift images by up to N pixels, the border reflected")},
    [SETTING_FLIP] = {"flip", CHOICE, RECIPE(flip), 0, 0, flips,
                      OPTION("NAME", "mirror images: none, random or alternating")},
    [SETTING_CUTOUT] = {"cutout", INT, RECIPE(cutout), 0, 1024, NULL,
                        OPTION("N", "side of a square set to the mean")},
    [SETTING_LOG_STEPS] = {"log_steps", BOOL, UNSAVED(log_steps), 0, 0, NULL, NO_OPTION},
    [SETTING_PROBE] = {"probe", LONG, UNSAVED(probe), 1, 1e15, NULL,
                       OPTION("N", "every N steps look inside, for reports: into log.jsonl, too")},
};
