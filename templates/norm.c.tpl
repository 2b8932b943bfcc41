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
@ if whole then

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
@ end
@ if batch then

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
@ if ghosts then

    /* A ghost is `ghost` consecutive images of the batch (the last ghost may have fewer) that are normalized together.
     * sums: 2 x ${pitch} of the ghost that `image` is in, those of its images added up in order (set). Returns how many these are.
     * parts: 2 x ${pitch} for each image of group `group`; those of other groups lie in the memory of theirs. templates/norm.c.tpl */
    static int ${prefix}_ghost_sums(float *restrict sums, const struct net *net, const float *parts, int group, int image, int ghost)
    {
        const int chunk_images = run_chunk_images(net->run->model);
        const int first = image - image % ghost;
        const int last = first + ghost < net->run->batch->n ? first + ghost : net->run->batch->n;
        double total[${2 * pitch}] = {0.0};
        for (int i = first; i < last; i++) {
            const int place = i % chunk_images;
            const int other = i / chunk_images * CHUNK_GROUPS + place / GROUP;
            const float *part = parts + (ptrdiff_t)(other - group) * GROUP_FLOATS + place % GROUP * ${2 * pitch};
            for (int k = 0; k < ${2 * pitch}; k++) {
                total[k] += (double)part[k];
            }
        }
        for (int k = 0; k < ${2 * pitch}; k++) {
            sums[k] = (float)total[k];
        }
        return last - first;
    }

    /* What the image before `image`, the i-th of a group, has as its line of so many floats; NULL where it is in another
     * ghost, or in another chunk: those of one go through a phase in order. templates/norm.c.tpl */
    static const float *${prefix}_ghost_line(const float *line, int floats, const struct net *net, int image, int i, int ghost)
    {
        if (image % ghost == 0 || image % run_chunk_images(net->run->model) == 0) {
            return NULL;
        }
        return i > 0 ? line - floats : line - GROUP_FLOATS + (GROUP - 1) * floats;
    }

    /* coef (4 x ${pitch}) of n images from `image` on: that of the ghost of each. templates/norm.c.tpl */
    static void ${prefix}_ghosts_fwd(float *coef, const struct net *net, const float *parts, int group, int image, int n, int ghost, const float *restrict weight, const float *restrict bias, double pixels)
    {
        for (int i = 0; i < n; i++, coef += ${4 * pitch}) {
            const float *before = ${prefix}_ghost_line(coef, ${4 * pitch}, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(coef, before, ${4 * pitch} * sizeof coef[0]);
                continue;
            }
            float sums[${2 * pitch}];
            const int images = ${prefix}_ghost_sums(sums, net, parts, group, image + i, ghost);
            ${prefix}_fwd(coef, sums, weight, bias, images * pixels);
        }
    }

    /* dcoef (3 x ${pitch}) of n images from `image` on: that of the ghost of each. The first image of a ghost
     * adds to dweight and dbias for all of them. templates/norm.c.tpl */
    static void ${prefix}_ghosts_bwd(float *dcoef, float *restrict dweight, float *restrict dbias, const struct net *net, const float *parts, int group, int image, int n, int ghost, const float *restrict coef, const float *restrict weight, double pixels)
    {
        for (int i = 0; i < n; i++, dcoef += ${3 * pitch}, coef += ${4 * pitch}) {
            const float *before = ${prefix}_ghost_line(dcoef, ${3 * pitch}, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(dcoef, before, ${3 * pitch} * sizeof dcoef[0]);
                continue;
            }
            const bool is_first = (image + i) % ghost == 0;
            float sums[${2 * pitch}];
            const int images = ${prefix}_ghost_sums(sums, net, parts, group, image + i, ghost);
            ${prefix}_bwd(dcoef, is_first ? dweight : NULL, is_first ? dbias : NULL, sums, coef, weight, images * pixels);
        }
    }

    /* Running statistics over ghosts: the mean of their means and of their unbiased variances, ${channels} each,
     * where each weighs as many images as it has; the newest batch counts ${momentum}.
     * parts: those of group 0. templates/norm.c.tpl */
    static void ${prefix}_ghosts_track(float *restrict mean, float *restrict variance, const struct net *net, const float *parts, int ghost, double pixels)
    {
        double m[${channels}] = {0.0};
        double v[${channels}] = {0.0};
        for (int first = 0; first < net->run->batch->n; first += ghost) {
            float sums[${2 * pitch}];
            const int images = ${prefix}_ghost_sums(sums, net, parts, 0, first, ghost);
            const double count = images * pixels;
            const double unbiased = count > 1.0 ? count / (count - 1.0) : 1.0;
            const double share = (double)images / net->run->batch->n;
            for (int k = 0; k < ${channels}; k++) {
                const double center = (double)sums[k] / count;
                const double spread = (double)sums[${pitch} + k] / count - center * center;
                m[k] += share * center;
                v[k] += share * unbiased * (spread > 0.0 ? spread : 0.0);
            }
        }
        for (int k = 0; k < ${channels}; k++) {
            mean[k] = (float)((1.0 - ${momentum}) * (double)mean[k] + ${momentum} * m[k]);
            variance[k] = (float)((1.0 - ${momentum}) * (double)variance[k] + ${momentum} * v[k]);
        }
    }
@ end
