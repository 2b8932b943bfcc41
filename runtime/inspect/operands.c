/* operands.c - which operands a kernel has is one table; the rest walks it.
 *
 * A guarded buffer is a mapping of its own that ends, or begins, at a page without access rights.
 * Buffers begin at a multiple of 64 bytes, so that one of another length ends a little before it.
 */
#include "inspect/operands.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rng.h"

enum { ALIGNMENT = 64, LINE = ALIGNMENT / sizeof(float) };

const char *operands_name(enum operand operand)
{
    static const char *const names[OPERAND_COUNT] = {
        "x",      "x2",    "yin", "dy", "w",  "bias", "coef", "dcoef",  "keep",
        "winner", "place", "y",   "dx", "dw", "db",   "sums", "scratch"};
    return names[operand];
}

double operands_size(enum operands_input input)
{
    return input == OPERANDS_INTEGERS ? 2 : 1;
}

double operands_offset(enum operands_input input)
{
    static const double offsets[OPERANDS_INPUTS] = {[OPERANDS_FAR_1] = 1,
                                                    [OPERANDS_FAR_32] = 32,
                                                    [OPERANDS_FAR_1024] = 1024,
                                                    [OPERANDS_FAR_8192] = 8192};
    return offsets[input];
}

bool operands_takes_far(const struct kernel *k)
{
    bool fwd = k->pass == PASS_FWD;
    return (fwd && k->stats) || k->op == KERNEL_SUMS || (k->op == KERNEL_POINTWISE && k->affine) ||
           (k->op == KERNEL_SET_NORM && k->norm != NORM_RMS);
}

/* -- Shapes ------------------------------------------------------------------------------------ */

static bool is_weighted(const struct kernel *k)
{
    return k->op == KERNEL_CONV || k->op == KERNEL_LINEAR;
}

/* Whether an operand lies as pack and unpack of its kernel have it. */
static bool is_packed(const struct kernel *k, enum operand operand)
{
    bool weight = operand == OPERAND_W || operand == OPERAND_DW;
    bool bias = operand == OPERAND_BIAS || operand == OPERAND_DB;
    return (is_weighted(k) && weight) || (k->over_image && (weight || bias));
}

static bool has_bias(const struct kernel *k)
{
    return k->op == KERNEL_SET_NORM ? k->norm != NORM_RMS : k->bias;
}

static bool is_used(const struct kernel *k, enum operand operand)
{
    bool fwd = k->pass == PASS_FWD, weights = k->pass == PASS_BWD_WEIGHTS;
    bool data = k->pass == PASS_BWD_DATA;
    switch (operand) {
    case OPERAND_X:
        return fwd || weights || k->op == KERNEL_POINTWISE || k->op == KERNEL_MAXPOOL ||
               k->op == KERNEL_GLOBAL_MAXPOOL || k->op == KERNEL_SET_NORM;
    case OPERAND_X2:
        return (fwd && k->op == KERNEL_ADD) || k->op == KERNEL_MUL;
    case OPERAND_YIN:
        return data && k->op == KERNEL_ADD && k->relu;
    case OPERAND_DY:
        return !fwd;
    case OPERAND_W:
        return (is_weighted(k) || k->op == KERNEL_SET_NORM) && !weights;
    case OPERAND_BIAS:
        return fwd && has_bias(k);
    case OPERAND_COEF:
        return k->op == KERNEL_POINTWISE && k->affine;
    case OPERAND_DCOEF:
        return k->op == KERNEL_POINTWISE && k->affine && data;
    case OPERAND_KEEP:
        return k->op == KERNEL_POINTWISE && k->p > 0;
    case OPERAND_WINNER:
        return k->op == KERNEL_MAXPOOL && (data || k->winners);
    case OPERAND_PLACE:
        return k->op == KERNEL_GLOBAL_MAXPOOL && (data || k->winners);
    case OPERAND_Y:
        return fwd && k->op != KERNEL_SUMS;
    case OPERAND_DX:
        return data;
    case OPERAND_DW:
        return weights;
    case OPERAND_DB:
        return weights && has_bias(k);
    case OPERAND_SUMS:
        return (fwd && k->stats) || k->op == KERNEL_SUMS || k->pass == PASS_BWD_REDUCE;
    default:
        return k->scratch_floats > 0;
    }
}

static struct operand_shape image_shape(const struct layout *l)
{
    return (struct operand_shape){.layout = l,
                                  .c = l->c,
                                  .pitch = l->pitch,
                                  .laid = layout_floats(l),
                                  .plain = (size_t)l->c * (size_t)l->h * (size_t)l->w};
}

static struct operand_shape vector_shape(int rows, const struct layout *of)
{
    return (struct operand_shape){.rows = rows,
                                  .c = of->c,
                                  .pitch = of->pitch,
                                  .laid = (size_t)rows * (size_t)of->pitch,
                                  .plain = (size_t)rows * (size_t)of->c};
}

static size_t weight_count(const struct kernel *k)
{
    if (k->op == KERNEL_SET_NORM)
        return (size_t)k->x.c * (size_t)k->x.h * (size_t)k->x.w;
    size_t patch = k->op == KERNEL_LINEAR ? (size_t)k->x.h * (size_t)k->x.w
                                          : (size_t)k->geometry.h.taps * (size_t)k->geometry.w.taps;
    return (size_t)k->y.c * (size_t)k->x.c * patch / (size_t)(k->groups > 1 ? k->groups : 1);
}

static size_t bytes_as_floats(size_t bytes)
{
    return (bytes + sizeof(float) - 1) / sizeof(float);
}

/* The shape of one copy. */
static struct operand_shape shape_of(const struct kernel *k, enum operand operand)
{
    struct operand_shape shape = {0};
    bool fwd = k->pass == PASS_FWD;
    if (!is_used(k, operand))
        return shape;
    if (is_packed(k, operand)) {
        shape.laid = k->packed_floats;
        shape.plain = weight_count(k);
        return shape;
    }
    switch (operand) {
    case OPERAND_X:
        return image_shape(&k->x);
    case OPERAND_X2:
        return image_shape(&k->x2);
    case OPERAND_YIN:
        return image_shape(&k->y);
    case OPERAND_DY:
        return image_shape(&k->dy);
    case OPERAND_KEEP:
        shape.laid = kernel_keep_bytes(k) / sizeof(float);
        return shape;
    case OPERAND_WINNER:
        shape = vector_shape(k->y.h * k->y.w, &k->y);
        shape.laid = bytes_as_floats(shape.laid);
        shape.plain = bytes_as_floats(shape.plain);
        shape.sets = fwd;
        return shape;
    case OPERAND_PLACE:
        shape = vector_shape(1, &k->y);
        shape.sets = fwd;
        return shape;
    case OPERAND_Y:
        shape = image_shape(&k->y);
        shape.sets = k->op != KERNEL_CONCAT;
        return shape;
    case OPERAND_DX:
        shape = image_shape(&k->dx);
        shape.sets = !k->adds;
        return shape;
    case OPERAND_BIAS:
    case OPERAND_DB:
    case OPERAND_W:
    case OPERAND_DW:
        return vector_shape(1, &k->y);
    case OPERAND_COEF:
        return vector_shape(KERNEL_COEF_ROWS, &k->x);
    case OPERAND_DCOEF:
        return vector_shape(KERNEL_DCOEF_ROWS, &k->x);
    case OPERAND_SUMS:
        shape = vector_shape(kernel_sum_rows(k), is_weighted(k) ? &k->y : &k->x);
        shape.plain *= sizeof(double) / sizeof(float);
        shape.sets = true;
        return shape;
    default:
        shape.laid = k->scratch_floats;
        return shape;
    }
}

static int copies_of(const struct operands *o, enum operand operand)
{
    bool coefs = operand == OPERAND_COEF || operand == OPERAND_DCOEF;
    bool image = o->shape[operand].layout != NULL || operand == OPERAND_KEEP ||
                 operand == OPERAND_WINNER || operand == OPERAND_PLACE || operand == OPERAND_SUMS;
    return image || (coefs && o->kernel->each_image) ? o->n : 1;
}

/* -- Memory ------------------------------------------------------------------------------------ */

static size_t laid_floats(const struct operands *o, int i)
{
    return o->shape[i].laid * (size_t)o->shape[i].copies;
}

static size_t plain_floats(const struct operands *o, int i)
{
    return o->shape[i].plain * (size_t)o->shape[i].copies;
}

static size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Zeroed private memory; mapping /dev/zero is how POSIX asks for it. */
static char *map_zeros(size_t bytes)
{
    int zeros = open("/dev/zero", O_RDWR);
    if (zeros < 0)
        return NULL;
    char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, zeros, 0);
    int mapping_errno = errno;
    close(zeros);
    errno = mapping_errno;
    return map == MAP_FAILED ? NULL : map;
}

static bool open_guarded(struct operands *o, enum operand i, bool after, struct err *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = round_up(laid_floats(o, (int)i) * sizeof(float), ALIGNMENT);
    size_t room = round_up(bytes, page);
    struct operand_memory *m = &o->memory[i];
    char *map = map_zeros(room + page);
    if (map == NULL)
        return err_set_errno(err, errno, "%s: cannot map %zu bytes", o->kernel->name, room + page);
    m->map = map;
    m->bytes = room + page;
    m->guard = after ? map + room : map;
    o->laid[i] = (void *)(after ? map + room - bytes : map + page);
    if (mprotect(m->guard, page, PROT_NONE) != 0)
        return err_set_errno(err, errno, "%s: cannot guard its buffers", o->kernel->name);
    return true;
}

/* Gives out `floats` of the block; only counts while the block is NULL. */
static float *take(float *block, size_t *used, size_t floats)
{
    float *at = block != NULL ? block + *used : NULL;
    *used += round_up(floats, LINE);
    return at;
}

static void place_in_block(struct operands *o, float *block, size_t *used, size_t ref_scratch,
                           bool together)
{
    for (int i = 0; i < OPERAND_COUNT; i++) {
        if (together && o->shape[i].laid > 0)
            o->laid[i] = take(block, used, laid_floats(o, i));
        if (o->shape[i].plain > 0)
            o->plain[i] = take(block, used, plain_floats(o, i));
    }
    o->ref_scratch = take(block, used, ref_scratch);
    o->keys = (void *)take(block, used, (size_t)o->n * sizeof(uint64_t) / sizeof(float));
}

static bool open_memory(struct operands *o, enum operands_place place, struct err *err)
{
    bool together = place == OPERANDS_TOGETHER;
    size_t scratch = ref_kernel_scratch(o->kernel), used = 0;
    place_in_block(o, NULL, &used, scratch, together);
    o->block = aligned_alloc(ALIGNMENT, (used + LINE) * sizeof(float));
    if (o->block == NULL)
        return err_set_errno(err, ENOMEM, "%s: cannot allocate its buffers", o->kernel->name);
    memset(o->block, 0, used * sizeof(float));
    used = 0;
    place_in_block(o, o->block, &used, scratch, together);
    for (int i = 0; i < OPERAND_COUNT && !together; i++)
        if (o->shape[i].laid > 0 &&
            !open_guarded(o, (enum operand)i, place == OPERANDS_GUARD_AFTER, err))
            return false;
    return true;
}

enum operand operands_guarded(const struct operands *o, const void *address)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)address;
    for (int i = 0; i < OPERAND_COUNT; i++) {
        uintptr_t guard = (uintptr_t)o->memory[i].guard;
        if (guard != 0 && at >= guard && at < guard + page)
            return (enum operand)i;
    }
    return OPERAND_COUNT;
}

/* -- Values ------------------------------------------------------------------------------------ */

static void fill(float *values, size_t n, enum operands_input input, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        values[i] = input == OPERANDS_INTEGERS
                        ? (float)rng_below(key, (uint32_t)i, 5) - 2
                        : (float)rng_below(key, (uint32_t)i, 2049) * 0x1p-10f - 1;
}

/* Moves what a norm sees away from zero: x and the m that is subtracted, or the bias where the
 * kernel has one. A multiple of 2^-10 stays what it was but for the offset. */
static void move_away(float *plain, const struct operands *o, enum operand i, double offset)
{
    const struct kernel *k = o->kernel;
    const struct operand_shape *s = &o->shape[i];
    if (!operands_takes_far(k))
        return;
    if (i == OPERAND_COEF)
        plain += 2 * s->c;
    size_t n = i == OPERAND_COEF ? (size_t)s->c : s->plain;
    if (i == OPERAND_COEF || (i == OPERAND_BIAS && is_weighted(k)) ||
        (i == OPERAND_X && !(is_weighted(k) && k->bias)))
        for (size_t at = 0; at < n; at++)
            plain[at] += (float)offset;
}

/* Makes NaN of all, in both halves, too, which kernels may read as numbers in bf16. */
static void poison(float *values, size_t n)
{
    const uint32_t bits = UINT32_C(0x7fc07fc0);
    for (size_t i = 0; i < n; i++)
        memcpy(&values[i], &bits, sizeof bits);
}

/* Copies a plain image into its layout; with set, what will be overwritten becomes NaN instead. */
static void lay_out_image(float *laid, const float *plain, const struct layout *l, bool set)
{
    for (int y = 0; y < l->h; y++)
        for (int x = 0; x < l->w; x++) {
            float *pixel = laid + ((size_t)(y + l->border) * (size_t)(l->w + 2 * l->border) +
                                   (size_t)(x + l->border)) *
                                      (size_t)l->pitch;
            if (set)
                poison(pixel, (size_t)l->pitch);
            for (int c = 0; c < l->c && !set; c++)
                pixel[c] = plain[(size_t)(c * l->h + y) * (size_t)l->w + (size_t)x];
        }
}

/* The pad lanes of every pixel, which the last part of a concatenation sets, and which norms that
 * sum over channels may not read: those of images are what was there before. */
static void poison_pads(float *laid, const struct layout *l)
{
    size_t cols = (size_t)(l->w + 2 * l->border);
    for (int y = l->border; y < l->h + l->border; y++)
        for (int x = l->border; x < l->w + l->border; x++)
            poison(laid + ((size_t)y * cols + (size_t)x) * (size_t)l->pitch + l->c,
                   (size_t)(l->pitch - l->c));
}

static void lay_out_vectors(float *laid, const float *plain, const struct operand_shape *s)
{
    for (int row = 0; row < s->rows; row++)
        for (int c = 0; c < s->c; c++)
            laid[row * s->pitch + c] = plain[row * s->c + c];
}

static void fill_keep(unsigned char *keep, const struct kernel *k, uint64_t key)
{
    uint32_t positions = (uint32_t)(8 * kernel_keep_bytes(k));
    for (uint32_t i = 0; i < positions; i++)
        if (!rng_drops(key, k->unit == DROP_IMAGES ? 0 : i, rng_drop_threshold(k->p)))
            keep[i / 8] |= (unsigned char)(1 << i % 8);
}

/* Those of the plain x of the same image. */
static void fill_winners(uint8_t *laid, uint8_t *plain, const float *x, const struct operands *o)
{
    const struct operand_shape *s = &o->shape[OPERAND_WINNER];
    struct ref_window window = ref_kernel_window(o->kernel);
    ref_maxpool_winners(&window, plain, x);
    for (int i = 0; i < s->rows; i++)
        for (int c = 0; c < s->pitch; c++)
            laid[i * s->pitch + c] = s->sets ? UINT8_MAX : c < s->c ? plain[c * s->rows + i] : 0;
}

/* Of each channel of the plain x of the same image. */
static void fill_places(float *laid, float *plain, const float *x, const struct operands *o)
{
    const struct operand_shape *s = &o->shape[OPERAND_PLACE];
    const struct layout *l = &o->kernel->x;
    for (int c = 0; c < s->c; c++)
        ref_global_maxpool_fwd(&laid[c], &plain[c], x + c * l->h * l->w, 1, l->h * l->w);
    for (int c = 0; c < s->pitch; c++)
        laid[c] = s->sets ? NAN : c < s->c ? plain[c] : 0;
}

static void fill_copy(const struct operands *o, enum operand i, int copy, enum operands_input input,
                      uint64_t key)
{
    const struct operand_shape *s = &o->shape[i];
    const struct kernel *k = o->kernel;
    float *laid = o->laid[i] + (size_t)copy * s->laid;
    float *plain = o->plain[i] != NULL ? o->plain[i] + (size_t)copy * s->plain : NULL;
    if (i == OPERAND_SUMS) {
        poison(laid, s->laid);
        return;
    }
    if (i == OPERAND_KEEP) {
        fill_keep((void *)laid, k, o->keys[copy]);
        return;
    }
    if (i == OPERAND_WINNER) {
        fill_winners((void *)laid, (void *)plain,
                     o->plain[OPERAND_X] + (size_t)copy * o->shape[OPERAND_X].plain, o);
        return;
    }
    if (i == OPERAND_PLACE) {
        fill_places(laid, plain, o->plain[OPERAND_X] + (size_t)copy * o->shape[OPERAND_X].plain, o);
        return;
    }
    fill(plain, s->plain, input, key);
    move_away(plain, o, i, operands_offset(input));
    if (i == OPERAND_YIN) /* the result of a ReLU */
        ref_relu_fwd(plain, plain, s->plain);
    if (i == OPERAND_SCRATCH) {
        poison(laid, s->laid);
    } else if (is_packed(k, i) && k->pack != NULL) {
        poison(laid, s->laid);
        k->pack(laid, plain);
    } else if (is_packed(k, i)) {
        fill(laid, s->laid, input, key);
        k->unpack(plain, laid);
    } else if (s->layout != NULL) {
        lay_out_image(laid, plain, s->layout, s->sets);
        if (k->op == KERNEL_SET_NORM && !s->sets && (i == OPERAND_X || i == OPERAND_DY))
            poison_pads(laid, s->layout);
        if (i == OPERAND_Y && !s->sets && k->first + k->x.c == k->y.c)
            poison_pads(laid, s->layout);
    } else {
        lay_out_vectors(laid, plain, s);
    }
}

static void fill_operands(const struct operands *o, enum operands_input input, uint64_t seed)
{
    for (int image = 0; image < o->n; image++)
        o->keys[image] = rng_key(seed, 0, (uint32_t)image, RNG_DROPOUT);
    for (int i = 0; i < OPERAND_COUNT; i++)
        for (int copy = 0; o->shape[i].laid > 0 && copy < o->shape[i].copies; copy++)
            fill_copy(o, (enum operand)i, copy, input,
                      rng_key(seed, (uint32_t)copy, (uint32_t)i, RNG_INIT));
}

static void connect(struct operands *o)
{
    float *const *l = o->laid;
    o->args = (struct kernel_args){.y = l[OPERAND_Y],
                                   .dx = l[OPERAND_DX],
                                   .dw = l[OPERAND_DW],
                                   .db = l[OPERAND_DB],
                                   .sums = l[OPERAND_SUMS],
                                   .scratch = l[OPERAND_SCRATCH],
                                   .x = l[OPERAND_X],
                                   .x2 = l[OPERAND_X2],
                                   .yin = l[OPERAND_YIN],
                                   .dy = l[OPERAND_DY],
                                   .w = l[OPERAND_W],
                                   .bias = l[OPERAND_BIAS],
                                   .coef = l[OPERAND_COEF],
                                   .dcoef = l[OPERAND_DCOEF],
                                   .winner = (void *)l[OPERAND_WINNER],
                                   .place = l[OPERAND_PLACE],
                                   .keep = (void *)l[OPERAND_KEEP],
                                   .n = o->n};
}

/* -- Reference --------------------------------------------------------------------------------- */

static float *plain_of(const struct operands *o, enum operand i, int image)
{
    const struct operand_shape *s = &o->shape[i];
    return s->plain == 0 ? NULL : o->plain[i] + (s->copies > 1 ? (size_t)image * s->plain : 0);
}

void operands_run_ref(const struct operands *o)
{
    for (int i = 0; i < o->n; i++) {
        struct ref_args args = {.y = plain_of(o, OPERAND_Y, i),
                                .dx = plain_of(o, OPERAND_DX, i),
                                .dw = plain_of(o, OPERAND_DW, i),
                                .db = plain_of(o, OPERAND_DB, i),
                                .sums = (void *)plain_of(o, OPERAND_SUMS, i),
                                .scratch = o->ref_scratch,
                                .x = plain_of(o, OPERAND_X, i),
                                .x2 = plain_of(o, OPERAND_X2, i),
                                .yin = plain_of(o, OPERAND_YIN, i),
                                .dy = plain_of(o, OPERAND_DY, i),
                                .w = plain_of(o, OPERAND_W, i),
                                .bias = plain_of(o, OPERAND_BIAS, i),
                                .coef = plain_of(o, OPERAND_COEF, i),
                                .dcoef = plain_of(o, OPERAND_DCOEF, i),
                                .place = plain_of(o, OPERAND_PLACE, i),
                                .key = o->keys[i]};
        ref_kernel(o->kernel, &args);
    }
}

/* -- Lifecycle --------------------------------------------------------------------------------- */

bool operands_open(struct operands *o, const struct kernel *kernel, int n,
                   enum operands_input input, enum operands_place place, uint64_t seed,
                   struct err *err)
{
    assert(n >= 1 && n <= kernel->images);
    *o = (struct operands){.kernel = kernel, .n = n};
    for (int i = 0; i < OPERAND_COUNT; i++) {
        o->shape[i] = shape_of(kernel, (enum operand)i);
        o->shape[i].copies = copies_of(o, (enum operand)i);
    }
    assert(o->shape[OPERAND_W].laid == 0 || !is_weighted(kernel) || kernel->pack != NULL);
    assert(o->shape[OPERAND_DW].laid == 0 || !is_weighted(kernel) || kernel->unpack != NULL);
    if (!open_memory(o, place, err)) {
        operands_close(o);
        return false;
    }
    fill_operands(o, input, seed);
    connect(o);
    return true;
}

void operands_close(struct operands *o)
{
    for (int i = 0; i < OPERAND_COUNT; i++)
        if (o->memory[i].map != NULL)
            munmap(o->memory[i].map, o->memory[i].bytes);
    free(o->block);
    *o = (struct operands){0};
}
