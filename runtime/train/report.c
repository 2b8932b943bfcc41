/* report.c - lines and events, made from the trainer and changing nothing in it but the bar. */
#include "train/report.h"

#include <cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file/json.h"
#include "inspect/info.h"
#include "program.h"
#include "sys/cpu.h"
#include "sys/interrupt.h"
#include "sys/lines.h"

enum { COMMAND_SIZE = 8 * SETTINGS_TEXT_SIZE };

/* -- Lines ------------------------------------------------------------------------------------- */

static const char *mark(const struct trainer *t)
{
    return t->train.synthetic ? "SYNTHETIC " : "";
}

static void say(struct trainer *t, const char *fmt, ...) BURIN_PRINTF(2, 3);
static void say_command(struct trainer *t, const char *fmt, ...) BURIN_PRINTF(2, 3);

/* What is evaluated. */
static const char *evaluated(const struct trainer *t)
{
    return t->settings.validate > 0 ? "held-out" : "test";
}

/* A line on standard output, broken where a terminal ends. A lost reader does not end a training;
 * the program's end tells. */
static void say(struct trainer *t, const char *fmt, ...)
{
    progress_clear(&t->bar);
    va_list args;
    va_start(args, fmt);
    lines_vprint(stdout, mark(t), fmt, args);
    va_end(args);
    fflush(stdout);
}

/* The same of a command, which is to be copied: it stays one line however wide. */
static void say_command(struct trainer *t, const char *fmt, ...)
{
    progress_clear(&t->bar);
    printf("%s  ", mark(t));
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void report_progress(struct trainer *trainer, int done, double loss, double images_per_s)
{
    if (!trainer->bar.on)
        return;
    char title[64], text[96];
    int steps = (int)trainer->counters.steps_per_epoch;
    /* Of the whole training; evaluations are not counted. */
    const struct recipe *recipe = &trainer->settings.recipe;
    const double epochs_left = (double)(recipe->epochs - 1 - trainer->counters.epoch);
    double images_left = (epochs_left * steps + (double)(steps - done)) * recipe->batch;
    int left = images_per_s > 0.0 ? (int)(images_left / images_per_s + 0.5) : 0;
    snprintf(title, sizeof title, "%sepoch %lld/%d", mark(trainer),
             (long long)trainer->counters.epoch + 1, trainer->settings.recipe.epochs);
    snprintf(text, sizeof text, "loss %.4f  %d:%02d:%02d left  %.0f images/s", loss, left / 3600,
             left / 60 % 60, left % 60, images_per_s);
    progress_show(&trainer->bar, title, done, steps, text);
}

/* -- Commands ---------------------------------------------------------------------------------- */

/* Appends a word as a shell reads it. A command that does not fit is cut; it is only shown. */
static void append_word(char *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+=:,@%";
    size_t used = strlen(command);
    char *at = command + used, *end = command + COMMAND_SIZE - 8;
    if (used > 0 && at < end)
        *at++ = ' ';
    bool quote = word[0] == '\0' || strspn(word, plain) < strlen(word);
    if (quote && at < end)
        *at++ = '\'';
    for (; *word != '\0' && at < end; word++) {
        if (*word == '\'') {
            memcpy(at, "'\\''", 4);
            at += 4;
        } else {
            *at++ = *word;
        }
    }
    if (quote)
        *at++ = '\'';
    *at = '\0';
}

/* The command that goes on with this training. What the checkpoint knows need not be said. */
static void resume_command(const struct trainer *t, enum report_reason reason,
                           char command[COMMAND_SIZE])
{
    static const struct {
        enum settings_key key;
        const char *option;
    } said[] = {
        {SETTING_DATA, "--data"},       {SETTING_RESIZE, "--resize"},
        {SETTING_LABELS, "--labels"},   {SETTING_LAYOUT, "--layout"},
        {SETTING_THREADS, "--threads"}, {SETTING_MAX_STEPS, "--max-steps"},
        {SETTING_PROBE, "--probe"},
    };
    char text[RUNDIR_PATH_SIZE];
    command[0] = '\0';
    if (t->ranks != NULL && t->ranks_typed == 1) {
        snprintf(text, sizeof text, "%d", t->ranks->count);
        append_word(command, "mpirun");
        append_word(command, "-n");
        append_word(command, text);
    }
    append_word(command, t->program);
    append_word(command, "train");
    append_word(command, "--resume");
    append_word(command, rundir_path(&t->dir, RUNDIR_LAST, text, sizeof text));
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        bool done = said[i].key == SETTING_MAX_STEPS && reason == REPORT_MAX_STEPS;
        bool known = said[i].key == SETTING_DATA && t->train.synthetic;
        if (t->settings.source[said[i].key] == SETTINGS_OPTION && !done && !known) {
            append_word(command, said[i].option);
            append_word(command, settings_text(&t->settings, said[i].key, text, sizeof text));
        }
    }
    if (t->settings.skip_bad)
        append_word(command, "--skip-bad");
    if (t->settings.log_steps)
        append_word(command, "--log-steps");
    if (t->profiles)
        append_word(command, "--profile");
    if (t->pins)
        append_word(command, "--pin");
    if (t->ranks_typed > 1) {
        snprintf(text, sizeof text, "%d", (int)t->ranks_typed);
        append_word(command, "--ranks");
        append_word(command, text);
    }
    if (t->quiet)
        append_word(command, "--quiet");
}

/* -- Start ------------------------------------------------------------------------------------- */

enum { WARNINGS = 4, NOTES = 3, NOTE_SIZE = 4 * DATA_PATH_SIZE };

/* The warnings of the checkpoint, of the training set and of the test set, if it says anything
 * new, and of what was resumed though it is another training. */
static const char *warning(const struct trainer *t, int which)
{
    const char *texts[WARNINGS] = {t->from.warning, t->train.warning, t->test.warning, t->changed};
    const char *text = texts[which];
    bool told = text[0] == '\0' || (which == 2 && strcmp(text, t->train.warning) == 0);
    return told ? NULL : text;
}

/* What was done to the training images and to those of the test, if it is anything else, and to the
 * parameters of another file. */
static const char *note(const struct trainer *t, int which, char *out, size_t size)
{
    const bool told = which == 1 && strcmp(t->test.note, t->train.note) == 0;
    const char *text = which == 0 ? t->train.note : which == 1 ? t->test.note : t->adopted;
    if (text[0] == '\0' || told)
        return NULL;
    snprintf(out, size, "%s: %s", which == 2 ? t->settings.init : t->train.source, text);
    return out;
}

static bool add_notes(cJSON *notes, const struct trainer *t)
{
    char text[NOTE_SIZE];
    bool ok = true;
    for (int i = 0; ok && i < NOTES; i++) {
        if (note(t, i, text, sizeof text) != NULL)
            ok = json_append(notes, cJSON_CreateString(text));
    }
    return ok;
}

static bool add_layer(cJSON *layers, const struct model *model, const struct layer *l)
{
    cJSON *layer = cJSON_CreateObject(), *inputs = cJSON_CreateArray();
    bool ok = json_append(layers, layer); /* which owns both from here on */
    ok = json_add(ok ? layer : NULL, "inputs", inputs);
    for (int j = 0; ok && j < layer_inputs(l); j++)
        ok = json_append(inputs, cJSON_CreateString(model->layers[l->inputs[j]].name));
    return ok && cJSON_AddStringToObject(layer, "name", l->name) &&
           cJSON_AddStringToObject(layer, "kind", info_op_name(l)) &&
           json_add(layer, "shape", cJSON_CreateIntArray((const int[]){l->c, l->h, l->w}, 3)) &&
           (l->groups == 0 || cJSON_AddNumberToObject(layer, "groups", l->groups)) &&
           (l->ghost == 0 || cJSON_AddNumberToObject(layer, "ghost", l->ghost)) &&
           (!l->frozen || cJSON_AddTrueToObject(layer, "frozen")) &&
           cJSON_AddNumberToObject(layer, "parameters", (double)info_parameters(model, l));
}

/* [{"inputs":["relu1"],"name":"norm1","kind":"batch norm","shape":[16,32,32],...}, ...], or NULL
 * without memory. "groups" stands in group norms only, "ghost" in batch norms that have them. */
static cJSON *layers_json(const struct model *model)
{
    cJSON *layers = cJSON_CreateArray();
    bool ok = layers != NULL;
    for (int i = 0; ok && i < model->layer_count; i++)
        ok = add_layer(layers, model, &model->layers[i]);
    if (ok)
        return layers;
    cJSON_Delete(layers);
    return NULL;
}

/* Megabytes of everything a step reads and writes besides the images. */
static double step_megabytes(const struct trainer *t)
{
    const struct model *model = t->model;
    size_t shared = 0, thread = 0;
    t->run.backend->measure(model, &shared, &thread);
    size_t store = 3 * model->param_floats + model->state_floats;
    double floats = (double)(store + shared + (size_t)t->settings.threads * thread);
    return round(floats * sizeof(float) / 1e4) / 1e2;
}

static bool log_start(struct trainer *t, const char *cpu, struct err *err)
{
    const struct model *model = t->model;
    cJSON *event = cJSON_CreateObject();
    cJSON *warnings = cJSON_CreateArray(), *notes = cJSON_CreateArray();
    cJSON *layers = layers_json(model);
    cJSON *settings = settings_json(&t->settings);
    char date[16] = "";
    const time_t now = time(NULL);
    struct tm day;
    if (gmtime_r(&now, &day) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d", &day);
    bool ok = cJSON_AddStringToObject(event, "program", "burin " BURIN_VERSION) &&
              cJSON_AddStringToObject(event, "date", date) &&
              cJSON_AddStringToObject(event, "model", model->name) &&
              cJSON_AddStringToObject(event, "norm", model->norm) &&
              cJSON_AddStringToObject(event, "isa", model->isa) &&
              cJSON_AddStringToObject(event, "cpu", cpu) &&
              cJSON_AddNumberToObject(event, "threads", t->settings.threads) &&
              (t->ranks == NULL ||
               (cJSON_AddNumberToObject(event, "ranks", t->ranks->count) &&
                cJSON_AddStringToObject(event, "between_ranks", t->ranks->back_end.name))) &&
              cJSON_AddNumberToObject(event, "parameters", (double)model->param_floats) &&
              cJSON_AddNumberToObject(event, "memory_mb", step_megabytes(t)) &&
              cJSON_AddNumberToObject(event, "step", (double)t->counters.step) &&
              cJSON_AddStringToObject(event, "source", t->train.source) &&
              cJSON_AddNumberToObject(event, "train_images", t->train.count) &&
              cJSON_AddNumberToObject(
                  event, t->settings.validate > 0 ? "val_images" : "test_images", t->test.count) &&
              (!t->resumed || cJSON_AddStringToObject(event, "resumed", t->from.path));
    for (int i = 0; ok && i < WARNINGS; i++) {
        const char *text = warning(t, i);
        if (text != NULL)
            ok = json_append(warnings, cJSON_CreateString(text));
    }
    ok = ok && add_notes(notes, t);
    /* All are given away in any case. */
    ok = json_add(ok ? event : NULL, "notes", notes);
    ok = json_add(ok ? event : NULL, "warnings", warnings);
    ok = json_add(ok ? event : NULL, "layers", layers);
    ok = json_add(ok ? event : NULL, "settings", settings);
    if (!ok) {
        cJSON_Delete(event);
        event = NULL;
    }
    return log_event(&t->log, event, "start", err);
}

/* That an older run had to make room, and how to go on with it where it was not finished. */
static void say_moved(struct trainer *t)
{
    char folder[RUNDIR_PATH_SIZE], command[COMMAND_SIZE] = "";
    int64_t step = 0;
    snprintf(folder, sizeof folder, "%s/previous", t->settings.out);
    say(t, "the run that was in %s is now in %s", t->settings.out, folder);
    if (!resume_is_unfinished(folder, &step))
        return;
    append_word(command, t->program);
    append_word(command, "train");
    append_word(command, "--resume");
    append_word(command, folder);
    say(t, "it stopped at step %lld; to go on with it:", (long long)step);
    say_command(t, "%s", command);
}

static size_t frozen_floats(const struct run *run)
{
    size_t floats = 0;
    for (int i = 0; i < run->model->param_count; i++)
        floats += run_is_frozen(run, i) ? run->model->params[i].count : 0;
    return floats;
}

/* Of chunks that cannot be dealt out evenly some ranks have one more, and the others wait. */
static void say_ranks(struct trainer *t)
{
    const int ranks = t->ranks->count, images = run_chunk_images(t->model);
    const int chunks = (t->settings.recipe.batch + images - 1) / images;
    const int most = (chunks + ranks - 1) / ranks;
    char waits[64] = "";
    if (chunks % ranks != 0)
        snprintf(waits, sizeof waits, ": at best %d %% of their time is work",
                 100 * chunks / (ranks * most));
    say(t, "%d ranks, %s, %d thread%s each; at most %d of the %d chunks of a batch each%s", ranks,
        t->ranks->back_end.name, t->settings.threads, t->settings.threads == 1 ? "" : "s", most,
        chunks, waits);
}

bool report_start(struct trainer *trainer, struct err *err)
{
    struct trainer *t = trainer;
    const struct model *model = t->model;
    char cpu[CPU_NAME_SIZE];
    if (!ranks_writes(t->ranks))
        return true;
    cpu_name(cpu, sizeof cpu);
    for (int i = 0; i < WARNINGS; i++) {
        if (warning(t, i) != NULL)
            lines_print(stderr, "", "%s: warning: %s", t->program, warning(t, i));
    }
    for (int i = 0; i < NOTES; i++) {
        char text[NOTE_SIZE];
        if (note(t, i, text, sizeof text) != NULL)
            lines_print(stderr, "", "%s: note: %s", t->program, text);
    }
    if (!log_start(t, cpu, err))
        return false;
    if (t->quiet)
        return true;
    say(t, "network %s, norm %s, %zu parameters, %s on %s", model->name, model->norm,
        model->param_floats, model->isa, cpu);
    if (frozen_floats(&t->run) > 0)
        say(t, "%zu of the parameters are frozen", frozen_floats(&t->run));
    say(t, "%d training and %d %s images, %lld steps an epoch", t->train.count, t->test.count,
        evaluated(t), (long long)t->counters.steps_per_epoch);
    if (t->ranks != NULL)
        say_ranks(t);
    if (t->dir.moved)
        say_moved(t);
    putchar('\n');
    settings_print(&t->settings, stdout, mark(t));
    putchar('\n');
    if (t->resumed)
        say(t, "resumed from %s, saved at step %lld, %lld epochs completed", t->from.path,
            (long long)t->counters.step, (long long)t->counters.epoch);
    say(t, "%5s %9s %10s %6s %9s %6s %8s %9s", "epoch", "lr", "train loss", "acc %",
        t->settings.validate > 0 ? "held-out" : "test loss", "acc %", "seconds", "images/s");
    return true;
}

/* -- Epochs and end ---------------------------------------------------------------------------- */

bool report_epoch(struct trainer *trainer, const struct log_epoch *epoch, struct err *err)
{
    if (!ranks_writes(trainer->ranks))
        return true;
    if (!log_epoch(&trainer->log, epoch, err))
        return false;
    if (!trainer->quiet)
        say(trainer, "%5d %9.6g %10.4f %6.2f %9.4f %6.2f %8.2f %9.0f", epoch->epoch,
            (double)epoch->lr, epoch->train_loss, epoch->train_acc, epoch->test_loss,
            epoch->test_acc, epoch->seconds, epoch->images_per_s);
    else
        progress_clear(&trainer->bar);
    return true;
}

bool report_training(struct trainer *trainer, const struct evaluate_result *result, struct err *err)
{
    cJSON *event = cJSON_CreateObject();
    if (!(cJSON_AddNumberToObject(event, "step", (double)trainer->counters.step + 1.0) &&
          cJSON_AddNumberToObject(event, "images", (double)result->images) &&
          cJSON_AddNumberToObject(event, "loss", round(result->loss * 1e6) / 1e6) &&
          cJSON_AddNumberToObject(event, "acc", round(result->acc * 1e4) / 1e4))) {
        cJSON_Delete(event);
        event = NULL;
    }
    return log_event(&trainer->log, event, "training_set", err);
}

/* {"epoch": completed, "step": made} with one more text, or NULL without memory. */
static cJSON *position_event(const struct trainer *t, const char *key, const char *text)
{
    cJSON *event = cJSON_CreateObject();
    if (cJSON_AddStringToObject(event, key, text) &&
        cJSON_AddNumberToObject(event, "epoch", (double)t->counters.epoch) &&
        cJSON_AddNumberToObject(event, "step", (double)t->counters.step))
        return event;
    cJSON_Delete(event);
    return NULL;
}

void report_saved(const struct trainer *trainer, bool saved)
{
    char note[INTERRUPT_NOTE], path[RUNDIR_PATH_SIZE];
    if (!ranks_writes(trainer->ranks))
        return;
    if (saved)
        snprintf(note, sizeof note, "\n%s: stopped at once; step %lld is saved: %s\n",
                 trainer->program, (long long)trainer->counters.step,
                 rundir_path(&trainer->dir, RUNDIR_LAST, path, sizeof path));
    else
        snprintf(note, sizeof note, "\n%s: stopped at once; nothing is saved\n", trainer->program);
    interrupt_note(note);
}

bool report_interrupt(struct trainer *trainer, int signal_number, struct err *err)
{
    if (!ranks_writes(trainer->ranks))
        return true;
    say(trainer, "%s: saving; again quits at once", interrupt_name(signal_number));
    cJSON *event = position_event(trainer, "signal", interrupt_name(signal_number));
    return log_event(&trainer->log, event, "interrupt", err);
}

static bool log_end(struct trainer *t, const char *reason, struct err *err)
{
    cJSON *event = position_event(t, "reason", reason);
    const struct checkpoint_counters *c = &t->counters;
    double waited = round(loader_waited(t->train_loader) * 1e3) / 1e3;
    if (event != NULL && !((c->best_epoch == 0 ||
                            (cJSON_AddNumberToObject(event, "best_epoch", (double)c->best_epoch) &&
                             cJSON_AddNumberToObject(event, "best_acc", c->best_acc))) &&
                           cJSON_AddNumberToObject(event, "loader_wait_s", waited) &&
                           cJSON_AddNumberToObject(event, "peak_memory_mb", cpu_peak_memory()))) {
        cJSON_Delete(event);
        event = NULL;
    }
    return log_event(&t->log, event, "end", err);
}

/* A run that went on in another folder may have left its best model behind. */
static void say_best(struct trainer *t)
{
    const struct checkpoint_counters *c = &t->counters;
    char path[RUNDIR_PATH_SIZE];
    bool has = access(rundir_path(&t->dir, RUNDIR_BEST, path, sizeof path), F_OK) == 0;
    if (c->best_epoch > 0)
        say(t, "best %s accuracy %.2f %% in epoch %lld%s%s%s", evaluated(t), c->best_acc,
            (long long)c->best_epoch, has ? ": " : "; its model is not in ", t->settings.out,
            has ? "/" RUNDIR_BEST : "");
}

/* The steps made of an epoch that is not over, which no line told. */
static void say_part(struct trainer *t)
{
    const struct checkpoint_counters *c = &t->counters;
    if (c->images > 0 && !t->quiet)
        say(t, "epoch %lld so far: %lld of %lld steps, train loss %.4f, acc %.2f %%",
            (long long)c->epoch + 1, (long long)(c->step - c->epoch * c->steps_per_epoch),
            (long long)c->steps_per_epoch, c->loss / (double)c->images,
            100.0 * (double)c->correct / (double)c->images);
}

/* The generator: the one beside the program, or else that of the shell's path. */
static void append_generator(char *words, const char *program)
{
    static const char name[] = "burin";
    const char *slash = strrchr(program, '/');
    char path[COMMAND_SIZE];
    int length = slash == NULL ? 0
                               : snprintf(path, sizeof path, "%.*s%s", (int)(slash + 1 - program),
                                          program, name);
    bool beside = length > 0 && (size_t)length < sizeof path && access(path, X_OK) == 0;
    append_word(words, beside ? path : name);
}

/* What people do with a model that is trained: these words, the folder of the run, these. */
static void say_next(struct trainer *t)
{
    const char *const data = t->train.synthetic ? " --data synthetic" : "";
    char program[COMMAND_SIZE] = "", folder[COMMAND_SIZE] = "", generator[COMMAND_SIZE] = "";
    append_word(program, t->program);
    append_word(folder, t->settings.out);
    append_generator(generator, t->program);
    say(t, "next:");
    say_command(t, "%s eval --model %s%s", program, folder, data);
    say_command(t, "%s predict --model %s IMAGE...", program, folder);
    say_command(t, "%s report %s", generator, folder);
}

bool report_end(struct trainer *trainer, enum report_reason reason, struct err *err)
{
    static const char *const names[] = {
        [REPORT_FINISHED] = "finished",
        [REPORT_MAX_STEPS] = "max_steps",
        [REPORT_INTERRUPTED] = "interrupted",
        [REPORT_DIVERGED] = "diverged",
    };
    struct trainer *t = trainer;
    const struct checkpoint_counters *c = &t->counters;
    char command[COMMAND_SIZE];
    if (!ranks_writes(t->ranks))
        return true;
    progress_clear(&t->bar);
    if (!log_end(t, names[reason], err))
        return false;
    if (reason == REPORT_INTERRUPTED || reason == REPORT_MAX_STEPS)
        say_part(t);
    say_best(t);
    if (reason == REPORT_INTERRUPTED || reason == REPORT_MAX_STEPS) {
        resume_command(t, reason, command);
        say(t,
            "%s at step %lld; to go on:", reason == REPORT_INTERRUPTED ? "interrupted" : "stopped",
            (long long)c->step);
        say_command(t, "%s", command);
    } else if (reason == REPORT_FINISHED && !t->quiet) {
        say(t, "finished %lld epoch%s; waited %.2f s for data; at most %.0f MB of memory",
            (long long)c->epoch, c->epoch == 1 ? "" : "s", loader_waited(t->train_loader),
            cpu_peak_memory());
        say_next(t);
    }
    if (t->profiles && t->profile.steps > 0) {
        putchar('\n');
        profile_print(&t->profile, stdout, mark(t));
    }
    return true;
}
