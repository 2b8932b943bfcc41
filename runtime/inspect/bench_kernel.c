/* bench_kernel.c - runs one kernel over a chunk's worth of images on every thread.
 *
 * A thread works on micro-batches, as many images to one as the kernel takes, the last perhaps
 * smaller. They are distinct buffers, so that what stays in cache between two calls is what
 * stays there in training; weights, coefficients, parameter gradients and scratch are the first
 * micro-batch's for all of them.
 */
#include "inspect/bench_kernel.h"

#include <stdlib.h>

#include "inspect/median.h"
#include "inspect/operands.h"
#include "sys/clock.h"

enum { MAX_ROUNDS = 101 };
static const double ROUND_SECONDS = 4e-3;

struct bench {
    struct team *team;
    struct operands *sets; /* [threads][micro-batches] */
    int micro_batches;
    int repeats; /* calls for each micro-batch in one round */
};

static void run_generated(void *context, int rank)
{
    const struct bench *b = context;
    const struct operands *own = b->sets + rank * b->micro_batches;
    for (int r = 0; r < b->repeats; r++)
        for (int i = 0; i < b->micro_batches; i++)
            kernel_run(own->kernel, &own[i].args);
}

static void run_generic(void *context, int rank)
{
    const struct bench *b = context;
    const struct operands *own = b->sets + rank * b->micro_batches;
    for (int r = 0; r < b->repeats; r++)
        for (int i = 0; i < b->micro_batches; i++)
            operands_run_ref(&own[i]);
}

/* -- Operands ---------------------------------------------------------------------------------- */

static void share(struct operands *to, const struct operands *first)
{
    to->args.w = first->args.w;
    to->args.bias = first->args.bias;
    to->args.coef = first->args.coef;
    to->args.dcoef = first->args.dcoef;
    to->args.dw = first->args.dw;
    to->args.db = first->args.db;
    to->args.sums = first->args.sums;
    to->args.scratch = first->args.scratch;
    for (int i = 0; i < OPERAND_COUNT; i++)
        if (to->shape[i].layout == NULL)
            to->plain[i] = first->plain[i];
    to->ref_scratch = first->ref_scratch;
}

static bool open_sets(struct bench *b, const struct kernel *kernel, int images, struct err *err)
{
    int threads = team_threads(b->team);
    b->sets = calloc((size_t)(threads * b->micro_batches), sizeof *b->sets);
    if (b->sets == NULL)
        return err_set(err, "%s: cannot allocate its operands", kernel->name);
    for (int rank = 0; rank < threads; rank++) {
        struct operands *own = b->sets + rank * b->micro_batches;
        for (int i = 0; i < b->micro_batches; i++) {
            int left = images - i * kernel->images;
            if (!operands_open(&own[i], kernel, left < kernel->images ? left : kernel->images,
                               OPERANDS_RANDOM, OPERANDS_TOGETHER,
                               (uint64_t)(rank * b->micro_batches + i), err))
                return false;
            share(&own[i], own);
        }
    }
    return true;
}

static void close_sets(struct bench *b)
{
    for (int i = 0; b->sets != NULL && i < team_threads(b->team) * b->micro_batches; i++)
        operands_close(&b->sets[i]);
    free(b->sets);
}

/* Read once, written once; an output that is added to is both. */
static double image_bytes(const struct operands *o)
{
    double bytes = 0;
    for (int i = 0; i < OPERAND_COUNT; i++) {
        const struct operand_shape *s = &o->shape[i];
        if (s->layout != NULL)
            bytes += (double)(s->laid * sizeof(float)) * (i >= OPERAND_Y && !s->sets ? 2 : 1);
    }
    return bytes;
}

/* -- Time -------------------------------------------------------------------------------------- */

static double seconds_of(struct bench *b, void (*work)(void *context, int rank), int repeats)
{
    b->repeats = repeats;
    double start = clock_seconds();
    team_run(b->team, work, b);
    return clock_seconds() - start;
}

/* Repetitions that take long enough to be timed; runs the work a first time, too. */
static int find_repeats(struct bench *b, void (*work)(void *context, int rank))
{
    int repeats = 1;
    while (seconds_of(b, work, repeats) < ROUND_SECONDS && repeats < 1 << 20)
        repeats *= 2;
    return repeats;
}

bool bench_kernel(const struct kernel *kernel, struct team *team, int batch, int images, int rounds,
                  bool alone, struct bench_time *time, struct err *err)
{
    double seconds[MAX_ROUNDS], generic[MAX_ROUNDS] = {0};
    struct bench b = {.team = team,
                      .micro_batches = (images + kernel->images - 1) / kernel->images};
    rounds = rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
    if (!open_sets(&b, kernel, images, err)) {
        close_sets(&b);
        return false;
    }
    int repeats = find_repeats(&b, run_generated);
    int generic_repeats = alone ? 0 : find_repeats(&b, run_generic);
    for (int r = 0; r < rounds; r++) {
        seconds[r] = seconds_of(&b, run_generated, repeats) / repeats;
        if (!alone)
            generic[r] = seconds_of(&b, run_generic, generic_repeats) / generic_repeats;
    }
    double rounds_a_batch = (double)batch / (images * team_threads(team));
    time->ms = median_of(seconds, (size_t)rounds) * 1e3 * rounds_a_batch;
    time->generic_ms = median_of(generic, (size_t)rounds) * 1e3 * rounds_a_batch;
    time->bytes = image_bytes(b.sets) * batch;
    time->held = image_bytes(b.sets) * images;
    close_sets(&b);
    return true;
}
