/* busy.h - whether a machine was too busy to be timed.
 *
 *     const double load = busy_load();                     (before the bench, which is a load
 * itself)
 *     ... take times ...
 *     busy_warn(stdout, load, threads, busy_spread(seconds, n));
 */
#ifndef BURIN_BUSY_H
#define BURIN_BUSY_H

#include <stddef.h>
#include <stdio.h>

/* Processes that ran or waited for a processor, the mean of the last minute; 0 where nobody knows.
 */
double busy_load(void);

/* How far the middle half of the times lies apart, as a part of their median; 0 of fewer than
 * three. Sorts the times. */
double busy_spread(double *times, size_t count);

/* A line, where the load left fewer processors than threads, or the times spread by more than a
 * tenth; nothing on a quiet machine. */
void busy_warn(FILE *out, double load, int threads, double spread);

#endif
