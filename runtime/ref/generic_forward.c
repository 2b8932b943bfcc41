/* generic_forward.c - what each layer makes of an image. */
#include "ref/generic_layers.h"

#include <string.h>

#include "ref/generic_ghost.h"

static void norm_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    struct ref_moments *m = place_moments(w, layer, image);
    const float *x = place_input(w, layer, 0, image);
    float *coef = place_thread(w, w->plan->coef);
    int groups = l->c;
    if (norm_is_set_norm(l->norm)) {
        struct ref_set_norm s = layer_set_norm(l);
        ref_set_norm_fwd(&s, place_output(w, layer, image), x, place_param(w, l->weight),
                         place_param(w, l->bias));
        return;
    }
    if (l->norm == NORM_GROUP) {
        double *sums = place_thread_sums(w);
        groups = l->groups;
        memset(sums, 0, (size_t)(2 * l->c) * sizeof *sums);
        ref_sums(sums, x, x, l->c, layer_pixels(l));
        ref_norm_moments(m, sums, l->c, groups, (double)(l->c / groups) * layer_pixels(l),
                         (double)l->eps);
    } else if (!w->training || l->frozen) {
        const struct state *state = &w->model->states[l->state];
        ref_norm_running(m, w->run->store.state + state[0].offset,
                         w->run->store.state + state[1].offset, l->c, (double)l->eps);
    } else if (ghost_norm(l)) {
        ghost_moments(w, layer, image, place_thread_sums(w), m);
    }
    ref_norm_coef(coef, m, place_param(w, l->weight), place_param(w, l->bias), l->c, groups);
    ref_affine_fwd(place_output(w, layer, image), x, coef, l->c, layer_pixels(l));
}

static void loss_forward(const struct work *w, int layer, int chunk, int image)
{
    struct run *run = w->run;
    struct ref_target target = layer_target(run, image);
    int classes = w->model->classes;
    const float *logits = place_input(w, layer, 0, image);
    target.smoothing = w->training ? target.smoothing : 0;
    run->loss[chunk] += ref_loss(logits, classes, &target);
    run->correct[chunk] += ref_argmax(logits, classes) == target.label;
    if (run->logits != NULL)
        memcpy(run->logits + (size_t)image * (size_t)classes, logits,
               (size_t)classes * sizeof *logits);
}

static void mul_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    ref_mul_fwd(place_output(w, layer, image), place_input(w, layer, 0, image),
                place_input(w, layer, 1, image), l->c, layer_pixels(l),
                layer_input_pixels(w, layer, 0), layer_input_pixels(w, layer, 1));
}

/* Concatenation, and a padding, which has zeros around its only input. */
static void concat_forward(const struct work *w, int layer, int image)
{
    const struct layer *l = &w->model->layers[layer];
    if (l->op == LAYER_PAD_CHANNELS)
        memset(place_output(w, layer, image), 0, place_floats(w, layer) * sizeof(float));
    for (int which = 0, first = l->first; which < layer_inputs(l); which++) {
        int c = w->model->layers[l->inputs[which]].c;
        ref_concat_fwd(place_output(w, layer, image), place_input(w, layer, which, image), first, c,
                       layer_pixels(l));
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
        ref_dropout_fwd(y, x, l->c, layer_pixels(l), l->p, l->unit,
                        layer_dropout_key(w, layer, image));
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
    case LAYER_PAD_CHANNELS:
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

void generic_layer_forward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    if (l->op == LAYER_LINEAR) {
        struct ref_linear shape = layer_linear(w, layer, images);
        ref_linear_fwd(&shape, place_output(w, layer, images.first),
                       place_input(w, layer, 0, images.first), place_param(w, l->weight),
                       place_param(w, l->bias));
        return;
    }
    for (int i = images.first; i < images.last; i++)
        image_forward(w, layer, chunk, i);
}
