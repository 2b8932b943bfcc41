/* inside.c - a training step with a learning rate of zero, and the places where it left things. */
#include "inspect/inside.h"

#include <string.h>

#include "ref/generic.h"
#include "ref/generic_ghost.h"
#include "ref/generic_layers.h"

bool inside_open(struct inside *inside, const struct model *model, int threads, struct err *err)
{
    if (!run_open(&inside->run, model, &generic_backend, threads, err))
        return false;
    inside->run.dropout = false;
    inside->run.optim = (struct optim){.lr = 0.0f};
    generic_plan_make(&inside->plan, model);
    run_pack(&inside->run);
    return true;
}

void inside_close(struct inside *inside)
{
    if (inside->run.model != NULL)
        run_close(&inside->run);
}

void inside_set(struct inside *inside, const struct store *store)
{
    const struct model *model = inside->run.model;
    memcpy(inside->run.store.param, store->param, model->param_floats * sizeof(float));
    memcpy(inside->run.store.state, store->state, model->state_floats * sizeof(float));
}

struct step_result inside_step(struct inside *inside, const struct batch *batch)
{
    struct step_result result = run_train(&inside->run, batch);
    inside->batch = *batch;
    inside->run.batch = &inside->batch; /* whose images are the values of the input layer */
    inside->work = (struct work){
        .run = &inside->run, .model = inside->run.model, .plan = &inside->plan, .training = true};
    return result;
}

void inside_norm_output(const struct inside *inside, int layer, int image, float *out)
{
    const struct work *w = &inside->work;
    const struct layer *l = &w->model->layers[layer];
    if (norm_is_set_norm(l->norm)) {
        struct ref_set_norm s = layer_set_norm(l);
        ref_set_norm_fwd(&s, out, place_input(w, layer, 0, image), place_param(w, l->weight),
                         place_param(w, l->bias));
        return;
    }
    int groups = l->norm == NORM_GROUP ? l->groups : l->c;
    float *coef = place_thread(w, w->plan->coef);
    if (ghost_norm(l))
        ghost_moments(w, layer, image, place_thread_sums(w), place_moments(w, layer, image));
    ref_norm_coef(coef, place_moments(w, layer, image), place_param(w, l->weight),
                  place_param(w, l->bias), l->c, groups);
    ref_affine_fwd(out, place_input(w, layer, 0, image), coef, l->c, l->h * l->w);
}

void inside_logits(const struct inside *inside, float *out)
{
    const struct model *model = inside->run.model;
    size_t classes = (size_t)model->classes;
    for (int i = 0; i < inside->batch.n; i++)
        memcpy(out + (size_t)i * classes, inside_input(inside, model->layer_count - 1, i),
               classes * sizeof *out);
}
