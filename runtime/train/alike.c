/* alike.c - names as they are, what is long as a digest. */
#include "train/alike.h"

#include <errno.h>

#include "file/sha256.h"
#include "program.h"

/* What may differ from machine to machine: where things are, and how many threads there are. */
static bool may_differ(enum settings_key key)
{
    return key == SETTING_DATA || key == SETTING_OUT || key == SETTING_INIT ||
           key == SETTING_RESUME || key == SETTING_THREADS;
}

static bool same_settings(struct trainer *t, struct err *err)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const enum settings_key key = (enum settings_key)i;
        char option[64], text[SETTINGS_TEXT_SIZE];
        if (!may_differ(key) &&
            !ranks_compare(t->ranks, settings_option(key, option, sizeof option),
                           settings_text(&t->settings, key, text, sizeof text), err))
            return false;
    }
    return true;
}

static void add(struct sha256 *sum, const float *values, size_t count)
{
    if (values != NULL)
        sha256_add(sum, values, count * sizeof *values);
}

/* Parameters, statistics, what the optimizer keeps, and how far the training is. */
static bool same_state(struct trainer *t, struct err *err)
{
    const struct store *s = &t->run.store;
    const size_t n = t->model->param_floats;
    const int64_t made[] = {s->batches, t->counters.step, t->counters.epoch};
    char digest[SHA256_HEX_SIZE];
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, made, sizeof made);
    add(&sum, s->param, n);
    add(&sum, s->momentum, n);
    add(&sum, s->square, n);
    add(&sum, s->ema, n);
    add(&sum, s->state, t->model->state_floats);
    return sha256_finish(&sum, digest)
               ? ranks_compare(t->ranks, "parameters and state", digest, err)
               : err_set_errno(err, ENOMEM, "digest of the parameters");
}

bool alike_reading(struct ranks *ranks, bool from_root, struct err *err)
{
    return ranks == NULL ||
           ranks_compare(ranks, "--data-from-root", from_root ? "given" : "not given", err);
}

bool alike_model(struct ranks *ranks, const struct run *run, struct err *err)
{
    const struct model *model = run->model;
    char digest[SHA256_HEX_SIZE];
    struct sha256 sum;
    if (ranks == NULL)
        return true;
    sha256_start(&sum);
    add(&sum, run->store.param, model->param_floats);
    add(&sum, run->store.state, model->state_floats);
    return (sha256_finish(&sum, digest) ||
            err_set_errno(err, ENOMEM, "digest of the parameters")) &&
           ranks_compare(ranks, "instruction set", model->isa, err) &&
           ranks_compare(ranks, "parameters", digest, err);
}

bool alike_check(struct trainer *trainer, struct err *err)
{
    struct ranks *ranks = trainer->ranks;
    const struct origin *origin = &trainer->origin;
    return ranks == NULL || (ranks_compare(ranks, "program", "burin " BURIN_VERSION, err) &&
                             ranks_compare(ranks, "network", trainer->model->name, err) &&
                             ranks_compare(ranks, "norm", trainer->model->norm, err) &&
                             ranks_compare(ranks, "kernels", origin->kernels, err) &&
                             ranks_compare(ranks, "training images", origin->train, err) &&
                             ranks_compare(ranks, "test images", origin->test, err) &&
                             same_settings(trainer, err) && same_state(trainer, err));
}
