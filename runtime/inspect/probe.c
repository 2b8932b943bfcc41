/* probe.c - sums over parts of the activations, norms of vectors, and a walk down the gradient. */
#include "inspect/probe.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"
#include "inspect/info.h"
#include "inspect/inside.h"
#include "sys/clock.h"

enum { BINS = 40, DEFAULT_GROUPS = 4 };

static const float walk_lengths[] = {0.25f, 0.5f, 1.0f, 2.0f, 4.0f}; /* times the learning rate */
enum { WALK = sizeof walk_lengths / sizeof walk_lengths[0] };

/* Sum and sum of squares of one plane of pixels. */
struct plane {
    double sum, squares;
};

struct probe {
    struct probe_settings settings;
    struct inside inside;
    struct batch batch;
    float *images;
    uint8_t *labels;
    float *before;        /* [param_floats], parameters at the last look */
    float *gradient;      /* [param_floats], there */
    float *output;        /* one image of the largest layer */
    struct plane *planes; /* [images][channels of the widest layer] */
    cJSON *event;         /* of the last look, until it is written */
    double seconds;
};

/* -- Numbers ----------------------------------------------------------------------------------- */

/* Six digits are more than any plot shows. A number that is not finite becomes null. */
static cJSON *number(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    return isfinite(value) ? cJSON_CreateNumber(strtod(text, NULL)) : cJSON_CreateNull();
}

static double norm_of(const float *values, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

static double distance(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

static double deviation_of(double sum, double squares, double count)
{
    double mean = sum / count;
    return sqrt(fmax(0.0, squares / count - mean * mean));
}

/* -- Activations ------------------------------------------------------------------------------- */

/* Activations of a layer: before its norm or after it. */
struct view {
    const struct inside *inside;
    int layer;
    bool after;
    float *room;
};

/* [c][h][w] of an image. */
static const float *view_image(const struct view *v, int image)
{
    const struct inside *inside = v->inside;
    if (inside->run.model->layers[v->layer].op != LAYER_NORM)
        return place_output(&inside->work, v->layer, image);
    if (!v->after)
        return inside_input(inside, v->layer, image);
    inside_norm_output(inside, v->layer, image, v->room);
    return v->room;
}

struct extent {
    double low, high;
};

/* Fills planes[n][c]; returns the ends of the values. */
static struct extent sum_planes(const struct view *v, struct plane *planes)
{
    const struct layer *l = &v->inside->run.model->layers[v->layer];
    const int pixels = l->h * l->w;
    struct extent extent = {HUGE_VAL, -HUGE_VAL};
    for (int image = 0; image < v->inside->batch.n; image++) {
        const float *x = view_image(v, image);
        for (int channel = 0; channel < l->c; channel++, x += pixels) {
            struct plane plane = {0.0, 0.0};
            for (int i = 0; i < pixels; i++) {
                double value = (double)x[i];
                plane.sum += value;
                plane.squares += value * value;
                extent.low = fmin(extent.low, value);
                extent.high = fmax(extent.high, value);
            }
            planes[(size_t)image * (size_t)l->c + (size_t)channel] = plane;
        }
    }
    return extent;
}

/* How means and deviations of parts scatter. */
struct scatter {
    double count, means, means_squared, deviations, deviations_squared;
};

static void scatter_add(struct scatter *s, const struct plane *part, double count)
{
    double mean = part->sum / count;
    double deviation = deviation_of(part->sum, part->squares, count);
    s->count++;
    s->means += mean;
    s->means_squared += mean * mean;
    s->deviations += deviation;
    s->deviations_squared += deviation * deviation;
}

static cJSON *scatter_json(const struct scatter *s)
{
    cJSON *json = cJSON_CreateArray();
    if (json_append(json, number(s->means / s->count)) &&
        json_append(json, number(deviation_of(s->means, s->means_squared, s->count))) &&
        json_append(json, number(s->deviations / s->count)) &&
        json_append(json, number(deviation_of(s->deviations, s->deviations_squared, s->count))))
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* Parts of `images` images and `channels` channels that tile the planes [n][c] of p pixels. */
static struct scatter scatter_parts(const struct plane *planes, int n, int c, int pixels,
                                    int images, int channels)
{
    struct scatter scatter = {0};
    for (int image = 0; image < n; image += images) {
        for (int channel = 0; channel < c; channel += channels) {
            struct plane part = {0.0, 0.0};
            for (int i = image; i < image + images; i++) {
                for (int k = channel; k < channel + channels; k++) {
                    part.sum += planes[(size_t)i * (size_t)c + (size_t)k].sum;
                    part.squares += planes[(size_t)i * (size_t)c + (size_t)k].squares;
                }
            }
            scatter_add(&scatter, &part, (double)images * channels * pixels);
        }
    }
    return scatter;
}

/* Adds the counts of the bins, and of what lies in none of them: NaN does, too. */
static bool add_histogram(cJSON *json, const struct view *v, double low, double high)
{
    const struct layer *l = &v->inside->run.model->layers[v->layer];
    const int values = l->c * l->h * l->w;
    int64_t bins[BINS] = {0}, outside = 0;
    for (int image = 0; image < v->inside->batch.n; image++) {
        const float *x = view_image(v, image);
        for (int i = 0; i < values; i++) {
            double value = (double)x[i];
            if (!(value >= low && value <= high)) {
                outside++;
                continue;
            }
            int bin = high > low ? (int)(BINS * ((value - low) / (high - low))) : 0;
            bins[bin < BINS ? bin : BINS - 1]++;
        }
    }
    cJSON *counts = cJSON_AddArrayToObject(json, "histogram");
    bool ok = counts != NULL;
    for (int i = 0; ok && i < BINS; i++)
        ok = json_append(counts, cJSON_CreateNumber((double)bins[i]));
    return ok && json_add(json, "outside", cJSON_CreateNumber((double)outside));
}

/* Channels of one group: those of the norm's own groups, when it has several, else a quarter. */
static int group_channels(const struct layer *l)
{
    if (l->op == LAYER_NORM && l->groups > 1)
        return l->c / l->groups;
    return l->c % DEFAULT_GROUPS == 0 ? l->c / DEFAULT_GROUPS : l->c;
}

static cJSON *view_json(const struct view *v, struct plane *planes)
{
    const struct layer *l = &v->inside->run.model->layers[v->layer];
    const int n = v->inside->batch.n, pixels = l->h * l->w;
    struct extent extent = sum_planes(v, planes);
    struct plane all = {0.0, 0.0};
    for (int i = 0; i < n * l->c; i++) {
        all.sum += planes[i].sum;
        all.squares += planes[i].squares;
    }
    double count = (double)n * l->c * pixels, mean = all.sum / count;
    double deviation = deviation_of(all.sum, all.squares, count);
    double low = fmax(extent.low, mean - 4.0 * deviation);
    double high = fmin(extent.high, mean + 4.0 * deviation);
    struct scatter channel = scatter_parts(planes, n, l->c, pixels, n, 1);
    struct scatter group = scatter_parts(planes, n, l->c, pixels, 1, group_channels(l));
    struct scatter image = scatter_parts(planes, n, l->c, pixels, 1, l->c);
    cJSON *json = cJSON_CreateObject();
    if (json_add(json, "mean", number(mean)) && json_add(json, "deviation", number(deviation)) &&
        json_add(json, "low", number(low)) && json_add(json, "high", number(high)) &&
        add_histogram(json, v, low, high) && json_add(json, "channel", scatter_json(&channel)) &&
        json_add(json, "group", scatter_json(&group)) &&
        json_add(json, "image", scatter_json(&image)))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static bool add_norms(cJSON *event, struct probe *p)
{
    const struct model *model = p->settings.model;
    cJSON *norms = cJSON_AddArrayToObject(event, "norms");
    enum layer_op op = LAYER_RELU;
    for (int i = 0; i < model->layer_count; i++)
        op = model->layers[i].op == LAYER_NORM ? LAYER_NORM : op;
    bool ok = norms != NULL;
    for (int i = 0; ok && i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        if (l->op != op)
            continue;
        struct view before = {&p->inside, i, false, p->output};
        struct view after = {&p->inside, i, true, p->output};
        cJSON *entry = cJSON_CreateObject();
        ok = json_append(norms, entry) && cJSON_AddStringToObject(entry, "layer", l->name) &&
             cJSON_AddStringToObject(entry, "kind", info_op_name(l)) &&
             json_add(entry, "before", view_json(&before, p->planes)) &&
             (op != LAYER_NORM || json_add(entry, "after", view_json(&after, p->planes)));
    }
    return ok;
}

/* -- Gradients --------------------------------------------------------------------------------- */

/* Tensors of at least two dimensions: what convolutions and linear layers multiply with. */
static bool is_weight(const struct param *param)
{
    return param->rank > 1;
}

static bool add_weights(cJSON *event, const struct probe *p)
{
    const struct model *model = p->settings.model;
    cJSON *weights = cJSON_AddArrayToObject(event, "weights");
    bool ok = weights != NULL;
    for (int i = 0; ok && i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        if (!is_weight(param))
            continue;
        cJSON *entry = cJSON_CreateObject();
        ok = json_append(weights, entry) && cJSON_AddStringToObject(entry, "name", param->name) &&
             json_add(entry, "gradient",
                      number(norm_of(p->gradient + param->offset, param->count))) &&
             json_add(entry, "weight", number(norm_of(p->before + param->offset, param->count)));
    }
    return ok;
}

static bool add_updates(struct probe *p, const struct store *store)
{
    const struct model *model = p->settings.model;
    cJSON *entry = cJSON_GetObjectItem(p->event, "weights")->child;
    bool ok = true;
    for (int i = 0; ok && i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        if (!is_weight(param))
            continue;
        ok = json_add(entry, "update",
                      number(distance(store->param + param->offset, p->before + param->offset,
                                      param->count)));
        entry = entry->next;
    }
    return ok;
}

/* -- Walk -------------------------------------------------------------------------------------- */

/* Leaves the parameters of the last place in the inside's store. */
static bool add_walk(cJSON *event, struct probe *p)
{
    size_t floats = p->settings.model->param_floats;
    float *param = p->inside.run.store.param;
    cJSON *walk = cJSON_AddObjectToObject(event, "walk");
    cJSON *lengths = cJSON_AddArrayToObject(walk, "lengths");
    cJSON *losses = cJSON_AddArrayToObject(walk, "losses");
    cJSON *changes = cJSON_AddArrayToObject(walk, "changes");
    bool ok = changes != NULL && json_add(walk, "gradient", number(norm_of(p->gradient, floats)));
    for (int i = 0; ok && i < WALK; i++) {
        float length = walk_lengths[i] * p->settings.lr;
        for (size_t k = 0; k < floats; k++)
            param[k] = p->before[k] - length * p->gradient[k];
        struct step_result there = inside_step(&p->inside, &p->batch);
        ok = json_append(lengths, number((double)length)) &&
             json_append(losses, number(there.loss)) &&
             json_append(changes, number(distance(p->inside.run.store.grad, p->gradient, floats)));
    }
    return ok;
}

/* -- The probe --------------------------------------------------------------------------------- */

static bool allocate(struct probe *p)
{
    const struct probe_settings *s = &p->settings;
    size_t pixels = (size_t)s->data->c * (size_t)s->data->h * (size_t)s->data->w;
    size_t n = (size_t)p->batch.n, channels = 1, outputs = 1;
    for (int i = 0; i < s->model->layer_count; i++) {
        const struct layer *l = &s->model->layers[i];
        size_t size = (size_t)l->c * (size_t)l->h * (size_t)l->w;
        channels = (size_t)l->c > channels ? (size_t)l->c : channels;
        outputs = size > outputs ? size : outputs;
    }
    p->images = malloc(n * pixels * sizeof *p->images);
    p->labels = malloc(n);
    p->before = malloc(s->model->param_floats * sizeof *p->before);
    p->gradient = malloc(s->model->param_floats * sizeof *p->gradient);
    p->output = malloc(outputs * sizeof *p->output);
    p->planes = malloc(n * channels * sizeof *p->planes);
    if (!p->images || !p->labels || !p->before || !p->gradient || !p->output || !p->planes)
        return false;
    for (size_t i = 0; i < n; i++) {
        augment_image(p->images + i * pixels, s->data->images[i], s->augment, 0, 1, (uint32_t)i);
        p->labels[i] = s->data->labels[i];
    }
    p->batch.images = p->images;
    p->batch.labels = p->labels;
    return true;
}

/* A look costs six steps on the generic kernels; of 32 images of s8 these are as long as ten steps
 * of 128 on the generated ones, and the evaluation of 5,000 training images at the end as sixteen
 * (four looks at 128 images: 5.2 s, where a step is 0.043 s; one thread, AVX-512). */
int64_t probe_spacing(int64_t steps)
{
    enum { MOST_LOOKS = 5, STEPS_OF_A_LOOK = 10, STEPS_OF_THE_END = 16, PERCENT = 100 };
    int64_t looks = (steps / PERCENT - STEPS_OF_THE_END) / STEPS_OF_A_LOOK;
    looks = looks < MOST_LOOKS ? looks : MOST_LOOKS;
    return looks < 2 ? 0 : (steps + looks - 2) / (looks - 1);
}

bool probe_open(struct probe **probe, const struct probe_settings *settings, struct err *err)
{
    struct probe *p = calloc(1, sizeof *p);
    *probe = p;
    if (p == NULL)
        return err_set_errno(err, ENOMEM, "probe");
    int batch = settings->model->recipe->batch, count = settings->data->count;
    p->settings = *settings;
    batch = batch < settings->images ? batch : settings->images;
    p->batch = (struct batch){.n = batch < count ? batch : count, .epoch = 1};
    bool ok = allocate(p) || err_set_errno(err, ENOMEM, "probe");
    if (ok && inside_open(&p->inside, settings->model, settings->threads, err)) {
        p->inside.run.label_smoothing = settings->label_smoothing;
        return true;
    }
    probe_close(p);
    *probe = NULL;
    return false;
}

void probe_close(struct probe *probe)
{
    if (probe == NULL)
        return;
    inside_close(&probe->inside);
    cJSON_Delete(probe->event);
    free(probe->images);
    free(probe->labels);
    free(probe->before);
    free(probe->gradient);
    free(probe->output);
    free(probe->planes);
    free(probe);
}

bool probe_due(const struct probe *probe, int64_t steps_made)
{
    return probe != NULL && steps_made % probe->settings.every == 0;
}

double probe_seconds(const struct probe *probe)
{
    return probe == NULL ? 0.0 : probe->seconds;
}

bool probe_look(struct probe *probe, const struct store *store, struct err *err)
{
    double start = clock_seconds();
    size_t bytes = probe->settings.model->param_floats * sizeof(float);
    inside_set(&probe->inside, store);
    struct step_result here = inside_step(&probe->inside, &probe->batch);
    memcpy(probe->before, store->param, bytes);
    memcpy(probe->gradient, probe->inside.run.store.grad, bytes);
    cJSON_Delete(probe->event);
    probe->event = cJSON_CreateObject();
    bool ok = json_add(probe->event, "step", cJSON_CreateNumber(0.0)) &&
              json_add(probe->event, "images", cJSON_CreateNumber(probe->batch.n)) &&
              json_add(probe->event, "loss", number(here.loss)) && add_norms(probe->event, probe) &&
              add_weights(probe->event, probe) && add_walk(probe->event, probe);
    probe->seconds += clock_seconds() - start;
    return ok || err_set_errno(err, ENOMEM, "probe");
}

bool probe_write(struct probe *probe, const struct store *store, struct log *log, int64_t step,
                 struct err *err)
{
    double start = clock_seconds();
    cJSON_SetNumberValue(cJSON_GetObjectItem(probe->event, "step"), (double)step);
    if (store != NULL && !add_updates(probe, store))
        return err_set_errno(err, ENOMEM, "probe");
    cJSON *event = probe->event;
    probe->event = NULL; /* the log frees it */
    bool ok = log_event(log, event, "probe", err);
    probe->seconds += clock_seconds() - start;
    return ok;
}
