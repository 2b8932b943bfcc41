@ -- From the sums of a norm to the scale and shift that pointwise kernels apply, forward and
@ -- backward. Statistics are made in double: see moments.c.tpl.
@ -- A set is the channels that share their statistics: one channel of batch norm, one group else.
/* ${title}: statistics over ${set_size} x count elements, ${sets} sets.
 * ${inputs} of each channel over `count` values.
 * coef: 5 x ${pitch}: a = weight / deviation, b, m = the mean rounded to float, r = mean - m, 1 / deviation.
 * Scale and shift are a * (x - m) + b, b = bias - a * r: of an x near its mean, x - m is exact.
 * Kernel of c = ${channels} channels; eps ${eps}. templates/ops/norm.c.tpl */
@ prototype()
static void ${prefix}_fwd(float *restrict coef, const ${batch and "double *restrict moments" or "float *restrict sums"}, const float *restrict weight, const float *restrict bias, double count)
{
    @ if not batch then
        double moments[${2 * pitch}] = {0.0};
        add_image_moments(moments, 0.0, sums, ${pitch}, count);
    @ end
    for (int first = 0; first < ${channels}; first += ${set_size}) {
        double mean = 0.0;
        for (int k = first; k < first + ${set_size}; k++) {
            mean += moments[k] / ${set_size};
        }
        double squares = 0.0;
        for (int k = first; k < first + ${set_size}; k++) {
            const double distance = moments[k] - mean;
            squares += moments[${pitch} + k] + distance * distance * count;
        }
        const double scale = 1.0 / sqrt(squares / (count * ${set_size}) + ${eps});
        const float near = (float)mean;
        const double rest = mean - (double)near;
        for (int k = first; k < first + ${set_size}; k++) {
            const double a = (double)weight[k] * scale;
            coef[k] = (float)a;
            coef[${pitch} + k] = (float)((double)bias[k] - a * rest);
            coef[${2 * pitch} + k] = near;
            coef[${3 * pitch} + k] = (float)rest;
            coef[${4 * pitch} + k] = (float)scale;
        }
    }
}
@ if backward then

    /* Gradient of ${title}, dx = A * dy + B * (x - m) + D per channel.
     * sums: 2 x ${pitch}, sum of dy and of dy * (x - m) of each channel; coef as the forward pass left it.
     * dcoef: 3 x ${pitch}: A, B, D (set). dweight, dbias: ${channels} (added to${batch and "; NULL: left out" or ""}).
     * With x-hat = (x - mean) * scale and means over a set in angle brackets:
     * dx = scale * (weight * dy - <weight * dy> - x-hat * <weight * dy * x-hat>). templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_bwd(float *restrict dcoef, float *restrict dweight, float *restrict dbias, const ${batch and "double" or "float"} *restrict sums, const float *restrict coef, const float *restrict weight, double count)
    {
        for (int first = 0; first < ${channels}; first += ${set_size}) {
            const double rest = (double)coef[${3 * pitch} + first];
            const double scale = (double)coef[${4 * pitch} + first];
            double sum = 0.0;
            double product = 0.0;
            for (int k = first; k < first + ${set_size}; k++) {
                const double along = ((double)sums[${pitch} + k] - rest * (double)sums[k]) * scale;
                sum += (double)weight[k] * (double)sums[k];
                product += (double)weight[k] * along;
                @ if batch then
                    if (dweight != NULL) {
                        dweight[k] += (float)along;
                        dbias[k] += (float)sums[k];
                    }
                @ else
                    dweight[k] += (float)along;
                    dbias[k] += sums[k];
                @ end
            }
            const double b = -scale * scale * product / (count * ${set_size});
            const double d = -scale * sum / (count * ${set_size}) - b * rest;
            for (int k = first; k < first + ${set_size}; k++) {
                dcoef[k] = (float)((double)weight[k] * scale);
                dcoef[${pitch} + k] = (float)b;
                dcoef[${2 * pitch} + k] = (float)d;
            }
        }
    }
@ end
@ if whole then

    /* Running statistics of ${title}: mean and unbiased variance (PyTorch's definition), ${channels} each;
     * the newest batch counts ${momentum}. moments: those over `count` values. templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_track(float *restrict mean, float *restrict variance, const double *restrict moments, double count)
    {
        for (int k = 0; k < ${channels}; k++) {
            const double unbiased = moments[${pitch} + k] / (count > 1.0 ? count - 1.0 : 1.0);
            mean[k] = (float)((1.0 - ${momentum}) * (double)mean[k] + ${momentum} * moments[k]);
            variance[k] = (float)((1.0 - ${momentum}) * (double)variance[k] + ${momentum} * unbiased);
        }
    }
@ end
@ if batch then

    /* Scale and shift of ${title} in evaluation mode, from the running statistics: the first three rows of coef.
     * templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_eval(float *restrict coef, const float *restrict mean, const float *restrict variance, const float *restrict weight, const float *restrict bias)
    {
        for (int k = 0; k < ${channels}; k++) {
            coef[k] = (float)((double)weight[k] / sqrt((double)variance[k] + ${eps}));
            coef[${pitch} + k] = bias[k];
            coef[${2 * pitch} + k] = mean[k];
        }
    }
@ end
@ if ghosts then

    /* A ghost is `ghost` consecutive images of the batch (the last ghost may have fewer) that are normalized together.
     * parts: `floats` for each image of micro-batch `micro_batch`; those of others lie in the memory of theirs.
     * Returns those of `image`. templates/ops/norm.c.tpl */
    @ prototype()
    static const float *${prefix}_ghost_part(const struct net *net, const float *parts, int floats, int micro_batch, int image)
    {
        const int chunk_images = run_chunk_images(net->run->model);
        const int place = image % chunk_images;
        const int other = image / chunk_images * CHUNK_MICRO_BATCHES + place / MICRO_BATCH;
        return parts + (ptrdiff_t)(other - micro_batch) * MICRO_BATCH_FLOATS + place % MICRO_BATCH * floats;
    }

    /* The images of the ghost that `image` is in. templates/ops/norm.c.tpl */
    @ prototype()
    static struct span ${prefix}_ghost(const struct net *net, int image, int ghost)
    {
        const int first = image - image % ghost;
        const int images = net->run->batch->n;
        return (struct span){first, first + ghost < images ? first + ghost : images};
    }

    /* moments: 2 x ${pitch} of the ghost that `image` is in, from the sums of its images in order (set). Returns how
     * many values a channel has. templates/ops/norm.c.tpl */
    @ prototype()
    static double ${prefix}_ghost_moments(double *restrict moments, const struct net *net, const float *parts, int micro_batch, int image, int ghost, double pixels)
    {
        const struct span images = ${prefix}_ghost(net, image, ghost);
        memset(moments, 0, ${2 * pitch} * sizeof *moments);
        for (int i = images.first; i < images.last; i++) {
            const float *const part = ${prefix}_ghost_part(net, parts, ${3 * pitch}, micro_batch, i);
            add_image_moments(moments, (i - images.first) * pixels, part, ${pitch}, pixels);
        }
        return (images.last - images.first) * pixels;
    }

    /* What the image before `image`, the i-th of a micro-batch, has as its `floats` coefficients; NULL where it is in another
     * ghost, or in another chunk: those of one go through a phase in order. templates/ops/norm.c.tpl */
    @ prototype()
    static const float *${prefix}_ghost_coef(const float *coef, int floats, const struct net *net, int image, int i, int ghost)
    {
        if (image % ghost == 0 || image % run_chunk_images(net->run->model) == 0) {
            return NULL;
        }
        return i > 0 ? coef - floats : coef - MICRO_BATCH_FLOATS + (MICRO_BATCH - 1) * floats;
    }

    /* coef (5 x ${pitch}) of n images from `image` on: that of the ghost of each. templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_ghosts_fwd(float *coef, const struct net *net, const float *parts, int micro_batch, int image, int n, int ghost, const float *restrict weight, const float *restrict bias, double pixels)
    {
        for (int i = 0; i < n; i++, coef += ${5 * pitch}) {
            const float *before = ${prefix}_ghost_coef(coef, ${5 * pitch}, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(coef, before, ${5 * pitch} * sizeof coef[0]);
                continue;
            }
            double moments[${2 * pitch}];
            const double count = ${prefix}_ghost_moments(moments, net, parts, micro_batch, image + i, ghost, pixels);
            ${prefix}_fwd(coef, moments, weight, bias, count);
        }
    }

    /* dcoef (3 x ${pitch}) of n images from `image` on: that of the ghost of each. The first image of a ghost
     * adds to dweight and dbias for all of them. parts: 2 x ${pitch} each. templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_ghosts_bwd(float *dcoef, float *restrict dweight, float *restrict dbias, const struct net *net, const float *parts, int micro_batch, int image, int n, int ghost, const float *restrict coef, const float *restrict weight, double pixels)
    {
        for (int i = 0; i < n; i++, dcoef += ${3 * pitch}, coef += ${5 * pitch}) {
            const float *before = ${prefix}_ghost_coef(dcoef, ${3 * pitch}, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(dcoef, before, ${3 * pitch} * sizeof dcoef[0]);
                continue;
            }
            const bool is_first = (image + i) % ghost == 0;
            const struct span images = ${prefix}_ghost(net, image + i, ghost);
            double sums[${2 * pitch}] = {0.0};
            for (int other = images.first; other < images.last; other++) {
                const float *const part = ${prefix}_ghost_part(net, parts, ${2 * pitch}, micro_batch, other);
                for (int k = 0; k < ${2 * pitch}; k++) {
                    sums[k] += (double)part[k];
                }
            }
            ${prefix}_bwd(dcoef, is_first ? dweight : NULL, is_first ? dbias : NULL, sums, coef, weight, (images.last - images.first) * pixels);
        }
    }

    /* Running statistics over ghosts: the mean of their means and of their unbiased variances, ${channels} each,
     * where each weighs as many images as it has; the newest batch counts ${momentum}.
     * parts: those of micro-batch 0. templates/ops/norm.c.tpl */
    @ prototype()
    static void ${prefix}_ghosts_track(float *restrict mean, float *restrict variance, const struct net *net, const float *parts, int ghost, double pixels)
    {
        double m[${channels}] = {0.0};
        double v[${channels}] = {0.0};
        for (int first = 0; first < net->run->batch->n; first += ghost) {
            double moments[${2 * pitch}];
            const double count = ${prefix}_ghost_moments(moments, net, parts, 0, first, ghost, pixels);
            const double share = count / (net->run->batch->n * pixels);
            for (int k = 0; k < ${channels}; k++) {
                m[k] += share * moments[k];
                v[k] += share * moments[${pitch} + k] / (count > 1.0 ? count - 1.0 : 1.0);
            }
        }
        for (int k = 0; k < ${channels}; k++) {
            mean[k] = (float)((1.0 - ${momentum}) * (double)mean[k] + ${momentum} * m[k]);
            variance[k] = (float)((1.0 - ${momentum}) * (double)variance[k] + ${momentum} * v[k]);
        }
    }
@ end
