/* naive_oracle.h - the networks of naive_net.h in double.
 *
 *     oracle_start(&oracle, &run, &batch, training);
 *     double loss = oracle_loss(&oracle);           (and the values of all layers in oracle.value)
 */
#ifndef BURIN_TESTS_NAIVE_ORACLE_H
#define BURIN_TESTS_NAIVE_ORACLE_H

#include "naive_net.h"

enum { VALUE = BATCH * 6 * H * W }; /* floats of the largest value of a batch */

struct oracle {
    const struct model *model;
    const struct batch *batch;
    bool training, dropout;
    double smoothing;
    double param[2048];
    float state[64];
    double value[LAYERS][VALUE];
};

/* Over the channels of each pixel. */
static void oracle_pixel_norm(struct oracle *o, int i, const double *x)
{
    const struct layer *l = &o->model->layers[i];
    const double *weight = o->param + o->model->params[l->weight].offset;
    const double *bias = l->bias < 0 ? NULL : o->param + o->model->params[l->bias].offset;
    int pixels = l->h * l->w;
    for (int at = 0; at < o->batch->n * pixels; at++) {
        int first = at / pixels * l->c * pixels + at % pixels;
        double mean = 0, square = 0;
        for (int c = 0; c < l->c && bias != NULL; c++)
            mean += x[first + c * pixels] / l->c;
        for (int c = 0; c < l->c; c++)
            square += pow(x[first + c * pixels] - mean, 2) / l->c;
        for (int c = 0; c < l->c; c++)
            o->value[i][first + c * pixels] =
                (x[first + c * pixels] - mean) / sqrt(square + (double)l->eps) * weight[c] +
                (bias != NULL ? bias[c] : 0);
    }
}

static void oracle_norm(struct oracle *o, int i, const double *x)
{
    const struct layer *l = &o->model->layers[i];
    if (norm_is_set_norm(l->norm)) {
        oracle_pixel_norm(o, i, x);
        return;
    }
    const double *weight = o->param + o->model->params[l->weight].offset;
    const double *bias = o->param + o->model->params[l->bias].offset;
    int pixels = l->h * l->w;
    if (l->norm == NORM_GROUP || o->training) {
        naive_norm(o->value[i], x, weight, bias, o->batch->n, l->c, pixels, l->groups,
                   l->norm == NORM_BATCH, (double)l->eps);
        return;
    }
    const float *mean = o->state + o->model->states[l->state].offset;
    const float *var = o->state + o->model->states[l->state + 1].offset;
    for (int at = 0; at < o->batch->n * l->c * pixels; at++) {
        int c = at / pixels % l->c;
        o->value[i][at] =
            (x[at] - (double)mean[c]) / sqrt((double)var[c] + (double)l->eps) * weight[c] + bias[c];
    }
}

static void oracle_dropout(struct oracle *o, int i, const double *x)
{
    const struct layer *l = &o->model->layers[i];
    int pixels = l->h * l->w, size = l->c * pixels;
    bool on = o->training && o->dropout;
    for (int at = 0; at < o->batch->n * size; at++) {
        o->value[i][at] = x[at];
        if (!on)
            continue;
        uint64_t key = rng_key(o->batch->seed, o->batch->epoch, o->batch->samples[at / size],
                               RNG_DROPOUT + (uint32_t)i);
        uint32_t channel = (uint32_t)(at % size / pixels);
        uint32_t position = (uint32_t)(at % pixels) * rng_drop_pitch(l->c) + channel;
        if (l->unit != DROP_VALUES)
            position = l->unit == DROP_CHANNELS ? channel : 0;
        uint32_t threshold = rng_drop_threshold(l->p);
        bool drop = rng_drops(key, position, threshold);
        o->value[i][at] = drop ? 0 : x[at] / (1 - (double)threshold * 0x1p-16);
    }
}

/* The weights of a layer as it sees them, of which there are `count`. */
static const double *oracle_weights(struct oracle *o, const struct layer *l, int count)
{
    static double seen[2048];
    const double *w = l->weight < 0 ? NULL : o->param + o->model->params[l->weight].offset;
    double eps =
        w != NULL && o->model->standardize != NULL ? (double)o->model->standardize[l->weight] : 0;
    int n = count / l->c;
    for (int k = 0; eps > 0 && k < l->c; k++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < n; i++)
            mean += w[k * n + i] / n;
        for (int i = 0; i < n; i++)
            variance += pow(w[k * n + i] - mean, 2) / n;
        for (int i = 0; i < n; i++)
            seen[k * n + i] = (w[k * n + i] - mean) / sqrt(variance + eps);
    }
    return eps > 0 ? seen : w;
}

/* One layer of one image that has a window or takes the whole image. */
static void oracle_window(struct oracle *o, int i, int image, const double *x, double *y)
{
    const struct layer *l = &o->model->layers[i], *in = &o->model->layers[l->inputs[0]];
    int groups = l->op == LAYER_CONV ? l->groups : 1;
    struct ref_window s = {in->c, in->h, in->w, l->c, l->h, l->w, l->geometry, groups};
    const double *w =
        oracle_weights(o, l, l->weight < 0 ? 0 : (int)o->model->params[l->weight].count);
    const double *b = l->bias < 0 ? NULL : o->param + o->model->params[l->bias].offset;
    x += image * in->c * in->h * in->w;
    y += image * l->c * l->h * l->w;
    if (l->op == LAYER_CONV) {
        naive_conv(&s, y, NULL, NULL, NULL, x, w, b, NULL);
    } else if (l->op == LAYER_MAXPOOL || l->op == LAYER_AVGPOOL) {
        naive_pool(&s, y, x, l->op == LAYER_MAXPOOL);
    } else {
        int n = in->h * in->w;
        for (int k = 0; k < l->c; k++) {
            y[k] = b != NULL ? b[k] : 0;
            for (int j = 0; l->op == LAYER_LINEAR && j < in->c * n; j++)
                y[k] += w[k * in->c * n + j] * x[j];
            for (int j = 0; l->op == LAYER_GLOBAL_AVGPOOL && j < n; j++)
                y[k] += x[k * n + j] / n;
            for (int j = 0; l->op == LAYER_GLOBAL_MAXPOOL && j < n; j++)
                y[k] = j == 0 ? x[k * n] : fmax(y[k], x[k * n + j]);
        }
    }
}

static void oracle_mul(struct oracle *o, int i)
{
    const struct layer *l = &o->model->layers[i];
    int pixels = l->h * l->w, n = o->batch->n * l->c * pixels;
    for (int j = 0; j < n; j++)
        o->value[i][j] = 1;
    for (int which = 0; which < 2; which++) {
        const struct layer *in = &o->model->layers[l->inputs[which]];
        for (int j = 0; j < n; j++)
            o->value[i][j] *= o->value[l->inputs[which]][in->h * in->w == 1 ? j / pixels : j];
    }
}

static void oracle_concat(struct oracle *o, int i)
{
    const struct layer *l = &o->model->layers[i];
    double *y = o->value[i];
    for (int image = 0; image < o->batch->n; image++)
        for (int which = 0; l->inputs[which] >= 0; which++) {
            const struct layer *in = &o->model->layers[l->inputs[which]];
            int n = in->c * in->h * in->w;
            for (int j = 0; j < n; j++)
                *y++ = o->value[l->inputs[which]][image * n + j];
        }
}

static void oracle_pad_channels(struct oracle *o, int i, const double *x)
{
    const struct layer *l = &o->model->layers[i];
    const struct layer *in = &o->model->layers[l->inputs[0]];
    double *y = o->value[i];
    for (int image = 0; image < o->batch->n; image++)
        for (int c = 0; c < l->c; c++)
            for (int j = 0; j < l->h * l->w; j++)
                *y++ = c < l->first || c >= l->first + in->c ? 0 : *x++;
}

/* Mean loss of the batch. */
static double oracle_loss(struct oracle *o)
{
    const struct model *m = o->model;
    double loss = 0;
    for (int i = 0; i < o->batch->n * IMAGE; i++)
        o->value[0][i] = (double)o->batch->images[i];
    for (int i = 1; i < m->layer_count; i++) {
        const struct layer *l = &m->layers[i];
        const double *x = o->value[l->inputs[0]];
        int n = o->batch->n * l->c * l->h * l->w;
        ck_assert_int_le(n, VALUE);
        switch (l->op) {
        case LAYER_RELU:
            for (int j = 0; j < n; j++)
                o->value[i][j] = fmax(x[j], 0);
            break;
        case LAYER_ADD:
            for (int j = 0; j < n; j++)
                o->value[i][j] = x[j] + o->value[l->inputs[1]][j];
            break;
        case LAYER_MUL:
            oracle_mul(o, i);
            break;
        case LAYER_CONCAT:
            oracle_concat(o, i);
            break;
        case LAYER_PAD_CHANNELS:
            oracle_pad_channels(o, i, x);
            break;
        case LAYER_NORM:
            oracle_norm(o, i, x);
            break;
        case LAYER_DROPOUT:
            oracle_dropout(o, i, x);
            break;
        case LAYER_SOFTMAX_CROSS_ENTROPY:
            for (int j = 0; j < o->batch->n; j++)
                loss += naive_loss(x + j * CLASSES, CLASSES, o->batch->labels[j],
                                   o->training ? o->smoothing : 0);
            break;
        default:
            for (int j = 0; j < o->batch->n; j++)
                oracle_window(o, i, j, x, o->value[i]);
            break;
        }
    }
    return loss / o->batch->n;
}

static void oracle_start(struct oracle *o, const struct run *run, const struct batch *batch,
                         bool training)
{
    o->model = run->model;
    o->batch = batch;
    o->training = training;
    o->dropout = run->dropout;
    o->smoothing = (double)run->label_smoothing;
    ck_assert_uint_le(run->model->param_floats, sizeof o->param / sizeof *o->param);
    for (size_t i = 0; i < run->model->param_floats; i++)
        o->param[i] = (double)run->store.param[i];
    memcpy(o->state, run->store.state, run->model->state_floats * sizeof *o->state);
}

#endif
