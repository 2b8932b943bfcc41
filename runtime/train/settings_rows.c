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
#define OPTION(value, help) value, help, 0, 0, NULL, false
#define OF_SCHEDULE(value, help, schedules, off) value, help, schedules, 0, off, false
#define OF_OPTIMIZER(value, help, optimizers, off) value, help, 0, optimizers, off, false
#define QUIET(value, help, off) value, help, 0, 0, off, true
#define NO_OPTION OPTION(NULL, NULL)

static const char *const resizes[] = {"none", "fit", "crop", NULL};
static const char *const backends[] = {"generated", "generic", NULL};
static const char *const schedules[] = {"constant",    "step",   "onecycle", "cosine", "multistep",
                                        "exponential", "linear", "plateau",  NULL};
static const char *const borders[] = {"reflect", "zero", NULL};
static const char *const flips[] = {"none", "random", "alternating", NULL};
static const char *const automatic[] = {"auto", NULL};
static const char *const optimizers[] = {"sgd", "adam", "adamw", "lion", "muon", NULL};

enum {
    STEP = 1 << LR_STEP,
    ONECYCLE = 1 << LR_ONECYCLE,
    COSINE = 1 << LR_COSINE,
    MULTISTEP = 1 << LR_MULTISTEP,
    EXPONENTIAL = 1 << LR_EXPONENTIAL,
    LINEAR = 1 << LR_LINEAR,
    PLATEAU = 1 << LR_PLATEAU,
    DROPS = STEP | MULTISTEP | EXPONENTIAL | PLATEAU,
    WARMS = (1 << LR_CONSTANT) | DROPS | LINEAR | COSINE
};

enum {
    SGD = 1 << OPTIMIZER_SGD,
    ADAM = 1 << OPTIMIZER_ADAM,
    ADAMW = 1 << OPTIMIZER_ADAMW,
    LION = 1 << OPTIMIZER_LION,
    MUON = 1 << OPTIMIZER_MUON,
    ANY = SGD | ADAM | ADAMW | LION | MUON
};

/* The usual values are the defaults of gen/language/recipe.lua. */
const struct settings_usual settings_usuals[] = {
    {SETTING_WARMUP, ONECYCLE, "0.3"},
    {SETTING_START_DIV, ONECYCLE, "25"},
    {SETTING_FINAL_DIV, ONECYCLE | COSINE | LINEAR, "10000"},
    {SETTING_STEP_GAMMA, PLATEAU, "0.1"},
    {SETTING_PATIENCE, PLATEAU, "10"},
    {SETTING_WARMUP_EPOCHS, WARMS, "0"},
    {SETTING_WARMUP_DIV, WARMS, "100"},
    {SETTING_MOMENTUM, SGD, "0"},
    {SETTING_MOMENTUM, MUON, "0.95"},
    {SETTING_NESTEROV, SGD, "off"},
    {SETTING_NESTEROV, MUON, "on"},
    {SETTING_WEIGHT_DECAY, ADAMW, "0.01"},
    {SETTING_WEIGHT_DECAY, SGD | ADAM | LION | MUON, "0"},
    {SETTING_BETA1, ADAM | ADAMW | LION | MUON, "0.9"},
    {SETTING_BETA2, ADAM | ADAMW, "0.999"},
    {SETTING_BETA2, LION, "0.99"},
    {SETTING_BETA2, MUON, "0.95"},
    {SETTING_EPS, ADAM | ADAMW, "1e-8"},
    {SETTING_EPS, MUON, "1e-10"},
    {SETTING_OTHERS, MUON, "adamw"},
    {SETTING_NEWTON_SCHULZ, MUON, "5"},
    {SETTING_RENORMALIZE, MUON, "off"},
};
const int settings_usual_count = sizeof settings_usuals / sizeof settings_usuals[0];

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
                      OPTION("DIR|FILE", "run or safetensors file to take the parameters from")},
    [SETTING_PARTIAL] = {"partial", BOOL, UNSAVED(partial), 0, 0, NULL, NO_OPTION},
    [SETTING_RESUME] = {"resume", TEXT, UNSAVED(resume), 0, 0, NULL,
                        OPTION("DIR|FILE", "run or checkpoint to go on from, with its settings")},
    [SETTING_BACKEND] = {"backend", CHOICE, DEFAULT(backend), 0, 0, backends,
                         OPTION("generated|generic",
                                "this program's own kernels, or the reference ones")},
    [SETTING_THREADS] = {"threads", INT, UNSAVED(threads), 1, TEAM_MAX_THREADS, NULL,
                         OPTION("N",
                                "default: the processors, at most one a chunk; no influence on "
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
    [SETTING_OPTIMIZER] = {"optimizer", CHOICE, RECIPE(optimizer), 0, 0, optimizers, "NAME",
                           "sgd, adam, adamw, lion or muon; wants --lr with it", 0, 0, "sgd",
                           false},
    [SETTING_LR] = {"lr", REAL, RECIPE(lr), 0, 1e6, NULL,
                    OF_OPTIMIZER("X", "highest learning rate of the schedule", ANY, NULL)},
    [SETTING_SCHEDULE] = {"schedule", CHOICE, RECIPE(schedule), 0, 0, schedules,
                          OPTION("NAME", "constant, step, multistep, exponential, linear, cosine, "
                                         "onecycle or plateau")},
    [SETTING_STEP_EPOCHS] = {"step_epochs", INT, RECIPE(step_epochs), 1, SETTINGS_MAX_EPOCHS, NULL,
                             OF_SCHEDULE("N", "step: epochs between two drops", STEP, NULL)},
    [SETTING_MILESTONES] = {"milestones", EPOCHS, RECIPE(milestones), 1, SETTINGS_MAX_EPOCHS, NULL,
                            OF_SCHEDULE("N,N,...", "multistep: epochs after which the rate drops",
                                        MULTISTEP, "")},
    [SETTING_STEP_GAMMA] = {"step_gamma", ABOVE, RECIPE(step_gamma), 0, 1, NULL,
                            OF_SCHEDULE("X",
                                        "step, multistep, exponential, plateau: factor of a "
                                        "drop",
                                        DROPS, NULL)},
    [SETTING_PATIENCE] = {"patience", INT, RECIPE(patience), 0, SETTINGS_MAX_EPOCHS, NULL,
                          OF_SCHEDULE("N", "plateau: epochs without a lower loss before a drop",
                                      PLATEAU, "0")},
    [SETTING_WARMUP] = {"warmup", REAL, RECIPE(warmup), 0, 1, NULL,
                        OF_SCHEDULE("X", "onecycle: part of all steps spent rising", ONECYCLE,
                                    NULL)},
    [SETTING_START_DIV] = {"start_div", REAL, RECIPE(start_div), 1, 1e12, NULL,
                           OF_SCHEDULE("X", "onecycle: lr / start_div is the first rate", ONECYCLE,
                                       NULL)},
    [SETTING_FINAL_DIV] = {"final_div", REAL, RECIPE(final_div), 1, 1e12, NULL,
                           OF_SCHEDULE("X",
                                       "onecycle, cosine, linear: lr / final_div is the last "
                                       "rate",
                                       ONECYCLE | COSINE | LINEAR, NULL)},
    [SETTING_WARMUP_EPOCHS] = {"warmup_epochs", REAL, RECIPE(warmup_epochs), 0, SETTINGS_MAX_EPOCHS,
                               NULL, "X", "any but onecycle: epochs of rising before it", WARMS, 0,
                               "0", true},
    [SETTING_WARMUP_DIV] = {"warmup_div", REAL, RECIPE(warmup_div), 1, 1e12, NULL,
                            OF_SCHEDULE("X", "lr / warmup_div is the first rate of these", WARMS,
                                        "1")},
    [SETTING_MOMENTUM] = {"momentum", BELOW, RECIPE(momentum), 0, 1, NULL,
                          OF_OPTIMIZER("X", "sgd, muon: part of the last movement that stays",
                                       SGD | MUON, NULL)},
    [SETTING_NESTEROV] = {"nesterov", BOOL, RECIPE(nesterov), 0, 0, NULL,
                          OF_OPTIMIZER("on|off", "sgd, muon: looks a step ahead", SGD | MUON,
                                       NULL)},
    [SETTING_BETA1] = {"beta1", BELOW, RECIPE(beta1), 0, 1, NULL,
                       OF_OPTIMIZER("X", "all but sgd: part of the average gradient that stays",
                                    ADAM | ADAMW | LION | MUON, "0")},
    [SETTING_BETA2] = {"beta2", BELOW, RECIPE(beta2), 0, 1, NULL,
                       OF_OPTIMIZER("X",
                                    "all but sgd: the same of squares, or of lion's second "
                                    "average",
                                    ADAM | ADAMW | LION | MUON, "0")},
    [SETTING_EPS] = {"eps", ABOVE, RECIPE(eps), 0, 1, NULL,
                     OF_OPTIMIZER("X", "adam, adamw, muon: added to the root of the squares",
                                  ADAM | ADAMW | MUON, "1")},
    [SETTING_OTHERS] = {"others", CHOICE, RECIPE(others), 0, 0, optimizers,
                        OF_OPTIMIZER("sgd|adamw", "muon: how all but filters and matrices move",
                                     MUON, "sgd")},
    [SETTING_OTHERS_LR] = {"others_lr", ABOVE, RECIPE(others_lr), 0, 1000, NULL,
                           OF_OPTIMIZER("X", "muon: their highest learning rate", MUON, "1")},
    [SETTING_NEWTON_SCHULZ] = {"newton_schulz", INT, RECIPE(newton_schulz), 1, 20, NULL,
                               OF_OPTIMIZER("N", "muon: steps that make a matrix orthogonal", MUON,
                                            "1")},
    [SETTING_RENORMALIZE] = {"renormalize", BOOL, RECIPE(renormalize), 0, 0, NULL,
                             OF_OPTIMIZER("on|off",
                                          "muon: filters keep their norm, in place of "
                                          "decay",
                                          MUON, "off")},
    [SETTING_WEIGHT_DECAY] = {"weight_decay", REAL, RECIPE(weight_decay), 0, 1, NULL,
                              OF_OPTIMIZER("X",
                                           "part of the parameter added to its gradient, or "
                                           "taken from it times the rate",
                                           ANY, NULL)},
    [SETTING_CLIP] = {"clip", REAL, RECIPE(clip), 0, 1e6, NULL,
                      QUIET("X", "largest norm of all gradients together, 0 any", "0")},
    [SETTING_EMA] = {"ema", BELOW, RECIPE(ema), 0, 1, NULL,
                     QUIET("X", "part of the average parameters that stays in a step", "0")},
    [SETTING_EMA_START] = {"ema_start", BELOW, RECIPE(ema_start), 0, 1, NULL,
                           QUIET("X", "part of all steps after which the average begins", "0")},
    [SETTING_EMA_BATCHES] = {"ema_batches", INT, RECIPE(ema_batches), 0, 65536, NULL,
                             QUIET("N", "batches of which its statistics are estimated anew", "0")},
#define FACTOR(word, field, kind, help)                                                            \
    {                                                                                              \
        word, REAL, RECIPE(field[kind]), 0, 1000, NULL, QUIET("X", help, "1")                      \
    }
    [SETTING_RATE_WEIGHT] = FACTOR("rate_weight", rate, PARAM_WEIGHT, "times lr, of weights"),
    [SETTING_RATE_HEAD] = FACTOR("rate_head", rate, PARAM_HEAD, "of the last layer's weights"),
    [SETTING_RATE_NORM] = FACTOR("rate_norm", rate, PARAM_NORM, "of the scales of norms"),
    [SETTING_RATE_BIAS] = FACTOR("rate_bias", rate, PARAM_BIAS, "of biases and shifts"),
    [SETTING_DECAY_WEIGHT] =
        FACTOR("decay_weight", decay, PARAM_WEIGHT, "times weight decay, of weights"),
    [SETTING_DECAY_HEAD] = FACTOR("decay_head", decay, PARAM_HEAD, "of the last layer's weights"),
    [SETTING_DECAY_NORM] = FACTOR("decay_norm", decay, PARAM_NORM, "of the scales of norms"),
    [SETTING_DECAY_BIAS] = FACTOR("decay_bias", decay, PARAM_BIAS, "of biases and shifts"),
    [SETTING_LABEL_SMOOTHING] = {"label_smoothing", BELOW, RECIPE(label_smoothing), 0, 1, NULL,
                                 OPTION("X", "part of the target that goes to all classes alike")},
    [SETTING_SHUFFLE] = {"shuffle", BOOL, DEFAULT(shuffle), 0, 0, NULL, NO_OPTION},
    [SETTING_DROPOUT] = {"dropout", BOOL, DEFAULT(dropout), 0, 0, NULL, NO_OPTION},
    [SETTING_AUGMENT] = {"augment", BOOL, DEFAULT(augment), 0, 0, NULL, NO_OPTION},
    [SETTING_CROP] = {"crop", INT, RECIPE(crop), 0, 1023, NULL,
                      OPTION("N", "shift images by up to N pixels")},
    [SETTING_CROP_BORDER] = {"crop_border", CHOICE, RECIPE(crop_border), 0, 0, borders,
                             QUIET("reflect|zero", "what a crop sees beside the image", "reflect")},
    [SETTING_FLIP] = {"flip", CHOICE, RECIPE(flip), 0, 0, flips,
                      OPTION("NAME", "mirror images: none, random or alternating")},
    [SETTING_FLIP_VERTICAL] = {"flip_vertical", BOOL, RECIPE(flip_vertical), 0, 0, NULL,
                               QUIET("on|off", "turn images upside down at random", "off")},
    [SETTING_CUTOUT] = {"cutout", INT, RECIPE(cutout), 0, 1024, NULL,
                        OPTION("N", "side of a square set to the mean")},
    [SETTING_ROTATE] = {"rotate", REAL, RECIPE(rotate), 0, 180, NULL,
                        QUIET("X", "rotate images by up to X degrees", "0")},
    [SETTING_BRIGHTNESS] = {"brightness", REAL, RECIPE(brightness), 0, 1, NULL,
                            QUIET("X", "change the brightness by a factor of 1 - X to 1 + X", "0")},
    [SETTING_CONTRAST] = {"contrast", REAL, RECIPE(contrast), 0, 1, NULL,
                          QUIET("X", "the same of contrast", "0")},
    [SETTING_MIXUP] = {"mixup", REAL, RECIPE(mixup), 0, 2, NULL,
                       QUIET("X", "mix two images, by the beta distribution of X and X", "0")},
    [SETTING_PLAIN_EPOCHS] = {"plain_epochs", INT, RECIPE(plain_epochs), 0, SETTINGS_MAX_EPOCHS,
                              NULL, QUIET("N", "the last N epochs see images as they are", "0")},
    [SETTING_LOG_STEPS] = {"log_steps", BOOL, UNSAVED(log_steps), 0, 0, NULL, NO_OPTION},
    [SETTING_PROBE] = {"probe", LONG, UNSAVED(probe), 1, 1e15, automatic,
                       OPTION("N|auto", "every N steps look inside, for reports; auto: a handful "
                                        "of times, for less than 1 % of the time")},
};
