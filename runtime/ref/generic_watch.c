/* generic_watch.c - keeps the earliest finding.
 *
 * Chunks pass through several layers each before the next chunk begins, so a later chunk may fail
 * in an earlier layer; that one counts. Within a layer the first chunk counts.
 */
#include "ref/generic_watch.h"

#include <math.h>
#include <stddef.h>

#include "sys/finite.h"

static bool is_earlier(const struct generic_watch *watch, int layer, bool backward)
{
    if (!watch->found)
        return true;
    return backward ? layer > watch->finding.layer : layer < watch->finding.layer;
}

static void look(struct generic_watch *watch, const struct generic_finding *where,
                 const float *values, size_t count)
{
    if (!is_earlier(watch, where->layer, where->backward) || finite_all(values, count))
        return;
    watch->found = true;
    watch->finding = *where;
    while (isfinite(*values))
        values++;
    watch->finding.value = *values;
}

void generic_watch_forward(const struct work *w, int layer, int chunk)
{
    struct span images = run_chunk(w->run, chunk);
    if (w->model->layers[layer].op == LAYER_SOFTMAX_CROSS_ENTROPY) {
        struct generic_finding where = {.layer = layer, .param = -1, .image = images.first};
        float loss = (float)w->run->loss[chunk];
        look(w->watch, &where, &loss, 1);
        return;
    }
    for (int i = images.first; i < images.last; i++) {
        struct generic_finding where = {.layer = layer, .param = -1, .image = i};
        look(w->watch, &where, place_output(w, layer, i), place_floats(w, layer));
    }
}

void generic_watch_backward(const struct work *w, int layer, int chunk)
{
    const struct layer *l = &w->model->layers[layer];
    struct span images = run_chunk(w->run, chunk);
    const int params[] = {l->weight, l->bias};
    for (int k = 0; k < 2; k++) {
        const float *gradient = place_param_gradient(w, params[k], chunk);
        struct generic_finding where = {.layer = layer, .param = params[k], .backward = true};
        if (gradient != NULL)
            look(w->watch, &where, gradient, w->model->params[params[k]].count);
    }
    for (int which = 0; which < layer_inputs(l); which++) {
        int from = l->inputs[which];
        for (int i = images.first; i < images.last; i++) {
            struct generic_finding where = {
                .layer = from, .param = -1, .backward = true, .image = i};
            const float *gradient = place_input_gradient(w, layer, which, i);
            if (gradient != NULL)
                look(w->watch, &where, gradient, place_floats(w, from));
        }
    }
}
