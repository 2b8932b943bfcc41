/* generic_backward.c - what each layer makes of the gradient of its output. */
#include "ref/generic_layers.h"

#include <string.h>

#include "ref/generic_ghost.h"

static void set_norm_backward(const struct work *w, int layer, int chunk, int image)
{
    const struct layer *l = &w->model->layers[layer];
    struct ref_set_norm s = layer_set_norm(l);
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
        ref_sums(sums, dy, x, l->c, layer_pixels(l));
        ref_norm_dcoef(dcoef, place_param_gradient(w, l->weight, chunk),
                       place_param_gradient(w, l->bias, chunk), place_moments(w, layer, image),
                       sums, place_param(w, l->weight), l->c, l->groups,
                       (double)(l->c / l->groups) * layer_pixels(l));
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
        ref_affine_bwd(dx, dy, x, dcoef + 3 * l->c, dcoef, l->c, layer_pixels(l),
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
            ref_mul_bwd(
                dx, place_gradient(w, layer, image), place_input(w, layer, 1 - which, image), l->c,
                layer_pixels(l), layer_input_pixels(w, layer, which),
                layer_input_pixels(w, layer, 1 - which), w->plan->nodes[layer].grad_adds[which]);
    }
}

static void concat_backward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    for (int which = 0, first = l->first; which < layer_inputs(l); which++) {
        int c = w->model->layers[l->inputs[which]].c;
        float *dx = place_input_gradient(w, layer, which, image);
        if (dx != NULL)
            ref_concat_bwd(dx, place_gradient(w, layer, image), first, c, layer_pixels(l),
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
    else if (l->op == LAYER_NORM && norm_is_set_norm(l->norm))
        set_norm_backward(w, layer, chunk, image);
    else if (l->op == LAYER_NORM)
        norm_backward(w, layer, chunk, image);
    else if (l->op == LAYER_ADD)
        add_backward(w, layer, image);
    else if (l->op == LAYER_MUL)
        mul_backward(w, layer, image);
    else if (l->op == LAYER_CONCAT || l->op == LAYER_PAD_CHANNELS)
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
        ref_dropout_bwd(dx, dy, l->c, layer_pixels(l), l->p, l->unit,
                        layer_dropout_key(w, layer, image), adds);
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
        target = layer_target(w->run, image);
        ref_loss_bwd(dx, x, w->model->classes, &target, 1.0 / w->run->batch->n, adds);
        break;
    case LAYER_INPUT:
    case LAYER_CONV:
    case LAYER_NORM:
    case LAYER_ADD:
    case LAYER_MUL:
    case LAYER_CONCAT:
    case LAYER_PAD_CHANNELS:
    case LAYER_LINEAR:
        break;
    }
}

static void linear_backward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    struct ref_linear shape = layer_linear(w, layer, images);
    const float *dy = place_gradient(w, layer, images.first);
    float *dx = place_input_gradient(w, layer, 0, images.first);
    ref_linear_bwd_weights(&shape, place_param_gradient(w, l->weight, chunk),
                           place_param_gradient(w, l->bias, chunk),
                           place_input(w, layer, 0, images.first), dy);
    if (dx != NULL)
        ref_linear_bwd_data(&shape, dx, dy, place_param(w, l->weight),
                            w->plan->nodes[layer].grad_adds[0]);
}

void generic_layer_backward(const struct work *w, int layer, int chunk)
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
