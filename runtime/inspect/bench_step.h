/* bench_step.h - whole training steps for a bench: what they are given, and their time.
 *
 *     struct batch batch;
 *     struct run run = {0};
 *     if (bench_batch_make(&batch, &model, model.recipe->batch, &err) &&
 *         bench_step_open(&run, &model, model.backend, threads, &err))
 *         seconds = bench_step_seconds(&run, &batch, &loss);      (the first touches the memory)
 *     run_close(&run);
 *     bench_batch_free(&batch);                               (also after a failure)
 *
 * bench_steps_main is `bench --steps N`: whole steps and nothing else, for who measures beside it
 * something that we do not have, in turns with us (scripts/bench_peers.py).
 */
#ifndef BURIN_BENCH_STEP_H
#define BURIN_BENCH_STEP_H

#include "run.h"

/* A batch of n images of noise: how long a step takes does not depend on what it sees. */
bool bench_batch_make(struct batch *batch, const struct model *model, int n, struct err *err);
void bench_batch_free(struct batch *batch);

/* Opens a run with initial parameters and the recipe's SGD, but for a small learning rate. */
bool bench_step_open(struct run *run, const struct model *model, const struct backend *backend,
                     int threads, struct err *err);

/* Makes one training step: forward, loss, backward, update. Stores its loss. */
double bench_step_seconds(struct run *run, const struct batch *batch, double *loss);

/* MFLOP of a step on one image by the direct algorithm, a multiply-add counting two. */
double bench_step_mflop(const struct model *model);

enum { BENCH_WARM_UP = 2 };

struct bench_steps_options {
    int threads;
    int steps;     /* to be timed, after BENCH_WARM_UP that are not */
    int batch;     /* images of a step; 0: as many as a training has */
    bool evaluate; /* a step is an evaluation of a batch, which changes nothing */
    bool dropout;
    bool pin;          /* each thread stays on a processor of its own */
    bool profile;      /* prints where the time of the timed steps went, which costs a little */
    const char *json;  /* file for the figures, or NULL */
    const char *start; /* folder for what the first step is given, or NULL */
};

/* Prints the median and its ratio to the direct FLOP at the FMA peak of this run. The file of
 * figures is {"isa", "cpu", "threads", "peak_gflops", "step": {"batch", "lr", "ms",
 * "direct_roofline_ms", "ratio", "each_ms": [steps], "losses": [BENCH_WARM_UP + steps]}}. In the
 * folder, batch.safetensors has images [n, c, h, w] F32 and labels [n] U8, model.safetensors is the
 * model before the first step, and gradients.safetensors, unless steps are evaluations, has what
 * that step made of it: the gradient of the loss by each parameter, under its name, F32. */
bool bench_steps_main(const struct model *model, const struct bench_steps_options *options,
                      struct err *err);

#endif
