/* compare.h - numbers beside those that they should be. */
#ifndef BURIN_TESTS_COMPARE_H
#define BURIN_TESTS_COMPARE_H

#include <check.h>
#include <math.h>

static inline void assert_close(const char *what, const float *got, const double *want, int n,
                                double tolerance)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs((double)got[i] - want[i]) <= tolerance,
                      "%s[%d]: expected %.9g, got %.9g", what, i, want[i], (double)got[i]);
}

static inline void assert_floats(const char *what, const float *got, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(got[i] == want[i], "%s[%d]: expected %.9g, got %.9g", what, i,
                      (double)want[i], (double)got[i]);
}

#endif
