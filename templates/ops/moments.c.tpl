@ -- What the sums of norms' kernels come to. A sum over many values is never taken over the values
@ -- themselves, whose mean may be far above their deviation.
@ local moments = "moments, 2 x pitch: the mean of each channel, then the sum of the squared deviations from it"
/* ${merges and "Adds an image to " or "Of an image, "}${moments}${merges and ". `before`: values that a channel has there; the first image finds zeros. Images come in order (Chan, Golub and LeVeque 1979)" or ""}.
 * sums: 3 x pitch, over `pixels` values a channel: a shift, the sum of (value - shift), the sum of its square. `off` is the mean's
 * distance from the shift, which is one of the values: off * off <= pixels * their variance. So `spread`, a difference, is at
 * least 1 / (pixels + 1) of the sum of squares: not all its digits cancel. templates/ops/moments.c.tpl */
@ prototype()
static void take_image_sums(double *restrict moments, ${merges and "double before, " or ""}const ${real} *restrict sums, int pitch, double pixels)
{
    @ if merges then
        const double share = pixels / (before + pixels);
    @ end
    for (int k = 0; k < pitch; k++) {
        const double off = (double)sums[pitch + k] / pixels;
        const double spread = (double)sums[2 * pitch + k] - off * off * pixels;
        @ if merges then
            const double distance = (double)sums[k] + off - moments[k];
            moments[k] += distance * share;
            moments[pitch + k] += (spread > 0.0 ? spread : 0.0) + distance * distance * before * share;
        @ else
            moments[k] = (double)sums[k] + off;
            moments[pitch + k] = spread > 0.0 ? spread : 0.0;
        @ end
    }
}
@ if gathers then

    /* The same with the moments of a part over `count` values. templates/ops/moments.c.tpl */
    @ prototype()
    static void merge_moments(double *restrict moments, double before, const double *restrict part, int pitch, double count)
    {
        const double share = count / (before + count);
        for (int k = 0; k < pitch; k++) {
            const double distance = part[k] - moments[k];
            moments[k] += distance * share;
            moments[pitch + k] += part[pitch + k] + distance * distance * before * share;
        }
    }

    /* Adds n images from `image` on to the moments of their chunk. templates/ops/moments.c.tpl */
    @ prototype()
    static void chunk_moments(double *moments, const ${real} *sums, const struct net *net, int chunk, int image, int n, int pitch, double pixels)
    {
        const int before = image - run_chunk(net->run, chunk).first;
        for (int i = 0; i < n; i++, sums += 3 * pitch) {
            take_image_sums(moments, (before + i) * pixels, sums, pitch, pixels);
        }
    }

    /* Moments of the batch from those of its chunks, which lie CHUNK_FLOATS apart. templates/ops/moments.c.tpl */
    static void batch_moments(double *moments, const struct run *run, const ${real} *chunks, int pitch, double pixels)
    {
        memset(moments, 0, 2 * (size_t)pitch * sizeof *moments);
        for (int chunk = 0; chunk < run_chunks(run); chunk++, chunks += CHUNK_FLOATS) {
            const struct span images = run_chunk(run, chunk);
            merge_moments(moments, images.first * pixels, (const double *)chunks, pitch, (images.last - images.first) * pixels);
        }
    }

    /* Adds the sums of a gradient over n images, 2 x pitch each, to those of their chunk. templates/ops/moments.c.tpl */
    @ prototype()
    static void chunk_sums(double *restrict total, const ${real} *restrict sums, int n, int pitch)
    {
        for (int i = 0; i < n; i++, sums += 2 * pitch) {
            for (int k = 0; k < 2 * pitch; k++) {
                total[k] += (double)sums[k];
            }
        }
    }

    /* Sums of the batch from those of its chunks, which lie CHUNK_FLOATS apart. templates/ops/moments.c.tpl */
    static void batch_sums(double *restrict total, const struct run *run, const ${real} *chunks, int pitch)
    {
        memset(total, 0, 2 * (size_t)pitch * sizeof *total);
        for (int chunk = 0; chunk < run_chunks(run); chunk++, chunks += CHUNK_FLOATS) {
            const double *const part = (const double *)chunks;
            for (int k = 0; k < 2 * pitch; k++) {
                total[k] += part[k];
            }
        }
    }
@ end
