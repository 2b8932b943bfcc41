/* diagnose.c - in the order of computation: images, parameters, the layers forward, the gradients
 * backward. The first tensor that is not finite is the cause; all later ones are its consequences.
 */
#include "inspect/diagnose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/watch.h"
#include "ref/generic.h"
#include "sys/finite.h"

static const char *name_of(float value)
{
    return isnan(value) ? "nan" : "infinite";
}

static bool find_in_inputs(const struct model *model, const float *params,
                           const struct batch *batch, char text[DIAGNOSE_SIZE])
{
    size_t image = (size_t)model->c * (size_t)model->h * (size_t)model->w;
    for (int i = 0; i < batch->n; i++) {
        if (!finite_all(batch->images + (size_t)i * image, image)) {
            snprintf(text, DIAGNOSE_SIZE, "image %u of the training set is not finite",
                     (unsigned)batch->samples[i]);
            return true;
        }
    }
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        if (!finite_all(params + param->offset, param->count)) {
            snprintf(text, DIAGNOSE_SIZE,
                     "the parameter %.100s was not finite before the step; the update before it "
                     "was too large",
                     param->name);
            return true;
        }
    }
    return false;
}

static void describe(const struct model *model, const struct generic_finding *found,
                     char text[DIAGNOSE_SIZE])
{
    const struct layer *layer = &model->layers[found->layer];
    if (found->param >= 0)
        snprintf(text, DIAGNOSE_SIZE, "layer %.100s: the gradient of %.100s is %s first",
                 layer->name, model->params[found->param].name, name_of(found->value));
    else
        snprintf(text, DIAGNOSE_SIZE, "layer %.100s: %s is %s first, for image %d of the batch",
                 layer->name, found->backward ? "the gradient of its output" : "its output",
                 name_of(found->value), found->image + 1);
}

/* Where the numbers of a step on the program's own kernels stopped being finite. */
static bool find_generated(struct run *again, const struct batch *batch, char text[DIAGNOSE_SIZE])
{
    const struct model *model = again->model;
    struct watching watching;
    watch_start(&watching, again);
    struct step_result result = run_train(again, batch);
    const struct tensor *found = watching.found;
    char image[48] = "";
    if (watching.image >= 0)
        snprintf(image, sizeof image, ", for image %d of the batch", watching.image + 1);
    if (found != NULL) {
        snprintf(text, DIAGNOSE_SIZE, "layer %.100s: %s is %s first%s", found->layer, found->what,
                 name_of(watching.value), image);
        return true;
    }
    if (!isfinite(result.loss)) {
        snprintf(text, DIAGNOSE_SIZE, "layer %.100s: its output is %s first",
                 model->layers[model->layer_count - 1].name, name_of((float)result.loss));
        return true;
    }
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        if (!finite_all(again->store.grad + param->offset, param->count)) {
            snprintf(text, DIAGNOSE_SIZE,
                     "the gradient of %.100s, summed over the batch, is not finite first",
                     param->name);
            return true;
        }
    }
    return false;
}

static bool find_generic(struct run *again, const struct batch *batch, char text[DIAGNOSE_SIZE])
{
    struct generic_finding found;
    if (!generic_find(again, batch, &found))
        return false;
    describe(again->model, &found, text);
    return true;
}

void diagnose(const struct run *run, const float *params, const struct batch *batch,
              char text[DIAGNOSE_SIZE])
{
    const struct model *model = run->model;
    const bool watched = run->backend == model->backend && model->tensors != NULL;
    if (find_in_inputs(model, params, batch, text))
        return;
    struct run again;
    struct err err = {0};
    if (!run_open(&again, model, watched ? run->backend : &generic_backend, 1, &err)) {
        snprintf(text, DIAGNOSE_SIZE, "no tensor can be named: %.200s", err.message);
        return;
    }
    memcpy(again.store.param, params, model->param_floats * sizeof params[0]);
    memcpy(again.store.state, run->store.state, model->state_floats * sizeof params[0]);
    again.dropout = run->dropout;
    again.label_smoothing = run->label_smoothing;
    run_pack(&again);
    if (!(watched ? find_generated : find_generic)(&again, batch, text))
        snprintf(text, DIAGNOSE_SIZE,
                 "only with the %s kernels: every tensor of the %s ones is finite",
                 run->backend->name, again.backend->name);
    run_close(&again);
}
