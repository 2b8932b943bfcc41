/* inputs.h - what a program of a random network is given: a start, made-up images and labels. */
#ifndef BURIN_TESTS_INPUTS_H
#define BURIN_TESTS_INPUTS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rng.h"
#include "run.h"

/* How far a disturbed start and disturbed images are off, see check_program.c. */
static const float NOISE = 3e-5f;

static inline void *must(void *memory)
{
    if (memory == NULL) {
        printf("out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static inline float noise(uint64_t key, size_t i)
{
    return key == 0 ? 0 : NOISE * (2 * rng_float(key, (uint32_t)i) - 1);
}

/* Norms start at 1 and 0, at which mistakes may hide. The disturbance is of the largest value. */
static inline void start_params(struct run *run, uint64_t seed, uint64_t disturbance)
{
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
            values[k] += largest * noise(key, k);
    }
    run_pack(run);
}

struct inputs {
    float *images;
    uint8_t *labels;
    uint32_t *samples;
};

static inline struct inputs make_inputs(const struct model *model, uint64_t seed,
                                        uint64_t disturbance)
{
    size_t n = (size_t)model->recipe.batch, each = (size_t)(model->c * model->h * model->w);
    struct inputs in = {must(malloc(n * each * sizeof(float))), must(malloc(n)),
                        must(malloc(n * sizeof(uint32_t)))};
    uint64_t key = rng_key(seed, 2, 0, RNG_SYNTHETIC);
    for (size_t i = 0; i < n * each; i++)
        in.images[i] = 2 * rng_float(key, (uint32_t)i) - 1 + noise(disturbance, i);
    for (size_t i = 0; i < n; i++) {
        in.labels[i] = (uint8_t)rng_below(key + 1, (uint32_t)i, (uint32_t)model->classes);
        in.samples[i] = (uint32_t)(7 * i + 3);
    }
    return in;
}

static inline void free_inputs(struct inputs *in)
{
    free(in->images);
    free(in->labels);
    free(in->samples);
}

/* A whole batch of them. */
static inline struct batch batch_of(const struct inputs *in, const struct model *model,
                                    uint64_t seed)
{
    return (struct batch){.n = model->recipe.batch,
                          .images = in->images,
                          .labels = in->labels,
                          .samples = in->samples,
                          .seed = seed,
                          .epoch = 1};
}

static inline struct sgd sgd_of(const struct recipe *recipe)
{
    return (struct sgd){recipe->lr, recipe->momentum, recipe->weight_decay, recipe->nesterov};
}

#endif
