/* inputs.h - what a program of a random network is given: a start, made-up images and labels.
 *
 * Many norms read values far from zero: what a norm takes the mean of, a convolution or a linear
 * layer with a bias or the images themselves, is moved by one of OFFSETS where nothing but the norm
 * reads it. Other norms would pass that on to all behind them, a padded convolution its border.
 */
#ifndef BURIN_TESTS_INPUTS_H
#define BURIN_TESTS_INPUTS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rng.h"
#include "run.h"

/* How far a disturbed start and disturbed images are off, see check_program.c. */
static const float NOISE = 3e-5f;

/* What is moved has a deviation of about DEVIATION, as images uniform in -1 .. 1 and sums over
 * fan-in weights have, so that a float of it is off by OFFSET / DEVIATION * 2^-24 of that. */
static const float OFFSETS[] = {30, 300}, DEVIATION = 0.5f;
enum { OFFSET_COUNT = sizeof OFFSETS / sizeof OFFSETS[0] };

static inline void *must(void *memory)
{
    if (memory == NULL) {
        printf("out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* -- Offsets ----------------------------------------------------------------------------------- */

static inline int count_readers(const struct model *model, int layer)
{
    int readers = 0;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < layer_inputs(&model->layers[i]); k++)
            readers += model->layers[i].inputs[k] == layer;
    return readers;
}

/* The layer whose output may be moved for this norm, which reads it perhaps through a ReLU or a
 * maximum; -1 where there is none. */
static inline int moved_layer(const struct model *model, int norm)
{
    int from = model->layers[norm].inputs[0];
    const struct layer *l = &model->layers[from];
    while ((l->op == LAYER_RELU || l->op == LAYER_MAXPOOL) && count_readers(model, from) == 1) {
        from = l->inputs[0];
        l = &model->layers[from];
    }
    bool moves =
        l->op == LAYER_INPUT || ((l->op == LAYER_CONV || l->op == LAYER_LINEAR) && l->bias >= 0);
    return moves && count_readers(model, from) == 1 ? from : -1;
}

/* Of the output of a layer; which one depends on the network, not on the seed of a batch. */
static inline float offset_of(const struct model *model, int layer)
{
    uint64_t key = rng_key(model->param_floats, 3, (uint32_t)model->layer_count, RNG_INIT);
    for (int i = 0; i < model->layer_count; i++)
        if (model->layers[i].op == LAYER_NORM && moved_layer(model, i) == layer)
            return OFFSETS[rng_below(key, (uint32_t)layer, OFFSET_COUNT)];
    return 0;
}

static inline float largest_offset(const struct model *model)
{
    float largest = 0;
    for (int i = 0; i < model->layer_count; i++)
        largest = fmaxf(largest, offset_of(model, i));
    return largest;
}

/* Disturbances of this network: at least what rounding does to what is moved. */
static inline float noise_size(const struct model *model)
{
    return NOISE + largest_offset(model) / DEVIATION * 0x1p-24f;
}

static inline float noise(float size, uint64_t key, size_t i)
{
    return key == 0 ? 0 : size * (2 * rng_float(key, (uint32_t)i) - 1);
}

/* Moves biases before norms, all channels alike, and the running means of what they move. */
static inline void move_params(struct run *run)
{
    const struct model *model = run->model;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        int from = l->op == LAYER_NORM ? moved_layer(model, i) : -1;
        if (from < 0)
            continue;
        float offset = offset_of(model, from);
        if (model->layers[from].op != LAYER_INPUT) {
            const struct param *bias = &model->params[model->layers[from].bias];
            for (size_t k = 0; k < bias->count; k++)
                run->store.param[bias->offset + k] += offset;
        }
        for (int k = 0; l->state >= 0 && k < l->c; k++)
            run->store.state[model->states[l->state].offset + (size_t)k] += offset;
    }
}

/* -- A start and a batch ----------------------------------------------------------------------- */

/* The running statistics that frozen norms apply; those of others say nothing of a step. */
static inline void start_states(struct run *run, uint64_t seed)
{
    for (int i = 0; i < run->model->layer_count; i++) {
        const struct layer *l = &run->model->layers[i];
        for (int k = 0; l->frozen && l->state >= 0 && k < 2 * l->c; k++) {
            const struct state *s = &run->model->states[l->state + k / l->c];
            const float part = rng_float(rng_key(seed, 3, (uint32_t)i, RNG_INIT), (uint32_t)k);
            run->store.state[s->offset + (size_t)(k % l->c)] += part / 2;
        }
    }
}

/* Norms start at 1 and 0, at which mistakes may hide. The disturbance is of the largest value. */
static inline void start_params(struct run *run, uint64_t seed, uint64_t disturbance)
{
    float size = noise_size(run->model);
    run_init_params(run, seed);
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *p = &run->model->params[i];
        float *values = run->store.param + p->offset, largest = 0;
        uint64_t key = rng_key(seed, 1, (uint32_t)i, RNG_INIT);
        for (size_t k = 0; k < p->count; k++) {
            if (p->init != INIT_FAN_IN)
                values[k] += rng_float(key, (uint32_t)k) - 0.5f;
            largest = fmaxf(largest, fabsf(values[k]));
        }
        key = disturbance == 0 ? 0 : rng_key(disturbance, 1, (uint32_t)i, RNG_INIT);
        for (size_t k = 0; k < p->count; k++)
            values[k] += largest * noise(size, key, k);
    }
    move_params(run);
    start_states(run, seed);
    run_pack(run);
}

struct inputs {
    float *images;
    uint8_t *labels, *others;
    float *part; /* of mixed images */
    uint32_t *samples;
};

static inline struct inputs make_inputs(const struct model *model, uint64_t seed,
                                        uint64_t disturbance)
{
    size_t n = (size_t)model->recipe->batch, each = (size_t)(model->c * model->h * model->w);
    struct inputs in = {must(malloc(n * each * sizeof(float))), must(malloc(n)), must(malloc(n)),
                        must(malloc(n * sizeof(float))), must(malloc(n * sizeof(uint32_t)))};
    uint64_t key = rng_key(seed, 2, 0, RNG_SYNTHETIC);
    float offset = offset_of(model, 0), size = noise_size(model);
    for (size_t i = 0; i < n * each; i++)
        in.images[i] = offset + 2 * rng_float(key, (uint32_t)i) - 1 + noise(size, disturbance, i);
    for (size_t i = 0; i < n; i++) {
        in.labels[i] = (uint8_t)rng_below(key + 1, (uint32_t)i, (uint32_t)model->classes);
        in.others[i] = (uint8_t)(in.labels[i] / 2);
        in.part[i] = 0.5f + rng_float(key + 2, (uint32_t)i) / 2;
        in.samples[i] = (uint32_t)(7 * i + 3);
    }
    return in;
}

static inline void free_inputs(struct inputs *in)
{
    free(in->images);
    free(in->labels);
    free(in->others);
    free(in->part);
    free(in->samples);
}

/* A whole batch of them. */
static inline struct batch batch_of(const struct inputs *in, const struct model *model,
                                    uint64_t seed)
{
    return (struct batch){.n = model->recipe->batch,
                          .images = in->images,
                          .labels = in->labels,
                          .samples = in->samples,
                          .seed = seed,
                          .epoch = 1};
}

static inline struct optim optim_of(const struct recipe *recipe)
{
    struct optim optim;
    optim_init(&optim, recipe);
    return optim;
}

#endif
