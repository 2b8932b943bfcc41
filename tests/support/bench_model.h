/* bench_model.h - a tiny model with kernels of its own, a folder for what a bench writes, and how
 * that is read.
 *
 *     make_folder();
 *     struct model model = make_model();
 *     ... a bench that writes `json` ...
 *     cJSON *root = read_json();
 *     remove_folder();
 */
#ifndef BURIN_TESTS_BENCH_MODEL_H
#define BURIN_TESTS_BENCH_MODEL_H

#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ref/generic.h"
#include "ref/ref.h"

/* -- A model of one 1x1 convolution over 2x2 pixels and the global average --------------------- */

enum { C = 3, K = 4, PIXELS = 4, BATCH = 20 };

static inline void conv_fwd(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < K; k++) {
            a->y[i * K + k] = 0;
            for (int c = 0; c < C; c++)
                a->y[i * K + k] += a->x[i * C + c] * a->w[k * C + c];
        }
}

static inline void conv_bwd_weights(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < K; k++)
            for (int c = 0; c < C; c++)
                a->dw[k * C + c] += a->dy[i * K + k] * a->x[i * C + c];
}

static inline void average_bwd(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS * K; i++)
        a->dx[i] = a->dy[i % K] / PIXELS;
}

static inline void average_bwd_wrong(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS * K; i++)
        a->dx[i] = a->dy[i % K];
}

static inline void copy_weights(float *to, const float *from)
{
    memcpy(to, from, C * K * sizeof *to);
}

#define X                                                                                          \
    {                                                                                              \
        C, 2, 2, C, 0                                                                              \
    }
#define Y                                                                                          \
    {                                                                                              \
        K, 2, 2, K, 0                                                                              \
    }
#define MEAN                                                                                       \
    {                                                                                              \
        K, 1, 1, K, 0                                                                              \
    }

static const struct kernel kernels[] = {
    {.name = "conv_fwd",
     .layer = "conv1",
     .op = KERNEL_CONV,
     .pass = PASS_FWD,
     .x = X,
     .y = Y,
     .dx = X,
     .dy = Y,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .exact = true,
     .images = 1,
     .mflop = 96e-6,
     .packed_floats = C * K,
     .pack = copy_weights,
     .run = conv_fwd},
    {.name = "conv_bwd_weights",
     .layer = "conv1",
     .op = KERNEL_CONV,
     .pass = PASS_BWD_WEIGHTS,
     .x = X,
     .y = Y,
     .dx = X,
     .dy = Y,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .exact = true,
     .images = 1,
     .mflop = 96e-6,
     .packed_floats = C * K,
     .unpack = copy_weights,
     .run = conv_bwd_weights},
    {.name = "average_bwd",
     .layer = "pool1",
     .op = KERNEL_AVGPOOL,
     .pass = PASS_BWD_DATA,
     .x = Y,
     .y = MEAN,
     .dx = Y,
     .dy = MEAN,
     .geometry = {{2, 2, 0, 1}, {2, 2, 0, 1}},
     .exact = true,
     .images = 1,
     .run = average_bwd},
};

static const struct layer layers[] = {
    {.op = LAYER_INPUT, .inputs = {-1, -1}, .c = C, .h = 2, .w = 2, .weight = -1, .bias = -1},
    {.op = LAYER_CONV,
     .inputs = {0, -1},
     .c = K,
     .h = 2,
     .w = 2,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .weight = 0,
     .bias = -1,
     .mflop = 96e-6},
    {.op = LAYER_GLOBAL_AVGPOOL,
     .inputs = {1, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1},
    {.op = LAYER_LINEAR,
     .inputs = {2, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = 1,
     .bias = -1,
     .mflop = 32e-6},
    {.op = LAYER_SOFTMAX_CROSS_ENTROPY,
     .inputs = {3, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1},
};

static const struct param params[] = {
    {.name = "conv1.weight",
     .rank = 2,
     .shape = {K, C},
     .count = C * K,
     .init = INIT_FAN_IN,
     .fan_in = C},
    {.name = "fc.weight",
     .rank = 2,
     .shape = {K, K},
     .offset = C * K,
     .count = K * K,
     .init = INIT_FAN_IN,
     .fan_in = K},
};

static const struct recipe recipe = {.batch = BATCH, .momentum = 0.9f};

static inline struct model make_model(void)
{
    return (struct model){.name = "tiny",
                          .norm = "none",
                          .isa = "c",
                          .c = C,
                          .h = 2,
                          .w = 2,
                          .classes = K,
                          .recipe = &recipe,
                          .layers = layers,
                          .layer_count = 5,
                          .params = params,
                          .param_count = 2,
                          .param_floats = C * K + K * K,
                          .kernels = kernels,
                          .kernel_count = 3,
                          .backend = &generic_backend};
}

/* -- Files ------------------------------------------------------------------------------------- */

static char folder[256], json[300];

static inline void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/burin_bench_XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(json, sizeof json, "%s/bench.json", folder);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout)); /* the tables */
}

static inline void remove_folder(void)
{
    unlink(json);
    ck_assert_int_eq(rmdir(folder), 0); /* fails when a temporary file is left */
}

static inline cJSON *read_json(void)
{
    static char text[1 << 16];
    FILE *file = fopen(json, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    cJSON *root = cJSON_Parse(text);
    ck_assert_ptr_nonnull(root);
    return root;
}

static inline double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "no number \"%s\"", key);
    return item->valuedouble;
}

static inline const char *string(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsString(item), "no string \"%s\"", key);
    return item->valuestring;
}

#endif
