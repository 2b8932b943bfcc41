/* bench_step.c - every step sees the same batch, so that the losses of a few steps, written beside
 * the times, tell whether something else that was timed made the same steps. */
#include "inspect/bench_step.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/checkpoint.h"
#include "file/json.h"
#include "inspect/busy.h"
#include "inspect/median.h"
#include "inspect/peak.h"
#include "rng.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/lines.h"

/* Noise is not to be learned, nor to diverge from. And at the rate of a training, a difference in
 * rounding would be a difference in the fourth digit of the loss five steps on, by way of those
 * ReLUs that it switches. */
static const float BENCH_LR = 1e-3f;

/* -- What a step is given ---------------------------------------------------------------------- */

bool bench_batch_make(struct batch *batch, const struct model *model, int images_of_batch,
                      struct err *err)
{
    size_t n = (size_t)images_of_batch, size = (size_t)(model->c * model->h * model->w);
    float *images = malloc(n * size * sizeof *images);
    uint8_t *labels = malloc(n);
    uint32_t *samples = malloc(n * sizeof *samples);
    *batch = (struct batch){.n = images_of_batch,
                            .images = images,
                            .labels = labels,
                            .samples = samples,
                            .seed = 1,
                            .epoch = 1};
    if (images == NULL || labels == NULL || samples == NULL)
        return err_set(err, "bench: cannot allocate %zu images", n);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = rng_key(1, 1, (uint32_t)i, RNG_SYNTHETIC);
        for (size_t j = 0; j < size; j++)
            images[i * size + j] = 2 * rng_float(key, (uint32_t)j) - 1;
        labels[i] = (uint8_t)rng_below(key, (uint32_t)size, (uint32_t)model->classes);
        samples[i] = (uint32_t)i;
    }
    return true;
}

void bench_batch_free(struct batch *batch)
{
    free((void *)batch->images);
    free((void *)batch->labels);
    free((void *)batch->samples);
}

bool bench_step_open(struct run *run, const struct model *model, const struct backend *backend,
                     int threads, struct err *err)
{
    const struct recipe *recipe = model->recipe;
    if (!run_open(run, model, backend, threads, err) || !run_recipe(run, recipe, err))
        return false;
    run_init_params(run, 1);
    run->optim.lr = BENCH_LR;
    run->optim.step = 1;
    return true;
}

double bench_step_seconds(struct run *run, const struct batch *batch, double *loss)
{
    double start = clock_seconds();
    struct step_result result = run_train(run, batch);
    double seconds = clock_seconds() - start;
    *loss = result.loss;
    return seconds;
}

/* The forward pass again for the weight gradient, and once more for the data gradient of all but
 * the network's input. */
double bench_step_mflop(const struct model *model)
{
    double mflop = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *l = &model->layers[i];
        if (l->op == LAYER_CONV || l->op == LAYER_LINEAR)
            mflop += l->mflop * (model->layers[l->inputs[0]].op == LAYER_INPUT ? 2 : 3);
    }
    return mflop;
}

static double evaluation_mflop(const struct model *model)
{
    double mflop = 0;
    for (int i = 0; i < model->layer_count; i++)
        mflop += model->layers[i].mflop;
    return mflop;
}

/* -- The command ------------------------------------------------------------------------------- */

/* What the steps of one run took and led to. */
struct figures {
    int steps;
    double *ms;     /* [steps], the timed ones */
    double *losses; /* [BENCH_WARM_UP + steps] */
    double median;
    double peak;     /* GFLOP/s of the FMA units, all threads */
    double roofline; /* ms that the direct FLOP of a step take at peak */
};

static bool make_figures(struct figures *f, int steps, struct err *err)
{
    size_t n = (size_t)steps;
    *f = (struct figures){.steps = steps,
                          .ms = calloc(n, sizeof *f->ms),
                          .losses = malloc((BENCH_WARM_UP + n) * sizeof *f->losses)};
    return (f->ms != NULL && f->losses != NULL) ||
           err_set_errno(err, ENOMEM, "bench: figures of %d steps", steps);
}

static void free_figures(struct figures *f)
{
    free(f->ms);
    free(f->losses);
}

/* What the first step is given. */
static bool save_start(const char *folder, const struct run *run, const struct batch *batch,
                       struct err *err)
{
    const struct model *m = run->model;
    const struct safetensor tensors[] = {
        {"images",
         SAFETENSORS_F32,
         4,
         {(size_t)batch->n, (size_t)m->c, (size_t)m->h, (size_t)m->w},
         batch->images},
        {"labels", SAFETENSORS_U8, 1, {(size_t)batch->n}, batch->labels},
    };
    char path[4096];
    snprintf(path, sizeof path, "%s/batch.safetensors", folder);
    if (!safetensors_save(path, NULL, tensors, 2, NULL, 0, err))
        return false;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return checkpoint_save_model(path, run, NULL, 0, err);
}

/* What the first step made of it. */
static bool save_gradients(const char *folder, const struct run *run, struct err *err)
{
    const struct model *m = run->model;
    char path[4096];
    snprintf(path, sizeof path, "%s/gradients.safetensors", folder);
    struct safetensor *tensors = calloc((size_t)m->param_count, sizeof *tensors);
    if (tensors == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    for (int i = 0; i < m->param_count; i++) {
        tensors[i] = checkpoint_tensor(&m->params[i]);
        tensors[i].data = run->store.grad + m->params[i].offset;
    }
    bool ok = safetensors_save(path, NULL, tensors, (size_t)m->param_count, NULL, 0, err);
    free(tensors);
    return ok;
}

static double evaluation_seconds(struct run *run, const struct batch *batch, double *loss)
{
    double start = clock_seconds();
    struct step_result result = run_eval(run, batch, NULL);
    double seconds = clock_seconds() - start;
    *loss = result.loss;
    return seconds;
}

/* Notes the time and the loss of every step; profile is that of the timed ones, or NULL. */
static bool take_steps(struct figures *f, struct run *run, const struct batch *batch,
                       const struct bench_steps_options *options, struct profile *profile,
                       struct err *err)
{
    for (int i = 0; i < BENCH_WARM_UP + f->steps; i++) {
        run->profile = i < BENCH_WARM_UP ? NULL : profile;
        double seconds = options->evaluate ? evaluation_seconds(run, batch, &f->losses[i])
                                           : bench_step_seconds(run, batch, &f->losses[i]);
        if (i == 0 && options->start != NULL && !options->evaluate &&
            !save_gradients(options->start, run, err))
            return false;
        if (!isfinite(f->losses[i]))
            return err_set_code(err, EXIT_DIVERGED, "bench: the loss of step %d is not finite",
                                i + 1);
        if (i >= BENCH_WARM_UP)
            f->ms[i - BENCH_WARM_UP] = seconds * 1e3;
    }
    return true;
}

static bool add_figures(const struct figures *f, const struct run *run, int batch, cJSON *root)
{
    char cpu[128];
    if (!cJSON_AddStringToObject(root, "isa", run->model->isa) ||
        !cJSON_AddStringToObject(root, "cpu", cpu_name(cpu, sizeof cpu)) ||
        !cJSON_AddNumberToObject(root, "threads", team_threads(run->team)) ||
        !cJSON_AddNumberToObject(root, "peak_gflops", f->peak))
        return false;
    cJSON *step = cJSON_AddObjectToObject(root, "step");
    return step != NULL && cJSON_AddNumberToObject(step, "batch", batch) &&
           cJSON_AddNumberToObject(step, "lr", (double)run->optim.lr) &&
           cJSON_AddNumberToObject(step, "ms", f->median) &&
           cJSON_AddNumberToObject(step, "direct_roofline_ms", f->roofline) &&
           cJSON_AddNumberToObject(step, "ratio", f->median / f->roofline) &&
           json_add(step, "each_ms", cJSON_CreateDoubleArray(f->ms, f->steps)) &&
           json_add(step, "losses", cJSON_CreateDoubleArray(f->losses, BENCH_WARM_UP + f->steps));
}

static bool save_figures(const struct figures *f, const struct run *run, int batch,
                         const char *path, struct err *err)
{
    cJSON *root = cJSON_CreateObject();
    return json_save(root, root != NULL && add_figures(f, run, batch, root), path, err);
}

/* Keeps the order of f->ms. */
static bool find_median(struct figures *f, struct err *err)
{
    size_t bytes = (size_t)f->steps * sizeof *f->ms;
    double *sorted = malloc(bytes);
    if (sorted == NULL)
        return err_set_errno(err, ENOMEM, "bench: median of %d steps", f->steps);
    memcpy(sorted, f->ms, bytes);
    f->median = median_of(sorted, (size_t)f->steps);
    free(sorted);
    return true;
}

static void print_figures(const struct figures *f, const struct model *model,
                          const struct bench_steps_options *options, int batch)
{
    char unit[64] = "a step";
    if (options->evaluate)
        snprintf(unit, sizeof unit, "an evaluation (%.0f images a second)",
                 batch / f->median * 1e3);
    lines_print(
        stdout, "",
        "%s %s, %s, %d thread%s, batch %d: %.2f ms %s, median of %d; %.2f of direct at peak "
        "(%.1f GFLOP/s)",
        model->name, model->norm, model->isa, options->threads, options->threads == 1 ? "" : "s",
        batch, f->median, unit, options->steps, f->median / f->roofline, f->peak);
}

bool bench_steps_main(const struct model *model, const struct bench_steps_options *options,
                      struct err *err)
{
    const int most = model->recipe->batch, images = options->batch > 0 ? options->batch : most;
    if (images > most)
        return err_set_code(err, EXIT_USAGE,
                            "bench: --batch: %d: expected at most %d, which this program's memory "
                            "was planned for",
                            images, most);
    struct batch batch = {0};
    struct run run = {0};
    struct figures figures = {0};
    struct profile profile = {0}, *wanted = options->profile ? &profile : NULL;
    const double load = busy_load();
    bool ok = make_figures(&figures, options->steps, err) &&
              bench_batch_make(&batch, model, images, err) &&
              bench_step_open(&run, model, model->backend, options->threads, err) &&
              (!options->pin || team_pin(run.team, err)) &&
              (wanted == NULL || profile_open(wanted, model, options->threads, err));
    if (ok) {
        run.dropout = options->dropout;
        ok = (options->start == NULL || save_start(options->start, &run, &batch, err)) &&
             take_steps(&figures, &run, &batch, options, wanted, err) && find_median(&figures, err);
    }
    if (ok) { /* after the steps: the system has given each thread its processor by then */
        double mflop = options->evaluate ? evaluation_mflop(model) : bench_step_mflop(model);
        figures.peak = peak_gflops(model->isa, run.team);
        figures.roofline = mflop * images / figures.peak;
        ok = (options->json == NULL || save_figures(&figures, &run, images, options->json, err));
    }
    if (ok) {
        print_figures(&figures, model, options, images);
        busy_warn(stdout, load, options->threads, busy_spread(figures.ms, (size_t)figures.steps));
    }
    if (ok && wanted != NULL) {
        printf("\n");
        profile_print(wanted, stdout, "");
    }
    profile_close(&profile);
    run_close(&run);
    bench_batch_free(&batch);
    free_figures(&figures);
    return ok;
}
