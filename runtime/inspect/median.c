/* median.c - sorts and looks in the middle. */
#include "inspect/median.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return 0.5 * (values[(n - 1) / 2] + values[n / 2]);
}
