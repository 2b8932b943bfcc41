@ -- Where what the loops of kernels are given lies.
@ if plain then

    /* The largest pitch of an image: so long are arrays of sums, one for each channel. */
    enum { MOST_CHANNELS = ${most_channels} };
@ end
@ if wanted.image then

    static inline int floats_of(struct image it)
    {
        return (it.h + 2 * it.border) * (it.w + 2 * it.border) * it.pitch;
    }
@ end
@ if plain or wanted.pixel_of then

    /* Where pixel (row, col) lies; one of the frame has a row or column below 0, or h, w or above: the zeros
     * of clear_border(), which a convolution reads as padding. */
    static inline int pixel_of(struct image it, int row, int col)
    {
        return ((row + it.border) * (it.w + 2 * it.border) + col + it.border) * it.pitch;
    }
@ end
@ if wanted.row_of then

    /* Floats from a row to the next. */
    static inline int row_of(struct image it)
    {
        return (it.w + 2 * it.border) * it.pitch;
    }
@ end
@ if wanted.geometry then

    /* The input that an output sees with a tap of its window, down or across. */
    static inline int seen(struct axis axis, int output, int tap)
    {
        return output * axis.stride - axis.padding + tap * axis.dilation;
    }
@ end
@ if wanted.add_window then

    /* sum += x * w over the window of output (row, col) and the inputs. w: [tap][input][output], `outputs` of them. */
    static INLINE void add_window(${real} *restrict sum, int outputs, const ${real} *restrict x, struct image from, const ${real} *restrict w, struct geometry window, int row, int col)
    {
        for (int r = 0; r < window.h.taps; r++) {
            const int down = seen(window.h, row, r);
            for (int s = 0; s < window.w.taps; s++) {
                const ${real} *in = x + pixel_of(from, down, seen(window.w, col, s));
                for (int i = 0; i < from.c; i++, w += outputs) {
                    for (int k = 0; k < outputs; k++) {
                        sum[k] += in[i] * w[k];
                    }
                }
            }
        }
    }
@ end
@ if wanted.inside then

    /* The rows that output row `at` of a pool (dilation 1) sees of `size` rows; or the columns. */
    static inline struct span inside(int at, struct axis axis, int size)
    {
        const int first = seen(axis, at, 0);
        const int last = first + axis.taps;
        const struct span rows = {first > 0 ? first : 0, last < size ? last : size};
        return rows;
    }
@ end
@ if wanted.place_of then

    /* The place of pixel (r, s) in the window of output (row, col). */
    static inline int place_of(struct geometry window, int r, int row, int s, int col)
    {
        return (r - seen(window.h, row, 0)) * window.w.taps + s - seen(window.w, col, 0);
    }
@ end
@ if wanted.sum_pixels then

    /* What a norm needs of an image: sums: 3 rows: its first pixel, the sum of what all pixels differ from
     * that, the sum of the squares of this. Row by row: shorter sums round less. */
    static INLINE void sum_pixels(${real} *restrict sums, const ${real} *restrict y, struct image it)
    {
        const ${real} *first = y + pixel_of(it, 0, 0);
        memcpy(sums, first, (size_t)it.pitch * sizeof *sums);
        zero(sums + it.pitch, 2 * (size_t)it.pitch);
        for (int row = 0; row < it.h; row++) {
            ${real} sum[MOST_CHANNELS] = {0.0${f}};
            ${real} squares[MOST_CHANNELS] = {0.0${f}};
            for (int col = 0; col < it.w; col++) {
                const ${real} *pixel = y + pixel_of(it, row, col);
                for (int k = 0; k < it.pitch; k++) {
                    const ${real} distance = pixel[k] - first[k];
                    sum[k] += distance;
                    squares[k] += distance * distance;
                }
            }
            for (int k = 0; k < it.pitch; k++) {
                sums[it.pitch + k] += sum[k];
                sums[2 * it.pitch + k] += squares[k];
            }
        }
    }
@ end
@ if wanted.pixel_moments or wanted.image_moments then

    /* What normalizes a set, the channels of a pixel or an image: their mean as near + rest, a ${real} and what it lacks, and
     * scale = 1 / sqrt(variance + eps); where it is not centred, the mean counts as zero. */
    struct moments {
        ${real} near, rest, scale;
    };
@ end
@ if wanted.pixel_moments then

    /* Sums are those of distances to the first channel: a mean far above the deviation takes no digits from it. */
    static INLINE struct moments pixel_moments(const ${real} *x, int channels, ${real} eps, bool centred)
    {
        ${real} way = 0.0${f};
        ${real} squares = 0.0${f};
        for (int k = 0; centred && k < channels; k++) {
            way += x[k] - x[0];
        }
        way /= (${real})channels;
        const ${real} near = centred ? x[0] + way : 0.0${f};
        const ${real} rest = centred ? way - (near - x[0]) : 0.0${f};
        for (int k = 0; k < channels; k++) {
            const ${real} distance = x[k] - near - rest;
            squares += distance * distance;
        }
        const struct moments of = {near, rest, 1.0${f} / sqrt${f}(squares / (${real})channels + eps)};
        return of;
    }
@ end
@ if wanted.image_moments then

    /* The same of all channels of an image, row by row: shorter sums round less. */
    static INLINE struct moments image_moments(const ${real} *x, struct image it, ${real} eps, bool centred)
    {
        const ${real} values = (${real})(it.h * it.w * it.c);
        const ${real} first = x[pixel_of(it, 0, 0)];
        ${real} way = 0.0${f};
        for (int row = 0; centred && row < it.h; row++) {
            ${real} sum = 0.0${f};
            for (int col = 0; col < it.w; col++) {
                const ${real} *in = x + pixel_of(it, row, col);
                for (int k = 0; k < it.c; k++) {
                    sum += in[k] - first;
                }
            }
            way += sum / values;
        }
        const ${real} near = centred ? first + way : 0.0${f};
        const ${real} rest = centred ? way - (near - first) : 0.0${f};
        ${real} variance = 0.0${f};
        for (int row = 0; row < it.h; row++) {
            ${real} squares = 0.0${f};
            for (int col = 0; col < it.w; col++) {
                const ${real} *in = x + pixel_of(it, row, col);
                for (int k = 0; k < it.c; k++) {
                    const ${real} distance = in[k] - near - rest;
                    squares += distance * distance;
                }
            }
            variance += squares / values;
        }
        const struct moments of = {near, rest, 1.0${f} / sqrt${f}(variance + eps)};
        return of;
    }
@ end
@ if wanted.dropped then

    /* `value` behind a dropout: times `scale` where its bit is set, else 0; without bits, nothing is dropped. */
    static inline ${real} dropped(${real} value, const uint8_t *bits, int position, ${real} scale)
    {
        if (bits == NULL) {
            return value;
        }
        return (bits[position / 8] >> position % 8 & 1) != 0 ? value * scale : 0.0${f};
    }
@ end
