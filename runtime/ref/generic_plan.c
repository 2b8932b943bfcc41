/* generic_plan.c - places values and gradients in the arena of an image.
 *
 * Values all live from their forward to their backward pass. A gradient lives from its first
 * writer, the last layer that reads the value, to the backward pass of its own layer; walking the
 * layers backward, each takes the smallest free slot that holds it or makes the largest one grow.
 * The slots lie inside one image's arena, so that threads which are at different layers never meet.
 */
#include "ref/generic_plan.h"

#include <assert.h>

#include "ref/ref.h"

enum { LINE = 16 }; /* floats of a cache line */

/* Reserves floats at the end of a memory of *total floats. */
static size_t place(size_t *total, size_t floats)
{
    size_t at = *total;
    *total += (floats + LINE - 1) / LINE * LINE;
    return at;
}

static size_t floats_for(size_t count, size_t size)
{
    return count * size / sizeof(float);
}

static size_t output_floats(const struct layer *l)
{
    return (size_t)l->c * (size_t)l->h * (size_t)l->w;
}

struct ref_window generic_window(const struct model *model, int layer)
{
    const struct layer *l = &model->layers[layer];
    const struct layer *in = &model->layers[l->inputs[0]];
    int groups = l->op == LAYER_CONV ? l->groups : 0;
    return (struct ref_window){in->c, in->h, in->w, l->c, l->h, l->w, l->geometry, groups};
}

/* -- Values ------------------------------------------------------------------------------------ */

static int count_readers(const struct model *model, int layer)
{
    int readers = 0;
    for (int l = layer + 1; l < model->layer_count; l++)
        for (int j = 0; j < layer_inputs(&model->layers[l]); j++)
            readers += model->layers[l].inputs[j] == layer;
    return readers;
}

/* ReLU and dropout overwrite an input that nobody else reads. Not that of ReLU, whose backward pass
 * reads its own output. */
static bool works_in_place(const struct model *model, int layer)
{
    const struct layer *l = &model->layers[layer];
    if (l->op != LAYER_RELU && l->op != LAYER_DROPOUT)
        return false;
    enum layer_op input = model->layers[l->inputs[0]].op;
    return input != LAYER_INPUT && input != LAYER_RELU && count_readers(model, l->inputs[0]) == 1;
}

static void place_values(struct generic_plan *plan, const struct model *model)
{
    for (int i = 1; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        struct generic_node *node = &plan->nodes[i];
        if (l->op != LAYER_SOFTMAX_CROSS_ENTROPY)
            node->value = works_in_place(model, i) ? plan->nodes[l->inputs[0]].value
                                                   : place(&plan->image_floats, output_floats(l));
        if (l->op != LAYER_NORM || norm_is_set_norm(l->norm))
            continue;
        size_t moments = floats_for((size_t)l->groups, sizeof(struct ref_moments));
        if (l->norm == NORM_GROUP) {
            node->moments = place(&plan->image_floats, moments);
            continue;
        }
        node->moments =
            place(&plan->thread_floats, floats_for((size_t)l->c, sizeof(struct ref_moments)));
        const int parts = model_most_chunks(model) * (l->ghost > 0 ? run_chunk_images(model) : 1);
        for (int pass = 0; pass < 2; pass++)
            node->sums[pass] =
                place(&plan->shared_floats, floats_for((size_t)(parts * 2 * l->c), sizeof(double)));
    }
}

/* -- Gradients --------------------------------------------------------------------------------- */

struct slot {
    size_t floats;
    bool busy;
};

struct slots {
    struct slot slot[GENERIC_MAX_LAYERS];
    int count;
};

static int take_slot(struct slots *s, size_t floats)
{
    int best = -1;
    for (int i = 0; i < s->count; i++) {
        if (s->slot[i].busy)
            continue;
        size_t size = s->slot[i].floats, held = best < 0 ? 0 : s->slot[best].floats;
        bool better = held < floats ? size > held : size >= floats && size < held;
        if (best < 0 || better)
            best = i;
    }
    if (best < 0)
        best = s->count++;
    if (s->slot[best].floats < floats)
        s->slot[best].floats = floats;
    s->slot[best].busy = true;
    return best;
}

/* Whether a parameter depends on the gradient of each layer's output. */
static void find_learners(bool *learns, const struct model *model)
{
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        learns[i] = !l->frozen && (l->weight >= 0 || l->bias >= 0);
        for (int j = 0; j < layer_inputs(l); j++)
            learns[i] = learns[i] || learns[l->inputs[j]];
    }
}

static void place_gradients(struct generic_plan *plan, const struct model *model)
{
    struct slots slots = {.count = 0};
    int slot_of[GENERIC_MAX_LAYERS];
    bool learns[GENERIC_MAX_LAYERS];
    find_learners(learns, model);
    for (int i = model->layer_count - 1; i > 0; i--) {
        const struct layer *l = &model->layers[i];
        struct generic_node *node = &plan->nodes[i];
        if (!node->has_grad && l->op != LAYER_SOFTMAX_CROSS_ENTROPY)
            continue;
        for (int j = 0; j < layer_inputs(l); j++) {
            int input = l->inputs[j];
            if (!learns[input])
                continue;
            node->grad_adds[j] = plan->nodes[input].has_grad;
            if (!plan->nodes[input].has_grad)
                slot_of[input] = take_slot(&slots, output_floats(&model->layers[input]));
            plan->nodes[input].has_grad = true;
        }
        if (node->has_grad)
            slots.slot[slot_of[i]].busy = false;
    }

    size_t offset[GENERIC_MAX_LAYERS];
    for (int i = 0; i < slots.count; i++)
        offset[i] = place(&plan->image_floats, slots.slot[i].floats);
    for (int i = 1; i < model->layer_count; i++)
        if (plan->nodes[i].has_grad)
            plan->nodes[i].grad = offset[slot_of[i]];
}

/* -- Threads ----------------------------------------------------------------------------------- */

static void place_thread(struct generic_plan *plan, const struct model *model)
{
    size_t channels = 0, scratch = 0;
    for (int i = 1; i < model->layer_count; i++) {
        if ((size_t)model->layers[i].c > channels)
            channels = (size_t)model->layers[i].c;
        if (model->layers[i].op == LAYER_CONV) {
            struct ref_window window = generic_window(model, i);
            size_t columns = ref_conv_scratch(&window);
            scratch = columns > scratch ? columns : scratch;
        }
    }
    plan->coef = place(&plan->thread_floats, 3 * channels);
    plan->dcoef = place(&plan->thread_floats, 4 * channels);
    plan->batch_dcoef = place(&plan->thread_floats, 4 * channels);
    plan->sums = place(&plan->thread_floats, floats_for(2 * channels, sizeof(double)));
    plan->scratch = place(&plan->thread_floats, scratch);
}

void generic_plan_make(struct generic_plan *plan, const struct model *model)
{
    assert(model->layer_count <= GENERIC_MAX_LAYERS);
    *plan = (struct generic_plan){.image_floats = 0};
    place_values(plan, model);
    place_gradients(plan, model);
    place_thread(plan, model);
    plan->part_floats = (model->param_floats + LINE - 1) / LINE * LINE;
    plan->parts = place(&plan->shared_floats, (size_t)model_most_chunks(model) * plan->part_floats);
    plan->images = place(&plan->shared_floats, (size_t)model->recipe->batch * plan->image_floats);
}
