/* checkpoint.c - between the store of a run and a table of named tensors.
 *
 * 8-byte tensors come first in the file, so that every tensor is aligned. The order is otherwise
 * that of the model, never that of memory or time.
 */
#include "file/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/finite.h"

enum { NAME_SIZE = 256 };

static const char optim_prefix[] = "optim.";
static const char *const optim_prefixes[] = {"optim.momentum.", "optim.exp_avg.",
                                             "optim.exp_avg_sq."};
enum { OPTIM_WORDS = sizeof optim_prefixes / sizeof optim_prefixes[0] };
static const char counter_prefix[] = "train.", average_prefix[] = "ema.";
static const char tracked_suffix[] = ".num_batches_tracked";
static const char mean_suffix[] = ".running_mean";

static const struct counter {
    const char *name;
    enum safetensors_dtype dtype;
    size_t offset;
    bool of_plateau;
} counter_rows[] = {
    {"train.epoch", SAFETENSORS_I64, offsetof(struct checkpoint_counters, epoch), false},
    {"train.step", SAFETENSORS_I64, offsetof(struct checkpoint_counters, step), false},
    {"train.steps_per_epoch", SAFETENSORS_I64,
     offsetof(struct checkpoint_counters, steps_per_epoch), false},
    {"train.images", SAFETENSORS_I64, offsetof(struct checkpoint_counters, images), false},
    {"train.correct", SAFETENSORS_I64, offsetof(struct checkpoint_counters, correct), false},
    {"train.loss", SAFETENSORS_F64, offsetof(struct checkpoint_counters, loss), false},
    {"train.best_acc", SAFETENSORS_F64, offsetof(struct checkpoint_counters, best_acc), false},
    {"train.best_epoch", SAFETENSORS_I64, offsetof(struct checkpoint_counters, best_epoch), false},
    {"train.plateau_best", SAFETENSORS_F64, offsetof(struct checkpoint_counters, plateau.best),
     true},
    {"train.plateau_bad", SAFETENSORS_I64, offsetof(struct checkpoint_counters, plateau.bad), true},
    {"train.plateau_drops", SAFETENSORS_I64, offsetof(struct checkpoint_counters, plateau.drops),
     true},
};
enum { COUNTERS = sizeof counter_rows / sizeof counter_rows[0], COUNTER_BYTES = 8 };

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "norm1.num_batches_tracked" for the state "norm1.running_mean"; false for any other state. */
static bool tracked_name(const char *state, char out[NAME_SIZE])
{
    size_t length = strlen(state), end = strlen(mean_suffix);
    if (length < end || strcmp(state + length - end, mean_suffix) != 0)
        return false;
    int written = snprintf(out, NAME_SIZE, "%.*s%s", (int)(length - end), state, tracked_suffix);
    assert(written < NAME_SIZE);
    return written < NAME_SIZE;
}

static struct safetensor param_tensor(const struct param *param, const char *name,
                                      const float *values)
{
    struct safetensor tensor = {.name = name,
                                .dtype = SAFETENSORS_F32,
                                .rank = param->rank,
                                .data = values == NULL ? NULL : values + param->offset};
    for (int i = 0; i < param->rank; i++)
        tensor.shape[i] = (size_t)param->shape[i];
    return tensor;
}

static struct safetensor state_tensor(const struct state *state, const float *values)
{
    return (struct safetensor){.name = state->name,
                               .dtype = SAFETENSORS_F32,
                               .rank = 1,
                               .shape = {state->count},
                               .data = values == NULL ? NULL : values + state->offset};
}

/* -- Saving ------------------------------------------------------------------------------------ */

/* The tensors of a file under construction, and the names made for it. */
struct table {
    struct safetensor *tensors;
    char (*names)[NAME_SIZE];
    size_t count, used;
};

static void free_table(struct table *table)
{
    free(table->tensors);
    free(table->names);
}

static bool make_table(struct table *table, const struct model *model)
{
    size_t names = (size_t)model->param_count + (size_t)model->state_count;
    size_t made = names + (size_t)model->state_count + RUN_KEPT * (size_t)model->param_count;
    *table = (struct table){.tensors = calloc(COUNTERS + names + made, sizeof table->tensors[0]),
                            .names = calloc(made + 1, NAME_SIZE)};
    return table->tensors != NULL && table->names != NULL;
}

static void add_counters(struct table *table, const struct checkpoint_counters *counters)
{
    for (int i = 0; i < COUNTERS; i++) {
        if (counter_rows[i].of_plateau && !counters->has_plateau)
            continue;
        table->tensors[table->count++] = (struct safetensor){
            .name = counter_rows[i].name,
            .dtype = counter_rows[i].dtype,
            .data = (const char *)counters + counter_rows[i].offset,
        };
    }
}

static void add_model(struct table *table, const struct run *run)
{
    const struct model *model = run->model;
    for (int i = 0; i < model->state_count; i++) {
        char *name = table->names[table->used];
        if (tracked_name(model->states[i].name, name)) {
            table->used++;
            table->tensors[table->count++] = (struct safetensor){
                .name = name, .dtype = SAFETENSORS_I64, .data = &run->store.batches};
        }
    }
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        table->tensors[table->count++] = param_tensor(param, param->name, run->store.param);
    }
    for (int i = 0; i < model->state_count; i++)
        table->tensors[table->count++] = state_tensor(&model->states[i], run->store.state);
}

/* "optim.momentum.conv1.weight" */
static void kept_name(char name[NAME_SIZE], const char *what, const struct param *param)
{
    int length = snprintf(name, NAME_SIZE, "%s%s.%s", optim_prefix, what, param->name);
    assert(length < NAME_SIZE);
}

static void add_kept(struct table *table, const struct run *run)
{
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *param = &run->model->params[i];
        const char *what[RUN_KEPT];
        float *values[RUN_KEPT];
        const int count = run_kept(run, i, what, values);
        for (int k = 0; k < count; k++) {
            char *name = table->names[table->used++];
            kept_name(name, what[k], param);
            table->tensors[table->count] = param_tensor(param, name, NULL);
            table->tensors[table->count++].data = values[k];
        }
    }
}

/* "ema.conv1.weight" */
static void average_name(char name[NAME_SIZE], const char *of)
{
    int length = snprintf(name, NAME_SIZE, "%s%s", average_prefix, of);
    assert(length < NAME_SIZE);
}

static void add_averages(struct table *table, const struct run *run)
{
    const struct model *model = run->model;
    for (int i = 0; run->store.ema != NULL && i < model->param_count + model->state_count; i++) {
        const bool param = i < model->param_count;
        const int state = i - model->param_count;
        char *name = table->names[table->used++];
        average_name(name, param ? model->params[i].name : model->states[state].name);
        struct safetensor tensor = param
                                       ? param_tensor(&model->params[i], name, run->store.ema)
                                       : state_tensor(&model->states[state], run->store.ema_state);
        tensor.name = name;
        table->tensors[table->count++] = tensor;
    }
}

bool checkpoint_save(const char *path, const char *kept, const struct run *run,
                     const struct checkpoint_counters *counters,
                     const struct safetensors_meta *metas, size_t meta_count, struct err *err)
{
    struct table table;
    bool ok = make_table(&table, run->model) || err_set_errno(err, ENOMEM, "%s", path);
    if (ok) {
        add_counters(&table, counters);
        add_model(&table, run);
        add_kept(&table, run);
        add_averages(&table, run);
        ok = safetensors_save(path, kept, table.tensors, table.count, metas, meta_count, err);
    }
    free_table(&table);
    return ok;
}

bool checkpoint_save_model(const char *path, const struct run *run,
                           const struct safetensors_meta *metas, size_t meta_count, struct err *err)
{
    struct table table;
    bool ok = make_table(&table, run->model) || err_set_errno(err, ENOMEM, "%s", path);
    if (ok) {
        add_model(&table, run);
        ok = safetensors_save(path, NULL, table.tensors, table.count, metas, meta_count, err);
    }
    free_table(&table);
    return ok;
}

/* -- Fitting ----------------------------------------------------------------------------------- */

/* Collects differences until the message is full. */
struct differences {
    char text[640];
    int count;
};

static void differ(struct differences *all, const char *what, const char *name)
{
    size_t used = strlen(all->text);
    const size_t room_for_more = 80;
    if (used + strlen(what) + strlen(name) + room_for_more < sizeof all->text)
        snprintf(all->text + used, sizeof all->text - used, "\n  %s %s", name, what);
    all->count++;
}

static void compare(struct differences *all, const struct safetensors *file,
                    const struct safetensor *wanted)
{
    const struct safetensor *found = safetensors_find(file, wanted->name);
    struct err mismatch = {0};
    if (found == NULL) {
        differ(all, "is missing", wanted->name);
    } else if (!safetensors_check(file, found, wanted->dtype, wanted->rank, wanted->shape,
                                  &mismatch)) {
        char text[256], is[100], expected[100];
        snprintf(text, sizeof text, "is %s: expected %s",
                 safetensors_describe(is, sizeof is, found),
                 safetensors_describe(expected, sizeof expected, wanted));
        differ(all, text, wanted->name);
    }
}

bool checkpoint_knows(const struct model *model, const char *name)
{
    char tracked[NAME_SIZE];
    bool found = starts_with(name, counter_prefix) || starts_with(name, average_prefix);
    for (int i = 0; !found && i < OPTIM_WORDS; i++)
        found = starts_with(name, optim_prefixes[i]);
    for (int i = 0; !found && i < model->param_count; i++)
        found = strcmp(model->params[i].name, name) == 0;
    for (int i = 0; !found && i < model->state_count; i++) {
        found = strcmp(model->states[i].name, name) == 0 ||
                (tracked_name(model->states[i].name, tracked) && strcmp(tracked, name) == 0);
    }
    return found;
}

struct safetensor checkpoint_tensor(const struct param *param)
{
    return param_tensor(param, param->name, NULL);
}

bool checkpoint_fits(const struct safetensors *file, const struct model *model, struct err *err)
{
    const char *network = safetensors_meta(file, "network");
    const char *norm = safetensors_meta(file, "norm");
    if ((network != NULL && strcmp(network, model->name) != 0) ||
        (norm != NULL && strcmp(norm, model->norm) != 0)) {
        return err_set_code(err, EXIT_DATA,
                            "%s: made by network %.100s with norm %.100s: expected %s with norm %s",
                            file->path, network != NULL ? network : "?", norm != NULL ? norm : "?",
                            model->name, model->norm);
    }
    struct differences all = {.count = 0};
    for (int i = 0; i < model->param_count; i++) {
        struct safetensor wanted = param_tensor(&model->params[i], model->params[i].name, NULL);
        compare(&all, file, &wanted);
    }
    for (int i = 0; i < model->state_count; i++) {
        struct safetensor wanted = state_tensor(&model->states[i], NULL);
        compare(&all, file, &wanted);
    }
    for (size_t i = 0; i < file->count; i++) {
        if (!checkpoint_knows(model, file->tensors[i].name))
            differ(&all, "is not in this network", file->tensors[i].name);
    }
    return all.count == 0 ||
           err_set_code(err, EXIT_DATA,
                        "%s: does not fit: expected network %s with norm %s, %d difference%s:%s",
                        file->path, model->name, model->norm, all.count, all.count == 1 ? "" : "s",
                        all.text);
}

/* -- Loading ----------------------------------------------------------------------------------- */

/* Copies floats out of the file; false when one of them is no number to compute with. */
static bool copy_floats(const struct safetensors *file, const char *name, float *out, size_t count,
                        struct err *err)
{
    const struct safetensor *tensor = safetensors_find(file, name);
    assert(tensor != NULL && safetensors_bytes(tensor) == count * sizeof(float));
    memcpy(out, tensor->data, count * sizeof(float));
    if (finite_all(out, count))
        return true;
    size_t at = 0;
    while (isfinite(out[at]))
        at++;
    return err_set_code(err, EXIT_DATA,
                        "%s: tensor \"%s\": element %zu is %s: expected finite numbers", file->path,
                        name, at, isnan(out[at]) ? "nan" : "infinite");
}

bool checkpoint_load_param(const struct safetensors *file, struct run *run, int i, struct err *err)
{
    const struct param *param = &run->model->params[i];
    return copy_floats(file, param->name, run->store.param + param->offset, param->count, err);
}

bool checkpoint_load_params(const struct safetensors *file, struct run *run, struct err *err)
{
    for (int i = 0; i < run->model->param_count; i++) {
        if (!checkpoint_load_param(file, run, i, err))
            return false;
    }
    run_pack(run);
    return true;
}

bool checkpoint_load_model(const struct safetensors *file, struct run *run, struct err *err)
{
    for (int i = 0; i < run->model->state_count; i++) {
        const struct state *state = &run->model->states[i];
        if (!copy_floats(file, state->name, run->store.state + state->offset, state->count, err))
            return false;
    }
    return checkpoint_load_params(file, run, err);
}

bool checkpoint_is_model(const struct safetensors *file)
{
    for (int i = 0; i < COUNTERS; i++) {
        if (safetensors_find(file, counter_rows[i].name) != NULL)
            return false;
    }
    return true;
}

/* Finds a tensor that only checkpoints have. */
static const struct safetensor *require(const struct safetensors *file,
                                        const struct safetensor *wanted, struct err *err)
{
    const struct safetensor *tensor = safetensors_find(file, wanted->name);
    if (tensor == NULL) {
        err_set_code(err, EXIT_DATA,
                     "%s: tensor \"%s\" is missing: expected a checkpoint of a training (a model "
                     "alone can be given to --init)",
                     file->path, wanted->name);
        return NULL;
    }
    bool fits = safetensors_check(file, tensor, wanted->dtype, wanted->rank, wanted->shape, err);
    return fits ? tensor : NULL;
}

static const int64_t MOST = INT64_C(1) << 40; /* far above any training, far below overflow */

static bool is_count(int64_t n)
{
    return n >= 0 && n < MOST;
}

/* Whether these can be the counters of one training with batches of this size. */
static bool agree(const struct checkpoint_counters *c, int batch)
{
    if (!is_count(c->epoch) || !is_count(c->step) || c->steps_per_epoch <= 0 ||
        c->steps_per_epoch >= (1 << 20) || !is_count(c->images) || !is_count(c->correct))
        return false;
    int64_t made = c->step - c->epoch * c->steps_per_epoch;
    if (made < 0 || made > c->steps_per_epoch || (made == 0) != (c->images == 0) ||
        c->images > made * batch || c->correct > c->images)
        return false;
    if (c->has_plateau && (!isfinite(c->plateau.best) || !is_count(c->plateau.bad) ||
                           !is_count(c->plateau.drops) || c->plateau.drops > c->epoch))
        return false;
    return isfinite(c->loss) && c->loss >= 0.0 && (made > 0 || !(c->loss > 0.0));
}

/* No epoch is the best before the first; afterwards one of them is, from 0 to 100 percent. */
static bool best_agrees(const struct checkpoint_counters *c)
{
    if (c->epoch == 0)
        return c->best_epoch == 0 && c->best_acc >= -1.0 && c->best_acc <= -1.0;
    return c->best_epoch >= 1 && c->best_epoch <= c->epoch && c->best_acc >= 0.0 &&
           c->best_acc <= 100.0;
}

static bool load_counters(const struct safetensors *file, struct checkpoint_counters *counters,
                          int batch, struct err *err)
{
    memset(counters, 0, sizeof *counters);
    for (int i = 0; i < COUNTERS; i++) {
        if (counter_rows[i].of_plateau && safetensors_find(file, counter_rows[i].name) == NULL)
            continue;
        counters->has_plateau = counter_rows[i].of_plateau;
        struct safetensor wanted = {.name = counter_rows[i].name, .dtype = counter_rows[i].dtype};
        const struct safetensor *tensor = require(file, &wanted, err);
        if (tensor == NULL)
            return false;
        memcpy((char *)counters + counter_rows[i].offset, tensor->data, COUNTER_BYTES);
    }
    const struct checkpoint_counters *c = counters;
    if (!agree(c, batch))
        return err_set_code(err, EXIT_DATA,
                            "%s: counters contradict each other: epoch %lld, step %lld, %lld steps "
                            "an epoch, %lld of %lld images right, loss %g: expected those of one "
                            "training",
                            file->path, (long long)c->epoch, (long long)c->step,
                            (long long)c->steps_per_epoch, (long long)c->correct,
                            (long long)c->images, c->loss);
    return best_agrees(c) ||
           err_set_code(err, EXIT_DATA,
                        "%s: best epoch %lld with accuracy %g after %lld epochs: expected one of "
                        "these epochs and an accuracy from 0 to 100",
                        file->path, (long long)c->best_epoch, c->best_acc, (long long)c->epoch);
}

/* The batches that a norm has seen: all norms have seen the same. */
static bool load_batches(const struct safetensors *file, const char *name, bool first,
                         int64_t *batches, struct err *err)
{
    struct safetensor wanted = {.name = name, .dtype = SAFETENSORS_I64};
    const struct safetensor *tensor = require(file, &wanted, err);
    if (tensor == NULL)
        return false;
    int64_t seen;
    memcpy(&seen, tensor->data, sizeof seen);
    if (!is_count(seen))
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: %lld batches: expected the batches of a training", file->path,
                            name, (long long)seen);
    if (!first && seen != *batches)
        return err_set_code(err, EXIT_DATA,
                            "%s: %s: %lld batches: expected %lld, as the norm before it has seen",
                            file->path, name, (long long)seen, (long long)*batches);
    *batches = seen;
    return true;
}

/* What the optimizer keeps. */
static bool load_kept(const struct safetensors *file, struct run *run, struct err *err)
{
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *param = &run->model->params[i];
        const char *what[RUN_KEPT];
        float *values[RUN_KEPT];
        char name[NAME_SIZE];
        for (int k = run_kept(run, i, what, values) - 1; k >= 0; k--) {
            kept_name(name, what[k], param);
            struct safetensor wanted = param_tensor(param, name, NULL);
            if (require(file, &wanted, err) == NULL ||
                !copy_floats(file, name, values[k], param->count, err))
                return false;
        }
    }
    return true;
}

static bool load_averages(const struct safetensors *file, struct run *run, struct err *err)
{
    const struct model *model = run->model;
    for (int i = 0; run->store.ema != NULL && i < model->param_count + model->state_count; i++) {
        const struct param *param = i < model->param_count ? &model->params[i] : NULL;
        const struct state *state = &model->states[param != NULL ? 0 : i - model->param_count];
        char name[NAME_SIZE];
        average_name(name, param != NULL ? param->name : state->name);
        struct safetensor wanted =
            param != NULL ? param_tensor(param, name, NULL) : state_tensor(state, NULL);
        wanted.name = name;
        float *out =
            param != NULL ? run->store.ema + param->offset : run->store.ema_state + state->offset;
        if (require(file, &wanted, err) == NULL ||
            !copy_floats(file, name, out, param != NULL ? param->count : state->count, err))
            return false;
    }
    return true;
}

bool checkpoint_load(const struct safetensors *file, struct run *run,
                     struct checkpoint_counters *counters, struct err *err)
{
    const struct model *model = run->model;
    char name[NAME_SIZE];
    if (!load_counters(file, counters, model->recipe->batch, err) || !load_kept(file, run, err) ||
        !load_averages(file, run, err))
        return false;
    run->store.batches = counters->step;
    bool first = true;
    for (int i = 0; i < model->state_count; i++) {
        if (!tracked_name(model->states[i].name, name))
            continue;
        if (!load_batches(file, name, first, &run->store.batches, err))
            return false;
        first = false;
    }
    return checkpoint_load_model(file, run, err);
}
