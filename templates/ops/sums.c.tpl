@ -- The sums of a norm whose input no convolution makes.
/* ${formula}
 * ${shapes}
 * Loops: images, vectors of channels, rows, pixels. Sums over a row are made first, so that long sums stay exact.
 * ${cost} templates/ops/sums.c.tpl */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    for (int image = 0; image < n; ${next_image}) {
        for (int k = 0; k < ${pitch}; k += ${vl}) {
            const ${vec} shift = ${mm}_loadu_ps(${c.add("x + k", (x_border * x_cols + x_border) * pitch)});
            ${vec} sum = ${mm}_setzero_ps();
            ${vec} squares = ${mm}_setzero_ps();
            for (int row = 0; row < ${h}; row++) {
                const ${real} *in = x + (${c.index("row", x_border)} * ${x_cols}${c.add("", x_border)}) * ${pitch} + k;
                ${vec} row_sum = ${mm}_setzero_ps();
                ${vec} row_squares = ${mm}_setzero_ps();
                for (int col = 0; col < ${w}; col++, in += ${pitch}) {
                    const ${vec} d = ${mm}_sub_ps(${mm}_loadu_ps(in), shift);
                    row_sum = ${mm}_add_ps(row_sum, d);
                    row_squares = ${mm}_fmadd_ps(d, d, row_squares);
                }
                sum = ${mm}_add_ps(sum, row_sum);
                squares = ${mm}_add_ps(squares, row_squares);
            }
            ${mm}_storeu_ps(sums + k, shift);
            ${mm}_storeu_ps(${c.add("sums + k", pitch)}, sum);
            ${mm}_storeu_ps(${c.add("sums + k", 2 * pitch)}, squares);
        }
    }
}
