@ -- From the sums of a norm to the scale and shift that pointwise kernels apply, forward and
@ -- backward. Statistics are made in double: see moments.c.tpl. One text for all norms of a kind; the
@ -- sizes that they are given make functions of each (norm_entry.c.tpl).
@ -- A set is the channels that share their statistics: one channel of batch norm, one group else.
@ local word = batch and "batch_norm" or "group_norm"
/* What tells one ${title} from another: `set` channels share their statistics, rows of sums and
 * coefficients have `pitch` ${real}s${batch and ", and the newest batch counts `momentum` in the running statistics" or ""}. */
struct ${word} {
    int channels, set, pitch;
    double eps${batch and ", momentum" or ""};
};

/* Normalization: y = weight * x-hat + bias with x-hat = (x - mean) / deviation, where mean and deviation are
 * those of the set * count elements of a set${batch and "" or " in one image"}, deviation = sqrt(variance + eps).
 * Kernels apply it as y = a * (x - m) + b with a = weight / deviation, m = the mean rounded to ${real} and
 * b = bias - a * (mean - m): of an x near its mean, x - m is exact.
 * ${batch and "moments: 2 x pitch, those" or "sums: 3 x pitch, those (see take_image_sums)"} of each channel over `count` values.
 * coef: 5 x pitch: a, b, m (near), mean - m (rest), 1 / deviation (scale).
 * templates/ops/norm.c.tpl */
static INLINE void ${word}_fwd(${signatures.fwd}, struct ${word} of)
{
    @ if not batch then
        double moments[${2 * most_pitch}]${merges and " = {0.0}" or ""}; /* 2 rows of up to ${most_pitch} */
        take_image_sums(moments, ${merges and "0.0, " or ""}sums, of.pitch, count);
    @ end
    for (int first = 0; first < of.channels; first += of.set) {
        double mean = 0.0;
        for (int k = first; k < first + of.set; k++) {
            mean += moments[k] / of.set;
        }
        double squares = 0.0;
        for (int k = first; k < first + of.set; k++) {
            const double distance = moments[k] - mean;
            squares += moments[of.pitch + k] + distance * distance * count;
        }
        const double scale = 1.0 / sqrt(squares / (count * of.set) + of.eps);
        const ${real} near = (${real})mean;
        const double rest = mean - (double)near;
        for (int k = first; k < first + of.set; k++) {
            const double a = (double)weight[k] * scale;
            coef[k] = (${real})a;
            coef[of.pitch + k] = (${real})((double)bias[k] - a * rest);
            coef[2 * of.pitch + k] = near;
            coef[3 * of.pitch + k] = (${real})rest;
            coef[4 * of.pitch + k] = (${real})scale;
        }
    }
}
@ if backward then

    /* Its gradient. x-hat depends on every x of its set, through mean and deviation, so with s = 1 / deviation,
     * g the gradient for y, u = weight * g and means over a set in angle brackets
     *     dx = s * (u - <u> - x-hat * <u * x-hat>).
     * With x-hat = s * ((x - m) - (mean - m)) that is what kernels apply, A * g + B * (x - m) + D:
     *     A = weight * s,  B = -s * s * <u * x-hat>,  D = -s * <u> - B * (mean - m).
     * Both means follow from two sums a channel: sum of u * x-hat = weight * along,
     * along = s * (sum of g * (x - m) - (mean - m) * sum of g).
     * sums: 2 x pitch: sum of g, sum of g * (x - m); coef as the forward pass left it.
     * dcoef: 3 x pitch: A, B, D (overwritten). dweight, dbias: channels (added to${batch and "; NULL: left out" or ""}). templates/ops/norm.c.tpl */
    static INLINE void ${word}_bwd(${signatures.bwd}, struct ${word} of)
    {
        for (int first = 0; first < of.channels; first += of.set) {
            const double rest = (double)coef[3 * of.pitch + first];
            const double scale = (double)coef[4 * of.pitch + first];
            double sum = 0.0;
            double product = 0.0;
            for (int k = first; k < first + of.set; k++) {
                const double along = ((double)sums[of.pitch + k] - rest * (double)sums[k]) * scale;
                sum += (double)weight[k] * (double)sums[k];
                product += (double)weight[k] * along;
                @ if batch then
                    if (dweight != NULL) {
                        dweight[k] += (${real})along;
                        dbias[k] += (${real})sums[k];
                    }
                @ else
                    dweight[k] += (${real})along;
                    dbias[k] += sums[k];
                @ end
            }
            const double B = -scale * scale * product / (count * of.set);
            const double D = -scale * sum / (count * of.set) - B * rest;
            for (int k = first; k < first + of.set; k++) {
                dcoef[k] = (${real})((double)weight[k] * scale);
                dcoef[of.pitch + k] = (${real})B;
                dcoef[2 * of.pitch + k] = (${real})D;
            }
        }
    }
@ end
@ if whole then

    /* Running statistics: mean and unbiased variance (PyTorch's definition) of each channel.
     * moments: those over `count` values. templates/ops/norm.c.tpl */
    static INLINE void ${word}_track(${signatures.track}, struct ${word} of)
    {
        for (int k = 0; k < of.channels; k++) {
            const double unbiased = moments[of.pitch + k] / (count > 1.0 ? count - 1.0 : 1.0);
            mean[k] = (${real})((1.0 - of.momentum) * (double)mean[k] + of.momentum * moments[k]);
            variance[k] = (${real})((1.0 - of.momentum) * (double)variance[k] + of.momentum * unbiased);
        }
    }
@ end
@ if batch then

    /* Scale and shift in evaluation mode, from the running statistics: the first three rows of coef.
     * templates/ops/norm.c.tpl */
    static INLINE void ${word}_eval(${signatures.eval}, struct ${word} of)
    {
        for (int k = 0; k < of.channels; k++) {
            coef[k] = (${real})((double)weight[k] / sqrt((double)variance[k] + of.eps));
            coef[of.pitch + k] = bias[k];
            coef[2 * of.pitch + k] = mean[k];
        }
    }
@ end
@ if whole then

    /* Where all images have met: run_meet waits for all threads (also of other processes, where several train together: run.h);
     * 1: a chunk has one part. parts: moments, 2 x pitch, of each chunk, CHUNK_FLOATS apart; total: what every thread adds up of them;
     * pixels: of an image. One thread moves the running statistics. templates/ops/norm.c.tpl */
    static INLINE void ${word}_join_fwd(${signatures.join_fwd}, struct ${word} of)
    {
        run_meet(net->run, net->rank, (${real} *)parts, 1, CHUNK_FLOATS, 2 * (size_t)of.pitch * (sizeof *parts / sizeof *coef));
        count_time(net, SLOT_WAIT);
        const double count = net->run->batch->n * pixels;
        batch_moments(total, net->run, (${real} *)parts, of.pitch, pixels);
        batch_norm_fwd(coef, total, weight, bias, count, of);
        if (net->rank == 0) {
            batch_norm_track(mean, variance, total, count, of);
        }
        count_time(net, SLOT_JOIN);
    }

    /* The same for its gradient; one thread adds to dweight and dbias, of chunk 0, for all of them.
     * templates/ops/norm.c.tpl */
    static INLINE void ${word}_join_bwd(${signatures.join_bwd}, struct ${word} of)
    {
        run_meet(net->run, net->rank, (${real} *)parts, 1, CHUNK_FLOATS, 2 * (size_t)of.pitch * (sizeof *parts / sizeof *coef));
        count_time(net, SLOT_WAIT);
        batch_sums(total, net->run, (${real} *)parts, of.pitch);
        const bool adds = net->rank == 0;
        batch_norm_bwd(dcoef, adds ? dweight : NULL, adds ? dbias : NULL, total, coef, weight, net->run->batch->n * pixels, of);
        count_time(net, SLOT_JOIN);
    }
@ end
@ if ghosts then

    /* A ghost is `ghost` consecutive images of the batch (the last ghost may have fewer) that are normalized together.
     * parts: `floats` for each image of micro-batch `micro_batch`; those of others lie in the memory of theirs.
     * Returns those of `image`. templates/ops/norm.c.tpl */
    static const ${real} *ghost_part(const struct net *net, const ${real} *parts, int floats, int micro_batch, int image)
    {
        const int chunk_images = run_chunk_images(net->run->model);
        const int place = image % chunk_images;
        const int other = image / chunk_images * CHUNK_MICRO_BATCHES + place / MICRO_BATCH;
        return parts + (ptrdiff_t)(other - micro_batch) * MICRO_BATCH_FLOATS + place % MICRO_BATCH * floats;
    }

    /* The images of the ghost that `image` is in. templates/ops/norm.c.tpl */
    static struct span ghost_of(const struct net *net, int image, int ghost)
    {
        const int first = image - image % ghost;
        const int images = net->run->batch->n;
        return (struct span){first, first + ghost < images ? first + ghost : images};
    }

    /* moments: 2 x pitch of the ghost that `image` is in, from the sums of its images in order (set). Returns how
     * many values a channel has. templates/ops/norm.c.tpl */
    static INLINE double ghost_moments(double *restrict moments, const struct net *net, const ${real} *parts, int micro_batch, int image, int ghost, double pixels, struct batch_norm of)
    {
        const struct span images = ghost_of(net, image, ghost);
        memset(moments, 0, 2 * (size_t)of.pitch * sizeof *moments);
        for (int i = images.first; i < images.last; i++) {
            const ${real} *const part = ghost_part(net, parts, 3 * of.pitch, micro_batch, i);
            take_image_sums(moments, (i - images.first) * pixels, part, of.pitch, pixels);
        }
        return (images.last - images.first) * pixels;
    }

    /* What the image before `image`, the i-th of a micro-batch, has as its `floats` coefficients; NULL where it is in another
     * ghost, or in another chunk: those of one go through a phase in order. templates/ops/norm.c.tpl */
    static const ${real} *ghost_coef(const ${real} *coef, int floats, const struct net *net, int image, int i, int ghost)
    {
        if (image % ghost == 0 || image % run_chunk_images(net->run->model) == 0) {
            return NULL;
        }
        return i > 0 ? coef - floats : coef - MICRO_BATCH_FLOATS + (MICRO_BATCH - 1) * floats;
    }

    /* coef (5 x pitch) of n images from `image` on: that of the ghost of each. templates/ops/norm.c.tpl */
    static INLINE void ${word}_ghosts_fwd(${signatures.ghosts_fwd}, struct ${word} of)
    {
        for (int i = 0; i < n; i++, coef += 5 * of.pitch) {
            const ${real} *before = ghost_coef(coef, 5 * of.pitch, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(coef, before, 5 * (size_t)of.pitch * sizeof coef[0]);
                continue;
            }
            double moments[${2 * most_pitch}];
            const double count = ghost_moments(moments, net, parts, micro_batch, image + i, ghost, pixels, of);
            batch_norm_fwd(coef, moments, weight, bias, count, of);
        }
    }

    /* dcoef (3 x pitch) of n images from `image` on: that of the ghost of each. The first image of a ghost
     * adds to dweight and dbias for all of them. parts: 2 x pitch each. templates/ops/norm.c.tpl */
    static INLINE void ${word}_ghosts_bwd(${signatures.ghosts_bwd}, struct ${word} of)
    {
        for (int i = 0; i < n; i++, dcoef += 3 * of.pitch, coef += 5 * of.pitch) {
            const ${real} *before = ghost_coef(dcoef, 3 * of.pitch, net, image + i, i, ghost);
            if (before != NULL) {
                memcpy(dcoef, before, 3 * (size_t)of.pitch * sizeof dcoef[0]);
                continue;
            }
            const bool is_first = (image + i) % ghost == 0;
            const struct span images = ghost_of(net, image + i, ghost);
            double sums[${2 * most_pitch}] = {0.0};
            for (int other = images.first; other < images.last; other++) {
                const ${real} *const part = ghost_part(net, parts, 2 * of.pitch, micro_batch, other);
                for (int k = 0; k < 2 * of.pitch; k++) {
                    sums[k] += (double)part[k];
                }
            }
            batch_norm_bwd(dcoef, is_first ? dweight : NULL, is_first ? dbias : NULL, sums, coef, weight, (images.last - images.first) * pixels, of);
        }
    }

    /* Running statistics over ghosts: the mean of their means and of their unbiased variances of each channel,
     * where each weighs as many images as it has; the newest batch counts `momentum`.
     * parts: those of micro-batch 0. templates/ops/norm.c.tpl */
    static INLINE void ${word}_ghosts_track(${signatures.ghosts_track}, struct ${word} of)
    {
        double m[${most_pitch}] = {0.0};
        double v[${most_pitch}] = {0.0};
        for (int first = 0; first < net->run->batch->n; first += ghost) {
            double moments[${2 * most_pitch}];
            const double count = ghost_moments(moments, net, parts, 0, first, ghost, pixels, of);
            const double share = count / (net->run->batch->n * pixels);
            for (int k = 0; k < of.channels; k++) {
                m[k] += share * moments[k];
                v[k] += share * moments[of.pitch + k] / (count > 1.0 ? count - 1.0 : 1.0);
            }
        }
        for (int k = 0; k < of.channels; k++) {
            mean[k] = (${real})((1.0 - of.momentum) * (double)mean[k] + of.momentum * m[k]);
            variance[k] = (${real})((1.0 - of.momentum) * (double)variance[k] + of.momentum * v[k]);
        }
    }
@ end

@ if not batch then
    @ for _, both in ipairs(backward and (forward_alone and { true, false } or { true }) or { false }) do
        /* The functions of group_norm<groups>_c<channels>, for n images with statistics of their own${both and "" or "; forward alone"}. */
        #define GROUP_NORM${both and "" or "_FWD"}(NAME, ...) \
            static void NAME##_fwd(${signatures.fwd}, int n) \
            { \
                const struct group_norm of = {__VA_ARGS__}; \
                for (int i = 0; i < n; i++, coef += 5 * of.pitch, sums += 3 * of.pitch) { \
                    group_norm_fwd(coef, sums, weight, bias, count, of); \
                } \
            }${both and " \\" or ""}
            @ if both then
                static void NAME##_bwd(${signatures.bwd}, int n) \
                { \
                    const struct group_norm of = {__VA_ARGS__}; \
                    for (int i = 0; i < n; i++, dcoef += 3 * of.pitch, sums += 2 * of.pitch, coef += 5 * of.pitch) { \
                        group_norm_bwd(dcoef, dweight, dbias, sums, coef, weight, count, of); \
                    } \
                }
            @ end
    @ end
@ else
    /* The functions of a norm of these sizes: in evaluation, for n sets of coefficients${whole and "; where all images share its statistics" or ""}${ghosts and "; where those of a ghost do" or ""}. */
    #define BATCH_NORM(NAME, ...) \
        static void NAME##_eval(${signatures.eval}, int n) \
        { \
            const struct batch_norm of = {__VA_ARGS__}; \
            for (int i = 0; i < n; i++, coef += 5 * of.pitch) { \
                batch_norm_eval(coef, mean, variance, weight, bias, of); \
            } \
        }
    @ if whole then
        #define BATCH_NORM_WHOLE(NAME, ...) \
            static void NAME##_join_fwd(${signatures.join_fwd}) \
            { \
                batch_norm_join_fwd(coef, net, parts, total, weight, bias, mean, variance, pixels, (struct batch_norm){__VA_ARGS__}); \
            } \
            static void NAME##_join_bwd(${signatures.join_bwd}) \
            { \
                batch_norm_join_bwd(dcoef, dweight, dbias, net, parts, total, coef, weight, pixels, (struct batch_norm){__VA_ARGS__}); \
            }
    @ end
    @ if ghosts then
        #define BATCH_NORM_GHOSTS(NAME, ...) \
            static void NAME##_ghosts_fwd(${signatures.ghosts_fwd}) \
            { \
                batch_norm_ghosts_fwd(coef, net, parts, micro_batch, image, n, ghost, weight, bias, pixels, (struct batch_norm){__VA_ARGS__}); \
            } \
            static void NAME##_ghosts_bwd(${signatures.ghosts_bwd}) \
            { \
                batch_norm_ghosts_bwd(dcoef, dweight, dbias, net, parts, micro_batch, image, n, ghost, coef, weight, pixels, (struct batch_norm){__VA_ARGS__}); \
            } \
            static void NAME##_ghosts_track(${signatures.ghosts_track}) \
            { \
                batch_norm_ghosts_track(mean, variance, net, parts, ghost, pixels, (struct batch_norm){__VA_ARGS__}); \
            }
    @ end
@ end
