@ -- From the sums of a norm to the line its map applies, forward and backward. Statistics are made
@ -- in double: the squares of a large mean cancel in the variance.
@ -- A set is the channels that share their statistics: one channel of batch norm, one group else.
/* ${title}: statistics over ${set_size} x pixels elements, ${sets} sets.
 * sums: 2 x ${pitch}, sum and sum of squares of each channel over `pixels` pixels.
 * coef: 4 x ${pitch}: a = weight / deviation, b = bias - mean * a, mean, 1 / deviation.
 * Kernel of c = ${channels} channels; eps ${eps}. templates/norm.c.tpl */
static void ${prefix}_fwd(float *restrict coef, const float *restrict sums, const float *restrict weight, const float *restrict bias, double pixels)
{
    for (int first = 0; first < ${channels}; first += ${set_size}) {
        double sum = 0.0;
        double squares = 0.0;
        for (int k = first; k < first + ${set_size}; k++) {
            sum += (double)sums[k];
            squares += (double)sums[${pitch} + k];
        }
        const double mean = sum / (pixels * ${set_size});
        const double spread = squares / (pixels * ${set_size}) - mean * mean;
        const double scale = 1.0 / sqrt((spread > 0.0 ? spread : 0.0) + ${eps});
        for (int k = first; k < first + ${set_size}; k++) {
            const double a = (double)weight[k] * scale;
            coef[k] = (float)a;
            coef[${pitch} + k] = (float)((double)bias[k] - mean * a);
            coef[${2 * pitch} + k] = (float)mean;
            coef[${3 * pitch} + k] = (float)scale;
        }
    }
}

/* Gradient of ${title}, dx = A * dy + B * x + D per channel.
 * sums: 2 x ${pitch}, sum of dy and of dy * x of each channel; coef as the forward pass left it.
 * dcoef: 3 x ${pitch}: A, B, D (set). dweight, dbias: ${channels} (added to${batch and "; NULL: left out" or ""}).
 * With x-hat = (x - mean) * scale and means m over a set:
 * dx = scale * (weight * dy - m(weight * dy) - x-hat * m(weight * dy * x-hat)). templates/norm.c.tpl */
static void ${prefix}_bwd(float *restrict dcoef, float *restrict dweight, float *restrict dbias, const float *restrict sums, const float *restrict coef, const float *restrict weight, double pixels)
{
    for (int first = 0; first < ${channels}; first += ${set_size}) {
        const double mean = (double)coef[${2 * pitch} + first];
        const double scale = (double)coef[${3 * pitch} + first];
        double sum = 0.0;
        double product = 0.0;
        for (int k = first; k < first + ${set_size}; k++) {
            const double along = ((double)sums[${pitch} + k] - mean * (double)sums[k]) * scale;
            sum += (double)weight[k] * (double)sums[k];
            product += (double)weight[k] * along;
            @ if batch then
                if (dweight != NULL) {
                    dweight[k] += (float)along;
                    dbias[k] += sums[k];
                }
            @ else
                dweight[k] += (float)along;
                dbias[k] += sums[k];
            @ end
        }
        const double b = -scale * scale * product / (pixels * ${set_size});
        const double d = -scale * sum / (pixels * ${set_size}) - b * mean;
        for (int k = first; k < first + ${set_size}; k++) {
            dcoef[k] = (float)((double)weight[k] * scale);
            dcoef[${pitch} + k] = (float)b;
            dcoef[${2 * pitch} + k] = (float)d;
        }
    }
}
@ if batch then

    /* Running statistics of ${title}: mean and unbiased variance (PyTorch's definition), ${channels} each;
     * the newest batch counts ${momentum}. templates/norm.c.tpl */
    static void ${prefix}_track(float *restrict mean, float *restrict variance, const float *restrict sums, double pixels)
    {
        for (int k = 0; k < ${channels}; k++) {
            const double m = (double)sums[k] / pixels;
            const double v = (double)sums[${pitch} + k] / pixels - m * m;
            const double unbiased = (v > 0.0 ? v : 0.0) * (pixels > 1.0 ? pixels / (pixels - 1.0) : 1.0);
            mean[k] = (float)((1.0 - ${momentum}) * (double)mean[k] + ${momentum} * m);
            variance[k] = (float)((1.0 - ${momentum}) * (double)variance[k] + ${momentum} * unbiased);
        }
    }

    /* The line of ${title} in evaluation mode, from the running statistics. templates/norm.c.tpl */
    static void ${prefix}_eval(float *restrict coef, const float *restrict mean, const float *restrict variance, const float *restrict weight, const float *restrict bias)
    {
        for (int k = 0; k < ${channels}; k++) {
            const double a = (double)weight[k] / sqrt((double)variance[k] + ${eps});
            coef[k] = (float)a;
            coef[${pitch} + k] = (float)((double)bias[k] - (double)mean[k] * a);
        }
    }
@ end
