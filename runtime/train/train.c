/* train.c - the training loop.
 *
 * The invariant: the counters, the store and nothing else say where the training is, and between
 * two steps they always agree. So a checkpoint may be saved between any two steps, and a run that
 * goes on from it makes the same steps with the same bits as one that never stopped.
 *
 * At the end of an epoch the log comes first, then best, then last: a crash in between costs that
 * epoch and no more, because resumption cuts the log back to what last.safetensors holds.
 */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/diagnose.h"
#include "inspect/evaluate.h"
#include "inspect/samples.h"
#include "sys/clock.h"
#include "sys/interrupt.h"
#include "train/report.h"
#include "train/schedule.h"
#include "train/trainer.h"

/* What comes after a step or an epoch. */
enum next { GO_ON, STOP_MAX_STEPS, STOP_INTERRUPTED, STOP_ERROR };

/* The epoch under way, as this process sees it. */
struct epoch {
    double seconds; /* since its first step here */
    int64_t images; /* since then */
    float lr;       /* of the last step */
};

static float rate(const struct trainer *t, int64_t step)
{
    return schedule_lr(&t->settings.recipe, t->settings.recipe.epochs,
                       (int)t->counters.steps_per_epoch, t->counters.plateau.drops, step);
}

/* Steps made of the epoch under way. */
static int steps_made(const struct checkpoint_counters *c)
{
    return (int)(c->step - c->epoch * c->steps_per_epoch);
}

static bool diverged(struct trainer *t, const char *what, const char *where, struct err *err)
{
    const struct checkpoint_counters *c = &t->counters;
    trainer_agreed(t, EXIT_DIVERGED);
    return err_set_code(err, EXIT_DIVERGED,
                        "diverged in epoch %lld, step %lld: the %s is not finite%s%s; the "
                        "checkpoints stay as they were. A lower --lr may help.",
                        (long long)c->epoch + 1, (long long)c->step, what,
                        where[0] == '\0' ? "" : ": ", where);
}

/* A step whose loss or gradients are not finite: finds out where that began. */
static bool bad_step(struct trainer *t, const struct batch *batch, double loss, struct err *err)
{
    char where[DIAGNOSE_SIZE] = "";
    if (ranks_writes(t->ranks)) {
        loader_complete(t->train_loader);
        diagnose(&t->run, t->before, batch, where);
    }
    return diverged(t, isfinite(loss) ? "gradient" : "loss", where, err);
}

/* The last step whose parameters are the whole average: the first of those it is made of. */
static int64_t averages_from(const struct trainer *t)
{
    const struct recipe *recipe = &t->settings.recipe;
    const double all = (double)recipe->epochs * (double)t->counters.steps_per_epoch;
    return 1 + (int64_t)((double)recipe->ema_start * all);
}

/* Of the average parameters, where there are any. logits: room as trainer.h says, or NULL. */
static bool evaluate_model(struct trainer *t, struct loader *loader, float *logits,
                           struct evaluate_result *result)
{
    average_enter(&t->average, &t->run);
    const bool done =
        average_estimate(&t->average, &t->run, t->train_loader, (uint32_t)t->counters.epoch + 1) &&
        evaluate(&t->run, loader, logits, logits == NULL ? 0 : SAMPLES_MOST, result);
    average_leave(&t->average, &t->run);
    return done;
}

/* One step: the counters change only when its loss and gradients are finite. */
static bool train_step(struct trainer *t, const struct batch *batch, float lr, struct err *err)
{
    struct checkpoint_counters *c = &t->counters;
    t->run.optim.lr = lr;
    t->run.optim.step = c->step + 1;
    bool looks = probe_due(t->probe, c->step);
    if (looks && !probe_look(t->probe, &t->run.store, err))
        return false;
    const size_t n = t->model->param_floats;
    memcpy(t->before, t->run.store.param, n * sizeof t->before[0]);
    struct step_result result = run_train(&t->run, batch);
    if (!ranks_well(t->ranks, err))
        return false;
    c->step++;
    if (!isfinite(result.loss) || !run_gradients_finite(&t->run))
        return bad_step(t, batch, result.loss, err);
    if (t->run.store.ema != NULL)
        run_average(&t->run, averages_from(t) < c->step ? t->settings.recipe.ema : 0);
    c->loss += result.loss * batch->n;
    c->correct += result.correct;
    c->images += batch->n;
    if (looks && !probe_write(t->probe, &t->run.store, &t->log, c->step, err))
        return false;
    return !t->settings.log_steps || !ranks_writes(t->ranks) ||
           log_step(&t->log, c->step, result.loss, err);
}

static enum next after_step(const struct trainer *t)
{
    if (run_interrupted(&t->run) != 0)
        return STOP_INTERRUPTED;
    bool last = t->settings.max_steps > 0 && t->counters.step >= t->settings.max_steps;
    bool whole = steps_made(&t->counters) == t->counters.steps_per_epoch;
    return last && !whole ? STOP_MAX_STEPS : GO_ON; /* a whole epoch is evaluated first */
}

/* The steps that are left of this epoch. */
static enum next train_steps(struct trainer *t, struct epoch *epoch, struct err *err)
{
    struct checkpoint_counters *c = &t->counters;
    double start = clock_seconds() - probe_seconds(t->probe); /* looks are no training */
    enum next next = after_step(t);
    if (next != GO_ON || steps_made(c) == c->steps_per_epoch)
        return next;
    loader_start_epoch(t->train_loader, (uint32_t)c->epoch + 1, steps_made(c));
    const struct batch *batch;
    while (next == GO_ON && (batch = loader_next(t->train_loader)) != NULL) {
        epoch->lr = rate(t, c->step);
        if (!train_step(t, batch, epoch->lr, err))
            return STOP_ERROR;
        epoch->images += batch->n;
        epoch->seconds = clock_seconds() - probe_seconds(t->probe) - start;
        report_progress(t, steps_made(c), c->loss / (double)c->images,
                        (double)epoch->images / epoch->seconds);
        next = after_step(t);
    }
    return next;
}

/* Evaluates, logs and saves a whole epoch. */
static enum next end_epoch(struct trainer *t, const struct epoch *epoch, struct err *err)
{
    struct checkpoint_counters *c = &t->counters;
    struct evaluate_result test;
    if (!evaluate_model(t, t->test_loader, t->logits, &test))
        return STOP_INTERRUPTED;
    if (!ranks_well(t->ranks, err))
        return STOP_ERROR;
    if (!isfinite(test.loss)) {
        diverged(t, t->settings.validate > 0 ? "held-out loss" : "test loss", "", err);
        return STOP_ERROR;
    }
    struct log_epoch line = {
        .epoch = (int)c->epoch + 1,
        .lr = epoch->images > 0 ? epoch->lr : rate(t, c->step - 1),
        .train_loss = c->loss / (double)c->images,
        .train_acc = 100.0 * (double)c->correct / (double)c->images,
        .test_loss = test.loss,
        .test_acc = test.acc,
        .seconds = epoch->seconds,
        .images_per_s = epoch->seconds > 0.0 ? (double)epoch->images / epoch->seconds : 0.0,
    };
    /* The test set decides nothing: without held-out images it is the loss of training. */
    if (t->settings.recipe.schedule == LR_PLATEAU)
        schedule_plateau(&t->settings.recipe, &c->plateau,
                         t->settings.validate > 0 ? test.loss : line.train_loss);
    bool best = test.acc > c->best_acc;
    c->epoch++;
    c->loss = 0.0;
    c->correct = 0;
    c->images = 0;
    if (best) {
        c->best_acc = test.acc;
        c->best_epoch = c->epoch;
    }
    bool ok = report_epoch(t, &line, err) && (!best || trainer_save_best(t, err)) &&
              trainer_save_last(t, err);
    if (!ok)
        return STOP_ERROR;
    report_saved(t, true);
    bool enough = t->settings.max_steps > 0 && c->step >= t->settings.max_steps;
    return run_interrupted(&t->run) != 0 && c->epoch < t->settings.recipe.epochs ? STOP_INTERRUPTED
           : enough                                                              ? STOP_MAX_STEPS
                                                                                 : GO_ON;
}

static enum next train_epochs(struct trainer *t, struct err *err)
{
    enum next next = GO_ON;
    while (next == GO_ON && t->counters.epoch < t->settings.recipe.epochs) {
        struct epoch epoch = {.images = 0};
        next = train_steps(t, &epoch, err);
        if (next == GO_ON)
            next = end_epoch(t, &epoch, err);
    }
    return next;
}

/* A last look, which no step follows. */
static bool look_once_more(struct trainer *t, struct err *err)
{
    return t->probe == NULL || (probe_look(t->probe, &t->run.store, err) &&
                                probe_write(t->probe, NULL, &t->log, t->counters.step + 1, err));
}

/* How the first training images fare when they are treated as the test images are: beside the
 * accuracy of an epoch this says what augmentation, dropout and moving parameters take from it.
 * Part of looking inside; ranks, who would have to evaluate together, leave it out. */
static bool evaluate_training(struct trainer *t, struct err *err)
{
    enum { MOST = 5000 };
    if (t->probe == NULL || t->ranks != NULL)
        return true;
    struct data few = t->train; /* borrows */
    few.count = few.count < MOST ? few.count : MOST;
    struct loader_settings settings = {.batch = t->settings.recipe.batch};
    augment_init(&settings.augment, &t->stats, &t->train);
    struct loader *loader = NULL;
    struct evaluate_result result;
    if (!loader_open(&loader, &few, &settings, err))
        return false;
    const bool done = evaluate_model(t, loader, NULL, &result);
    loader_close(loader);
    return !done || report_training(t, &result, err);
}

/* Ends a training in the way that it stopped. */
static bool finish(struct trainer *t, enum next next, struct err *err)
{
    bool ok = false;
    switch (next) {
    case GO_ON:
        return look_once_more(t, err) && evaluate_training(t, err) &&
               report_end(t, REPORT_FINISHED, err);
    case STOP_MAX_STEPS:
        return trainer_save_last(t, err) && look_once_more(t, err) &&
               report_end(t, REPORT_MAX_STEPS, err);
    case STOP_INTERRUPTED:
        trainer_agreed(t, EXIT_INTERRUPTED);
        ok = report_interrupt(t, run_interrupted(&t->run), err) && trainer_save_last(t, err) &&
             report_end(t, REPORT_INTERRUPTED, err);
        if (ok)
            err->code = EXIT_INTERRUPTED;
        return false;
    case STOP_ERROR:
        break;
    }
    if (err->code == EXIT_DIVERGED) {
        struct err second = {0}; /* the divergence is the error to tell */
        report_end(t, REPORT_DIVERGED, &second);
    }
    return false;
}

bool train_main(const struct model *model, const char *program, int argc, char **argv,
                struct err *err)
{
    struct trainer trainer;
    if (!trainer_open(&trainer, model, program, argc, argv, err))
        return false;
    bool ok = true;
    if (!trainer.done) {
        interrupt_install();
        report_saved(&trainer, trainer.resumed);
        ok = report_start(&trainer, err) && finish(&trainer, train_epochs(&trainer, err), err);
        progress_clear(&trainer.bar);
        interrupt_restore();
        struct err late = {0};
        if (!log_close(&trainer.log, &late) && ok)
            ok = err_set_code(err, late.code, "%s", late.message);
    }
    trainer_close(&trainer);
    return ok;
}
