/* bench_kernel.h - the time of one kernel and of its generic counterpart. */
#ifndef BURIN_BENCH_KERNEL_H
#define BURIN_BENCH_KERNEL_H

#include "model.h"
#include "sys/err.h"
#include "sys/team.h"

/* For a whole batch, all threads together. */
struct bench_time {
    double ms;
    double generic_ms;
    double bytes; /* of the images that the kernel reads and writes */
    double held;  /* the same of those that one thread has, and goes over again and again */
};

/* Medians over `rounds`, the two in turns; `alone` leaves out the generic one, whose time is then
 * 0. Every thread has `images` images of its own, as a chunk has. */
bool bench_kernel(const struct kernel *kernel, struct team *team, int batch, int images, int rounds,
                  bool alone, struct bench_time *time, struct err *err);

#endif
