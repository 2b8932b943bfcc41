/* tiny_model.h - the smallest model with everything: average pool, batch norm, linear; computed by
 * the generic backend. It takes the images of CIFAR-10 and of the synthetic set, and learns next to
 * nothing of them. The offsets leave gaps between parameters, as a model may. */
#ifndef BURIN_TINY_MODEL_H
#define BURIN_TINY_MODEL_H

#include "data/synthetic.h"
#include "model.h"
#include "ref/generic.h"

enum {
    TINY_STEPS = 20, /* an epoch of the synthetic set */
    TINY_BATCH = (SYNTHETIC_TRAIN + TINY_STEPS - 1) / TINY_STEPS,
    TINY_PARAMS = 4,
    TINY_STATES = 2,
    TINY_PARAM_FLOATS = 528,
    TINY_STATE_FLOATS = 32
};

static const struct layer tiny_layers[] = {
    {.op = LAYER_INPUT,
     .name = "input",
     .inputs = {-1, -1},
     .c = 3,
     .h = 32,
     .w = 32,
     .weight = -1,
     .bias = -1,
     .state = -1},
    {.op = LAYER_AVGPOOL,
     .name = "pool1",
     .inputs = {0, -1},
     .c = 3,
     .h = 4,
     .w = 4,
     .geometry = {{8, 8, 0, 1}, {8, 8, 0, 1}},
     .weight = -1,
     .bias = -1,
     .state = -1},
    {.op = LAYER_NORM,
     .name = "norm1",
     .inputs = {1, -1},
     .c = 3,
     .h = 4,
     .w = 4,
     .norm = NORM_BATCH,
     .eps = 1e-5f,
     .momentum = 0.1f,
     .weight = 0,
     .bias = 1,
     .state = 0},
    {.op = LAYER_LINEAR,
     .name = "fc",
     .inputs = {2, -1},
     .c = 10,
     .h = 1,
     .w = 1,
     .weight = 2,
     .bias = 3,
     .state = -1,
     .mflop = 0.00096},
    {.op = LAYER_SOFTMAX_CROSS_ENTROPY,
     .name = "loss",
     .inputs = {3, -1},
     .c = 10,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1,
     .state = -1},
};

static const struct param tiny_params[] = {
    {"norm1.weight", 1, {3}, 0, 3, INIT_ONE, 0, false},
    {"norm1.bias", 1, {3}, 16, 3, INIT_ZERO, 0, false},
    {"fc.weight", 2, {10, 48}, 32, 480, INIT_FAN_IN, 48, true},
    {"fc.bias", 1, {10}, 512, 10, INIT_FAN_IN, 48, true},
};

static const struct state tiny_states[] = {
    {"norm1.running_mean", 0, 3, 0.0f},
    {"norm1.running_var", 16, 3, 1.0f},
};

static const struct kernel tiny_kernels[] = {
    {.name = "linear_c48_k10_fwd", .layer = "loss fc", .op = KERNEL_LINEAR, .pass = PASS_FWD},
};

static struct recipe tiny_recipe = {
    .batch = TINY_BATCH,
    .epochs = 2,
    .lr = 0.1f,
    .momentum = 0.9f,
    .weight_decay = 5e-4f,
    .label_smoothing = 0.1f,
    .schedule = LR_ONECYCLE,
    .step_epochs = 1,
    .step_gamma = 1.0f,
    .warmup = 0.3f,
    .start_div = 25.0f,
    .final_div = 1e4f,
    .crop = 4,
    .flip = FLIP_ALTERNATING,
    .cutout = 8,
};

static struct model tiny_model = {
    .name = "tiny",
    .norm = "bn",
    .isa = "c",
    .remake = "make gen NET=tiny NORM=bn ISA=",
    .c = 3,
    .h = 32,
    .w = 32,
    .classes = 10,
    .recipe = &tiny_recipe,
    .layers = tiny_layers,
    .layer_count = 5,
    .params = tiny_params,
    .param_count = TINY_PARAMS,
    .param_floats = TINY_PARAM_FLOATS,
    .states = tiny_states,
    .state_count = TINY_STATES,
    .state_floats = TINY_STATE_FLOATS,
    .kernels = tiny_kernels,
    .kernel_count = 1,
    .backend = &generic_backend,
};

#endif
