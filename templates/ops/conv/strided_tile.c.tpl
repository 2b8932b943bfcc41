@ -- The transforms of one tile of a convolution of stride 2 for one vector of channels: see
@ -- strided.c.tpl, which says what they are of.
@ if wanted.strided_input then

    /* What is multiplied along an axis, five values `step` apart: by w0 and w1, by their sum with w2, by w2 and w1. */
    static INLINE void strided_input_line(${vec} *v, int step, const ${vec} *x)
    {
        v[0] = ${mm}_sub_ps(x[0], x[2]);
        v[step] = x[1];
        v[2 * step] = x[2];
        v[3 * step] = ${mm}_sub_ps(x[4], x[2]);
        v[4 * step] = x[3];
    }

    /* The same along both axes: of 5 x 5 pixels of x, rows `row` and pixels `pixel` ${real}s apart. */
    static INLINE void strided_input(${vec} *v, const ${real} *restrict x, int row, int pixel)
    {
        ${vec} half[25];
        ${vec} line[5];
        for (int j = 0; j < 5; j++) {
            for (int i = 0; i < 5; i++) {
                line[i] = ${mm}_loadu_ps(x + i * row + j * pixel);
            }
            strided_input_line(half + j, 5, line);
        }
        for (int i = 0; i < 5; i++) {
            strided_input_line(v + 5 * i, 1, half + 5 * i);
        }
    }
@ end
@ if wanted.strided_output then

    /* Four outputs of the nine sums of a tile, `step` ${real}s apart. */
    static INLINE void strided_output(${vec} *y, const ${real} *restrict m, int step)
    {
        ${vec} half[6];
        for (int j = 0; j < 3; j++) {
            const ${vec} both = ${mm}_loadu_ps(m + (3 + j) * step);
            half[j] = ${mm}_add_ps(${mm}_loadu_ps(m + j * step), both);
            half[3 + j] = ${mm}_add_ps(${mm}_loadu_ps(m + (6 + j) * step), both);
        }
        for (int i = 0; i < 2; i++) {
            y[2 * i] = ${mm}_add_ps(half[3 * i], half[3 * i + 1]);
            y[2 * i + 1] = ${mm}_add_ps(half[3 * i + 2], half[3 * i + 1]);
        }
    }
@ end
