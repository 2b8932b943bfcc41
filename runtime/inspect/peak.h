/* peak.h - how fast this machine multiplies and adds, measured. */
#ifndef BURIN_PEAK_H
#define BURIN_PEAK_H

#include "sys/team.h"

/* GFLOP/s of all threads of the team together in independent multiply-adds of float vectors that
 * never leave the registers, two operations each: "avx512" and "avx2" with FMA in zmm or ymm, which
 * the CPU must have; anything else with a multiplication and an addition in vectors of four, as the
 * compiler makes them for the platform it was told. The median of several runs of some
 * milliseconds. */
double peak_gflops(const char *isa, struct team *team);

#endif
