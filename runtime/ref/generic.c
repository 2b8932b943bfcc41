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
#include "ref/generic_place.h"
#include "ref/generic_watch.h"
#include "rng.h"
#include "weights.h"

static struct work work_of(struct run *run, const struct generic_plan *plan, int rank,
                           bool training)
{
    struct span chunks = run_thread_chunks(run, rank);
    return (struct work){run, run->model, plan, chunks, rank, training, NULL};
}

static int pixels_of(const struct layer *l)
{
    return l->h * l->w;
}

/* Zero, which drops nothing, when dropout is off; an evaluation need not say what its samples are.
 */
static uint64_t dropout_key(const struct work *w, int layer, int image)
{
    const struct batch *batch = w->run->batch;
    if (!w->training || !w->run->dropout)
        return 0;
    return rng_key(batch->seed, batch->epoch, batch->samples[image], RNG_DROPOUT + (uint32_t)layer);
}

/* One that is frozen applies its running statistics as in an evaluation. */
static bool is_batch_norm(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    return l->op == LAYER_NORM && l->norm == NORM_BATCH && !l->frozen;
}

static struct ref_linear linear_shape(const struct work *w, int layer, struct span images)
{
    int from = w->model->layers[layer].inputs[0];
    return (struct ref_linear){images.last - images.first, (int)place_floats(w, from),
                               w->model->layers[layer].c, place_stride(w, from),
                               w->plan->image_floats};
}

/* -- Batch norm's sums over all images --------------------------------------------------------- */

static double batch_count(const struct work *w, int layer)
{
    return (double)w->run->batch->n * pixels_of(&w->model->layers[layer]);
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
        ref_sums(sums, pass == 0 ? x : place_gradient(w, layer, i), x, l->c, pixels_of(l));
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

/* -- Forward ----------------------------------------------------------------------------------- */

static struct ref_set_norm set_norm_of(const struct layer *l)
{
    return (struct ref_set_norm){l->norm, l->c, pixels_of(l), (double)l->eps};
}

static void norm_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    struct ref_moments *m = place_moments(w, layer, image);
    const float *x = place_input(w, layer, 0, image);
    float *coef = place_thread(w, w->plan->coef);
    int groups = l->c;
    if (norm_of_pixels(l->norm)) {
        struct ref_set_norm s = set_norm_of(l);
        ref_set_norm_fwd(&s, place_output(w, layer, image), x, place_param(w, l->weight),
                         place_param(w, l->bias));
        return;
    }
    if (l->norm == NORM_GROUP) {
        double *sums = place_thread_sums(w);
        groups = l->groups;
        memset(sums, 0, (size_t)(2 * l->c) * sizeof *sums);
        ref_sums(sums, x, x, l->c, pixels_of(l));
        ref_norm_moments(m, sums, l->c, groups, (double)(l->c / groups) * pixels_of(l),
                         (double)l->eps);
    } else if (!w->training || l->frozen) {
        const struct state *state = &w->model->states[l->state];
        ref_norm_running(m, w->run->store.state + state[0].offset,
                         w->run->store.state + state[1].offset, l->c, (double)l->eps);
    } else if (ghost_norm(l)) {
        ghost_moments(w, layer, image, place_thread_sums(w), m);
    }
    ref_norm_coef(coef, m, place_param(w, l->weight), place_param(w, l->bias), l->c, groups);
    ref_affine_fwd(place_output(w, layer, image), x, coef, l->c, pixels_of(l));
}

/* What the logits of an image should be in training. */
static struct ref_target target_of(const struct run *run, int image)
{
    const struct batch *batch = run->batch;
    const bool mixed = batch->others != NULL;
    return (struct ref_target){.label = batch->labels[image],
                               .other = mixed ? batch->others[image] : batch->labels[image],
                               .part = mixed ? (double)batch->part[image] : 1,
                               .smoothing = (double)run->label_smoothing};
}

static void loss_forward(const struct work *w, int layer, int chunk, int image)
{
    struct run *run = w->run;
    struct ref_target target = target_of(run, image);
    int classes = w->model->classes;
    const float *logits = place_input(w, layer, 0, image);
    target.smoothing = w->training ? target.smoothing : 0;
    run->loss[chunk] += ref_loss(logits, classes, &target);
    run->correct[chunk] += ref_argmax(logits, classes) == target.label;
    if (run->logits != NULL)
        memcpy(run->logits + (size_t)image * (size_t)classes, logits,
               (size_t)classes * sizeof *logits);
}

static int input_pixels(const struct work *w, int layer, int which)
{
    return pixels_of(&w->model->layers[w->model->layers[layer].inputs[which]]);
}

static void mul_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    ref_mul_fwd(place_output(w, layer, image), place_input(w, layer, 0, image),
                place_input(w, layer, 1, image), l->c, pixels_of(l), input_pixels(w, layer, 0),
                input_pixels(w, layer, 1));
}

static void concat_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    for (int which = 0, first = 0; which < layer_inputs(l); which++) {
        int c = w->model->layers[l->inputs[which]].c;
        ref_concat_fwd(place_output(w, layer, image), place_input(w, layer, which, image), first, c,
                       pixels_of(l));
        first += c;
    }
}

static void image_forward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    const float *x = place_input(w, layer, 0, image);
    float *y = place_output(w, layer, image);
    size_t n = place_floats(w, layer);
    struct ref_window window = generic_window(w->model, layer);
    switch (l->op) {
    case LAYER_CONV:
        ref_conv_fwd(&window, y, x, place_param(w, l->weight), place_param(w, l->bias),
                     place_thread(w, w->plan->scratch));
        break;
    case LAYER_RELU:
        ref_relu_fwd(y, x, n);
        break;
    case LAYER_ACTIVATION:
        ref_activation_fwd(y, x, n, l->activation, l->slope);
        break;
    case LAYER_NORM:
        norm_forward(w, layer, image);
        break;
    case LAYER_DROPOUT:
        ref_dropout_fwd(y, x, l->c, pixels_of(l), l->p, l->unit, dropout_key(w, layer, image));
        break;
    case LAYER_MAXPOOL:
        ref_maxpool_fwd(&window, y, x);
        break;
    case LAYER_AVGPOOL:
        ref_avgpool_fwd(&window, y, x);
        break;
    case LAYER_GLOBAL_AVGPOOL:
        ref_global_avgpool_fwd(y, x, l->c, window.h * window.w);
        break;
    case LAYER_GLOBAL_MAXPOOL:
        ref_global_maxpool_fwd(y, NULL, x, l->c, window.h * window.w);
        break;
    case LAYER_ADD:
        ref_add_fwd(y, x, place_input(w, layer, 1, image), n);
        break;
    case LAYER_MUL:
        mul_forward(w, layer, image);
        break;
    case LAYER_CONCAT:
        concat_forward(w, layer, image);
        break;
    case LAYER_SOFTMAX_CROSS_ENTROPY:
        loss_forward(w, layer, chunk, image);
        break;
    case LAYER_INPUT:
    case LAYER_LINEAR: /* takes all images of a chunk at once */
        break;
    }
}

static void chunk_forward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    if (l->op == LAYER_LINEAR) {
        struct ref_linear shape = linear_shape(w, layer, images);
        ref_linear_fwd(&shape, place_output(w, layer, images.first),
                       place_input(w, layer, 0, images.first), place_param(w, l->weight),
                       place_param(w, l->bias));
        return;
    }
    for (int i = images.first; i < images.last; i++)
        image_forward(w, layer, chunk, i);
}

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
                chunk_forward(w, layer, chunk);
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

/* -- Backward ---------------------------------------------------------------------------------- */

static void set_norm_backward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    struct ref_set_norm s = set_norm_of(l);
    const float *x = place_input(w, layer, 0, image), *dy = place_gradient(w, layer, image);
    float *dx = place_input_gradient(w, layer, 0, image);
    ref_set_norm_bwd_weights(&s, place_param_gradient(w, l->weight, chunk),
                             place_param_gradient(w, l->bias, chunk), dy, x);
    if (dx != NULL)
        ref_set_norm_bwd_data(&s, dx, dy, x, place_param(w, l->weight),
                              w->plan->nodes[layer].grad_adds[0]);
}

/* Constants: dx = a dy, which is A = a, B = D = 0. */
static void fixed_dcoef(const struct work *w, int layer, int image, float *dcoef)
{
    const struct layer *l = &w->model->layers[layer];
    float *coef = place_thread(w, w->plan->coef);
    ref_norm_coef(coef, place_moments(w, layer, image), place_param(w, l->weight),
                  place_param(w, l->bias), l->c, l->c);
    memcpy(dcoef, coef, (size_t)l->c * sizeof *dcoef);
    memset(dcoef + l->c, 0, (size_t)(3 * l->c) * sizeof *dcoef);
}

static void norm_backward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    const float *x = place_input(w, layer, 0, image), *dy = place_gradient(w, layer, image);
    float *dx = place_input_gradient(w, layer, 0, image);
    bool whole_batch = l->norm == NORM_BATCH && !ghost_norm(l) && !l->frozen;
    float *dcoef = place_thread(w, whole_batch ? w->plan->batch_dcoef : w->plan->dcoef);
    if (l->norm == NORM_BATCH && l->frozen) {
        fixed_dcoef(w, layer, image, dcoef);
    } else if (l->norm == NORM_GROUP) {
        double *sums = place_thread_sums(w);
        memset(sums, 0, (size_t)(2 * l->c) * sizeof *sums);
        ref_sums(sums, dy, x, l->c, pixels_of(l));
        ref_norm_dcoef(dcoef, place_param_gradient(w, l->weight, chunk),
                       place_param_gradient(w, l->bias, chunk), place_moments(w, layer, image),
                       sums, place_param(w, l->weight), l->c, l->groups,
                       (double)(l->c / l->groups) * pixels_of(l));
    } else if (ghost_norm(l)) {
        double *sums = place_thread_sums(w);
        bool writes = ghost_first(l, image); /* the parameters' gradients, once a ghost */
        ghost_moments(w, layer, image, sums, place_moments(w, layer, image));
        double count = ghost_sums(w, layer, 1, image, sums);
        ref_norm_dcoef(dcoef, writes ? place_param_gradient(w, l->weight, chunk) : NULL,
                       writes ? place_param_gradient(w, l->bias, chunk) : NULL,
                       place_moments(w, layer, image), sums, place_param(w, l->weight), l->c, l->c,
                       count);
    }
    if (dx != NULL)
        ref_affine_bwd(dx, dy, x, dcoef + 3 * l->c, dcoef, l->c, pixels_of(l),
                       w->plan->nodes[layer].grad_adds[0]);
}

static void conv_backward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    struct ref_window window = generic_window(w->model, layer);
    const float *dy = place_gradient(w, layer, image);
    float *dx = place_input_gradient(w, layer, 0, image);
    float *scratch = place_thread(w, w->plan->scratch);
    ref_conv_bwd_weights(&window, place_param_gradient(w, l->weight, chunk),
                         place_param_gradient(w, l->bias, chunk), place_input(w, layer, 0, image),
                         dy, scratch);
    if (dx != NULL)
        ref_conv_bwd_data(&window, dx, dy, place_param(w, l->weight),
                          w->plan->nodes[layer].grad_adds[0], scratch);
}

static void add_backward(const struct work *w, int layer, int image)
{
    for (int which = 0; which < 2; which++) {
        float *dx = place_input_gradient(w, layer, which, image);
        if (dx != NULL)
            ref_add_bwd(dx, place_gradient(w, layer, image), place_floats(w, layer),
                        w->plan->nodes[layer].grad_adds[which]);
    }
}

static void mul_backward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    for (int which = 0; which < 2; which++) {
        float *dx = place_input_gradient(w, layer, which, image);
        if (dx != NULL)
            ref_mul_bwd(dx, place_gradient(w, layer, image),
                        place_input(w, layer, 1 - which, image), l->c, pixels_of(l),
                        input_pixels(w, layer, which), input_pixels(w, layer, 1 - which),
                        w->plan->nodes[layer].grad_adds[which]);
    }
}

static void concat_backward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    for (int which = 0, first = 0; which < layer_inputs(l); which++) {
        int c = w->model->layers[l->inputs[which]].c;
        float *dx = place_input_gradient(w, layer, which, image);
        if (dx != NULL)
            ref_concat_bwd(dx, place_gradient(w, layer, image), first, c, pixels_of(l),
                           w->plan->nodes[layer].grad_adds[which]);
        first += c;
    }
}

static void image_backward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    const float *x = place_input(w, layer, 0, image), *dy = place_gradient(w, layer, image);
    float *dx = place_input_gradient(w, layer, 0, image);
    bool adds = w->plan->nodes[layer].grad_adds[0];
    size_t n = place_floats(w, layer);
    struct ref_window window = generic_window(w->model, layer);
    struct ref_target target;
    if (l->op == LAYER_CONV)
        conv_backward(w, layer, chunk, image);
    else if (l->op == LAYER_NORM && norm_of_pixels(l->norm))
        set_norm_backward(w, layer, chunk, image);
    else if (l->op == LAYER_NORM)
        norm_backward(w, layer, chunk, image);
    else if (l->op == LAYER_ADD)
        add_backward(w, layer, image);
    else if (l->op == LAYER_MUL)
        mul_backward(w, layer, image);
    else if (l->op == LAYER_CONCAT)
        concat_backward(w, layer, image);
    if (dx == NULL)
        return;
    switch (l->op) {
    case LAYER_RELU:
        ref_relu_bwd(dx, place_output(w, layer, image), dy, n, adds);
        break;
    case LAYER_ACTIVATION:
        ref_activation_bwd(dx, x, dy, n, l->activation, l->slope, adds);
        break;
    case LAYER_DROPOUT:
        ref_dropout_bwd(dx, dy, l->c, pixels_of(l), l->p, l->unit, dropout_key(w, layer, image),
                        adds);
        break;
    case LAYER_MAXPOOL:
        ref_maxpool_bwd(&window, dx, x, dy, adds);
        break;
    case LAYER_AVGPOOL:
        ref_avgpool_bwd(&window, dx, dy, adds);
        break;
    case LAYER_GLOBAL_AVGPOOL:
        ref_global_avgpool_bwd(dx, dy, l->c, window.h * window.w, adds);
        break;
    case LAYER_GLOBAL_MAXPOOL:
        ref_global_maxpool_bwd(dx, x, dy, l->c, window.h * window.w, adds);
        break;
    case LAYER_SOFTMAX_CROSS_ENTROPY:
        target = target_of(w->run, image);
        ref_loss_bwd(dx, x, w->model->classes, &target, 1.0 / w->run->batch->n, adds);
        break;
    case LAYER_INPUT:
    case LAYER_CONV:
    case LAYER_NORM:
    case LAYER_ADD:
    case LAYER_MUL:
    case LAYER_CONCAT:
    case LAYER_LINEAR:
        break;
    }
}

static void linear_backward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    struct ref_linear shape = linear_shape(w, layer, images);
    const float *dy = place_gradient(w, layer, images.first);
    float *dx = place_input_gradient(w, layer, 0, images.first);
    ref_linear_bwd_weights(&shape, place_param_gradient(w, l->weight, chunk),
                           place_param_gradient(w, l->bias, chunk),
                           place_input(w, layer, 0, images.first), dy);
    if (dx != NULL)
        ref_linear_bwd_data(&shape, dx, dy, place_param(w, l->weight),
                            w->plan->nodes[layer].grad_adds[0]);
}

static void chunk_backward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    if (!w->plan->nodes[layer].has_grad && l->op != LAYER_SOFTMAX_CROSS_ENTROPY)
        return;
    if (l->op == LAYER_LINEAR) {
        linear_backward(w, layer, chunk);
        return;
    }
    for (int i = images.first; i < images.last; i++)
        image_backward(w, layer, chunk, i);
}

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
                chunk_backward(w, layer, chunk);
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
