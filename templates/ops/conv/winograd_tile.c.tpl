@ -- The transforms of one tile for one vector of channels, each once along the columns and once
@ -- along the rows. Coefficients are those of the points 0, 1, -1, 2, -2 and infinity.
@ if wanted.winograd_input_columns then

    /* Winograd's F(outputs, window), here F(4 x 4, 3 x 3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
     * (2016). A window of 3 x 3 makes 4 x 4 outputs of a tile of 6 x 6 inputs; tiles overlap by two:
     *
     *     x x x x x x        y y y y      y = A'[(G w G') . (B'x B)]A, where . multiplies the 36
     *     x x x x x x        y y y y      frequencies one by one and adds over input channels: 36
     *     x x x x x x   ->   y y y y      products for 16 outputs, where direct convolution has 144.
     *     x x x x x x        y y y y
     *     x x x x x x                     The points are 0, 1, -1, 2, -2 and infinity, a row each of
     *     x x x x x x                     B' and G and a column of A'.
     *
     *     B' = 4  0 -5  0  1  0     G = 1/4     0    0     A' = 1  1  1  1  1  0
     *          0 -4 -4  1  1  0        -1/6  -1/6  -1/6         0  1 -1  2 -2  0
     *          0  4 -4 -1  1  0        -1/6   1/6  -1/6         0  1  1  4  4  0
     *          0 -2 -1  2  1  0        1/24  1/12   1/6         0  1 -1  8 -8  1
     *          0  2 -1 -2  1  0        1/24 -1/12   1/6
     *          0  4  0 -5  0  1           0     0     1
     *
     * ' transposes. For a point p, the column of A' and the row of G hold 1, p, p^2, ..; the row of B' has the coefficients of
     * the product of all t - q, q the other finite points, and the row of G is divided by this product at t = p.
     * For infinity, A' and G have the highest power alone, B' the product over all finite points.
     * The data gradient is the same with the window turned around. y is linear in w: the transpose of w -> y maps dy to dw,
     * dw = G'[(B'x B) . (A dy A')]G, the products summed over all tiles. That is F(3 x 3, 4 x 4), of the same tiles of 4 x 4 pixels of dy. */
@ end
@ if wanted.winograd_input_columns then

    /* Floats behind each frequency of transformed tiles. */
    enum { WINOGRAD_GAP = 16 };
@ end
@ if wanted.winograd_patch then

    /* The top left rows x cols of size x size pixels, zeros for the rest: a tile that ends outside its image. */
    @ prototype()
    static void winograd_patch(${real} *restrict patch, int size, const ${real} *restrict x, int rows, int cols, int row, int pixel)
    {
        memset(patch, 0, (size_t)(size * size * pixel) * sizeof *patch);
        cols = cols < size ? cols : size;
        for (int i = 0; i < size && i < rows; i++) {
            memcpy(patch + i * size * pixel, x + i * row, (size_t)(cols * pixel) * sizeof *patch);
        }
    }
@ end
@ if wanted.winograd_input_columns then

    /* v = B'd, six values `step` apart. */
    static INLINE void winograd_input_line(${vec} *v, int step, const ${vec} *d)
    {
        const ${vec} four = ${mm}_set1_ps(4.0${f});
        const ${vec} five = ${mm}_set1_ps(5.0${f});
        const ${vec} even = ${mm}_fnmadd_ps(four, d[2], d[4]);
        const ${vec} odd = ${mm}_fnmadd_ps(four, d[1], d[3]);
        const ${vec} far_even = ${mm}_sub_ps(d[4], d[2]);
        const ${vec} far_odd = ${mm}_mul_ps(${mm}_set1_ps(2.0${f}), ${mm}_sub_ps(d[3], d[1]));
        v[0] = ${mm}_fmadd_ps(four, d[0], ${mm}_fnmadd_ps(five, d[2], d[4]));
        v[step] = ${mm}_add_ps(even, odd);
        v[2 * step] = ${mm}_sub_ps(even, odd);
        v[3 * step] = ${mm}_add_ps(far_even, far_odd);
        v[4 * step] = ${mm}_sub_ps(far_even, far_odd);
        v[5 * step] = ${mm}_fmadd_ps(four, d[1], ${mm}_fnmadd_ps(five, d[3], d[5]));
    }

    /* half = B'x: 6 x 6 pixels of x, rows `row` and pixels `pixel` ${real}s apart. */
    static INLINE void winograd_input_columns(${vec} *half, const ${real} *restrict x, int row, int pixel)
    {
        ${vec} line[6];
        for (int j = 0; j < 6; j++) {
            for (int i = 0; i < 6; i++) {
                line[i] = ${mm}_loadu_ps(x + i * row + j * pixel);
            }
            winograd_input_line(half + j, 6, line);
        }
    }
@ end
@ if wanted.winograd_input then

    /* v = B'xB, 36 frequencies `step` apart; x: as above. */
    static INLINE void winograd_input(${real} *restrict v, int step, const ${real} *restrict x, int row, int pixel)
    {
        ${vec} half[36];
        ${vec} line[6];
        @ uses "winograd_input_columns"
        winograd_input_columns(half, x, row, pixel);
        for (int i = 0; i < 6; i++) {
            winograd_input_line(line, 1, half + 6 * i);
            for (int j = 0; j < 6; j++) {
                ${mm}_storeu_ps(v + (6 * i + j) * step, line[j]);
            }
        }
    }
@ end
@ if wanted.winograd_input_neighbours then

    /* The same in bf16: pairs of neighbouring channels, frequencies `step` pairs apart. */
    static INLINE void winograd_input_neighbours(uint32_t *restrict v, int step, const ${real} *restrict x, int row, int pixel)
    {
        ${vec} half[36];
        ${vec} line[6];
        @ uses "winograd_input_columns"
        winograd_input_columns(half, x, row, pixel);
        for (int i = 0; i < 6; i++) {
            winograd_input_line(line, 1, half + 6 * i);
            for (int j = 0; j < 6; j++) {
                @ uses "store_neighbours"
                store_neighbours(v + (6 * i + j) * step, line[j]);
            }
        }
    }
@ end
@ if wanted.winograd_input_pairs then

    /* The same of two tiles in bf16: pairs of one channel of both. */
    static INLINE void winograd_input_pairs(uint32_t *restrict v, int step, const ${real} *restrict x0, int row0, const ${real} *restrict x1, int row1, int pixel)
    {
        ${vec} half0[36], half1[36];
        ${vec} line0[6], line1[6];
        @ uses "winograd_input_columns"
        winograd_input_columns(half0, x0, row0, pixel);
        winograd_input_columns(half1, x1, row1, pixel);
        for (int i = 0; i < 6; i++) {
            winograd_input_line(line0, 1, half0 + 6 * i);
            winograd_input_line(line1, 1, half1 + 6 * i);
            for (int j = 0; j < 6; j++) {
                @ uses "store_pairs"
                store_pairs(v + (6 * i + j) * step, line0[j], line1[j]);
            }
        }
    }
@ end
@ if wanted.winograd_output then

    /* y = A'm, four values `step` apart. */
    static INLINE void winograd_output_line(${vec} *y, int step, const ${vec} *m)
    {
        const ${vec} near_sum = ${mm}_add_ps(m[1], m[2]);
        const ${vec} near_difference = ${mm}_sub_ps(m[1], m[2]);
        const ${vec} far_sum = ${mm}_add_ps(m[3], m[4]);
        const ${vec} far_difference = ${mm}_sub_ps(m[3], m[4]);
        y[0] = ${mm}_add_ps(m[0], ${mm}_add_ps(near_sum, far_sum));
        y[step] = ${mm}_fmadd_ps(${mm}_set1_ps(2.0${f}), far_difference, near_difference);
        y[2 * step] = ${mm}_fmadd_ps(${mm}_set1_ps(4.0${f}), far_sum, near_sum);
        y[3 * step] = ${mm}_add_ps(${mm}_fmadd_ps(${mm}_set1_ps(8.0${f}), far_difference, near_difference), m[5]);
    }

    /* y = A'mA: 36 frequencies `step` ${real}s apart to 4 x 4 pixels. */
    static INLINE void winograd_output(${vec} *y, const ${real} *restrict m, int step)
    {
        ${vec} half[24];
        ${vec} line[6];
        for (int j = 0; j < 6; j++) {
            for (int i = 0; i < 6; i++) {
                line[i] = ${mm}_loadu_ps(m + (6 * i + j) * step);
            }
            winograd_output_line(half + j, 6, line);
        }
        for (int i = 0; i < 4; i++) {
            winograd_output_line(y + 4 * i, 1, half + 6 * i);
        }
    }
@ end
@ if wanted.winograd_relu then

    /* Negative pixels become zero. */
    static INLINE void winograd_relu(${vec} *y)
    {
        for (int i = 0; i < 16; i++) {
            y[i] = ${mm}_max_ps(${mm}_setzero_ps(), y[i]);
        }
    }
@ end
@ if wanted.winograd_store then

    /* Stores 4 x 4 pixels, rows `row` and pixels `pixel` ${real}s apart. */
    static INLINE void winograd_store(${real} *restrict out, int row, int pixel, const ${vec} *y)
    {
        for (int i = 0; i < 16; i++) {
            ${mm}_storeu_ps(out + i / 4 * row + i % 4 * pixel, y[i]);
        }
    }
@ end
@ if wanted.winograd_add then

    /* Adds 4 x 4 pixels to those in memory, rows `row` and pixels `pixel` ${real}s apart. */
    static INLINE void winograd_add(${real} *restrict out, int row, int pixel, const ${vec} *y)
    {
        for (int i = 0; i < 16; i++) {
            ${real} *at = out + i / 4 * row + i % 4 * pixel;
            ${mm}_storeu_ps(at, ${mm}_add_ps(${mm}_loadu_ps(at), y[i]));
        }
    }
@ end
@ if wanted.winograd_sums then

    /* The shift of the sums of an image: the first pixel of its first tile, where the sums begin. */
    static INLINE ${vec} winograd_shift(${real} *restrict sums, int pitch, ${vec} y, bool is_first)
    {
        if (is_first) {
            ${mm}_storeu_ps(sums, y);
            ${mm}_storeu_ps(sums + pitch, ${mm}_setzero_ps());
            ${mm}_storeu_ps(sums + 2 * pitch, ${mm}_setzero_ps());
        }
        return ${mm}_loadu_ps(sums);
    }

    /* Adds what 16 pixels differ from the shift, and the squares of that, to the sums of an image, rows `pitch`
     * ${real}s apart. */
    static INLINE void winograd_sums(${real} *restrict sums, int pitch, const ${vec} *y, ${vec} shift)
    {
        ${vec} sum = ${mm}_setzero_ps();
        ${vec} squares = ${mm}_setzero_ps();
        for (int i = 0; i < 16; i++) {
            const ${vec} d = ${mm}_sub_ps(y[i], shift);
            sum = ${mm}_add_ps(sum, d);
            squares = ${mm}_fmadd_ps(d, d, squares);
        }
        ${mm}_storeu_ps(sums + pitch, ${mm}_add_ps(${mm}_loadu_ps(sums + pitch), sum));
        ${mm}_storeu_ps(sums + 2 * pitch, ${mm}_add_ps(${mm}_loadu_ps(sums + 2 * pitch), squares));
    }
@ end
@ if wanted.winograd_gradient_columns then

    /* m = A g, six values `step` apart. */
    static INLINE void winograd_gradient_line(${vec} *m, int step, const ${vec} *g)
    {
        const ${vec} even = ${mm}_add_ps(g[0], g[2]);
        const ${vec} odd = ${mm}_add_ps(g[1], g[3]);
        const ${vec} far_even = ${mm}_fmadd_ps(${mm}_set1_ps(4.0${f}), g[2], g[0]);
        const ${vec} far_odd = ${mm}_fmadd_ps(${mm}_set1_ps(8.0${f}), g[3], ${mm}_mul_ps(${mm}_set1_ps(2.0${f}), g[1]));
        m[0] = g[0];
        m[step] = ${mm}_add_ps(even, odd);
        m[2 * step] = ${mm}_sub_ps(even, odd);
        m[3 * step] = ${mm}_add_ps(far_even, far_odd);
        m[4 * step] = ${mm}_sub_ps(far_even, far_odd);
        m[5 * step] = g[3];
    }

    /* half = A g: 4 x 4 pixels of g, rows `row` and pixels `pixel` ${real}s apart. */
    static INLINE void winograd_gradient_columns(${vec} *half, const ${real} *restrict g, int row, int pixel)
    {
        ${vec} line[4];
        for (int j = 0; j < 4; j++) {
            for (int i = 0; i < 4; i++) {
                line[i] = ${mm}_loadu_ps(g + i * row + j * pixel);
            }
            winograd_gradient_line(half + j, 4, line);
        }
    }
@ end
@ if wanted.winograd_gradient then

    /* m = A g A', 36 frequencies `step` apart; g: as above. */
    static INLINE void winograd_gradient(${real} *restrict m, int step, const ${real} *restrict g, int row, int pixel)
    {
        ${vec} half[24];
        ${vec} line[6];
        @ uses "winograd_gradient_columns"
        winograd_gradient_columns(half, g, row, pixel);
        for (int i = 0; i < 6; i++) {
            winograd_gradient_line(line, 1, half + 4 * i);
            for (int j = 0; j < 6; j++) {
                ${mm}_storeu_ps(m + (6 * i + j) * step, line[j]);
            }
        }
    }
@ end
@ if wanted.winograd_gradient_pairs then

    /* The same of two tiles in bf16: pairs of one channel of both. */
    static INLINE void winograd_gradient_pairs(uint32_t *restrict m, int step, const ${real} *restrict g0, int row0, const ${real} *restrict g1, int row1, int pixel)
    {
        ${vec} half0[24], half1[24];
        ${vec} line0[6], line1[6];
        @ uses "winograd_gradient_columns"
        winograd_gradient_columns(half0, g0, row0, pixel);
        winograd_gradient_columns(half1, g1, row1, pixel);
        for (int i = 0; i < 6; i++) {
            winograd_gradient_line(line0, 1, half0 + 4 * i);
            winograd_gradient_line(line1, 1, half1 + 4 * i);
            for (int j = 0; j < 6; j++) {
                @ uses "store_pairs"
                store_pairs(m + (6 * i + j) * step, line0[j], line1[j]);
            }
        }
    }
@ end
@ if wanted.winograd_gradient_columns then

    /* w = G'u, three values `step` apart. */
    static INLINE void winograd_weights_line(${vec} *w, int step, const ${vec} *u)
    {
        const ${vec} sixth = ${mm}_set1_ps(1.0${f} / 6.0${f});
        const ${vec} near_sum = ${mm}_add_ps(u[1], u[2]);
        const ${vec} near_step = ${mm}_sub_ps(u[2], u[1]);
        const ${vec} far_sum = ${mm}_add_ps(u[3], u[4]);
        const ${vec} far_difference = ${mm}_sub_ps(u[3], u[4]);
        w[0] = ${mm}_fmadd_ps(${mm}_set1_ps(0.25${f}), u[0], ${mm}_mul_ps(sixth, ${mm}_fmsub_ps(${mm}_set1_ps(0.25${f}), far_sum, near_sum)));
        w[step] = ${mm}_mul_ps(sixth, ${mm}_fmadd_ps(${mm}_set1_ps(0.5${f}), far_difference, near_step));
        w[2 * step] = ${mm}_fmadd_ps(sixth, ${mm}_sub_ps(far_sum, near_sum), u[5]);
    }

    /* dw += G'u G: 36 frequencies `u_step` ${real}s apart to the 9 taps of the window, `step` apart. */
    static INLINE void winograd_weights(${real} *restrict dw, int step, const ${real} *restrict u, int u_step)
    {
        ${vec} half[18];
        ${vec} line[6];
        for (int j = 0; j < 6; j++) {
            for (int i = 0; i < 6; i++) {
                line[i] = ${mm}_loadu_ps(u + (6 * i + j) * u_step);
            }
            winograd_weights_line(half + j, 6, line);
        }
        for (int i = 0; i < 3; i++) {
            winograd_weights_line(line, 1, half + 6 * i);
            for (int j = 0; j < 3; j++) {
                ${real} *tap = dw + (3 * i + j) * step;
                ${mm}_storeu_ps(tap, ${mm}_add_ps(${mm}_loadu_ps(tap), line[j]));
            }
        }
    }
@ end
@ if wanted.winograd_filter then

    /* u = G w, six values `step` apart. */
    static INLINE void winograd_filter_line(${vec} *u, int step, const ${vec} *w)
    {
        const ${vec} sixth = ${mm}_set1_ps(1.0${f} / 6.0${f});
        const ${vec} ends = ${mm}_mul_ps(${mm}_set1_ps(-1.0${f} / 6.0${f}), ${mm}_add_ps(w[0], w[2]));
        const ${vec} middle = ${mm}_mul_ps(sixth, w[1]);
        const ${vec} far_ends = ${mm}_mul_ps(sixth, ${mm}_fmadd_ps(${mm}_set1_ps(0.25${f}), w[0], w[2]));
        const ${vec} far_middle = ${mm}_mul_ps(${mm}_set1_ps(0.5${f}), middle);
        u[0] = ${mm}_mul_ps(${mm}_set1_ps(0.25${f}), w[0]);
        u[step] = ${mm}_sub_ps(ends, middle);
        u[2 * step] = ${mm}_add_ps(ends, middle);
        u[3 * step] = ${mm}_add_ps(far_ends, far_middle);
        u[4 * step] = ${mm}_sub_ps(far_ends, far_middle);
        u[5 * step] = w[2];
    }

    /* u = G w G': the 9 taps of a window, `step` ${real}s apart, to 36 frequencies `u_step` apart. */
    static INLINE void winograd_filter(${real} *restrict u, int u_step, const ${real} *restrict w, int step)
    {
        ${vec} half[18];
        ${vec} line[6];
        for (int j = 0; j < 3; j++) {
            for (int i = 0; i < 3; i++) {
                line[i] = ${mm}_loadu_ps(w + (3 * i + j) * step);
            }
            winograd_filter_line(half + j, 3, line);
        }
        for (int i = 0; i < 6; i++) {
            winograd_filter_line(line, 1, half + 3 * i);
            for (int j = 0; j < 6; j++) {
                ${mm}_storeu_ps(u + (6 * i + j) * u_step, line[j]);
            }
        }
    }
@ end
