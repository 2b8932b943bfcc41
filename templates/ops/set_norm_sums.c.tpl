@ -- The statistics of norms over the channels of each pixel: sums across the lanes of vectors, of as many
@ -- pixels at once as a vector has lanes, so that a lane is a pixel's. Each is made for layer norm and for
@ -- RMS norm, which has no mean. What stands in the lanes that fill up a vector may be anything. Norms over
@ -- an image have one sum at a time. Two pixels are taken together: additions to the sums of one wait for each
@ -- other.
@ if wanted.sum_of_lanes then

    static inline double sum_of_lanes(${vec} v)
    {
        ${real} lanes[${vl}];
        ${mm}_storeu_ps(lanes, v);
        double sum = 0.0;
        for (int i = 0; i < ${vl}; i++) {
            sum += (double)lanes[i];
        }
        return sum;
    }
@ end
@ if wanted.lane_sums then

    /* Lane i: the sum of the first ${vl} numbers of row i, of rows 0 to last, which are `pitch` numbers apart; lanes
     * behind them are as the last. */
    static INLINE ${vec} lane_sums(const ${real} *rows, int pitch, int last)
    {
        @ local function row(at)
            @ return "rows + (" .. at .. " < last ? " .. at .. " : last) * pitch"
        @ end
        @ if isa == "avx512" then
            /* Quarters of rows i, 4 + i, 8 + i and 12 + i, then their lanes. */
            __m512 sums[4];
            for (int i = 0; i < 4; i++) {
                const __m512 a = _mm512_loadu_ps(${row "i"});
                const __m512 b = _mm512_loadu_ps(${row "i + 4"});
                const __m512 c = _mm512_loadu_ps(${row "i + 8"});
                const __m512 d = _mm512_loadu_ps(${row "i + 12"});
                const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
                const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x88), _mm512_shuffle_f32x4(c, d, 0xdd));
                sums[i] = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
            }
        @ elseif isa == "avx2" then
            /* Halves of rows i and 4 + i, then their lanes. */
            __m256 sums[4];
            for (int i = 0; i < 4; i++) {
                const __m256 a = _mm256_loadu_ps(${row "i"});
                const __m256 b = _mm256_loadu_ps(${row "i + 4"});
                sums[i] = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
            }
        @ end
        @ if isa == "avx512" or isa == "avx2" then
            const ${vec} low = ${mm}_add_ps(${mm}_shuffle_ps(sums[0], sums[1], 0x88), ${mm}_shuffle_ps(sums[0], sums[1], 0xdd));
            const ${vec} high = ${mm}_add_ps(${mm}_shuffle_ps(sums[2], sums[3], 0x88), ${mm}_shuffle_ps(sums[2], sums[3], 0xdd));
            return ${mm}_add_ps(${mm}_shuffle_ps(low, high, 0x88), ${mm}_shuffle_ps(low, high, 0xdd));
        @ else
            vec4 sums;
            for (int i = 0; i < 4; i++) {
                const ${real} *at = ${row "i"};
                sums[i] = at[0] + at[1] + (at[2] + at[3]);
            }
            return sums;
        @ end
    }
@ end
@ if wanted.rms_scales or wanted.layer_scales then
    @ if vec == "vec4" then uses "vec4_div_ps" end

    /* 1 / sqrt(square + eps). */
    static inline ${vec} rms_scales(${vec} square, ${real} eps)
    {
        @ if isa == "avx512" or isa == "avx2" then
            const ${vec} root = ${mm}_sqrt_ps(${mm}_add_ps(square, ${mm}_set1_ps(eps)));
        @ elseif isa == "neon" then
            const vec4 root = vsqrtq_f32(square + vec4_set1_ps(eps));
        @ else
            vec4 root;
            for (int i = 0; i < 4; i++) {
                root[i] = sqrt${f}(square[i] + eps);
            }
        @ end
        return ${mm}_div_ps(${mm}_set1_ps(1.0${f}), root);
    }
@ end
@ if wanted.layer_scales then

    /* The same of the variance of what has this mean of squares, and `off` as its mean. */
    static inline ${vec} layer_scales(${vec} square, ${vec} off, ${real} eps)
    {
        return rms_scales(${mm}_max_ps(${mm}_setzero_ps(), ${mm}_fnmadd_ps(off, off, square)), eps);
    }
@ end
@ if wanted.layer_statistics or wanted.rms_statistics or wanted.layer_gradients or wanted.rms_gradients then

    enum { MOST_PIXELS = 32 };
@ end
@ if wanted.first_means then
    @ uses "lane_sums"
    @ uses "first_lanes"

    /* The means of the first ${vl} channels of up to MOST_PIXELS pixels, or of all where there are fewer. */
    static INLINE void first_means(${real} *restrict means, const ${real} *restrict x, int pixels, int channels, int pitch)
    {
        const ${vec} share = ${mm}_set1_ps(1.0${f} / (${real})(channels < ${vl} ? channels : ${vl}));
        ${real} rows[MOST_PIXELS * ${vl}];
        for (int i = 0; channels < ${vl} && i < pixels; i++) {
            ${mm}_storeu_ps(rows + i * ${vl}, first_lanes(${mm}_loadu_ps(x + i * pitch), channels));
        }
        for (int i = 0; i < pixels; i += ${vl}) {
            const ${vec} sums = channels < ${vl} ? lane_sums(rows + i * ${vl}, ${vl}, pixels - 1 - i) : lane_sums(x + i * pitch, pitch, pixels - 1 - i);
            ${mm}_storeu_ps(means + i, ${mm}_mul_ps(sums, share));
        }
    }
@ end
@ for _, norm in ipairs { "layer", "rms" } do
    @ local centred = norm == "layer"
    @ local function masked(value)
        @ return "k + " .. vl .. " <= channels ? " .. value .. " : first_lanes(" .. value .. ", channels - k)"
    @ end
    @ if wanted[norm .. "_statistics"] then
        @ uses(norm .. "_scales")
        @ uses "lane_sums"
        @ uses "first_lanes"
        @ if centred then
            @ uses "first_means"

            /* What normalizes the channels of up to MOST_PIXELS pixels: x-hat = (x - near - rest) * scale, where near is the mean
             * of some channels and near + rest that of all. A distance to a number near the mean is exact, so that a mean
             * far above the deviation takes no digits from it. */
            static INLINE void layer_statistics(${real} *restrict near, ${real} *restrict rest, ${real} *restrict scale, const ${real} *restrict x, int pixels, int channels, int pitch, ${real} eps)
        @ else

            /* What normalizes the channels of up to MOST_PIXELS pixels: x-hat = x * scale. */
            static INLINE void rms_statistics(${real} *restrict scale, const ${real} *restrict x, int pixels, int channels, int pitch, ${real} eps)
        @ end
        {
            @ if centred then
                ${real} sums[MOST_PIXELS * ${vl}];
                first_means(near, x, pixels, channels, pitch);
            @ end
            ${real} squares[MOST_PIXELS * ${vl}];
            for (int i = 0; i < pixels; i += 2, x += 2 * pitch) {
                /* Of the last of an odd number twice. */
                const int next = i + 1 < pixels ? pitch : 0;
                @ for p = 0, 1 do
                    @ if centred then
                        const ${vec} shift${p} = ${mm}_set1_ps(near[i${p == 0 and "" or " + 1 < pixels ? i + 1 : i"}]);
                        ${vec} sum${p} = ${mm}_setzero_ps();
                    @ end
                    ${vec} square${p} = ${mm}_setzero_ps();
                @ end
                for (int k = 0; k < channels; k += ${vl}) {
                    @ for p = 0, 1 do
                        @ local x0 = mm .. "_loadu_ps(x" .. (p == 0 and "" or " + next") .. " + k)"
                        const ${vec} d${p} = ${centred and mm .. "_sub_ps(" .. x0 .. ", shift" .. p .. ")" or x0};
                        const ${vec} e${p} = ${masked("d" .. p)};
                        @ if centred then
                            sum${p} = ${mm}_add_ps(sum${p}, e${p});
                        @ end
                        square${p} = ${mm}_fmadd_ps(e${p}, e${p}, square${p});
                    @ end
                }
                @ for p = 0, 1 do
                    @ if centred then
                        ${mm}_storeu_ps(${c.add("sums + i * " .. vl, p * vl)}, sum${p});
                    @ end
                    ${mm}_storeu_ps(${c.add("squares + i * " .. vl, p * vl)}, square${p});
                @ end
            }
            const ${vec} share = ${mm}_set1_ps(1.0${f} / (${real})channels);
            for (int i = 0; i < pixels; i += ${vl}) {
                const ${vec} square = ${mm}_mul_ps(lane_sums(squares + i * ${vl}, ${vl}, pixels - 1 - i), share);
                @ if centred then
                    const ${vec} off = ${mm}_mul_ps(lane_sums(sums + i * ${vl}, ${vl}, pixels - 1 - i), share);
                    ${mm}_storeu_ps(rest + i, off);
                    ${mm}_storeu_ps(scale + i, layer_scales(square, off, eps));
                @ else
                    ${mm}_storeu_ps(scale + i, rms_scales(square, eps));
                @ end
            }
        }
    @ end
    @ if wanted[norm .. "_gradients"] then
        @ uses(norm .. "_scales")
        @ uses "lane_sums"
        @ uses "first_lanes"
        @ if centred then
            @ uses "first_means"

            /* What the gradients of up to MOST_PIXELS pixels are made of. With u = w * dy, s = scale and means over the channels in
             * angle brackets, dx = s * (u - <u> - x-hat * <u * x-hat>) = s * u + along * (x - near) + level with
             * along = -s * s * <u * x-hat>, level = -s * <u> - along * rest; see layer_statistics. */
            static INLINE void layer_gradients(${real} *restrict near, ${real} *restrict scale, ${real} *restrict along, ${real} *restrict level, const ${real} *restrict x, const ${real} *dy, const ${real} *restrict w, int pixels, int channels, int pitch, ${real} eps)
        @ else

            /* What the gradients of up to MOST_PIXELS pixels are made of. With u = w * dy, s = scale and means over the channels in
             * angle brackets, dx = s * (u - x-hat * <u * x-hat>) = s * u + along * x with along = -s * s * <u * x-hat>. */
            static INLINE void rms_gradients(${real} *restrict scale, ${real} *restrict along, const ${real} *restrict x, const ${real} *dy, const ${real} *restrict w, int pixels, int channels, int pitch, ${real} eps)
        @ end
        {
            @ if centred then
                ${real} sums[MOST_PIXELS * ${vl}];
                ${real} levels[MOST_PIXELS * ${vl}];
                first_means(near, x, pixels, channels, pitch);
            @ end
            ${real} squares[MOST_PIXELS * ${vl}];
            ${real} products[MOST_PIXELS * ${vl}];
            for (int i = 0; i < pixels; i += 2, x += 2 * pitch, dy += 2 * pitch) {
                /* Of the last of an odd number twice. */
                const int next = i + 1 < pixels ? pitch : 0;
                @ for p = 0, 1 do
                    @ if centred then
                        const ${vec} shift${p} = ${mm}_set1_ps(near[i${p == 0 and "" or " + 1 < pixels ? i + 1 : i"}]);
                        ${vec} sum${p} = ${mm}_setzero_ps();
                        ${vec} gradient${p} = ${mm}_setzero_ps();
                    @ end
                    ${vec} square${p} = ${mm}_setzero_ps();
                    ${vec} product${p} = ${mm}_setzero_ps();
                @ end
                for (int k = 0; k < channels; k += ${vl}) {
                    const ${vec} factor = ${mm}_loadu_ps(w + k);
                    @ for p = 0, 1 do
                        @ local at = (p == 0 and "" or " + next") .. " + k)"
                        @ local x0 = mm .. "_loadu_ps(x" .. at
                        const ${vec} g${p} = ${mm}_mul_ps(${mm}_loadu_ps(dy${at}, factor);
                        const ${vec} u${p} = ${masked("g" .. p)};
                        const ${vec} d${p} = ${centred and mm .. "_sub_ps(" .. x0 .. ", shift" .. p .. ")" or x0};
                        const ${vec} e${p} = ${masked("d" .. p)};
                        @ if centred then
                            sum${p} = ${mm}_add_ps(sum${p}, e${p});
                            gradient${p} = ${mm}_add_ps(gradient${p}, u${p});
                        @ end
                        square${p} = ${mm}_fmadd_ps(e${p}, e${p}, square${p});
                        product${p} = ${mm}_fmadd_ps(u${p}, e${p}, product${p});
                    @ end
                }
                @ for p = 0, 1 do
                    @ if centred then
                        ${mm}_storeu_ps(${c.add("sums + i * " .. vl, p * vl)}, sum${p});
                        ${mm}_storeu_ps(${c.add("levels + i * " .. vl, p * vl)}, gradient${p});
                    @ end
                    ${mm}_storeu_ps(${c.add("squares + i * " .. vl, p * vl)}, square${p});
                    ${mm}_storeu_ps(${c.add("products + i * " .. vl, p * vl)}, product${p});
                @ end
            }
            const ${vec} share = ${mm}_set1_ps(1.0${f} / (${real})channels);
            for (int i = 0; i < pixels; i += ${vl}) {
                const ${vec} square = ${mm}_mul_ps(lane_sums(squares + i * ${vl}, ${vl}, pixels - 1 - i), share);
                const ${vec} product = ${mm}_mul_ps(lane_sums(products + i * ${vl}, ${vl}, pixels - 1 - i), share);
                @ if centred then
                    const ${vec} off = ${mm}_mul_ps(lane_sums(sums + i * ${vl}, ${vl}, pixels - 1 - i), share);
                    const ${vec} mean = ${mm}_mul_ps(lane_sums(levels + i * ${vl}, ${vl}, pixels - 1 - i), share);
                    const ${vec} s = layer_scales(square, off, eps);
                    const ${vec} b = ${mm}_mul_ps(${mm}_mul_ps(s, ${mm}_mul_ps(s, s)), ${mm}_fmsub_ps(off, mean, product));
                    ${mm}_storeu_ps(level + i, ${mm}_sub_ps(${mm}_setzero_ps(), ${mm}_fmadd_ps(s, mean, ${mm}_mul_ps(b, off))));
                @ else
                    const ${vec} s = rms_scales(square, eps);
                    const ${vec} b = ${mm}_mul_ps(${mm}_mul_ps(s, ${mm}_mul_ps(s, s)), ${mm}_sub_ps(${mm}_setzero_ps(), product));
                @ end
                ${mm}_storeu_ps(scale + i, s);
                ${mm}_storeu_ps(along + i, b);
            }
        }
    @ end
@ end
