/* naive_net.h - small networks of every kind of layer, made at run time, and images for them.
 *
 *     struct net net;
 *     net_make(&net, which);                        (0 .. NETS - 1; net.model is the model)
 *     data_make(&data, IMAGES);                     (data.batch is the batch)
 */
#ifndef BURIN_TESTS_NAIVE_NET_H
#define BURIN_TESTS_NAIVE_NET_H

#include <check.h>

#include "naive.h"
#include "ref/generic.h"
#include "run.h"

enum { LAYERS = 24, PARAMS = 24, STATES = 8, BATCH = 19, IMAGES = 13, CLASSES = 3 };
enum { C = 2, H = 6, W = 5, IMAGE = C * H * W };

/* -- Networks ---------------------------------------------------------------------------------- */

struct net {
    struct layer layers[LAYERS];
    struct param params[PARAMS];
    struct state states[STATES];
    float standardize[PARAMS];
    struct recipe recipe;
    struct model model;
};

static void net_start(struct net *n)
{
    *n = (struct net){.layers = {{.op = LAYER_INPUT,
                                  .inputs = {-1, -1},
                                  .c = C,
                                  .h = H,
                                  .w = W,
                                  .weight = -1,
                                  .bias = -1,
                                  .state = -1}},
                      .recipe = {.batch = BATCH}};
    n->model = (struct model){.name = "tiny",
                              .c = C,
                              .h = H,
                              .w = W,
                              .classes = CLASSES,
                              .recipe = &n->recipe,
                              .layers = n->layers,
                              .layer_count = 1,
                              .params = n->params,
                              .states = n->states,
                              .backend = &generic_backend};
}

static int net_param(struct net *n, int count, int fan_in, enum param_init init)
{
    struct model *m = &n->model;
    n->params[m->param_count] = (struct param){.name = "p",
                                               .offset = m->param_floats,
                                               .count = (size_t)count,
                                               .init = init,
                                               .fan_in = fan_in,
                                               .decays = init == INIT_FAN_IN};
    m->param_floats += (size_t)count;
    return m->param_count++;
}

static int net_state(struct net *n, int count, float init)
{
    struct model *m = &n->model;
    n->states[m->state_count] = (struct state){
        .name = "s", .offset = m->state_floats, .count = (size_t)count, .init = init};
    m->state_floats += (size_t)count;
    return m->state_count++;
}

/* A layer shaped like its input. */
static int net_layer(struct net *n, enum layer_op op, int from)
{
    struct layer l = n->layers[from];
    ck_assert_int_lt(n->model.layer_count, LAYERS);
    n->layers[n->model.layer_count] = (struct layer){.op = op,
                                                     .name = "l",
                                                     .inputs = {from, -1},
                                                     .c = l.c,
                                                     .h = l.h,
                                                     .w = l.w,
                                                     .weight = -1,
                                                     .bias = -1,
                                                     .state = -1};
    return n->model.layer_count++;
}

static int net_window(struct net *n, enum layer_op op, int from, int window, int stride,
                      int padding)
{
    int i = net_layer(n, op, from);
    struct layer *l = &n->layers[i];
    l->geometry = naive_square(window, stride, padding);
    l->h = naive_out_size(l->h, l->geometry.h);
    l->w = naive_out_size(l->w, l->geometry.w);
    return i;
}

static int net_grouped(struct net *n, int from, int k, int window, int stride, bool bias,
                       int groups)
{
    int i = net_window(n, LAYER_CONV, from, window, stride, window / 2);
    int fan_in = n->layers[from].c / groups * window * window;
    n->layers[i].c = k;
    n->layers[i].groups = groups;
    n->layers[i].weight = net_param(n, k * fan_in, fan_in, INIT_FAN_IN);
    n->layers[i].bias = bias ? net_param(n, k, fan_in, INIT_FAN_IN) : -1;
    return i;
}

static int net_conv(struct net *n, int from, int k, int window, int stride, bool bias)
{
    return net_grouped(n, from, k, window, stride, bias, 1);
}

/* The weights of a convolution are seen standardized. */
static int net_standardized(struct net *n, int conv)
{
    const struct layer *l = &n->layers[conv];
    n->params[l->weight].shape[0] = l->c;
    n->standardize[l->weight] = 1e-3f;
    n->model.standardize = n->standardize;
    return conv;
}

/* groups of 0 make a batch norm. */
static int net_norm(struct net *n, int from, int groups)
{
    int i = net_layer(n, LAYER_NORM, from);
    struct layer *l = &n->layers[i];
    l->norm = groups == 0 ? NORM_BATCH : NORM_GROUP;
    l->groups = groups == 0 ? l->c : groups;
    l->eps = 1e-3f;
    l->momentum = 0.1f;
    l->weight = net_param(n, l->c, l->c, INIT_ONE);
    l->bias = net_param(n, l->c, l->c, INIT_ZERO);
    if (groups == 0) {
        l->state = net_state(n, l->c, 0);
        net_state(n, l->c, 1);
    }
    return i;
}

/* Layer norm or RMS norm over the channels of each pixel. */
static int net_pixel_norm(struct net *n, int from, enum norm_kind norm)
{
    int i = net_layer(n, LAYER_NORM, from);
    struct layer *l = &n->layers[i];
    l->norm = norm;
    l->groups = 1;
    l->eps = 1e-3f;
    l->weight = net_param(n, l->c, l->c, INIT_ONE);
    if (norm == NORM_LAYER)
        l->bias = net_param(n, l->c, l->c, INIT_ZERO);
    return i;
}

static int net_dropout(struct net *n, int from, float p, enum drop_unit unit)
{
    int i = net_layer(n, LAYER_DROPOUT, from);
    n->layers[i].p = p;
    n->layers[i].unit = unit;
    return i;
}

static int net_add(struct net *n, int from, int other)
{
    int i = net_layer(n, LAYER_ADD, from);
    n->layers[i].inputs[1] = other;
    n->layers[i].inputs[2] = -1;
    return i;
}

/* Shaped like `from`. */
static int net_mul(struct net *n, int from, int other)
{
    int i = net_add(n, from, other);
    n->layers[i].op = LAYER_MUL;
    return i;
}

static int net_concat(struct net *n, const int *parts, int count)
{
    int i = net_layer(n, LAYER_CONCAT, parts[0]);
    n->layers[i].c = 0;
    for (int which = 0; which < count; which++) {
        n->layers[i].inputs[which] = parts[which];
        n->layers[i].c += n->layers[parts[which]].c;
    }
    n->layers[i].inputs[count] = -1;
    return i;
}

static int net_pad_channels(struct net *n, int from, int c, int first)
{
    int i = net_layer(n, LAYER_PAD_CHANNELS, from);
    n->layers[i].c = c;
    n->layers[i].first = first;
    return i;
}

/* Linear or global pooling, which leave one pixel. */
static int net_flat(struct net *n, enum layer_op op, int from, int k)
{
    int i = net_layer(n, op, from);
    struct layer *l = &n->layers[i];
    int fan_in = l->c * l->h * l->w;
    l->h = l->w = 1;
    if (op == LAYER_LINEAR) {
        l->c = k;
        l->weight = net_param(n, k * fan_in, fan_in, INIT_FAN_IN);
        l->bias = net_param(n, k, fan_in, INIT_FAN_IN);
    }
    return i;
}

static void net_finish(struct net *n, int logits)
{
    net_layer(n, LAYER_SOFTMAX_CROSS_ENTROPY, logits);
}

/* conv, ReLU, norm, pool, conv, global pool, as s8 in small, with dropout. */
static void net_plain(struct net *n, int groups)
{
    net_start(n);
    int x = net_layer(n, LAYER_RELU, net_conv(n, 0, 4, 3, 1, true));
    x = net_norm(n, x, groups);
    x = net_dropout(n, x, 0.25f, DROP_VALUES);
    x = net_window(n, LAYER_MAXPOOL, x, 2, 2, 0);
    x = net_norm(n, net_conv(n, x, 4, 3, 1, false), groups);
    x = net_conv(n, net_layer(n, LAYER_RELU, x), CLASSES, 1, 1, false);
    net_finish(n, net_flat(n, LAYER_GLOBAL_AVGPOOL, x, 0));
}

static void net_no_norm(struct net *n)
{
    net_start(n);
    int x = net_layer(n, LAYER_RELU, net_conv(n, 0, 4, 5, 2, true));
    x = net_layer(n, LAYER_RELU, net_grouped(n, x, 6, 2, 1, true, 2));
    x = net_window(n, LAYER_AVGPOOL, x, 3, 2, 1);
    net_finish(n, net_flat(n, LAYER_LINEAR, x, CLASSES));
}

/* A residual block with a strided projection, then an identity block. */
static void net_skips(struct net *n, int groups)
{
    net_start(n);
    int x = net_layer(n, LAYER_RELU, net_norm(n, net_conv(n, 0, 2, 3, 1, false), groups));
    int a = net_layer(n, LAYER_RELU, net_norm(n, net_conv(n, x, 4, 3, 2, false), groups));
    a = net_norm(n, net_standardized(n, net_grouped(n, a, 4, 3, 1, false, 4)), groups);
    int b = net_standardized(n, net_conv(n, x, 4, 1, 2, true));
    x = net_layer(n, LAYER_RELU, net_add(n, a, b));
    x = net_layer(n, LAYER_RELU, net_add(n, net_conv(n, x, 4, 3, 1, true), x));
    x = net_window(n, LAYER_AVGPOOL, x, 2, 1, 1);
    net_finish(n, net_flat(n, LAYER_LINEAR, x, CLASSES));
}

/* Everything unusual at once: work on the bare input, a value added to itself, one read three
 * times, ReLU after ReLU, dropout after ReLU, and layers that lead nowhere. */
static void net_odd(struct net *n)
{
    net_start(n);
    int x = net_layer(n, LAYER_RELU, net_window(n, LAYER_MAXPOOL, 0, 3, 1, 1));
    x = net_conv(n, net_dropout(n, x, 0.5f, DROP_CHANNELS), 2, 3, 1, true);
    net_norm(n, net_conv(n, x, 3, 1, 1, true), 0);
    int twice = net_add(n, x, x);
    int y = net_layer(n, LAYER_RELU, net_layer(n, LAYER_RELU, twice));
    y = net_add(n, net_dropout(n, y, 0.5f, DROP_IMAGES), x);
    y = net_add(n, 0, y);
    y = net_add(n, net_window(n, LAYER_MAXPOOL, y, 3, 1, 1), net_layer(n, LAYER_RELU, y));
    y = net_norm(n, y, 0);
    net_finish(n, net_flat(n, LAYER_LINEAR, net_add(n, y, y), CLASSES));
}

/* Two batch norms, with a group norm in front of each: in one phase both kinds go backward. */
static void net_mixed(struct net *n)
{
    net_start(n);
    int x = net_layer(n, LAYER_RELU, net_norm(n, net_conv(n, 0, 4, 3, 1, false), 2));
    x = net_layer(n, LAYER_RELU, net_norm(n, net_conv(n, x, 4, 3, 1, false), 0));
    x = net_norm(n, net_conv(n, x, 4, 3, 2, false), 1);
    x = net_norm(n, x, 0);
    net_finish(n, net_flat(n, LAYER_LINEAR, x, CLASSES));
}

/* Layers that read several: the input, one twice, what others read. */
static void net_joins(struct net *n)
{
    net_start(n);
    int x = net_conv(n, 0, 1, 3, 1, true);
    int y = net_layer(n, LAYER_RELU, x);
    y = net_concat(n, (const int[]){0, net_pad_channels(n, y, 3, 1), x, x, y}, 5);
    y = net_add(n, net_norm(n, y, 0), y);
    y = net_mul(n, y, net_flat(n, LAYER_GLOBAL_AVGPOOL, y, 0));
    y = net_mul(n, y, net_flat(n, LAYER_GLOBAL_MAXPOOL, y, 0));
    y = net_pixel_norm(n, net_norm(n, net_mul(n, y, y), 2), NORM_LAYER);
    y = net_add(n, net_pixel_norm(n, y, NORM_RMS), y);
    net_finish(n, net_flat(n, LAYER_LINEAR, y, CLASSES));
}

enum { NETS = 11 };

static void net_make(struct net *n, int which)
{
    switch (which) {
    case 0:
        net_no_norm(n);
        break;
    case 1:
        net_skips(n, 0);
        break;
    case 2:
        net_skips(n, 2);
        break;
    case 3:
        net_odd(n);
        break;
    case 4: /* a linear network: its one layer reads the input */
        net_start(n);
        net_finish(n, net_flat(n, LAYER_LINEAR, 0, CLASSES));
        break;
    case 5:
        net_mixed(n);
        break;
    case 10:
        net_joins(n);
        break;
    default: { /* batch, layer, group and instance norm */
        static const int groups[] = {0, 1, 2, 4};
        net_plain(n, groups[which - 6]);
        break;
    }
    }
}

/* -- One batch --------------------------------------------------------------------------------- */

struct data {
    float images[BATCH * IMAGE];
    uint8_t labels[BATCH];
    uint32_t samples[BATCH];
    struct batch batch;
};

static void data_make(struct data *d, int n)
{
    for (int i = 0; i < BATCH * IMAGE; i++)
        d->images[i] = (float)naive_random(99, i);
    for (int i = 0; i < BATCH; i++) {
        d->labels[i] = (uint8_t)(i * 5 % 7 % CLASSES);
        d->samples[i] = (uint32_t)(1000 - 3 * i);
    }
    d->batch = (struct batch){.n = n,
                              .images = d->images,
                              .labels = d->labels,
                              .samples = d->samples,
                              .seed = 3,
                              .epoch = 2};
}

#endif
