/* run.c - memory, initial values, and the two entries into a backend.
 *
 * A step is one region of the team. The backend leaves the loss and hits of each chunk; they are
 * added here in chunk order, in double, so that the figures do not depend on the thread count.
 */
/* madvise is no part of POSIX. */
#define _DEFAULT_SOURCE

#include "run.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rng.h"
#include "sys/finite.h"
#include "sys/interrupt.h"
#include "train/meet.h"
#include "train/muon.h"
#include "train/update.h"

enum { ALIGNMENT = 64, LARGE_PAGE = 2 << 20, LARGE_ARENA = 8 * LARGE_PAGE };

/* -- Memory ------------------------------------------------------------------------------------ */

/* Asks for pages of 2 MB where the system has them, before memory is first touched: an arena is
 * streamed through in every step, and neither prefetchers nor address translation like the ends of
 * small pages. A small arena stays in cache and would only waste what its last page leaves. It is a
 * wish; nothing depends on it. */
static void ask_for_large_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(block, bytes, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}

/* Memory for floats, aligned and rounded up to whole cache lines, not cleared. */
static bool allocate(float **block, size_t floats, const char *what, struct err *err)
{
    const size_t limit = (SIZE_MAX / 2 - ALIGNMENT) / sizeof(float);
    if (floats > limit)
        return err_set(err, "%s: %zu floats are more than memory can address", what, floats);
    size_t bytes = floats > 0 ? floats * sizeof(float) : 1;
    size_t alignment = bytes >= LARGE_ARENA ? LARGE_PAGE : ALIGNMENT;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    *block = aligned_alloc(alignment, bytes);
    if (!*block)
        return err_set_errno(err, ENOMEM, "%s: cannot allocate %zu bytes", what, bytes);
    if (alignment == LARGE_PAGE)
        ask_for_large_pages(*block, bytes);
    return true;
}

static bool allocate_zeroed(float **block, size_t floats, const char *what, struct err *err)
{
    if (!allocate(block, floats, what, err))
        return false;
    memset(*block, 0, floats * sizeof(float));
    return true;
}

struct arenas {
    struct run *run;
    size_t floats;
};

/* Each thread clears its own arena: what first touches a page decides which memory it is in. */
static void clear_arena(void *context, int rank)
{
    const struct arenas *arenas = context;
    memset(arenas->run->thread[rank], 0, arenas->floats * sizeof(float));
}

static bool open_arenas(struct run *run, struct err *err)
{
    size_t shared = 0;
    struct arenas arenas = {run, 0};
    run->backend->measure(run->model, &shared, &arenas.floats);
    if (!allocate_zeroed(&run->shared, shared, "memory shared by the threads", err))
        return false;
    for (int rank = 0; rank < team_threads(run->team); rank++) {
        if (!allocate(&run->thread[rank], arenas.floats, "memory of a thread", err))
            return false;
    }
    team_run(run->team, clear_arena, &arenas);
    return true;
}

static bool open_store(struct run *run, struct err *err)
{
    struct store *s = &run->store;
    size_t n = run->model->param_floats;
    return allocate_zeroed(&s->param, n, "parameters", err) &&
           allocate_zeroed(&s->grad, n, "gradients", err) &&
           allocate_zeroed(&s->momentum, n, "momentum", err) &&
           allocate_zeroed(&s->state, run->model->state_floats, "running statistics", err) &&
           (run->model->standardize == NULL ||
            allocate_zeroed(&s->seen, n, "standardized weights", err));
}

/* The parameters of frozen layers. */
static bool find_frozen(struct run *run, struct err *err)
{
    const struct model *model = run->model;
    run->frozen = calloc((size_t)model->param_count, sizeof *run->frozen);
    if (run->frozen == NULL)
        return err_set_errno(err, ENOMEM, "frozen parameters");
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        if (l->frozen && l->weight >= 0)
            run->frozen[l->weight] = true;
        if (l->frozen && l->bias >= 0)
            run->frozen[l->bias] = true;
    }
    return true;
}

bool run_open(struct run *run, const struct model *model, const struct backend *backend,
              int threads, struct err *err)
{
    *run = (struct run){.model = model, .backend = backend, .dropout = true};
    if (team_open(&run->team, threads, err) && open_store(run, err) && find_frozen(run, err) &&
        open_arenas(run, err) && (backend->open == NULL || backend->open(threads, err)))
        return true;
    run_close(run);
    return false;
}

/* -- What a recipe needs ----------------------------------------------------------------------- */

static void find_kinds(const struct model *model, enum param_kind *kinds)
{
    int head = -1;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        if (l->bias >= 0)
            kinds[l->bias] = PARAM_BIAS;
        if (l->weight < 0)
            continue;
        kinds[l->weight] = l->op == LAYER_NORM ? PARAM_NORM : PARAM_WEIGHT;
        head = l->op == LAYER_NORM ? head : l->weight;
    }
    if (head >= 0)
        kinds[head] = PARAM_HEAD;
}

/* One block a rank, for the largest matrix. */
static bool open_matrices(struct run *run, struct err *err)
{
    size_t most = 0;
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *p = &run->model->params[i];
        const size_t rows = (size_t)p->shape[0];
        size_t floats =
            update_rule(run, i) == OPTIMIZER_MUON ? muon_floats(rows, p->count / rows) : 0;
        most = floats > most ? floats : most;
    }
    for (int rank = 0; rank < team_threads(run->team); rank++) {
        if (!allocate_zeroed(&run->matrices[rank], most, "matrices of Muon", err))
            return false;
    }
    return true;
}

bool run_recipe(struct run *run, const struct recipe *recipe, struct err *err)
{
    const struct model *model = run->model;
    const enum optimizer kind = recipe->optimizer;
    const bool adam = kind == OPTIMIZER_ADAM || kind == OPTIMIZER_ADAMW ||
                      (kind == OPTIMIZER_MUON && recipe->others == OPTIMIZER_ADAMW);
    assert(run->kinds == NULL);
    optim_init(&run->optim, recipe);
    run->label_smoothing = recipe->label_smoothing;
    run->kinds = calloc((size_t)model->param_count, sizeof *run->kinds);
    run->squares = calloc((size_t)model->param_count, sizeof *run->squares);
    if (run->kinds == NULL || run->squares == NULL)
        return err_set_errno(err, ENOMEM, "kinds of parameters");
    find_kinds(model, run->kinds);
    struct store *s = &run->store;
    return (!(recipe->ema > 0) ||
            (allocate_zeroed(&s->ema, model->param_floats, "average parameters", err) &&
             allocate_zeroed(&s->ema_state, model->state_floats, "average statistics", err))) &&
           (!adam || allocate_zeroed(&run->store.square, model->param_floats, "squares", err)) &&
           (kind != OPTIMIZER_MUON || open_matrices(run, err));
}

int run_kept(const struct run *run, int i, const char *names[RUN_KEPT], float *values[RUN_KEPT])
{
    const size_t offset = run->model->params[i].offset;
    const enum optimizer rule = update_rule(run, i);
    const bool adam = rule == OPTIMIZER_ADAM || rule == OPTIMIZER_ADAMW;
    names[0] = adam || rule == OPTIMIZER_LION ? "exp_avg" : "momentum";
    values[0] = run->store.momentum + offset;
    names[1] = "exp_avg_sq";
    values[1] = adam ? run->store.square + offset : NULL;
    return adam ? 2 : 1;
}

void run_close(struct run *run)
{
    team_close(run->team);
    meet_close(run->meet);
    free(run->store.param);
    free(run->store.grad);
    free(run->store.momentum);
    free(run->store.state);
    free(run->store.square);
    free(run->store.ema);
    free(run->store.ema_state);
    free(run->store.seen);
    free(run->kinds);
    free(run->squares);
    free(run->frozen);
    free(run->shared);
    for (int rank = 0; rank < TEAM_MAX_THREADS; rank++) {
        free(run->thread[rank]);
        free(run->matrices[rank]);
    }
    *run = (struct run){0};
}

/* -- Initial values ---------------------------------------------------------------------------- */

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

/* Uniform in [-1/sqrt(fan_in), 1/sqrt(fan_in)), which is PyTorch's default for conv and linear. */
static void fill_uniform(float *values, size_t count, int fan_in, uint64_t key)
{
    assert(fan_in > 0 && count <= UINT32_MAX);
    float bound = (float)(1.0 / sqrt((double)fan_in));
    for (size_t i = 0; i < count; i++)
        values[i] = bound * (2.0f * rng_float(key, (uint32_t)i) - 1.0f);
}

void run_init_params(struct run *run, uint64_t seed)
{
    const struct model *model = run->model;
    struct store *s = &run->store;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        float *values = s->param + param->offset;
        switch (param->init) {
        case INIT_FAN_IN:
            fill_uniform(values, param->count, param->fan_in,
                         rng_key(seed, 0, (uint32_t)i, RNG_INIT));
            break;
        case INIT_ONE:
            fill(values, param->count, 1.0f);
            break;
        case INIT_ZERO:
            fill(values, param->count, 0.0f);
            break;
        }
    }
    for (int i = 0; i < model->state_count; i++) {
        const struct state *state = &model->states[i];
        fill(s->state + state->offset, state->count, state->init);
    }
    fill(s->momentum, model->param_floats, 0.0f);
    if (s->square != NULL)
        fill(s->square, model->param_floats, 0.0f);
    s->batches = 0;
    run_pack(run);
}

/* -- Steps ------------------------------------------------------------------------------------- */

static void pack_rank(void *context, int rank)
{
    struct run *run = context;
    run->backend->pack(run, rank);
}

static void train_rank(void *context, int rank)
{
    struct run *run = context;
    if (run->profile != NULL)
        profile_start(run->profile, rank, clock_seconds());
    run->backend->train(run, rank);
}

static void eval_rank(void *context, int rank)
{
    struct run *run = context;
    run->backend->eval(run, rank);
}

void run_pack(struct run *run)
{
    team_run(run->team, pack_rank, run);
}

static struct step_result step(struct run *run, const struct batch *batch, float *logits,
                               void (*work)(void *context, int rank))
{
    assert(batch->n >= 1 && batch->n <= run->model->recipe->batch);
    run->batch = batch;
    run->logits = logits;
    team_run(run->team, work, run);
    if (run->meet != NULL && work == eval_rank)
        meet_evaluation(run);

    struct step_result result = {0};
    int chunks = run_chunks(run);
    for (int chunk = 0; chunk < chunks; chunk++) {
        result.loss += run->loss[chunk];
        result.correct += run->correct[chunk];
    }
    result.loss /= batch->n;
    run->batch = NULL;
    run->logits = NULL;
    return result;
}

struct step_result run_train(struct run *run, const struct batch *batch)
{
    if (run->profile != NULL)
        profile_begin_step(run->profile, clock_seconds());
    struct step_result result = step(run, batch, NULL, train_rank);
    if (run->profile != NULL)
        profile_end_step(run->profile, clock_seconds());
    run->store.batches++;
    return result;
}

bool run_gradients_finite(const struct run *run)
{
    return run->meet != NULL ? meet_gradients_finite(run->meet)
                             : finite_all(run->store.grad, run->model->param_floats);
}

int run_interrupted(const struct run *run)
{
    return run->meet != NULL ? meet_signal(run->meet) : interrupt_requested();
}

/* -- Averages ---------------------------------------------------------------------------------- */

struct averaging {
    struct run *run;
    float newest;
};

static void average(float *restrict mean, const float *restrict values, size_t first, size_t last,
                    float newest)
{
    if (newest >= 1) /* exactly, which the sum would not be */
        memcpy(mean + first, values + first, (last - first) * sizeof *mean);
    for (size_t i = first; newest < 1 && i < last; i++)
        mean[i] += newest * (values[i] - mean[i]);
}

static void average_rank(void *context, int rank)
{
    const struct averaging *work = context;
    const struct store *s = &work->run->store;
    const size_t n = work->run->model->param_floats, all = work->run->model->state_floats;
    const size_t threads = (size_t)team_threads(work->run->team), r = (size_t)rank;
    average(s->ema, s->param, n * r / threads, n * (r + 1) / threads, work->newest);
    if (rank == 0)
        average(s->ema_state, s->state, 0, all, work->newest);
}

void run_average(struct run *run, float part)
{
    struct averaging work = {run, (float)(1.0 - (double)part)};
    team_run(run->team, average_rank, &work);
}

static void exchange(float **a, float **b)
{
    float *c = *a;
    *a = *b;
    *b = c;
}

void run_exchange_average(struct run *run)
{
    if (run->store.ema == NULL)
        return;
    exchange(&run->store.param, &run->store.ema);
    exchange(&run->store.state, &run->store.ema_state);
}

struct step_result run_eval(struct run *run, const struct batch *batch, float *logits)
{
    struct profile *const profile = run->profile; /* of training steps */
    run->profile = NULL;
    const struct step_result result = step(run, batch, logits, eval_rank);
    run->profile = profile;
    return result;
}
