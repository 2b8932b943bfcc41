/* steps.c - see steps.h. */
#include "steps.h"

#include <string.h>

#include "file/safetensors.h"
#include "inputs.h"

enum { TWIN_STEPS = 5, MOST = 4000, NAME_SIZE = 200 };

/* At the rate of a training, a difference in rounding is one in the third digit five steps on. */
static const float LR = 1e-3f;

struct notes {
    struct safetensor tensors[MOST];
    char names[MOST][NAME_SIZE];
    size_t count;
};

/* Adds a copy of the floats as <prefix><name>. */
static void note(struct notes *notes, const char *prefix, const char *name, int rank,
                 const size_t *shape, const float *values)
{
    size_t i = notes->count++;
    if (i == MOST) {
        printf("more than %d tensors\n", MOST);
        exit(EXIT_FAILURE);
    }
    struct safetensor *tensor = &notes->tensors[i];
    snprintf(notes->names[i], NAME_SIZE, "%s%s", prefix, name);
    *tensor = (struct safetensor){
        .name = notes->names[i], .dtype = SAFETENSORS_F32, .rank = rank, .data = NULL};
    for (int d = 0; d < rank; d++)
        tensor->shape[d] = shape[d];
    size_t bytes = safetensors_bytes(tensor);
    void *copy = must(malloc(bytes));
    memcpy(copy, values, bytes);
    tensor->data = copy;
}

static void note_params(struct notes *notes, const struct model *model, const char *prefix,
                        const float *values)
{
    for (int i = 0; i < model->param_count; i++) {
        const struct param *p = &model->params[i];
        size_t shape[4];
        for (int d = 0; d < p->rank; d++)
            shape[d] = (size_t)p->shape[d];
        note(notes, prefix, p->name, p->rank, shape, values + p->offset);
    }
}

static void note_store(struct notes *notes, const struct run *run, const char *prefix)
{
    note_params(notes, run->model, prefix, run->store.param);
    for (int i = 0; i < run->model->state_count; i++) {
        const struct state *s = &run->model->states[i];
        note(notes, prefix, s->name, 1, &s->count, run->store.state + s->offset);
    }
}

static void note_labels(struct notes *notes, const uint8_t *labels, size_t n)
{
    float *values = must(malloc(n * sizeof *values));
    for (size_t i = 0; i < n; i++)
        values[i] = labels[i];
    note(notes, "", "labels", 1, &n, values);
    free(values);
}

static void take_steps(struct notes *notes, struct run *run, const struct batch *batch)
{
    const size_t losses = TWIN_STEPS;
    float loss[TWIN_STEPS];
    note_store(notes, run, "start.");
    for (int i = 0; i < TWIN_STEPS; i++) {
        loss[i] = (float)run_train(run, batch).loss;
        if (i == 0)
            note_params(notes, run->model, "gradient.", run->store.grad);
    }
    note(notes, "", "loss", 1, &losses, loss);
    note_store(notes, run, "end.");
    note_params(notes, run->model, "momentum.", run->store.momentum);
    const size_t shape[] = {(size_t)batch->n, (size_t)run->model->classes};
    float *logits = must(malloc(shape[0] * shape[1] * sizeof *logits));
    run_eval(run, batch, logits);
    note(notes, "", "logits", 2, shape, logits);
    free(logits);
}

bool write_steps(const struct model *model, const char *path, uint64_t seed)
{
    static struct notes notes;
    struct err err = {0};
    struct run run;
    if (!run_open(&run, model, model->backend, 1, &err)) {
        printf("%s\n", err.message);
        return false;
    }
    struct inputs in = make_inputs(model, seed, 0);
    struct batch batch = batch_of(&in, model, seed);
    const size_t one = 1,
                 shape[] = {(size_t)batch.n, (size_t)model->c, (size_t)model->h, (size_t)model->w};
    const float noise = noise_size(model);
    start_params(&run, seed, 0);
    run.dropout = false;
    run.label_smoothing = model->recipe->label_smoothing;
    run.optim = optim_of(model->recipe);
    run.optim.lr = LR;
    note(&notes, "", "images", 4, shape, in.images);
    note_labels(&notes, in.labels, shape[0]);
    note(&notes, "", "lr", 1, &one, &run.optim.lr);
    note(&notes, "", "noise", 1, &one, &noise);
    take_steps(&notes, &run, &batch);
    bool ok = safetensors_save(path, NULL, notes.tensors, notes.count, NULL, 0, &err);
    if (!ok)
        printf("%s\n", err.message);
    for (size_t i = 0; i < notes.count; i++)
        free((void *)notes.tensors[i].data);
    free_inputs(&in);
    run_close(&run);
    return ok;
}
