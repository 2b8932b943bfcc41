/* peak.h - how fast this machine multiplies and adds, and how fast it moves what it adds, measured.
 */
#ifndef BURIN_PEAK_H
#define BURIN_PEAK_H

#include <stddef.h>

#include "sys/team.h"

/* GFLOP/s of all threads of the team together in independent multiply-adds of float vectors that
 * never leave the registers, two operations each: "avx512" and "avx2" with FMA in zmm or ymm, which
 * the CPU must have; anything else with a multiplication and an addition in vectors of four, as the
 * compiler makes them for the platform it was told. The median of several runs of some
 * milliseconds. */
double peak_gflops(const char *isa, struct team *team);

/* GB/s of all threads of the team together in sums of two arrays into a third, `bytes` in all three
 * of each thread, over and over: what the cache that holds so much, or memory, allows a kernel that
 * reads and writes as much. Vectors as above. The median of `rounds` of a millisecond and more; 0
 * where there is no memory for the arrays. */
double peak_sum_gbps(const char *isa, struct team *team, size_t bytes, int rounds);

#endif
