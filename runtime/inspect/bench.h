/* bench.h - generated against generic kernels: each one, and the whole training step.
 *
 * Every kernel of the model is verified first; a wrong one is an error that names it, and nothing
 * is timed. Then each is timed in turns with the generic computation of the same operation, every
 * thread on images of its own, and so are whole steps of both backends. All figures are medians and
 * count a whole batch. What a "peak" is, is measured in the same run on the same threads.
 */
#ifndef BURIN_BENCH_H
#define BURIN_BENCH_H

#include "model.h"
#include "sys/err.h"

struct bench_options {
    int threads;
    const char *json; /* file to write the figures to as JSON, NULL for none */
    bool pin;         /* each thread stays on a processor of its own */
    bool kernels;     /* time the generated kernels and nothing else */
    int rounds;       /* measurements behind each median; 0 for BENCH_ROUNDS */
};

enum { BENCH_ROUNDS = 9 };

/* Prints the tables to standard output. */
bool bench_main(const struct model *model, const struct bench_options *options, struct err *err);

#endif
