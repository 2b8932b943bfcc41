/* check_gradients.c - every gradient of a program in double against difference quotients.
 *
 * Linked with a file of `burin gen --real double` it takes its steps in one thread, at learning
 * rate 0: their loss is the function, store.grad what they say of its slope. Dropout draws the same
 * elements every time, as the batch is the same.
 *
 * The quotient D(h) = (f(w + h) - f(w - h)) / 2h is off the slope by h^2 / 6 times the third
 * derivative, 2e-11 of it where h is 1e-5, and by the rounding of f, some units of its last place
 * over 2h. ROUNDINGS covers both: a gradient must agree to SHARE of the largest of its tensor plus
 * ROUNDINGS units of f over h.
 *
 * Kinks. Where a ReLU or a maximum switches between w - h and w + h, f has no slope to compare
 * with. There D(h) changes as h does; where f is smooth, D(2h) and D(h) agree as closely as the
 * gradient must. This asks f alone, never the gradient. Then a smaller h is tried, down to the last
 * of STEPS; a parameter that has a kink within each is counted, and more than KINKS of all fail.
 *
 * Norms. What a norm hands back to a convolution with a bias before it, dx, has in every set of
 * values that share a mean sum(dx) = 0 and, but for eps, <dx, x-hat> = 0. With a single image, the
 * first is the sum of the bias gradients of the set, the second, as x = w * input + b, that of
 * w dw + b db; both are zero but for rounding, DBL_EPSILON times some thousand terms.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "run.h"

int generated_main(int argc, char **argv);
int generated_program_main(const struct model *generated, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);

enum { STEPS = 3 };

static const double FIRST_STEP = 1e-5, SMALLER = 4, SHARE = 1e-6, ROUNDINGS = 100, KINKS = 0.01,
                    ORTHOGONAL = 1e-11;

static const struct model *model;

int generated_program_main(const struct model *generated, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    model = generated;
    return 0;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        printf("out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static double noise(uint64_t key, size_t i)
{
    return 2 * (double)rng_float(key, (uint32_t)i) - 1;
}

static struct batch make_batch(void)
{
    size_t n = (size_t)model->recipe->batch, count = n * (size_t)(model->c * model->h * model->w);
    double *images = must(malloc(count * sizeof *images));
    uint8_t *labels = must(malloc(n));
    uint8_t *others = must(malloc(n));
    double *part = must(malloc(n * sizeof *part));
    uint32_t *samples = must(malloc(n * sizeof *samples));
    for (size_t i = 0; i < count; i++)
        images[i] = noise(1, i);
    for (size_t i = 0; i < n; i++) {
        labels[i] = (uint8_t)(i % (size_t)model->classes);
        others[i] = (uint8_t)(i / 2 % (size_t)model->classes);
        part[i] = 0.75 + noise(3, i) / 4;
        samples[i] = (uint32_t)(7 * i + 3);
    }
    return (struct batch){.n = (int)n,
                          .images = images,
                          .labels = labels,
                          .others = others,
                          .part = part,
                          .samples = samples,
                          .seed = 1,
                          .epoch = 1};
}

static double *zeros(size_t count)
{
    return must(calloc(count > 0 ? count : 1, sizeof(double)));
}

/* Norms would start at 1 and 0, at which mistakes may hide. */
static void open_run(struct run *run, const struct batch *batch)
{
    struct err err = {0};
    *run = (struct run){.model = model,
                        .backend = model->backend,
                        .dropout = true,
                        .label_smoothing = model->recipe->label_smoothing,
                        .batch = batch};
    if (!team_open(&run->team, 1, &err)) {
        printf("%s\n", err.message);
        exit(EXIT_FAILURE);
    }
    size_t shared, thread;
    model->backend->measure(model, &shared, &thread);
    run->shared = zeros(shared);
    run->thread[0] = zeros(thread);
    run->store = (struct store){.param = zeros(model->param_floats),
                                .seen = zeros(model->param_floats),
                                .grad = zeros(model->param_floats),
                                .momentum = zeros(model->param_floats),
                                .state = zeros(model->state_floats)};
    for (int i = 0; i < model->param_count; i++) {
        const struct param *p = &model->params[i];
        double middle = p->init == INIT_ONE ? 1 : 0;
        double spread = p->init == INIT_FAN_IN ? 1 / sqrt(p->fan_in) : 0.5;
        for (size_t k = 0; k < p->count; k++)
            run->store.param[p->offset + k] = middle + spread * noise(2 + (uint64_t)i, k);
    }
}

static void close_run(struct run *run)
{
    team_close(run->team);
    free(run->shared);
    free(run->thread[0]);
    free(run->store.param);
    free(run->store.seen);
    free(run->store.grad);
    free(run->store.momentum);
    free(run->store.state);
}

static double loss_of(struct run *run)
{
    double loss = 0;
    run->backend->pack(run, 0);
    run->backend->train(run, 0);
    for (int chunk = 0; chunk < run_chunks(run); chunk++)
        loss += run->loss[chunk];
    return loss / run->batch->n;
}

/* D(h) at a parameter, which it leaves as it was. */
static double slope(struct run *run, double *param, double h)
{
    double value = *param, up = value + h, down = value - h;
    *param = up;
    double difference = loss_of(run);
    *param = down;
    difference -= loss_of(run);
    *param = value;
    return difference / (up - down);
}

/* What rounding of the loss may do to D(h). */
static double rounding(double loss, double h)
{
    return ROUNDINGS * DBL_EPSILON * loss / h;
}

enum verdict { AGREES, DIFFERS, KINK };

/* What a parameter's gradient is, and in *off by how much it misses the quotient. */
static enum verdict judge(struct run *run, size_t param, double gradient, double largest,
                          double loss, double *off)
{
    double h = FIRST_STEP, *value = &run->store.param[param];
    for (int i = 0; i < STEPS; i++, h /= SMALLER) {
        double quotient = slope(run, value, h);
        double allowed = SHARE * largest + rounding(loss, h);
        *off = fabs(quotient - gradient);
        if (*off <= allowed)
            return AGREES;
        if (fabs(slope(run, value, 2 * h) - quotient) <= allowed)
            return DIFFERS;
    }
    return KINK;
}

/* -- Norms ------------------------------------------------------------------------------------- */

/* Whether both identities hold for the sets of a norm behind `conv`; says what does not. */
static bool norm_is_orthogonal(const struct run *run, const struct layer *norm,
                               const struct layer *conv)
{
    const struct param *weight = &model->params[conv->weight], *bias = &model->params[conv->bias];
    const double *w = run->store.param + weight->offset, *dw = run->store.grad + weight->offset;
    const double *b = run->store.param + bias->offset, *db = run->store.grad + bias->offset;
    int each = (int)weight->count / conv->c;
    int size = norm->norm == NORM_BATCH ? 1 : norm->c / norm->groups;
    double largest = 0;
    for (size_t i = 0; i < weight->count; i++)
        largest = fmax(largest, fabs(dw[i]));
    bool fine = largest > 0;
    for (int first = 0; first < norm->c; first += size) {
        double sum = 0, along = 0;
        for (int k = first; k < first + size; k++) {
            sum += db[k];
            along += b[k] * db[k];
            for (int i = k * each; i < (k + 1) * each; i++)
                along += w[i] * dw[i];
        }
        if (norm->norm == NORM_RMS)
            sum = 0; /* nothing takes a mean away */
        fine = fine && fabs(sum) <= ORTHOGONAL * largest && fabs(along) <= ORTHOGONAL * largest;
        if (!fine) {
            printf("%s, channels from %d: the sum of dx is %.3g, <dx, x> is %.3g: expected 0; the "
                   "largest gradient of a weight is %.3g\n",
                   norm->name, first, sum, along, largest);
            return false;
        }
    }
    return true;
}

/* The number of norms for which they do not. */
static int check_norms(struct run *run)
{
    int wrong = 0;
    struct batch one = *run->batch;
    one.n = 1;
    run->batch = &one;
    loss_of(run);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *norm = &model->layers[i],
                           *from = &model->layers[norm->inputs[0] < 0 ? 0 : norm->inputs[0]];
        if (norm->op == LAYER_NORM && from->op == LAYER_CONV && from->bias >= 0)
            wrong += !norm_is_orthogonal(run, norm, from);
    }
    return wrong;
}

int main(void)
{
    generated_main(0, NULL);
    struct run run;
    struct batch batch = make_batch();
    open_run(&run, &batch);
    double loss = loss_of(&run), worst = 0, worst_flat = 0;
    size_t bytes = model->param_floats * sizeof(double);
    double *gradient = must(malloc(bytes));
    memcpy(gradient, run.store.grad, bytes);
    int kinks = 0, wrong = 0, flat = 0;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *p = &model->params[i];
        double largest = 0;
        for (size_t k = 0; k < p->count; k++)
            largest = fmax(largest, fabs(gradient[p->offset + k]));
        bool is_flat = largest <= rounding(loss, FIRST_STEP);
        flat += is_flat;
        for (size_t k = 0; k < p->count; k++) {
            double off, expected = gradient[p->offset + k];
            enum verdict v = judge(&run, p->offset + k, expected, largest, loss, &off);
            kinks += v == KINK;
            wrong += v == DIFFERS;
            if (v == AGREES && is_flat)
                worst_flat = fmax(worst_flat, off);
            else if (v == AGREES)
                worst = fmax(worst, off / largest);
            if (v == DIFFERS && wrong == 1)
                printf("%s[%zu]: the gradient %.12g is %.3g off the difference quotient; the "
                       "largest of its tensor is %.3g\n",
                       p->name, k, expected, off, largest);
        }
    }
    printf("%zu parameters, %d wrong, %d near a kink; the others off by %.1e of the largest of "
           "their tensor at most\n",
           model->param_floats, wrong, kinks, worst);
    if (flat > 0)
        printf("%d tensors are 0 for all a quotient can tell, and off by %.1e at most\n", flat,
               worst_flat);
    wrong += check_norms(&run);
    free(gradient);
    close_run(&run);
    free((void *)batch.images);
    free((void *)batch.labels);
    free((void *)batch.others);
    free((void *)batch.part);
    free((void *)batch.samples);
    return wrong == 0 && kinks <= KINKS * (double)model->param_floats ? EXIT_SUCCESS : EXIT_FAILURE;
}
