/* examine.c - one pass over the logits, then a few batches in training mode.
 *
 * Everything that training mode does is measured by the generic kernels (inside.h), so that it is
 * the same for every backend.
 */
#include "inspect/examine.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/loader.h"
#include "file/json.h"
#include "file/outfile.h"
#include "inspect/inside.h"
#include "inspect/maps.h"
#include "sys/interrupt.h"

enum {
    MAX_PICTURES = 400,
    BATCH_IMAGES = 512, /* to try batch sizes on */
    PATH_SIZE = 1200
};

/* -- Numbers ----------------------------------------------------------------------------------- */

static cJSON *number(double value, double scale)
{
    return cJSON_CreateNumber(round(value * scale) / scale);
}

static int best_class(const float *logits, int classes)
{
    int best = 0; /* the first of the largest, as the backends count */
    for (int k = 1; k < classes; k++)
        best = logits[k] > logits[best] ? k : best;
    return best;
}

static double confidence(const float *logits, int classes, int best)
{
    double sum = 0.0;
    for (int k = 0; k < classes; k++)
        sum += exp((double)logits[k] - (double)logits[best]);
    return 1.0 / sum;
}

/* -- Predictions ------------------------------------------------------------------------------- */

static bool add_predictions(cJSON *json, const struct examination *e, int classes)
{
    cJSON *labels = cJSON_AddArrayToObject(json, "labels");
    cJSON *predictions = cJSON_AddArrayToObject(json, "predictions");
    cJSON *confidences = cJSON_AddArrayToObject(json, "confidences");
    bool ok = true;
    for (int i = 0; ok && i < e->test->count; i++) {
        const float *row = e->logits + (size_t)i * (size_t)classes;
        int best = best_class(row, classes);
        ok = json_append(labels, cJSON_CreateNumber(e->test->labels[i])) &&
             json_append(predictions, cJSON_CreateNumber(best)) &&
             json_append(confidences, number(confidence(row, classes, best), 1e4));
    }
    return ok;
}

/* Writes the first wrong images, up to MAX_PICTURES of them. */
static bool add_pictures(cJSON *json, const struct examination *e, int classes, struct outfile *out,
                         struct err *err)
{
    const struct data *test = e->test;
    const size_t bytes = data_pixels(test);
    uint8_t *picture = malloc(bytes);
    cJSON *pictures = cJSON_AddObjectToObject(json, "pictures");
    cJSON *indices = cJSON_AddArrayToObject(pictures, "indices");
    bool ok = picture != NULL &&
              json_add(pictures, "shape",
                       cJSON_CreateIntArray((const int[]){test->c, test->h, test->w}, 3));
    int image = 0, count = 0;
    for (; ok && image < test->count && count < MAX_PICTURES; image++) {
        const float *row = e->logits + (size_t)image * (size_t)classes;
        if (best_class(row, classes) == test->labels[image])
            continue;
        count++;
        ok = json_append(indices, cJSON_CreateNumber(image));
        data_picture(test, image, picture);
        if (ok && !outfile_write(out, picture, bytes, err)) {
            free(picture);
            return false;
        }
    }
    free(picture);
    return (ok && json_add(pictures, "below", cJSON_CreateNumber(image))) ||
           err_set_errno(err, ENOMEM, "eval.json");
}

/* -- Batches of other sizes -------------------------------------------------------------------- */

static int batch_images(const struct examination *e)
{
    return e->test->count < BATCH_IMAGES ? e->test->count : BATCH_IMAGES;
}

/* Accuracy on the first images in batches of this size, each with its own statistics. */
static bool batch_accuracy(double *accuracy, const struct examination *e, struct inside *inside,
                           int size, struct err *err)
{
    struct loader *loader = NULL;
    struct loader_settings settings = {.batch = size, .augment = *e->augment};
    if (!loader_open(&loader, e->test, &settings, err))
        return false;
    int images = batch_images(e), seen = 0, correct = 0;
    loader_start_epoch(loader, 1, 0);
    const struct batch *batch;
    bool ok = true;
    while (ok && seen < images && (batch = loader_next(loader)) != NULL) {
        correct += inside_step(inside, batch).correct;
        seen += batch->n;
        ok = interrupt_check("no eval.json was written", err);
    }
    loader_close(loader);
    *accuracy = 100.0 * correct / seen;
    return ok;
}

static bool add_batches(cJSON *json, const struct examination *e, struct inside *inside,
                        struct err *err)
{
    const int classes = inside->run.model->classes;
    cJSON *batches = cJSON_AddObjectToObject(json, "batches");
    cJSON *sizes = cJSON_AddArrayToObject(batches, "sizes");
    cJSON *accuracies = cJSON_AddArrayToObject(batches, "acc");
    int images = batch_images(e), correct = 0;
    for (int i = 0; i < images; i++)
        correct +=
            best_class(e->logits + (size_t)i * (size_t)classes, classes) == e->test->labels[i];
    bool ok = json_add(batches, "images", cJSON_CreateNumber(images)) &&
              json_add(batches, "running_acc", number(100.0 * correct / images, 1e4));
    for (int size = 2; ok && size <= inside->run.model->recipe->batch && size <= images;
         size *= 2) {
        double accuracy = 0.0;
        if (!batch_accuracy(&accuracy, e, inside, size, err))
            return false;
        ok = json_append(sizes, cJSON_CreateNumber(size)) &&
             json_append(accuracies, number(accuracy, 1e4));
    }
    return ok || err_set_errno(err, ENOMEM, "eval.json");
}

/* -- Independence ------------------------------------------------------------------------------ */

/* A batch of the first n test images; image 0 is `first`. */
static void fill_batch(float *images, uint8_t *labels, const struct examination *e, int n,
                       int first)
{
    const struct data *test = e->test;
    size_t floats = (size_t)test->c * (size_t)test->h * (size_t)test->w;
    for (int i = 0; i < n; i++) {
        int from = i == 0 ? first : i;
        augment_image(images + (size_t)i * floats, test->images[from], e->augment, 0, 1,
                      (uint32_t)from);
        labels[i] = test->labels[from];
    }
}

/* {"changes": [n - 1], "flips"} of two sets of logits of the same images but the first. */
static cJSON *changes_json(const float *before, const float *after, int n, int classes)
{
    cJSON *json = cJSON_CreateObject(), *changes = cJSON_AddArrayToObject(json, "changes");
    bool ok = changes != NULL;
    int flips = 0;
    for (int i = 1; ok && i < n; i++) {
        const float *a = before + (size_t)i * (size_t)classes;
        const float *b = after + (size_t)i * (size_t)classes;
        double squares = 0.0;
        for (int k = 0; k < classes; k++)
            squares += pow((double)a[k] - (double)b[k], 2.0);
        flips += best_class(a, classes) != best_class(b, classes);
        ok = json_append(changes, number(sqrt(squares / classes), 1e7));
    }
    if (ok && json_add(json, "flips", cJSON_CreateNumber(flips)))
        return json;
    cJSON_Delete(json);
    return NULL;
}

static double deviation(const float *values, size_t count)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    double mean = sum / (double)count;
    return sqrt(fmax(0.0, squares / (double)count - mean * mean));
}

struct pair {
    float *images;
    float *logits[2];
    uint8_t *labels;
};

static void free_pair(struct pair *p)
{
    free(p->images);
    free(p->logits[0]);
    free(p->logits[1]);
    free(p->labels);
}

/* Feature maps of the first test image among those of one batch. */
static bool add_maps(cJSON *json, const struct examination *e, struct inside *inside,
                     struct err *err)
{
    const int batch = inside->run.model->recipe->batch;
    const int n = e->test->count < batch ? e->test->count : batch;
    const size_t bytes = data_pixels(e->test);
    float *images = malloc((size_t)n * bytes * sizeof *images);
    uint8_t *labels = malloc((size_t)n), *picture = malloc(bytes);
    bool ok = images != NULL && labels != NULL && picture != NULL;
    if (ok) {
        fill_batch(images, labels, e, n, 0);
        data_picture(e->test, 0, picture);
        inside_step(inside,
                    &(struct batch){.n = n, .images = images, .labels = labels, .epoch = 1});
        ok = json_add(json, "maps", maps_json(inside, picture, bytes));
    }
    free(images);
    free(labels);
    free(picture);
    return ok || err_set_errno(err, ENOMEM, "eval.json");
}

static bool add_independence(cJSON *json, const struct examination *e, struct inside *inside,
                             struct run *run, struct err *err)
{
    const struct model *model = run->model;
    const int classes = model->classes;
    int n = e->test->count - 1 < model->recipe->batch ? e->test->count - 1 : model->recipe->batch;
    size_t floats = (size_t)e->test->c * (size_t)e->test->h * (size_t)e->test->w;
    size_t outputs = (size_t)n * (size_t)classes;
    struct pair p = {.images = malloc((size_t)n * floats * sizeof(float)),
                     .logits = {malloc(outputs * sizeof(float)), malloc(outputs * sizeof(float))},
                     .labels = malloc((size_t)n)};
    cJSON *independence = cJSON_AddObjectToObject(json, "independence");
    bool ok = p.images && p.logits[0] && p.logits[1] && p.labels &&
              json_add(independence, "images", cJSON_CreateNumber(n));
    for (int training = 1; ok && training >= 0; training--) {
        for (int second = 0; second < 2; second++) {
            struct batch batch = {.n = n, .images = p.images, .labels = p.labels, .epoch = 1};
            fill_batch(p.images, p.labels, e, n, second == 0 ? 0 : n);
            if (training) {
                inside_step(inside, &batch);
                inside_logits(inside, p.logits[second]);
            } else {
                run_eval(run, &batch, p.logits[second]);
            }
        }
        ok = (!training ||
              json_add(independence, "deviation", number(deviation(p.logits[0], outputs), 1e7))) &&
             json_add(independence, training ? "training" : "evaluation",
                      changes_json(p.logits[0], p.logits[1], n, classes));
    }
    free_pair(&p);
    return ok || err_set_errno(err, ENOMEM, "eval.json");
}

/* -- Files ------------------------------------------------------------------------------------- */

static bool add_head(cJSON *json, const struct examination *e, const struct model *model)
{
    return cJSON_AddStringToObject(json, "model", model->name) &&
           cJSON_AddStringToObject(json, "norm", model->norm) &&
           cJSON_AddStringToObject(json, "file", e->file) &&
           (!e->test->synthetic || cJSON_AddStringToObject(json, "data", "SYNTHETIC")) &&
           json_add(json, "images", cJSON_CreateNumber((double)e->result->images)) &&
           json_add(json, "loss", number(e->result->loss, 1e6)) &&
           json_add(json, "acc", number(e->result->acc, 1e4)) &&
           json_add(json, "classes", cJSON_CreateStringArray(e->class_names, model->classes));
}

static bool fill(cJSON *json, const struct examination *e, struct run *run, struct outfile *images,
                 struct err *err)
{
    struct inside *inside = calloc(1, sizeof *inside);
    if (inside == NULL || !add_head(json, e, run->model) ||
        !add_predictions(json, e, run->model->classes)) {
        free(inside);
        return err_set_errno(err, ENOMEM, "eval.json");
    }
    bool ok = inside_open(inside, run->model, team_threads(run->team), err);
    if (ok) {
        inside_set(inside, &run->store);
        ok = add_pictures(json, e, run->model->classes, images, err) &&
             add_batches(json, e, inside, err) && add_independence(json, e, inside, run, err) &&
             add_maps(json, e, inside, err);
    }
    inside_close(inside);
    free(inside);
    return ok;
}

bool examine_write(const struct examination *examination, struct run *run, struct err *err)
{
    char path[PATH_SIZE];
    struct outfile images = {0};
    cJSON *json = cJSON_CreateObject();
    snprintf(path, sizeof path, "%s/eval_images.bin", examination->folder);
    bool ok = outfile_open(&images, path, err) && fill(json, examination, run, &images, err) &&
              outfile_commit(&images, NULL, err);
    outfile_close(&images);
    if (!ok) {
        cJSON_Delete(json);
        return false;
    }
    snprintf(path, sizeof path, "%s/eval.json", examination->folder);
    return json_save(json, true, path, err);
}
