/* operands.h - all that one kernel reads and writes for a micro-batch, made up from a seed.
 *
 *     struct operands o;
 *     if (!operands_open(&o, kernel, n, OPERANDS_RANDOM, OPERANDS_GUARD_AFTER, seed, &err)) ...
 *     kernel_run(kernel, &o.args);
 *     operands_run_ref(&o);                  (the same computation on the same numbers)
 *     operands_close(&o);
 *
 * Every operand exists twice: laid out as the kernel wants it, and plain (C,H,W; canonical weights)
 * as ref_kernel does. Outputs that the kernel sets start as NaN inside their borders, pad lanes
 * included; outputs that it adds to start as known numbers, the same in both. The struct owns its
 * memory.
 */
#ifndef BURIN_OPERANDS_H
#define BURIN_OPERANDS_H

#include "ref/ref.h"
#include "sys/err.h"

/* INTEGERS are -2 .. 2: sums of their products are exact in float. RANDOM numbers are multiples of
 * 2^-10 in [-1, 1], so that the argument of a ReLU, a*(x - m) + b, is exact and every way of
 * computing it agrees on the sign. FAR are the same, but what a norm sees lies far from zero by so
 * much, the m of its scale and shift with it: the mean of channels is up to 14,000 times their
 * deviation. */
enum operands_input {
    OPERANDS_INTEGERS,
    OPERANDS_RANDOM,
    OPERANDS_FAR_1,
    OPERANDS_FAR_32,
    OPERANDS_FAR_1024,
    OPERANDS_FAR_8192,
    OPERANDS_INPUTS
};

/* Where the kernel's copies lie: each against a page that may not be touched, behind or before it,
 * or all together, as in the arena of a program. */
enum operands_place { OPERANDS_GUARD_AFTER, OPERANDS_GUARD_BEFORE, OPERANDS_TOGETHER };

enum operand {
    OPERAND_X,
    OPERAND_X2,
    OPERAND_YIN,
    OPERAND_DY,
    OPERAND_W,
    OPERAND_BIAS,
    OPERAND_COEF,
    OPERAND_DCOEF,
    OPERAND_KEEP,
    OPERAND_WINNER, /* bytes; an input of one pass, an output of the other */
    OPERAND_PLACE,  /* likewise, floats */
    OPERAND_Y,      /* from here on outputs */
    OPERAND_DX,
    OPERAND_DW,
    OPERAND_DB,
    OPERAND_SUMS,
    OPERAND_SCRATCH,
    OPERAND_COUNT
};

/* An operand that is not an image is `rows` vectors of c floats, `pitch` apart for the kernel.
 * There are `copies` of it one after another, one for each image or a single one. */
struct operand_shape {
    const struct layout *layout; /* images; else NULL */
    int rows, c, pitch;
    int copies;
    size_t laid, plain; /* floats of one copy; 0 when the kernel does not use the operand */
    bool sets;          /* the kernel overwrites it */
};

struct operand_memory {
    void *map; /* what to unmap */
    size_t bytes;
    char *guard; /* the page that may not be touched, NULL when there is none */
};

struct operands {
    const struct kernel *kernel;
    int n;                   /* images */
    struct kernel_args args; /* of kernel->run */
    uint64_t *keys;          /* [n] */
    float *ref_scratch;
    struct operand_shape shape[OPERAND_COUNT];
    float *laid[OPERAND_COUNT];
    float *plain[OPERAND_COUNT]; /* SUMS: doubles */
    struct operand_memory memory[OPERAND_COUNT];
    void *block; /* the plain copies, and all of them with OPERANDS_TOGETHER */
};

/* n: 1 .. kernel->images */
bool operands_open(struct operands *o, const struct kernel *kernel, int n,
                   enum operands_input input, enum operands_place place, uint64_t seed,
                   struct err *err);
void operands_close(struct operands *o);

/* What kernel->run computes, by ref_kernel, image by image. */
void operands_run_ref(const struct operands *o);

/* "x", "dw", as in struct kernel_args. */
const char *operands_name(enum operand operand);

/* The operand whose guard page holds the address, or OPERAND_COUNT. */
enum operand operands_guarded(const struct operands *o, const void *address);

/* The largest magnitude of an input that is not far from zero. */
double operands_size(enum operands_input input);

/* What is added to the inputs of FAR, else 0. */
double operands_offset(enum operands_input input);

/* Whether inputs far from zero mean something to a kernel: it makes the sums of a norm or applies
 * its scale and shift. Others have only more to round. */
bool operands_takes_far(const struct kernel *kernel);

#endif
