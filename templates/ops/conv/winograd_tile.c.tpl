@ -- The transforms of one tile for one vector of channels, each once along the columns and once
@ -- along the rows. Coefficients are those of the points 0, 1, -1, 2, -2 and infinity.
@ if uses.winograd_patch then

    /* The top left rows x cols of size x size pixels, zeros for the rest: a tile that ends outside its image. */
    static void winograd_patch(float *restrict patch, int size, const float *restrict x, int rows, int cols, int row, int pixel)
    {
        memset(patch, 0, (size_t)(size * size * pixel) * sizeof *patch);
        cols = cols < size ? cols : size;
        for (int i = 0; i < size && i < rows; i++) {
            memcpy(patch + i * size * pixel, x + i * row, (size_t)(cols * pixel) * sizeof *patch);
        }
    }
@ end
@ if uses.winograd_input then

    /* v = B'd, six values `step` apart. */
    static INLINE void winograd_input_line(${vec} *v, int step, ${vec} d0, ${vec} d1, ${vec} d2, ${vec} d3, ${vec} d4, ${vec} d5)
    {
        const ${vec} four = ${mm}_set1_ps(4.0f);
        const ${vec} five = ${mm}_set1_ps(5.0f);
        const ${vec} even = ${mm}_fnmadd_ps(four, d2, d4);
        const ${vec} odd = ${mm}_fnmadd_ps(four, d1, d3);
        const ${vec} far_even = ${mm}_sub_ps(d4, d2);
        const ${vec} far_odd = ${mm}_mul_ps(${mm}_set1_ps(2.0f), ${mm}_sub_ps(d3, d1));
        v[0] = ${mm}_fmadd_ps(four, d0, ${mm}_fnmadd_ps(five, d2, d4));
        v[step] = ${mm}_add_ps(even, odd);
        v[2 * step] = ${mm}_sub_ps(even, odd);
        v[3 * step] = ${mm}_add_ps(far_even, far_odd);
        v[4 * step] = ${mm}_sub_ps(far_even, far_odd);
        v[5 * step] = ${mm}_fmadd_ps(four, d1, ${mm}_fnmadd_ps(five, d3, d5));
    }

    /* v = B'xB: 6 x 6 pixels of x, rows `row` and pixels `pixel` floats apart, to 36 frequencies `step` apart. */
    static INLINE void winograd_input(float *restrict v, int step, const float *restrict x, int row, int pixel)
    {
        ${vec} half[36];
        ${vec} line[6];
        @ for j = 0, 5 do
            winograd_input_line(half + ${j}, 6, ${mm}_loadu_ps(x + ${j} * pixel), ${mm}_loadu_ps(x + row + ${j} * pixel), ${mm}_loadu_ps(x + 2 * row + ${j} * pixel), ${mm}_loadu_ps(x + 3 * row + ${j} * pixel), ${mm}_loadu_ps(x + 4 * row + ${j} * pixel), ${mm}_loadu_ps(x + 5 * row + ${j} * pixel));
        @ end
        @ for i = 0, 5 do
            winograd_input_line(line, 1, half[${6 * i}], half[${6 * i + 1}], half[${6 * i + 2}], half[${6 * i + 3}], half[${6 * i + 4}], half[${6 * i + 5}]);
            @ for j = 0, 5 do
                ${mm}_storeu_ps(v + ${6 * i + j} * step, line[${j}]);
            @ end
        @ end
    }
@ end
@ if uses.winograd_output then

    /* y = A'm, four values `step` apart. */
    static INLINE void winograd_output_line(${vec} *y, int step, ${vec} m0, ${vec} m1, ${vec} m2, ${vec} m3, ${vec} m4, ${vec} m5)
    {
        const ${vec} near_sum = ${mm}_add_ps(m1, m2);
        const ${vec} near_difference = ${mm}_sub_ps(m1, m2);
        const ${vec} far_sum = ${mm}_add_ps(m3, m4);
        const ${vec} far_difference = ${mm}_sub_ps(m3, m4);
        y[0] = ${mm}_add_ps(m0, ${mm}_add_ps(near_sum, far_sum));
        y[step] = ${mm}_fmadd_ps(${mm}_set1_ps(2.0f), far_difference, near_difference);
        y[2 * step] = ${mm}_fmadd_ps(${mm}_set1_ps(4.0f), far_sum, near_sum);
        y[3 * step] = ${mm}_add_ps(${mm}_fmadd_ps(${mm}_set1_ps(8.0f), far_difference, near_difference), m5);
    }

    /* y = A'mA: 36 frequencies `step` floats apart to 4 x 4 pixels. */
    static INLINE void winograd_output(${vec} *y, const float *restrict m, int step)
    {
        ${vec} half[24];
        @ for j = 0, 5 do
            winograd_output_line(half + ${j}, 6, ${mm}_loadu_ps(m + ${j} * step), ${mm}_loadu_ps(m + ${6 + j} * step), ${mm}_loadu_ps(m + ${12 + j} * step), ${mm}_loadu_ps(m + ${18 + j} * step), ${mm}_loadu_ps(m + ${24 + j} * step), ${mm}_loadu_ps(m + ${30 + j} * step));
        @ end
        @ for i = 0, 3 do
            winograd_output_line(y + ${4 * i}, 1, half[${6 * i}], half[${6 * i + 1}], half[${6 * i + 2}], half[${6 * i + 3}], half[${6 * i + 4}], half[${6 * i + 5}]);
        @ end
    }
@ end
@ if uses.winograd_sums then

    /* The shift of the sums of an image: the first pixel of its first tile, where the sums begin. */
    static INLINE ${vec} winograd_shift(float *restrict sums, int pitch, ${vec} y, bool is_first)
    {
        if (is_first) {
            ${mm}_storeu_ps(sums, y);
            ${mm}_storeu_ps(sums + pitch, ${mm}_setzero_ps());
            ${mm}_storeu_ps(sums + 2 * pitch, ${mm}_setzero_ps());
        }
        return ${mm}_loadu_ps(sums);
    }

    /* Adds what 16 pixels differ from the shift, and the squares of that, to the sums of an image, rows `pitch`
     * floats apart. */
    static INLINE void winograd_sums(float *restrict sums, int pitch, const ${vec} *y, ${vec} shift)
    {
        ${vec} sum = ${mm}_setzero_ps();
        ${vec} squares = ${mm}_setzero_ps();
        ${vec} d;
        @ for i = 0, 15 do
            d = ${mm}_sub_ps(y[${i}], shift);
            sum = ${mm}_add_ps(sum, d);
            squares = ${mm}_fmadd_ps(d, d, squares);
        @ end
        ${mm}_storeu_ps(sums + pitch, ${mm}_add_ps(${mm}_loadu_ps(sums + pitch), sum));
        ${mm}_storeu_ps(sums + 2 * pitch, ${mm}_add_ps(${mm}_loadu_ps(sums + 2 * pitch), squares));
    }
@ end
@ if uses.winograd_gradient then

    /* m = A g, six values `step` apart. */
    static INLINE void winograd_gradient_line(${vec} *m, int step, ${vec} g0, ${vec} g1, ${vec} g2, ${vec} g3)
    {
        const ${vec} even = ${mm}_add_ps(g0, g2);
        const ${vec} odd = ${mm}_add_ps(g1, g3);
        const ${vec} far_even = ${mm}_fmadd_ps(${mm}_set1_ps(4.0f), g2, g0);
        const ${vec} far_odd = ${mm}_fmadd_ps(${mm}_set1_ps(8.0f), g3, ${mm}_mul_ps(${mm}_set1_ps(2.0f), g1));
        m[0] = g0;
        m[step] = ${mm}_add_ps(even, odd);
        m[2 * step] = ${mm}_sub_ps(even, odd);
        m[3 * step] = ${mm}_add_ps(far_even, far_odd);
        m[4 * step] = ${mm}_sub_ps(far_even, far_odd);
        m[5 * step] = g3;
    }

    /* m = A g A': 4 x 4 pixels of g, rows `row` and pixels `pixel` floats apart, to 36 frequencies `step` apart. */
    static INLINE void winograd_gradient(float *restrict m, int step, const float *restrict g, int row, int pixel)
    {
        ${vec} half[24];
        ${vec} line[6];
        @ for j = 0, 3 do
            winograd_gradient_line(half + ${j}, 4, ${mm}_loadu_ps(g + ${j} * pixel), ${mm}_loadu_ps(g + row + ${j} * pixel), ${mm}_loadu_ps(g + 2 * row + ${j} * pixel), ${mm}_loadu_ps(g + 3 * row + ${j} * pixel));
        @ end
        @ for i = 0, 5 do
            winograd_gradient_line(line, 1, half[${4 * i}], half[${4 * i + 1}], half[${4 * i + 2}], half[${4 * i + 3}]);
            @ for j = 0, 5 do
                ${mm}_storeu_ps(m + ${6 * i + j} * step, line[${j}]);
            @ end
        @ end
    }

    /* w = G'u, three values `step` apart. */
    static INLINE void winograd_weights_line(${vec} *w, int step, ${vec} u0, ${vec} u1, ${vec} u2, ${vec} u3, ${vec} u4, ${vec} u5)
    {
        const ${vec} sixth = ${mm}_set1_ps(1.0f / 6.0f);
        const ${vec} near_sum = ${mm}_add_ps(u1, u2);
        const ${vec} near_difference = ${mm}_sub_ps(u2, u1);
        const ${vec} far_sum = ${mm}_add_ps(u3, u4);
        const ${vec} far_difference = ${mm}_sub_ps(u3, u4);
        w[0] = ${mm}_fmadd_ps(${mm}_set1_ps(0.25f), u0, ${mm}_mul_ps(sixth, ${mm}_fmsub_ps(${mm}_set1_ps(0.25f), far_sum, near_sum)));
        w[step] = ${mm}_mul_ps(sixth, ${mm}_fmadd_ps(${mm}_set1_ps(0.5f), far_difference, near_difference));
        w[2 * step] = ${mm}_fmadd_ps(sixth, ${mm}_sub_ps(far_sum, near_sum), u5);
    }

    /* dw += G'u G: 36 frequencies `u_step` floats apart to the 9 taps of the window, `step` apart. */
    static INLINE void winograd_weights(float *restrict dw, int step, const float *restrict u, int u_step)
    {
        ${vec} half[18];
        ${vec} tap[9];
        @ for j = 0, 5 do
            winograd_weights_line(half + ${j}, 6, ${mm}_loadu_ps(u + ${j} * u_step), ${mm}_loadu_ps(u + ${6 + j} * u_step), ${mm}_loadu_ps(u + ${12 + j} * u_step), ${mm}_loadu_ps(u + ${18 + j} * u_step), ${mm}_loadu_ps(u + ${24 + j} * u_step), ${mm}_loadu_ps(u + ${30 + j} * u_step));
        @ end
        @ for i = 0, 2 do
            winograd_weights_line(tap + ${3 * i}, 1, half[${6 * i}], half[${6 * i + 1}], half[${6 * i + 2}], half[${6 * i + 3}], half[${6 * i + 4}], half[${6 * i + 5}]);
        @ end
        @ for i = 0, 8 do
            ${mm}_storeu_ps(dw + ${i} * step, ${mm}_add_ps(${mm}_loadu_ps(dw + ${i} * step), tap[${i}]));
        @ end
    }
@ end
@ if uses.winograd_filter then

    /* u = G w, six values `step` apart. */
    static INLINE void winograd_filter_line(${vec} *u, int step, ${vec} w0, ${vec} w1, ${vec} w2)
    {
        const ${vec} sixth = ${mm}_set1_ps(1.0f / 6.0f);
        const ${vec} ends = ${mm}_mul_ps(${mm}_set1_ps(-1.0f / 6.0f), ${mm}_add_ps(w0, w2));
        const ${vec} middle = ${mm}_mul_ps(sixth, w1);
        const ${vec} far_ends = ${mm}_mul_ps(sixth, ${mm}_fmadd_ps(${mm}_set1_ps(0.25f), w0, w2));
        const ${vec} far_middle = ${mm}_mul_ps(${mm}_set1_ps(0.5f), middle);
        u[0] = ${mm}_mul_ps(${mm}_set1_ps(0.25f), w0);
        u[step] = ${mm}_sub_ps(ends, middle);
        u[2 * step] = ${mm}_add_ps(ends, middle);
        u[3 * step] = ${mm}_add_ps(far_ends, far_middle);
        u[4 * step] = ${mm}_sub_ps(far_ends, far_middle);
        u[5 * step] = w2;
    }

    /* u = G w G': the 9 taps of a window, `step` floats apart, to 36 frequencies `u_step` apart. */
    static INLINE void winograd_filter(float *restrict u, int u_step, const float *restrict w, int step)
    {
        ${vec} half[18];
        ${vec} line[6];
        @ for j = 0, 2 do
            winograd_filter_line(half + ${j}, 3, ${mm}_loadu_ps(w + ${j} * step), ${mm}_loadu_ps(w + ${3 + j} * step), ${mm}_loadu_ps(w + ${6 + j} * step));
        @ end
        @ for i = 0, 5 do
            winograd_filter_line(line, 1, half[${3 * i}], half[${3 * i + 1}], half[${3 * i + 2}]);
            @ for j = 0, 5 do
                ${mm}_storeu_ps(u + ${6 * i + j} * u_step, line[${j}]);
            @ end
        @ end
    }
@ end
