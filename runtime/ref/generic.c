/* generic.c - trains a model layer by layer, each thread on its own chunks of the batch.
 *
 * A thread takes its chunks through as many layers as it can, chunk by chunk, and waits for the
 * others only where a number depends on all images: at the statistics of batch norm, forward and
 * backward, and before the parameters' gradients are added up. Every sum over images is made per
 * chunk in order and then over chunks in a fixed order, so no result depends on the thread count.
 */
#include "ref/generic.h"

#include <string.h>

#include "ref/generic_ghost.h"
#include "ref/generic_layers.h"
#include "ref/generic_place.h"
#include "ref/generic_watch.h"
#include "weights.h"

static struct work work_of(struct run *run, const struct generic_plan *plan, int rank,
                           bool training)
{
    struct span chunks = run_thread_chunks(run, rank);
    return (struct work){run, run->model, plan, chunks, rank, training, NULL};
}

/* One that is frozen applies its running statistics as in an evaluation. */
static bool is_batch_norm(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    return l->op == LAYER_NORM && l->norm == NORM_BATCH && !l->frozen;
}

/* -- Batch norm's sums over all images --------------------------------------------------------- */

static double batch_count(const struct work *w, int layer)
{
    return (double)w->run->batch->n * layer_pixels(&w->model->layers[layer]);
}

static void sum_chunk(const struct work *w, int layer, int pass, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    double *sums = NULL;
    for (int i = images.first; i < images.last; i++) {
        const float *x = place_input(w, layer, 0, i);
        if (sums == NULL || ghost_norm(l)) {
            sums = place_part_sums(w, layer, pass, ghost_norm(l) ? i : chunk);
            memset(sums, 0, (size_t)(2 * l->c) * sizeof *sums);
        }
        ref_sums(sums, pass == 0 ? x : place_gradient(w, layer, i), x, l->c, layer_pixels(l));
    }
}

/* Waits for the sums of every chunk, or of every image where ghosts are made of them. */
static void meet(const struct work *w, int layer, int pass)
{
    const struct layer *l = &w->model->layers[layer];
    const size_t floats = (size_t)(2 * l->c) * sizeof(double) / sizeof(float);
    const int pieces = ghost_norm(l) ? run_chunk_images(w->model) : 1;
    run_meet(w->run, w->rank, (void *)place_part_sums(w, layer, pass, 0), pieces, floats, floats);
}

/* The same, and adds them in chunk order. */
static const double *sum_batch(const struct work *w, int layer, int pass)
{
    int n = 2 * w->model->layers[layer].c;
    double *total = place_thread_sums(w);
    meet(w, layer, pass);
    memset(total, 0, (size_t)n * sizeof *total);
    for (int chunk = 0; chunk < run_chunks(w->run); chunk++) {
        const double *sums = place_part_sums(w, layer, pass, chunk);
        for (int i = 0; i < n; i++)
            total[i] += sums[i];
    }
    return total;
}

/* The moments of the batch, in every thread; one of them moves the running statistics. */
static void finish_batch_moments(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    if (ghost_norm(l)) {
        meet(w, layer, 0);
        if (w->rank == 0 && l->state >= 0)
            ghost_track(w, layer);
        return;
    }
    const double *sums = sum_batch(w, layer, 0);
    double count = batch_count(w, layer);
    ref_norm_moments(place_moments(w, layer, 0), sums, l->c, l->c, count, (double)l->eps);
    if (w->rank == 0 && l->state >= 0) {
        const struct state *state = &w->model->states[l->state];
        ref_norm_track(w->run->store.state + state[0].offset, w->run->store.state + state[1].offset,
                       place_moments(w, layer, 0), l->c, count, (double)l->momentum);
    }
}

/* The coefficients of the gradient, in every thread; the parameters' gradients count as the first
 * chunk's, so the owner of that writes them. */
static void finish_batch_dcoef(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    if (ghost_norm(l)) {
        meet(w, layer, 1);
        return;
    }
    const double *sums = sum_batch(w, layer, 1);
    bool writes = w->chunks.first == 0 && w->chunks.last > 0;
    ref_norm_dcoef(place_thread(w, w->plan->batch_dcoef),
                   writes ? place_param_gradient(w, l->weight, 0) : NULL,
                   writes ? place_param_gradient(w, l->bias, 0) : NULL, place_moments(w, layer, 0),
                   sums, place_param(w, l->weight), l->c, l->c, batch_count(w, layer));
}

/* -- All layers, forward ----------------------------------------------------------------------- */

/* Standardizes weights, each by one thread; the others wait for it. */
static void see_weights(const struct work *w)
{
    int threads = team_threads(w->run->team);
    for (int i = w->rank; w->run->store.seen != NULL && i < w->model->param_count; i += threads)
        weights_seen(w->run, i);
    if (w->run->store.seen != NULL)
        team_barrier(w->run->team);
}

static void forward(const struct work *w)
{
    int count = w->model->layer_count;
    see_weights(w);
    for (int chunk = w->chunks.first; chunk < w->chunks.last; chunk++) {
        w->run->loss[chunk] = 0;
        w->run->correct[chunk] = 0;
    }
    for (int first = 0; first < count;) {
        int stop = first + 1; /* the next layer that needs sums over all images */
        while (stop < count && !(w->training && is_batch_norm(w, stop)))
            stop++;
        for (int chunk = w->chunks.first; chunk < w->chunks.last; chunk++) {
            for (int layer = first > 0 ? first : 1; layer < stop; layer++) { /* 0 is the input */
                generic_layer_forward(w, layer, chunk);
                if (w->watch != NULL)
                    generic_watch_forward(w, layer, chunk);
            }
            if (stop < count)
                sum_chunk(w, stop, 0, chunk);
        }
        if (stop < count)
            finish_batch_moments(w, stop);
        first = stop;
    }
}

/* -- All layers, backward ---------------------------------------------------------------------- */

static void backward(const struct work *w)
{
    for (int chunk = w->chunks.first; chunk < w->chunks.last; chunk++)
        memset(w->run->shared + w->plan->parts + (size_t)chunk * w->plan->part_floats, 0,
               w->plan->part_floats * sizeof(float));
    for (int first = w->model->layer_count - 1; first > 0;) {
        int stop = first - 1; /* as in forward, downwards */
        while (stop > 0 && !(is_batch_norm(w, stop) && w->plan->nodes[stop].has_grad))
            stop--;
        for (int chunk = w->chunks.first; chunk < w->chunks.last; chunk++) {
            for (int layer = first; layer > stop; layer--) {
                generic_layer_backward(w, layer, chunk);
                if (w->watch != NULL)
                    generic_watch_backward(w, layer, chunk);
            }
            if (stop > 0)
                sum_chunk(w, stop, 1, chunk);
        }
        if (stop > 0)
            finish_batch_dcoef(w, stop);
        first = stop;
    }
}

/* -- The backend ------------------------------------------------------------------------------- */

static void measure(const struct model *model, size_t *shared_floats, size_t *thread_floats)
{
    struct generic_plan plan;
    generic_plan_make(&plan, model);
    *shared_floats = plan.shared_floats;
    *thread_floats = plan.thread_floats;
}

/* There is nothing to pack. */
static void pack(struct run *run, int rank)
{
    (void)run;
    (void)rank;
}

static void train(struct run *run, int rank)
{
    struct generic_plan plan;
    generic_plan_make(&plan, run->model);
    struct work w = work_of(run, &plan, rank, true);
    forward(&w);
    backward(&w);
    team_barrier(run->team);
    weights_update(run, rank, NULL, run->model->param_count, run->shared + plan.parts,
                   plan.part_floats, run_chunks(run), NULL, NULL);
}

static void eval(struct run *run, int rank)
{
    struct generic_plan plan;
    generic_plan_make(&plan, run->model);
    struct work w = work_of(run, &plan, rank, false);
    forward(&w);
}

bool generic_find(struct run *run, const struct batch *batch, struct generic_finding *found)
{
    struct generic_plan plan;
    struct generic_watch watch = {.found = false};
    generic_plan_make(&plan, run->model);
    run->batch = batch;
    struct work w = work_of(run, &plan, 0, true);
    w.watch = &watch;
    forward(&w);
    if (!watch.found)
        backward(&w);
    run->batch = NULL;
    *found = watch.finding;
    return watch.found;
}

const struct backend generic_backend = {.name = "generic",
                                        .open = ref_open,
                                        .measure = measure,
                                        .pack = pack,
                                        .train = train,
                                        .eval = eval};
