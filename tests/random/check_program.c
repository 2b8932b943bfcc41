/* check_program.c - a generated program against the generic backend.
 *
 * Linked with any generated file (see generated.h). Every kernel of its table is verified; then
 * both backends take two training steps and evaluate, on made-up images and batches of other sizes,
 * and everything that came of it is compared. Exit codes: 0, 1 with one line that says what is
 * wrong, 77 when this processor lacks the instructions.
 *
 * Tolerance. How far rounding takes a gradient depends on the network: norms magnify, and a ReLU or
 * a maximum that hangs on a hair falls one way or the other. So it is measured: the generic backend
 * runs again from parameters and images that are off by up to NOISE of the largest of their tensor,
 * somewhat more than what the transforms of a Winograd kernel lose (2e-5), and where norms read
 * values far from zero by what a float loses of those, too: see inputs.h. The generated program
 * must come as close to the undisturbed run as MARGIN times the farthest of those runs, tensor by
 * tensor, in the largest difference of an element. To this a share FLOOR of the largest of all
 * tensors of the kind is added, for those that would be zero without rounding (the bias before a
 * norm). A switch that no disturbed run met is a matter of these images, a mistake in the program
 * is not: only what differs on each of BATCHES different batches counts.
 *
 * The same program once more, and on other numbers of threads, must agree bit for bit, without
 * tolerance. The last line that it prints is a digest of all bits, for comparing compilers, and the
 * largest offset.
 *
 * With the arguments FILE SEED the program only writes down some steps: see steps.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated.h"
#include "inputs.h"
#include "inspect/verify.h"
#include "ref/generic.h"
#include "ref/ref.h"
#include "steps.h"

enum { STEPS = 2, BATCHES = 3, DISTURBED = 3, MAX_TENSORS = 2000 };

static const int many_threads[] = {1, 2, 3, 5, 8, 16};
static const double MARGIN = 8, FLOOR = 4e-6, LEAST = 1e-5;

/* -- What came of a run ------------------------------------------------------------------------ */

struct part {
    const char *what; /* of which kind: tensors are equal in scale within one */
    const char *name;
    size_t first, count;
};

/* All numbers of a run, in one order for every run of a model. */
struct record {
    float *values;
    size_t count, room;
    struct part tensors[MAX_TENSORS];
    int tensor_count;
};

static float *add_tensor(struct record *r, const char *what, const char *name, size_t count)
{
    if (r->tensor_count == MAX_TENSORS) {
        printf("more than %d tensors\n", MAX_TENSORS);
        exit(EXIT_FAILURE);
    }
    if (r->count + count > r->room) {
        r->room = 2 * (r->count + count);
        r->values = must(realloc(r->values, r->room * sizeof *r->values));
    }
    r->tensors[r->tensor_count++] = (struct part){what, name, r->count, count};
    r->count += count;
    return r->values + r->count - count;
}

static void add_step(struct record *r, const struct run *run, const char *what,
                     struct step_result result)
{
    *add_tensor(r, "loss", what, 1) = (float)result.loss;
    *add_tensor(r, "hits", what, 1) = (float)result.correct;
    for (int i = 0; i < run->model->param_count; i++) {
        const struct param *p = &run->model->params[i];
        float *out = add_tensor(r, what, p->name, p->count);
        memcpy(out, run->store.grad + p->offset, p->count * sizeof(float));
    }
}

/* start: the parameters before the first step. */
static void add_state(struct record *r, const struct run *run, const float *start)
{
    const struct model *model = run->model;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *p = &model->params[i];
        float *out = add_tensor(r, "change", p->name, p->count);
        for (size_t k = 0; k < p->count; k++)
            out[k] = run->store.param[p->offset + k] - start[p->offset + k];
        out = add_tensor(r, "momentum", p->name, p->count);
        memcpy(out, run->store.momentum + p->offset, p->count * sizeof(float));
    }
    for (int i = 0; i < model->state_count; i++) {
        const struct state *s = &model->states[i];
        float *out = add_tensor(r, s->name, "statistics", s->count);
        memcpy(out, run->store.state + s->offset, s->count * sizeof(float));
    }
}

/* -- Runs -------------------------------------------------------------------------------------- */

/* Makes one channel of each batch norm constant and one nearly so, at which evaluation lives on eps
 * alone. The weights make up for it, or a chain of norms would leave the range of a float. */
static void shrink_variances(struct run *run)
{
    const struct model *model = run->model;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        if (l->op != LAYER_NORM || l->state < 0)
            continue;
        float *variance = run->store.state + model->states[l->state + 1].offset;
        float *weight = run->store.param + model->params[l->weight].offset;
        for (int k = 0; k < l->c && k < 2; k++) {
            variance[k] = k == 0 ? 0 : 1e-6f;
            weight[k] *= sqrtf(variance[k] + l->eps);
        }
    }
    run_pack(run);
}

/* What is frozen is as it was, to the bit. start, states: before the first step */
static void expect_frozen(const struct run *run, const float *start, const float *states)
{
    for (int i = 0; i < run->model->layer_count; i++) {
        const struct layer *l = &run->model->layers[i];
        const int params[] = {l->weight, l->bias};
        for (int k = 0; l->frozen && k < 2; k++) {
            const struct param *p = params[k] < 0 ? NULL : &run->model->params[params[k]];
            const struct state *s = l->state < 0 ? NULL : &run->model->states[l->state + k];
            if ((p != NULL && memcmp(start + p->offset, run->store.param + p->offset,
                                     p->count * sizeof(float)) != 0) ||
                (s != NULL && memcmp(states + s->offset, run->store.state + s->offset,
                                     s->count * sizeof(float)) != 0)) {
                printf("%s is frozen and has moved\n", l->name);
                exit(EXIT_FAILURE);
            }
        }
    }
}

static void add_evaluation(struct record *r, struct run *run, const struct batch *batch,
                           const char *what)
{
    size_t count = (size_t)(batch->n * run->model->classes);
    float *logits = must(calloc(count, sizeof(float)));
    struct step_result result = run_eval(run, batch, logits);
    *add_tensor(r, "loss", what, 1) = (float)result.loss;
    *add_tensor(r, "hits", what, 1) = (float)result.correct;
    memcpy(add_tensor(r, what, "logits", count), logits, count * sizeof(float));
    free(logits);
}

/* Trains and evaluates. The first step takes a whole batch, of two labels an image, the next ones a
 * part of it. */
static void record_run(struct record *r, const struct model *model, const struct backend *backend,
                       int threads, uint64_t seed, uint64_t disturbance)
{
    static const char *const steps[STEPS] = {"gradient of step 1", "gradient of step 2"};
    struct err err = {0};
    struct run run;
    if (!run_open(&run, model, backend, threads, &err)) {
        printf("%s\n", err.message);
        exit(EXIT_FAILURE);
    }
    struct inputs in = make_inputs(model, seed, disturbance);
    struct batch batch = batch_of(&in, model, seed);
    start_params(&run, seed, disturbance);
    run.label_smoothing = model->recipe->label_smoothing;
    run.optim = optim_of(model->recipe);
    size_t bytes = model->param_floats * sizeof(float);
    float *start = must(malloc(bytes));
    memcpy(start, run.store.param, bytes);
    float *states = must(malloc((model->state_floats + 1) * sizeof(float)));
    memcpy(states, run.store.state, model->state_floats * sizeof(float));
    int part = 1 + (int)rng_below(seed + 5, 0, (uint32_t)batch.n / 2 + 1);
    batch.others = in.others;
    batch.part = in.part;
    for (int i = 0; i < STEPS; i++) {
        add_step(r, &run, steps[i], run_train(&run, &batch));
        batch.n -= batch.n > part && batch.n - part >= (batch.n + 1) / 2 ? part : 0;
        batch.others = NULL;
        batch.part = NULL;
    }
    add_state(r, &run, start);
    expect_frozen(&run, start, states);
    add_evaluation(r, &run, &batch, "evaluation");
    shrink_variances(&run);
    add_evaluation(r, &run, &batch, "evaluation at small variances");
    free(start);
    free(states);
    free_inputs(&in);
    run_close(&run);
}

/* -- Comparing --------------------------------------------------------------------------------- */

static double largest(const struct record *r, const struct part *t)
{
    double most = 0;
    for (size_t i = 0; i < t->count; i++)
        most = fmax(most, fabs((double)r->values[t->first + i]));
    return most;
}

static double largest_of_kind(const struct record *r, const char *what)
{
    double most = 0;
    for (int i = 0; i < r->tensor_count; i++)
        if (r->tensors[i].what == what)
            most = fmax(most, largest(r, &r->tensors[i]));
    return most;
}

/* The largest difference, and where; infinite where one alone is not finite. */
static double distance(const struct record *a, const struct record *b, const struct part *t,
                       size_t *where)
{
    double most = 0;
    *where = 0;
    for (size_t i = 0; i < t->count; i++) {
        double d = fabs((double)a->values[t->first + i] - (double)b->values[t->first + i]);
        if (!(d <= most)) {
            most = isnan(d) ? (double)INFINITY : d;
            *where = i;
        }
    }
    return most;
}

static bool compare(const struct record *want, const struct record *disturbed,
                    const struct record *got, char *message, size_t size)
{
    for (int i = 0; i < want->tensor_count; i++) {
        const struct part *t = &want->tensors[i];
        double rounding = 0;
        size_t where;
        for (int k = 0; k < DISTURBED; k++)
            rounding = fmax(rounding, distance(want, &disturbed[k], t, &where));
        double allowed =
            MARGIN * rounding + LEAST * largest(want, t) + FLOOR * largest_of_kind(want, t->what);
        double off = distance(want, got, t, &where);
        if (!(off <= allowed) || !isfinite(allowed)) {
            snprintf(message, size, "%s, %s[%zu]: expected %.9g, got %.9g (tolerance %.3g)",
                     t->what, t->name, where, (double)want->values[t->first + where],
                     (double)got->values[t->first + where], allowed);
            return false;
        }
    }
    return true;
}

/* b: of a run on so many threads. */
static void expect_same_bits(const struct record *a, const struct record *b, int threads)
{
    for (int i = 0; i < a->tensor_count; i++) {
        const struct part *t = &a->tensors[i];
        size_t bytes = t->count * sizeof(float), where;
        if (memcmp(a->values + t->first, b->values + t->first, bytes) != 0) {
            double off = distance(a, b, t, &where);
            printf("%s, %s[%zu]: a run on 1 thread and one on %d differ by %.3g\n", t->what,
                   t->name, where, threads, off);
            exit(EXIT_FAILURE);
        }
    }
}

static void release(struct record *r)
{
    free(r->values);
    *r = (struct record){0};
}

/* FNV-1a of the bits of a run. */
static uint64_t digest(const struct record *r)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const unsigned char *bytes = (const unsigned char *)r->values;
    for (size_t i = 0; i < r->count * sizeof(float); i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool check_steps(const struct model *model, uint64_t seed, char *message, size_t size)
{
    static struct record want, disturbed[DISTURBED], got, many;
    record_run(&want, model, &generic_backend, 1, seed, 0);
    for (int i = 0; i < DISTURBED; i++)
        record_run(&disturbed[i], model, &generic_backend, 1, seed, seed * 10 + (uint64_t)i + 1);
    record_run(&got, model, model->backend, 1, seed, 0);
    for (size_t i = 0; i < sizeof many_threads / sizeof many_threads[0]; i++) {
        record_run(&many, model, model->backend, many_threads[i], seed, 0);
        expect_same_bits(&got, &many, many_threads[i]);
        release(&many);
    }
    bool ok = compare(&want, disturbed, &got, message, size);
    if (ok)
        printf("bits %016" PRIx64 ", offset %g\n", digest(&got), (double)largest_offset(model));
    release(&want);
    for (int i = 0; i < DISTURBED; i++)
        release(&disturbed[i]);
    release(&got);
    return ok;
}

static void check_kernels(const struct model *model)
{
    static const enum operands_input inputs[] = {OPERANDS_INTEGERS, OPERANDS_RANDOM,
                                                 OPERANDS_FAR_8192};
    struct err err = {0};
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *k = &model->kernels[i];
        for (uint64_t input = 0; input < 2 + (uint64_t)operands_takes_far(k); input++)
            if (!verify_kernel(k, inputs[input], input + 1, NULL, &err)) {
                printf("%s\n", err.message);
                exit(EXIT_FAILURE);
            }
    }
}

int main(int argc, char **argv)
{
    const struct model *model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    struct err missing = {0};
    if (!ref_open(1, &missing)) {
        fprintf(stderr, "%s\n", missing.message);
        return EXIT_FAILURE;
    }
    if (strcmp(model->backend->name, "generated") != 0) {
        printf("the backend is %s\n", model->backend->name);
        return EXIT_FAILURE;
    }
    if (argc == 3)
        return write_steps(model, argv[1], (uint64_t)atoll(argv[2])) ? EXIT_SUCCESS : EXIT_FAILURE;
    check_kernels(model);
    char message[400];
    for (uint64_t seed = 1; seed <= BATCHES; seed++)
        if (check_steps(model, seed, message, sizeof message))
            return EXIT_SUCCESS;
    printf("%s\n", message);
    return EXIT_FAILURE;
}
