@ -- The sums of a norm whose input no convolution makes.
/* ${formula}
 * ${shapes}
 * Vectors of channels; rows, pixels. Sums over a row are made first, so that long sums stay exact.
 * ${cost} templates/sums.c.tpl */
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        for (int k = 0; k < ${pitch}; k += ${vl}) {
            ${vec} sum = ${mm}_loadu_ps(sums + k);
            ${vec} squares = ${mm}_loadu_ps(${c.add("sums + k", pitch)});
            for (int row = 0; row < ${h}; row++) {
                const float *in = x + (${c.index("row", x_border)} * ${x_cols}${c.add("", x_border)}) * ${pitch} + k;
                ${vec} row_sum = ${mm}_setzero_ps();
                ${vec} row_squares = ${mm}_setzero_ps();
                for (int col = 0; col < ${w}; col++, in += ${pitch}) {
                    const ${vec} x0 = ${mm}_loadu_ps(in);
                    row_sum = ${mm}_add_ps(row_sum, x0);
                    row_squares = ${mm}_fmadd_ps(x0, x0, row_squares);
                }
                sum = ${mm}_add_ps(sum, row_sum);
                squares = ${mm}_add_ps(squares, row_squares);
            }
            ${mm}_storeu_ps(sums + k, sum);
            ${mm}_storeu_ps(${c.add("sums + k", pitch)}, squares);
        }
    }
}
