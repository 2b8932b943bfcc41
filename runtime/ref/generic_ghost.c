/* generic_ghost.c - sums of images to moments of ghosts. */
#include "ref/generic_ghost.h"

#include <string.h>

static int ghost_stop(const struct work *w, int layer, int first)
{
    int stop = first + w->model->layers[layer].ghost;
    return stop < w->run->batch->n ? stop : w->run->batch->n;
}

double ghost_sums(const struct work *w, int layer, int pass, int image, double *sums)
{
    const struct layer *l = &w->model->layers[layer];
    int first = image - image % l->ghost, stop = ghost_stop(w, layer, first);
    memset(sums, 0, (size_t)(2 * l->c) * sizeof *sums);
    for (int i = first; i < stop; i++) {
        const double *part = place_part_sums(w, layer, pass, i);
        for (int k = 0; k < 2 * l->c; k++)
            sums[k] += part[k];
    }
    return (double)(stop - first) * (l->h * l->w);
}

void ghost_moments(const struct work *w, int layer, int image, double *sums,
                   struct ref_moments *moments)
{
    const struct layer *l = &w->model->layers[layer];
    double count = ghost_sums(w, layer, 0, image, sums);
    ref_norm_moments(moments, sums, l->c, l->c, count, (double)l->eps);
}

void ghost_track(const struct work *w, int layer)
{
    const struct layer *l = &w->model->layers[layer];
    const struct state *state = &w->model->states[l->state];
    float *mean = w->run->store.state + state[0].offset;
    float *var = w->run->store.state + state[1].offset;
    struct ref_moments *moments = place_moments(w, layer, 0);
    int n = w->run->batch->n;
    for (int channel = 0; channel < l->c; channel++) {
        mean[channel] = (float)((1 - (double)l->momentum) * (double)mean[channel]);
        var[channel] = (float)((1 - (double)l->momentum) * (double)var[channel]);
    }
    for (int first = 0; first < n; first += l->ghost) {
        ghost_moments(w, layer, first, place_thread_sums(w), moments);
        int images = ghost_stop(w, layer, first) - first;
        double count = (double)images * (l->h * l->w);
        double unbias = count > 1 ? count / (count - 1) : 1;
        double part = (double)l->momentum * images / n;
        for (int channel = 0; channel < l->c; channel++) {
            mean[channel] += (float)(part * moments[channel].mean);
            var[channel] += (float)(part * moments[channel].var * unbias);
        }
    }
}
