/* muon.c - products of small matrices, in an order of summation that is written down.
 *
 * A product goes through blocks of BLOCK_ROWS x BLOCK_COLUMNS sums that stay in registers; each sum
 * runs over the inner index from 0, so neither the block nor the compiler nor the width of the
 * processor's vectors decides its bits.
 */
#include "train/muon.h"

#include <math.h>

#include "sys/cpu.h"

enum { BLOCK_ROWS = 4, BLOCK_COLUMNS = 16 };

static const real A = (real)3.4445, B = (real)-4.7750, C = (real)2.0315;

/* -- Products ---------------------------------------------------------------------------------- */

/* The sums of a row are an array of their own: GCC keeps such in registers, but not one of all. */
_Static_assert(BLOCK_ROWS == 4, "an array a row");
static inline __attribute__((always_inline)) void sum_block(real *restrict c,
                                                            const real *restrict a,
                                                            const real *restrict b, size_t inner,
                                                            size_t columns)
{
    real sum0[BLOCK_COLUMNS] = {0}, sum1[BLOCK_COLUMNS] = {0};
    real sum2[BLOCK_COLUMNS] = {0}, sum3[BLOCK_COLUMNS] = {0};
    for (size_t k = 0; k < inner; k++) {
        const real a0 = a[k], a1 = a[inner + k], a2 = a[2 * inner + k], a3 = a[3 * inner + k];
        for (size_t j = 0; j < BLOCK_COLUMNS; j++) {
            const real factor = b[k * columns + j];
            sum0[j] += a0 * factor;
            sum1[j] += a1 * factor;
            sum2[j] += a2 * factor;
            sum3[j] += a3 * factor;
        }
    }
    for (size_t j = 0; j < BLOCK_COLUMNS; j++) {
        c[j] = sum0[j];
        c[columns + j] = sum1[j];
        c[2 * columns + j] = sum2[j];
        c[3 * columns + j] = sum3[j];
    }
}

typedef void block_function(real *restrict c, const real *restrict a, const real *restrict b,
                            size_t inner, size_t columns);

static void block_c(real *restrict c, const real *restrict a, const real *restrict b, size_t inner,
                    size_t columns)
{
    sum_block(c, a, b, inner, columns);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void block_avx2(real *restrict c, const real *restrict a,
                                                       const real *restrict b, size_t inner,
                                                       size_t columns)
{
    sum_block(c, a, b, inner, columns);
}
#endif

static block_function *fastest_block(void)
{
#if defined(__x86_64__)
    if (cpu_supports("avx2"))
        return block_avx2;
#endif
    return block_c;
}

/* Of a block at the edge; the sums of a row go on side by side, since one waits for itself. */
static void rest_of_block(real *restrict c, const real *restrict a, const real *restrict b,
                          size_t inner, size_t columns, size_t block_rows, size_t block_columns)
{
    for (size_t i = 0; i < block_rows; i++) {
        real sum[BLOCK_COLUMNS] = {0};
        for (size_t k = 0; k < inner; k++) {
            for (size_t j = 0; j < block_columns; j++)
                sum[j] += a[i * inner + k] * b[k * columns + j];
        }
        for (size_t j = 0; j < block_columns; j++)
            c[i * columns + j] = sum[j];
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* c [rows][columns] = a [rows][inner] * b [inner][columns] */
static void multiply(real *restrict c, const real *restrict a, const real *restrict b, size_t rows,
                     size_t inner, size_t columns)
{
    block_function *const whole_block = fastest_block();
    for (size_t i = 0; i < rows; i += BLOCK_ROWS) {
        for (size_t j = 0; j < columns; j += BLOCK_COLUMNS) {
            const size_t height = least(BLOCK_ROWS, rows - i);
            const size_t width = least(BLOCK_COLUMNS, columns - j);
            real *out = c + i * columns + j;
            if (height == BLOCK_ROWS && width == BLOCK_COLUMNS)
                whole_block(out, a + i * inner, b + j, inner, columns);
            else
                rest_of_block(out, a + i * inner, b + j, inner, columns, height, width);
        }
    }
}

/* out [columns][rows] = in [rows][columns] transposed */
static void transpose(real *restrict out, const real *restrict in, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            out[j * rows + i] = in[i * columns + j];
    }
}

static double frobenius(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* -- The iteration ----------------------------------------------------------------------------- */

size_t muon_floats(size_t rows, size_t columns)
{
    const size_t few = least(rows, columns);
    /* The direction; X, its transpose, a product; A, A A. */
    return 4 * rows * columns + 2 * few * few;
}

/* One step; x [few][many], a [few][few]. */
static void iterate(real *restrict x, real *restrict turned, real *restrict product,
                    real *restrict a, real *restrict squared, size_t few, size_t many)
{
    transpose(turned, x, few, many);
    multiply(a, x, turned, few, many, few);
    multiply(squared, a, a, few, few, few);
    for (size_t i = 0; i < few * few; i++)
        a[i] = B * a[i] + C * squared[i];
    multiply(product, a, x, few, few, many);
    for (size_t i = 0; i < few * many; i++)
        x[i] = A * x[i] + product[i];
}

void muon_orthogonalize(real *out, const real *x, size_t rows, size_t columns, int steps,
                        real *restrict scratch)
{
    const size_t n = rows * columns, few = least(rows, columns), many = n / few;
    real *current = scratch, *turned = current + n, *product = turned + n, *a = product + n;
    const real norm = (real)(frobenius(x, n) + 1e-7);
    if (rows > columns)
        transpose(current, x, rows, columns);
    for (size_t i = 0; i < n; i++)
        current[i] = (rows > columns ? current[i] : x[i]) / norm;
    for (int step = 0; step < steps; step++)
        iterate(current, turned, product, a, a + few * few, few, many);
    if (rows > columns)
        transpose(out, current, columns, rows);
    for (size_t i = 0; rows <= columns && i < n; i++)
        out[i] = current[i];
}

void muon_update(const struct optim *optim, const struct optim_part *part, size_t rows,
                 size_t columns, real *scratch)
{
    real *restrict param = part->param, *restrict momentum = part->first;
    real *direction = scratch, *rest = scratch + part->n;
    const real keep = optim->momentum;
    real lr = part->lr, shrink = 1 - part->lr * part->weight_decay;
    for (size_t i = 0; i < part->n; i++) {
        real v = keep * momentum[i] + part->grad[i];
        momentum[i] = v;
        direction[i] = optim->nesterov ? part->grad[i] + keep * v : v;
    }
    muon_orthogonalize(direction, direction, rows, columns, optim->newton_schulz, rest);
    if (optim->renormalize) {
        const double norm = frobenius(param, part->n);
        shrink = norm > 0 ? (real)(sqrt((double)rows) / norm) : 1;
    } else if (rows > columns) {
        lr = (real)((double)lr * sqrt((double)rows / (double)columns));
    }
    for (size_t i = 0; i < part->n; i++)
        param[i] = param[i] * shrink - lr * direction[i];
}
