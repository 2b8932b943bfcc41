/* bench.c - verifies, measures, prints, writes. */
#include "inspect/bench.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"
#include "inspect/bench_kernel.h"
#include "inspect/bench_step.h"
#include "inspect/busy.h"
#include "inspect/median.h"
#include "inspect/peak.h"
#include "inspect/verify.h"
#include "ref/generic.h"
#include "run.h"
#include "sys/clock.h"
#include "sys/lines.h"

enum { MAX_STEPS = 101 };
static const double STEP_SECONDS = 12; /* how long whole steps may take together */

struct step_time {
    double ms, generic_ms, roofline_ms;
    double spread; /* busy.h */
};

struct bench {
    const struct model *model;
    int threads, rounds;
    bool pin;                 /* each thread stays on a processor of its own */
    bool kernels;             /* nothing but kernels is timed */
    double load;              /* of the machine, before */
    double peak;              /* GFLOP/s of all threads */
    struct bench_time *times; /* [kernel_count]; zero where the pass is not timed */
    double *sum_gbps; /* [kernel_count]; of sums of arrays as large, of those that move data */
    struct step_time step;
};

static const char *pass_name(enum kernel_pass pass)
{
    static const char *const names[] = {"fwd", "bwd_data", "bwd_weights", "bwd_reduce"};
    return names[pass];
}

static bool is_timed(const struct kernel *k)
{
    return k->pass != PASS_BWD_REDUCE;
}

/* Kernels that move data more than they compute. */
static bool is_mover(const struct kernel *k)
{
    return is_timed(k) && k->mflop <= 0;
}

static double mflop_of(const struct bench *b, const struct kernel *k)
{
    return k->mflop * b->model->recipe->batch;
}

/* -- Kernels ----------------------------------------------------------------------------------- */

static bool verify_all(const struct model *model, struct err *err)
{
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *k = &model->kernels[i];
        if (!verify_kernel(k, OPERANDS_INTEGERS, 1, NULL, err) ||
            !verify_kernel(k, OPERANDS_RANDOM, 2, NULL, err))
            return false;
    }
    return true;
}

static bool time_kernels(struct bench *b, struct team *team, struct err *err)
{
    for (int i = 0; i < b->model->kernel_count; i++) {
        const struct kernel *k = &b->model->kernels[i];
        if (is_timed(k) &&
            !bench_kernel(k, team, b->model->recipe->batch, run_chunk_images(b->model), b->rounds,
                          b->kernels, &b->times[i], err))
            return false;
        if (is_mover(k))
            b->sum_gbps[i] =
                peak_sum_gbps(b->model->isa, team, (size_t)b->times[i].held, b->rounds);
    }
    return true;
}

static bool measure_kernels(struct bench *b, struct err *err)
{
    struct team *team = NULL;
    if (!ref_open(b->threads, err) || !verify_all(b->model, err) ||
        !team_open(&team, b->threads, err))
        return false;
    bool ok = (!b->pin || team_pin(team, err)) && time_kernels(b, team, err);
    if (ok) /* now: the system has given each thread its processor */
        b->peak = peak_gflops(b->model->isa, team);
    team_close(team);
    return ok;
}

/* -- Steps ------------------------------------------------------------------------------------- */

static void time_steps(struct bench *b, struct run *run, struct run *generic,
                       const struct batch *batch)
{
    double seconds[MAX_STEPS], generic_seconds[MAX_STEPS];
    double start = clock_seconds();
    int n = 0, most = 2 * b->rounds < MAX_STEPS ? 2 * b->rounds : MAX_STEPS;
    double loss;
    bench_step_seconds(run, batch, &loss); /* the first step of each touches its memory */
    bench_step_seconds(generic, batch, &loss);
    do {
        seconds[n] = bench_step_seconds(run, batch, &loss);
        generic_seconds[n] = bench_step_seconds(generic, batch, &loss);
        n++;
    } while (n < most && (n < 3 || clock_seconds() - start < STEP_SECONDS));
    b->step.ms = median_of(seconds, (size_t)n) * 1e3;
    b->step.spread = busy_spread(seconds, (size_t)n);
    b->step.generic_ms = median_of(generic_seconds, (size_t)n) * 1e3;
    b->step.roofline_ms = bench_step_mflop(b->model) * b->model->recipe->batch / b->peak;
}

static bool measure_steps(struct bench *b, struct err *err)
{
    struct batch batch;
    struct run run = {0}, generic = {0};
    bool ok = bench_batch_make(&batch, b->model, b->model->recipe->batch, err) &&
              bench_step_open(&run, b->model, b->model->backend, b->threads, err) &&
              bench_step_open(&generic, b->model, &generic_backend, b->threads, err);
    if (ok && b->pin)
        ok = team_pin(run.team, err) && team_pin(generic.team, err);
    if (ok)
        time_steps(b, &run, &generic, &batch);
    run_close(&generic);
    run_close(&run);
    bench_batch_free(&batch);
    return ok;
}

/* -- Tables ------------------------------------------------------------------------------------ */

static int layer_width(const struct model *model)
{
    size_t width = strlen("layer");
    for (int i = 0; i < model->kernel_count; i++)
        if (strlen(model->kernels[i].layer) > width)
            width = strlen(model->kernels[i].layer);
    return (int)width;
}

static void print_head(const struct bench *b)
{
    const struct model *m = b->model;
    lines_print(stdout, "",
                "%s %s, %s, %d thread%s, batch %d; FMA peak %.1f GFLOP/s measured in this run\n",
                m->name, m->norm, m->isa, b->threads, b->threads == 1 ? "" : "s", m->recipe->batch,
                b->peak);
}

enum { RIVAL_SIZE = 48 };

/* The end of a line: how the generic kernels compare, if they were timed; t is NULL in the head. */
static const char *rival_text(char text[RIVAL_SIZE], const struct bench *b,
                              const struct bench_time *t)
{
    text[0] = '\0';
    if (!b->kernels && t == NULL)
        snprintf(text, RIVAL_SIZE, " %10s %8s", "generic ms", "speedup");
    else if (!b->kernels)
        snprintf(text, RIVAL_SIZE, " %10.3f %7.2fx", t->generic_ms, t->generic_ms / t->ms);
    return text;
}

static void print_kernels(const struct bench *b)
{
    int width = layer_width(b->model);
    char rival[RIVAL_SIZE];
    lines_print(stdout, "", "%-*s %-11s %7s %7s %8s %6s%s", width, "layer", "pass", "MFLOP", "ms",
                "GFLOP/s", "% peak", rival_text(rival, b, NULL));
    for (int i = 0; i < b->model->kernel_count; i++) {
        const struct kernel *k = &b->model->kernels[i];
        const struct bench_time *t = &b->times[i];
        double gflops = mflop_of(b, k) / t->ms;
        if (is_timed(k) && k->mflop > 0)
            lines_print(stdout, "", "%-*s %-11s %7.1f %7.3f %8.1f %6.1f%s", width, k->layer,
                        pass_name(k->pass), mflop_of(b, k), t->ms, gflops, 100 * gflops / b->peak,
                        rival_text(rival, b, t));
    }
    lines_print(stdout, "",
                "peak: of fused multiply-adds; MFLOP are those of direct convolution, of which\n"
                "Winograd's kernels make fewer, so that they may pass 100 %%");
}

static double gbps_of(const struct bench_time *t)
{
    return t->bytes / t->ms * 1e-6;
}

/* Of the rate of sums; 0 where there was no memory for them. */
static double pct_sum(const struct bench *b, int i)
{
    return b->sum_gbps[i] > 0 ? 100 * gbps_of(&b->times[i]) / b->sum_gbps[i] : 0;
}

static void print_movers(const struct bench *b)
{
    int width = layer_width(b->model);
    bool any = false;
    char rival[RIVAL_SIZE];
    lines_print(stdout, "", "\n%-*s %-11s %7s %8s %6s%s", width, "layer", "pass", "ms", "GB/s",
                "% sum", rival_text(rival, b, NULL));
    for (int i = 0; i < b->model->kernel_count; i++) {
        const struct kernel *k = &b->model->kernels[i];
        const struct bench_time *t = &b->times[i];
        if (is_mover(k)) {
            lines_print(stdout, "", "%-*s %-11s %7.3f %8.1f %6.1f%s", width, k->layer,
                        pass_name(k->pass), t->ms, gbps_of(t), pct_sum(b, i),
                        rival_text(rival, b, t));
            any = true;
        }
    }
    if (any)
        lines_print(
            stdout, "",
            "GB/s: of images, each read and written once; sum: of two arrays into a third,\n"
            "which are as large together as the images of a thread");
}

static void print_step(const struct bench *b)
{
    const struct step_time *s = &b->step;
    lines_print(stdout, "",
                "\nwhole training step, batch %d: %.1f ms = %.2f times the %.1f ms that direct "
                "convolution takes at peak; generic %.1f ms, speedup %.2fx",
                b->model->recipe->batch, s->ms, s->ms / s->roofline_ms, s->roofline_ms,
                s->generic_ms, s->generic_ms / s->ms);
}

/* -- JSON -------------------------------------------------------------------------------------- */

static bool add_kernel(const struct bench *b, int i, cJSON *list)
{
    const struct kernel *k = &b->model->kernels[i];
    const struct bench_time *t = &b->times[i];
    double gflops = mflop_of(b, k) / t->ms;
    cJSON *item = cJSON_CreateObject();
    if (!json_append(list, item))
        return false;
    return cJSON_AddStringToObject(item, "name", k->name) &&
           cJSON_AddStringToObject(item, "layer", k->layer) &&
           cJSON_AddStringToObject(item, "pass", pass_name(k->pass)) &&
           cJSON_AddNumberToObject(item, "mflop", mflop_of(b, k)) &&
           cJSON_AddNumberToObject(item, "ms", t->ms) &&
           cJSON_AddNumberToObject(item, "gflops", gflops) &&
           cJSON_AddNumberToObject(item, "pct_peak", 100 * gflops / b->peak) &&
           cJSON_AddNumberToObject(item, "gbps", gbps_of(t)) &&
           (!is_mover(k) || cJSON_AddNumberToObject(item, "pct_sum", pct_sum(b, i))) &&
           (b->kernels || (cJSON_AddNumberToObject(item, "generic_ms", t->generic_ms) &&
                           cJSON_AddNumberToObject(item, "speedup", t->generic_ms / t->ms)));
}

static bool add_step(const struct bench *b, cJSON *step)
{
    const struct step_time *s = &b->step;
    return cJSON_AddNumberToObject(step, "batch", b->model->recipe->batch) &&
           cJSON_AddNumberToObject(step, "ms", s->ms) &&
           cJSON_AddNumberToObject(step, "direct_roofline_ms", s->roofline_ms) &&
           cJSON_AddNumberToObject(step, "ratio", s->ms / s->roofline_ms) &&
           cJSON_AddNumberToObject(step, "generic_ms", s->generic_ms) &&
           cJSON_AddNumberToObject(step, "speedup", s->generic_ms / s->ms);
}

static bool add_all(const struct bench *b, cJSON *root)
{
    if (!cJSON_AddStringToObject(root, "isa", b->model->isa) ||
        !cJSON_AddNumberToObject(root, "threads", b->threads) ||
        !cJSON_AddNumberToObject(root, "peak_gflops", b->peak))
        return false;
    cJSON *list = cJSON_AddArrayToObject(root, "kernels");
    if (list == NULL)
        return false;
    for (int i = 0; i < b->model->kernel_count; i++)
        if (is_timed(&b->model->kernels[i]) && !add_kernel(b, i, list))
            return false;
    if (b->kernels)
        return true;
    cJSON *step = cJSON_AddObjectToObject(root, "step");
    return step != NULL && add_step(b, step);
}

static bool write_json(const struct bench *b, const char *path, struct err *err)
{
    cJSON *root = cJSON_CreateObject();
    return json_save(root, root != NULL && add_all(b, root), path, err);
}

/* -- The command ------------------------------------------------------------------------------- */

bool bench_main(const struct model *model, const struct bench_options *options, struct err *err)
{
    struct bench b = {.model = model,
                      .threads = options->threads,
                      .pin = options->pin,
                      .kernels = options->kernels,
                      .load = busy_load(),
                      .rounds = options->rounds > 0 ? options->rounds : BENCH_ROUNDS};
    b.times = calloc((size_t)model->kernel_count + 1, sizeof *b.times);
    b.sum_gbps = calloc((size_t)model->kernel_count + 1, sizeof *b.sum_gbps);
    if (b.times == NULL || b.sum_gbps == NULL) {
        free(b.times);
        free(b.sum_gbps);
        return err_set(err, "bench: cannot allocate %d results", model->kernel_count);
    }
    bool ok = measure_kernels(&b, err);
    if (ok) {
        print_head(&b);
        print_kernels(&b);
        print_movers(&b);
        fflush(stdout);
        ok = b.kernels || measure_steps(&b, err);
    }
    if (ok && !b.kernels)
        print_step(&b);
    if (ok)
        busy_warn(stdout, b.load, b.threads, b.step.spread);
    ok = ok && (options->json == NULL || write_json(&b, options->json, err));
    free(b.times);
    free(b.sum_gbps);
    return ok;
}
