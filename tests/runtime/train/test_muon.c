/* test_muon.c - Muon's iteration, bit for bit against products that are summed one number after
 * another: whatever the blocks, the edges and the vectors of the processor are. */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "rng.h"
#include "train/muon.h"

enum { MOST = 96 * 96, STEPS = 5 };

/* c [rows][columns] = a [rows][inner] * b [inner][columns]; b by its columns where `turned` */
static void expect_product(real *c, const real *a, const real *b, int rows, int inner, int columns,
                           bool turned)
{
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            real sum = 0;
            for (int k = 0; k < inner; k++)
                sum += a[i * inner + k] * (turned ? b[j * inner + k] : b[k * columns + j]);
            c[i * columns + j] = sum;
        }
    }
}

/* The iteration of muon.h; x [few][many]. */
static void expect_orthogonal(real *x, int few, int many)
{
    static real a[MOST], squared[MOST], product[MOST];
    const real factor[3] = {(real)3.4445, (real)-4.7750, (real)2.0315};
    double squares = 0;
    for (int i = 0; i < few * many; i++)
        squares += (double)x[i] * (double)x[i];
    const real norm = (real)(sqrt(squares) + 1e-7);
    for (int i = 0; i < few * many; i++)
        x[i] /= norm;
    for (int step = 0; step < STEPS; step++) {
        expect_product(a, x, x, few, many, few, true);
        expect_product(squared, a, a, few, few, few, false);
        for (int i = 0; i < few * few; i++)
            a[i] = factor[1] * a[i] + factor[2] * squared[i];
        expect_product(product, a, x, few, few, many, false);
        for (int i = 0; i < few * many; i++)
            x[i] = factor[0] * x[i] + product[i];
    }
}

/* Whole blocks alone, edges of rows, of columns, of both; fewer rows, and fewer columns. */
static const int sizes[][2] = {{16, 32}, {6, 32},  {16, 27}, {9, 96}, {96, 9},
                               {33, 50}, {96, 96}, {1, 5},   {5, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(sums_are_made_in_order)
{
    static real x[MOST], wanted[MOST], found[MOST], scratch[6 * MOST];
    const int rows = sizes[_i][0], columns = sizes[_i][1], n = rows * columns;
    ck_assert_uint_le(muon_floats((size_t)rows, (size_t)columns), sizeof scratch / sizeof *scratch);
    for (int i = 0; i < n; i++) {
        x[i] = rng_float(rng_key(1, 0, (uint32_t)_i, 0), (uint32_t)i) - (real)0.5;
        wanted[rows > columns ? i % columns * rows + i / columns : i] = x[i];
    }
    expect_orthogonal(wanted, rows < columns ? rows : columns, rows < columns ? columns : rows);
    muon_orthogonalize(found, x, (size_t)rows, (size_t)columns, STEPS, scratch);
    for (int i = 0; i < n; i++) {
        const real value = wanted[rows > columns ? i % columns * rows + i / columns : i];
        ck_assert_msg(memcmp(&found[i], &value, sizeof value) == 0,
                      "%d x %d: element %d: %.9g, expected %.9g", rows, columns, i,
                      (double)found[i], (double)value);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("muon");
    TCase *tests = tcase_create("products");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, sums_are_made_in_order, 0, SIZES);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
