/* Input images from planes, ${channels} x ${h} x ${w} (${channels * h * w} ${real}s), into pixels, ${shapes} (${y_floats}).
 * templates/ops/load.c.tpl */
@ prototype()
static void ${name}(${real} *restrict y, const ${real} *restrict images, int n)
{
    for (int image = 0; image < n; image++, y += ${y_floats}, images += ${channels * h * w}) {
        for (int row = 0; row < ${h}; row++) {
            ${real} *out = y + (${c.index("row", y_border)} * ${y_cols}${c.add("", y_border)}) * ${pitch}; /* ${y_cols} pixels of ${pitch} ${real}s a row */
            for (int col = 0; col < ${w}; col++) {
                for (int k = 0; k < ${channels}; k++) {
                    out[col * ${pitch} + k] = images[(k * ${h} + row) * ${w} + col];
                }
            }
        }
    }
}
