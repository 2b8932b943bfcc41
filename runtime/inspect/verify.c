/* verify.c - compares one kernel with the reference.
 *
 * Tolerance. Two sums of n products of size at most m, in float and in any order, each err by at
 * most n * n * m * u, u = 2^-24, and in practice by about sqrt(n) * m * u. TOLERANCE * n * m * u
 * leaves an order of magnitude above that, and stays far below m, by which one wrong or missing
 * term is off. The terms of the sums for a norm are distances from the first pixel, however far
 * from zero that is.
 *
 * Winograd's F(4 x 4, 3 x 3) sums larger terms, which cancel: along one axis an output is made of
 * terms whose absolute values sum up to 48 m where those of the direct sum come to 3 m (the last
 * row of A', with the rows of B' and G that meet there), on both axes to 256 times as much. As a
 * random walk through 256 n terms that is 16 sqrt(n) m u, more than n m u where there are few
 * terms.
 *
 * Kernels that multiply in bf16 round both factors once, by u = 2^-8 of them at most, so the error
 * of a sum is a walk of sqrt(n) m u: by the direct algorithm 0.4 u for each of the two factors, a
 * deviation of 0.6 of that walk where all are as large as m. BF16_WALK allows four walks, seven
 * deviations. The root mean square of all differences is 2^-8 / sqrt(7) of the numbers for each
 * factor, 0.0021 of the outputs; BF16_RMS allows three times that, since far from zero inputs are
 * all alike and there are no more different sums than outputs. Integers below 2^8 are not rounded.
 *
 * By Winograd's algorithm it is such a walk of 16 sqrt(n) m u. A step of it is 0.4 u for each
 * factor of a number that is rounded to nearest, and factors below m: at the pixel of a tile where
 * the most terms meet the deviation is 0.4 of that walk. WINOGRAD_BF16_WALK allows four walks, nine
 * deviations. One missing term would not be seen by that. So the root mean square of all
 * differences says more: on random numbers it is 0.025 of that of the outputs (docs/winograd.md),
 * whatever their number, of which WINOGRAD_BF16_RMS allows 1.6 times. One of 32 channels or one tap
 * that is wrong is 0.17 or more.
 */
#include "inspect/verify.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ref/ref.h"
#include "rng.h"

static const double TOLERANCE = 16 * 0x1p-24;
static const double BF16_WALK = 4 * 0x1p-8, WINOGRAD_BF16_WALK = 4 * 16 * 0x1p-8;
static const double BF16_RMS = 0.0063, WINOGRAD_BF16_RMS = 0.04;
static const double EXACT_BELOW = 0x1p24; /* integers below this are floats */

/* -- Running under guard ----------------------------------------------------------------------- */

static sigjmp_buf fault_return;
static void *volatile fault_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    fault_address = info->si_addr;
    siglongjmp(fault_return, 1);
}

/* Runs the kernel; false when it touched memory that it may not. */
static bool run_guarded(const struct kernel *k, const struct kernel_args *args)
{
    struct sigaction guard, old_segv, old_bus;
    memset(&guard, 0, sizeof guard);
    guard.sa_sigaction = on_fault;
    guard.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &guard, &old_segv);
    sigaction(SIGBUS, &guard, &old_bus);
    volatile bool ok = false;
    if (sigsetjmp(fault_return, 1) == 0) {
        kernel_run(k, args);
        ok = true;
    }
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    return ok;
}

/* -- What may differ --------------------------------------------------------------------------- */

static bool is_power_of_two(double x)
{
    int exponent;
    return frexp(x, &exponent) == 0.5;
}

/* The factor of dropout and the share of an average may round even among integers. */
static bool is_exact(const struct kernel *k, enum operands_input input)
{
    double share = k->op == KERNEL_AVGPOOL ? (double)k->geometry.h.taps * k->geometry.w.taps : 1;
    return k->exact && input == OPERANDS_INTEGERS && is_power_of_two(share) &&
           is_power_of_two((double)rng_keep_scale(k->p));
}

static double pixels_of(const struct layout *l)
{
    return (double)l->h * l->w;
}

/* Terms summed for one element of y, dx or dw and db. */
static double count_terms(const struct kernel *k, int images)
{
    double taps = (double)k->geometry.h.taps * k->geometry.w.taps, groups = fmax(k->groups, 1);
    bool linear = k->op == KERNEL_LINEAR;
    switch (k->op) {
    case KERNEL_CONV:
    case KERNEL_LINEAR:
        if (k->pass == PASS_FWD)
            return 1 + k->x.c / groups * (linear ? pixels_of(&k->x) : taps);
        if (k->pass == PASS_BWD_DATA)
            return 1 + k->y.c / groups * (linear ? 1 : taps);
        return 1 + images * pixels_of(&k->y);
    case KERNEL_MUL: /* a gradient may be summed over the image */
        return 1 + pixels_of(&k->y) / (k->pass == PASS_FWD ? pixels_of(&k->y) : pixels_of(&k->dx));
    case KERNEL_MAXPOOL:
    case KERNEL_AVGPOOL:
        return 1 + taps;
    default:
        return 4;
    }
}

/* The largest distance of a number from the first of its channel and image. */
static double largest_distance(const struct operands *o, enum operand operand)
{
    const struct operand_shape *s = &o->shape[operand];
    const struct layout *l = s->layout;
    double largest = 0;
    size_t pixels = (size_t)(l->h * l->w), channels = (size_t)(s->copies * l->c);
    const float *first = o->plain[operand];
    for (size_t channel = 0; channel < channels; channel++, first += pixels)
        for (size_t i = 1; i < pixels; i++)
            largest = fmax(largest, fabs((double)first[i] - (double)*first));
    return largest;
}

/* The largest number that an output should have: of a norm that makes its statistics, which come
 * in every size. */
static double largest_expected(const struct operands *o, enum operand output)
{
    const struct operand_shape *s = &o->shape[output];
    double largest = 0;
    for (size_t i = 0; i < s->plain * (size_t)s->copies; i++)
        largest = fmax(largest, fabs((double)o->plain[output][i]));
    return largest;
}

/* The difference allowed in an element of an output; row is that of sums. */
static double tolerance_of(const struct operands *o, enum operand output, int row,
                           enum operands_input input)
{
    const struct kernel *k = o->kernel;
    double size = operands_size(input), scale = (double)rng_keep_scale(k->p);
    double terms = count_terms(k, o->n);
    if (k->op == KERNEL_CONV && !k->exact)
        terms = fmax(terms, 16 * sqrt(terms));
    /* x - m takes the offset away. */
    double offset = k->op == KERNEL_POINTWISE ? 0 : operands_offset(input);
    if (k->op == KERNEL_SET_NORM)
        return TOLERANCE * (k->pass == PASS_BWD_WEIGHTS ? o->n * pixels_of(&k->x) : 4) *
               fmax(1, largest_expected(o, output));
    if (k->in_bf16 && output != OPERAND_SUMS && output != OPERAND_DB)
        return (k->exact ? BF16_WALK : WINOGRAD_BF16_WALK) * sqrt(count_terms(k, o->n)) *
               (size + offset) * size;
    if (output != OPERAND_SUMS)
        return TOLERANCE * terms * (size + offset) * size * scale;
    if (k->pass == PASS_BWD_REDUCE)
        return TOLERANCE * pixels_of(&k->x) * size * scale * (row == 0 ? 1 : 2 * size);
    bool made = o->shape[OPERAND_Y].plain > 0;
    double distance = largest_distance(o, made ? OPERAND_Y : OPERAND_X);
    return row == 0 ? 0 : TOLERANCE * pixels_of(made ? &k->y : &k->x) * pow(distance, row);
}

/* -- Comparing --------------------------------------------------------------------------------- */

/* Sums of squares over the images and weights that a kernel makes: of what they differ from the
 * reference's by, and of these. */
struct squares {
    double different, expected;
};

struct check {
    const struct operands *o;
    enum operands_input input;
    const char *how; /* the placement, for messages */
    struct squares *squares;
    struct verify_report *report;
    struct err *err;
};

/* Compares one element of a copy of an output. */
static bool compare(const struct check *c, enum operand output, int copy, size_t index, double got,
                    double want, double tolerance)
{
    double difference = got == want ? 0 : fabs(got - want); /* also for equal infinities */
    if (difference > c->report->max_abs) {
        c->report->max_abs = difference;
        c->report->output = operands_name(output);
        c->report->index = index;
    }
    if (output != OPERAND_SUMS && output != OPERAND_DB) {
        c->squares->different += difference * difference;
        c->squares->expected += want * want;
    }
    double relative = difference / fmax(fabs(want), 1);
    c->report->max_rel = fmax(c->report->max_rel, relative);
    if (difference <= tolerance)
        return true;
    const struct operand_shape *s = &c->o->shape[output];
    const char *kernel = c->o->kernel->name, *name = operands_name(output);
    if (s->layout != NULL) {
        size_t w = (size_t)s->layout->w, plane = w * (size_t)s->layout->h;
        return err_set(c->err,
                       "%s: %s at channel %zu, row %zu, column %zu of image %d: expected %.9g, "
                       "got %.9g (tolerance %.3g; %s)",
                       kernel, name, index / plane, index % plane / w, index % w, copy, want, got,
                       tolerance, c->how);
    }
    return err_set(c->err, "%s: %s[%d][%zu]: expected %.9g, got %.9g (tolerance %.3g; %s)", kernel,
                   name, copy, index, want, got, tolerance, c->how);
}

/* Borders and pad lanes are zero, the rest is the reference's. */
static bool check_image(const struct check *c, enum operand output, int image)
{
    const struct operand_shape *s = &c->o->shape[output];
    const struct layout *l = s->layout;
    const float *plain = c->o->plain[output] + (size_t)image * s->plain;
    const float *at = c->o->laid[output] + (size_t)image * s->laid;
    double tolerance = c->report->exact ? 0 : tolerance_of(c->o, output, 0, c->input);
    for (int y = -l->border; y < l->h + l->border; y++)
        for (int x = -l->border; x < l->w + l->border; x++)
            for (int k = 0; k < l->pitch; k++, at++) {
                bool inside = y >= 0 && y < l->h && x >= 0 && x < l->w;
                size_t index = (size_t)(k * l->h + y) * (size_t)l->w + (size_t)x;
                if (inside && k < l->c) {
                    if (!compare(c, output, image, index, (double)*at, (double)plain[index],
                                 tolerance))
                        return false;
                } else if (!(*at == 0)) {
                    return err_set(c->err,
                                   "%s: %s: %s at row %d, column %d, lane %d of image %d: expected "
                                   "0, got %.9g (%s)",
                                   c->o->kernel->name, operands_name(output),
                                   inside ? "pad lane" : "border", y, x, k, image, (double)*at,
                                   c->how);
                }
            }
    return true;
}

/* db and sums: lanes up to the pitch, those past the channels zero. */
static bool check_vectors(const struct check *c, enum operand output, int copy)
{
    const struct operand_shape *s = &c->o->shape[output];
    const float *laid = c->o->laid[output] + (size_t)copy * s->laid;
    const float *plain = c->o->plain[output] + (size_t)copy * s->plain;
    for (int row = 0; row < s->rows; row++) {
        double allowed = tolerance_of(c->o, output, row, c->input);
        for (int lane = 0; lane < s->pitch; lane++) {
            double got = (double)laid[row * s->pitch + lane], want = 0;
            size_t index = (size_t)(row * s->c + lane);
            if (lane < s->c && output == OPERAND_SUMS)
                want = ((const double *)(const void *)plain)[index];
            else if (lane < s->c)
                want = (double)plain[index];
            bool exact = c->report->exact && fabs(want) < EXACT_BELOW;
            if (!compare(c, output, copy, index, got, want, exact || lane >= s->c ? 0 : allowed))
                return false;
        }
    }
    return true;
}

/* The places of winners are exact. Those of pad lanes, whose gradients are zero, are of no use. */
static bool check_winner(const struct check *c, enum operand output, int copy)
{
    const struct operand_shape *s = &c->o->shape[output];
    const uint8_t *laid = (const void *)(c->o->laid[output] + (size_t)copy * s->laid);
    const uint8_t *plain = (const void *)(c->o->plain[output] + (size_t)copy * s->plain);
    for (int i = 0; i < s->rows; i++)
        for (int lane = 0; lane < s->c; lane++)
            if (!compare(c, output, copy, (size_t)(i * s->pitch + lane), laid[i * s->pitch + lane],
                         plain[lane * s->rows + i], 0))
                return false;
    return true;
}

/* The same of the largest pixel of an image. */
static bool check_place(const struct check *c, enum operand output, int copy)
{
    const struct operand_shape *s = &c->o->shape[output];
    const float *laid = c->o->laid[output] + (size_t)copy * s->laid;
    const float *plain = c->o->plain[output] + (size_t)copy * s->plain;
    for (int lane = 0; lane < s->c; lane++)
        if (!compare(c, output, copy, (size_t)lane, (double)laid[lane], (double)plain[lane], 0))
            return false;
    return true;
}

/* What is packed is compared in the canonical layout. */
static bool check_packed(const struct check *c, enum operand output, int copy)
{
    const struct operands *o = c->o;
    size_t n = o->shape[output].plain;
    double tolerance = c->report->exact ? 0 : tolerance_of(o, output, 0, c->input);
    float *got = malloc(n * sizeof *got);
    if (got == NULL)
        return err_set(c->err, "%s: cannot allocate %zu floats", o->kernel->name, n);
    o->kernel->unpack(got, o->laid[output]);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = compare(c, output, copy, i, (double)got[i], (double)o->plain[output][i], tolerance);
    free(got);
    return ok;
}

/* Of a weight or a bias: packed, or a number a channel. */
static bool check_gradient(const struct check *c, enum operand output, int copy)
{
    return c->o->shape[output].rows > 0 ? check_vectors(c, output, copy)
                                        : check_packed(c, output, copy);
}

static bool check_copies(const struct check *c, enum operand output,
                         bool (*check)(const struct check *c, enum operand output, int copy))
{
    const struct operand_shape *s = &c->o->shape[output];
    bool ok = true;
    for (int copy = 0; s->laid > 0 && ok && copy < s->copies; copy++)
        ok = check(c, output, copy);
    return ok;
}

/* The sums that belong to the y that the kernel has written, which may differ from the reference's
 * by its rounding. */
static void expect_sums_of_made(const struct operands *o)
{
    const struct operand_shape *s = &o->shape[OPERAND_Y], *sums = &o->shape[OPERAND_SUMS];
    const struct layout *l = s->layout;
    bool made = s->plain > 0 && sums->plain > 0;
    for (int image = 0; made && image < o->n; image++) {
        float *plain = o->plain[OPERAND_Y] + (size_t)image * s->plain;
        const float *laid = o->laid[OPERAND_Y] + (size_t)image * s->laid;
        for (int c = 0, i = 0; c < l->c; c++)
            for (int y = l->border; y < l->h + l->border; y++)
                for (int x = l->border; x < l->w + l->border; x++, i++)
                    plain[i] = laid[(y * (l->w + 2 * l->border) + x) * l->pitch + c];
        ref_shifted_sums((void *)(o->plain[OPERAND_SUMS] + (size_t)image * sums->plain), plain,
                         l->c, l->h * l->w);
    }
}

/* All outputs of a kernel of bf16 together. */
static bool check_root_mean_square(const struct check *c)
{
    double rms = sqrt(c->squares->different / fmax(c->squares->expected, 1e-30));
    double most = c->o->kernel->exact ? BF16_RMS : WINOGRAD_BF16_RMS;
    return !c->o->kernel->in_bf16 || rms <= most ||
           err_set(c->err,
                   "%s: the root mean square of the differences is %.3g of that of the outputs: "
                   "expected at most %g (%s)",
                   c->o->kernel->name, rms, most, c->how);
}

static bool check_outputs(const struct check *c)
{
    if (!check_copies(c, OPERAND_Y, check_image))
        return false;
    expect_sums_of_made(c->o);
    return check_copies(c, OPERAND_DX, check_image) &&
           (!c->o->kernel->winners || (check_copies(c, OPERAND_WINNER, check_winner) &&
                                       check_copies(c, OPERAND_PLACE, check_place))) &&
           check_copies(c, OPERAND_DW, check_gradient) &&
           check_copies(c, OPERAND_DB, check_gradient) &&
           check_copies(c, OPERAND_SUMS, check_vectors) && check_root_mean_square(c);
}

/* -- One kernel -------------------------------------------------------------------------------- */

struct placement {
    enum operands_place place;
    bool in_place; /* dx is the buffer of dy */
    const char *how;
};

static bool same_layout(const struct layout *a, const struct layout *b)
{
    return a->c == b->c && a->h == b->h && a->w == b->w && a->pitch == b->pitch &&
           a->border == b->border;
}

static bool may_work_in_place(const struct kernel *k)
{
    return (k->op == KERNEL_POINTWISE || k->op == KERNEL_SET_NORM) && k->pass == PASS_BWD_DATA &&
           !k->adds && same_layout(&k->dx, &k->dy);
}

static bool verify_placement(struct operands *o, const struct placement *p, struct check *c)
{
    const struct kernel *k = o->kernel;
    if (p->in_place) {
        o->args.dx = o->laid[OPERAND_DY];
        o->laid[OPERAND_DX] = o->laid[OPERAND_DY];
    }
    c->how = p->how;
    operands_run_ref(o);
    if (run_guarded(k, &o->args))
        return check_outputs(c);
    enum operand overrun = operands_guarded(o, fault_address);
    return err_set(c->err, "%s: touches memory %s (%s)", k->name,
                   overrun == OPERAND_COUNT           ? "that is none of its operands"
                   : p->place == OPERANDS_GUARD_AFTER ? "past the end of a buffer"
                                                      : "before the start of a buffer",
                   overrun == OPERAND_COUNT ? "no operand" : operands_name(overrun));
}

static bool verify_images(const struct kernel *kernel, int n, enum operands_input input,
                          uint64_t seed, struct verify_report *report, struct err *err)
{
    static const struct placement placements[] = {
        {OPERANDS_GUARD_AFTER, false, "guard page behind the buffers"},
        {OPERANDS_GUARD_BEFORE, false, "guard page before the buffers"},
        {OPERANDS_GUARD_AFTER, true, "dx in the place of dy"},
    };
    int count = may_work_in_place(kernel) ? 3 : 2;
    for (int i = 0; i < count; i++) {
        struct operands o;
        if (!operands_open(&o, kernel, n, input, placements[i].place, seed, err))
            return false;
        struct squares squares = {0, 0};
        struct check check = {&o, input, "", &squares, report, err};
        bool ok = verify_placement(&o, &placements[i], &check);
        operands_close(&o);
        if (!ok)
            return false;
    }
    return true;
}

bool verify_kernel(const struct kernel *kernel, enum operands_input input, uint64_t seed,
                   struct verify_report *report, struct err *err)
{
    struct verify_report local;
    report = report != NULL ? report : &local;
    *report = (struct verify_report){.exact = is_exact(kernel, input), .output = ""};
    int n = kernel->images;
    return verify_images(kernel, n, input, seed, report, err) &&
           (n == 1 || verify_images(kernel, n - 1, input, seed, report, err)) &&
           (n <= 2 || verify_images(kernel, 1, input, seed, report, err));
}
