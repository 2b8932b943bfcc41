@ -- Activations and their slopes, and the functions that they are made of. Only what kernels call is
@ -- written. In double, where gradients are checked, these are the functions of the C library.
@ if not plain then
    @ if wanted.exponential then

        /* e^x, off by 1.1 units in the last place at most; between e^-87 and e^88 for any x. With n = x / ln 2 rounded
         * and r = x - n ln 2, e^x = 2^n e^r; on |r| <= ln 2 / 2, e^r = 1 + r + r^2 p(r) with an interpolation p. Adding
         * 3 * 2^22 rounds: n is in the lowest bits of t. */
        static inline ${vec} exponential(${vec} x)
        {
            @ if bytes == 8 then
                return (${vec}){exp(x[0]), exp(x[1]), exp(x[2]), exp(x[3])};
            @ else
                @ if vec == "vec4" then uses "vec4_min_ps" end
                x = ${mm}_min_ps(${mm}_set1_ps(88.0${f}), ${mm}_max_ps(${mm}_set1_ps(-87.0${f}), x));
                const ${vec} t = ${mm}_fmadd_ps(x, ${mm}_set1_ps(1.44269504${f}), ${mm}_set1_ps(12582912.0${f}));
                const ${vec} n = ${mm}_sub_ps(t, ${mm}_set1_ps(12582912.0${f}));
                ${vec} r = ${mm}_fnmadd_ps(n, ${mm}_set1_ps(0.693359375${f}), x);
                r = ${mm}_fnmadd_ps(n, ${mm}_set1_ps(-2.12194440e-4${f}), r);
                ${vec} p = ${mm}_set1_ps(0.00139262034${f});
                p = ${mm}_fmadd_ps(p, r, ${mm}_set1_ps(0.00836319488${f}));
                p = ${mm}_fmadd_ps(p, r, ${mm}_set1_ps(0.0416665545${f}));
                p = ${mm}_fmadd_ps(p, r, ${mm}_set1_ps(0.166665769${f}));
                p = ${mm}_fmadd_ps(p, r, ${mm}_set1_ps(0.5${f}));
                p = ${mm}_add_ps(${mm}_fmadd_ps(p, ${mm}_mul_ps(r, r), r), ${mm}_set1_ps(1.0${f}));
                @ if isa == "avx512" then
                    const __m512i scale = _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(t), 23), _mm512_set1_epi32(0x3f800000));
                    return _mm512_mul_ps(p, _mm512_castsi512_ps(scale));
                @ elseif isa == "avx2" then
                    const __m256i scale = _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(t), 23), _mm256_set1_epi32(0x3f800000));
                    return _mm256_mul_ps(p, _mm256_castsi256_ps(scale));
                @ else
                    return p * (vec4)(((lanes4)t << 23) + 0x3f800000u);
                @ end
            @ end
        }
    @ end
    @ if wanted.act_sigmoid then

        /* 1 / (1 + e^-x), off by 2.5 units in the last place at most. */
        static inline ${vec} act_sigmoid(${vec} x)
        {
            @ uses "exponential"
            @ if vec == "vec4" then uses "vec4_div_ps" end
            const ${vec} one = ${mm}_set1_ps(1.0${f});
            return ${mm}_div_ps(one, ${mm}_add_ps(one, exponential(${mm}_sub_ps(${mm}_setzero_ps(), x))));
        }
    @ end
    @ if wanted.act_silu then

        /* x s(x), s the sigmoid (Elfwing, Uchibe and Doya 2017). */
        static inline ${vec} act_silu(${vec} x)
        {
            @ uses "act_sigmoid"
            return ${mm}_mul_ps(x, act_sigmoid(x));
        }
    @ end
    @ if wanted.act_silu_slope then

        /* s + x s (1 - s), off by 2^-21 at most. 1 - s = s e^-x loses nothing where s is almost 1. */
        static inline ${vec} act_silu_slope(${vec} x)
        {
            @ uses "exponential"
            @ if vec == "vec4" then uses "vec4_div_ps" end
            const ${vec} one = ${mm}_set1_ps(1.0${f}), e = exponential(${mm}_sub_ps(${mm}_setzero_ps(), x));
            const ${vec} s = ${mm}_div_ps(one, ${mm}_add_ps(one, e));
            return ${mm}_fmadd_ps(${mm}_mul_ps(x, s), ${mm}_mul_ps(s, e), s);
        }
    @ end
    @ if wanted.act_relu6 then

        /* min(max(x, 0), 6). */
        static inline ${vec} act_relu6(${vec} x)
        {
            @ if vec == "vec4" then uses "vec4_min_ps" end
            return ${mm}_min_ps(${mm}_set1_ps(6.0${f}), ${mm}_max_ps(${mm}_setzero_ps(), x));
        }
    @ end
    @ if wanted.act_relu6_slope then

        /* 1 between 0 and 6, else 0. */
        static inline ${vec} act_relu6_slope(${vec} x)
        {
            @ uses "where_greater"
            const ${vec} zero = ${mm}_setzero_ps(), one = ${mm}_set1_ps(1.0${f});
            return where_greater(where_greater(one, zero, x, zero), zero, ${mm}_set1_ps(6.0${f}), x);
        }
    @ end
    @ if wanted.act_leaky_relu then

        /* x where it is positive, else slope * x. */
        static inline ${vec} act_leaky_relu(${vec} x, ${vec} slope)
        {
            @ uses "where_greater"
            return where_greater(x, ${mm}_mul_ps(x, slope), x, ${mm}_setzero_ps());
        }
    @ end
    @ if wanted.act_leaky_relu_slope then

        /* 1 where x is positive, else slope. */
        static inline ${vec} act_leaky_relu_slope(${vec} x, ${vec} slope)
        {
            @ uses "where_greater"
            return where_greater(${mm}_set1_ps(1.0${f}), slope, x, ${mm}_setzero_ps());
        }
    @ end
    @ if wanted.act_hard_swish then

        /* x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
        static inline ${vec} act_hard_swish(${vec} x)
        {
            @ if vec == "vec4" then uses "vec4_min_ps" end
            const ${vec} up = ${mm}_max_ps(${mm}_setzero_ps(), ${mm}_add_ps(x, ${mm}_set1_ps(3.0${f})));
            return ${mm}_mul_ps(x, ${mm}_mul_ps(${mm}_min_ps(${mm}_set1_ps(6.0${f}), up), ${mm}_set1_ps(0.16666666666666666${f})));
        }
    @ end
    @ if wanted.act_hard_swish_slope then

        /* x / 3 + 1/2 between -3 and 3; 0 below, 1 above. */
        static inline ${vec} act_hard_swish_slope(${vec} x)
        {
            @ uses "where_greater"
            const ${vec} three = ${mm}_set1_ps(3.0${f});
            const ${vec} inner = ${mm}_fmadd_ps(x, ${mm}_set1_ps(0.3333333333333333${f}), ${mm}_set1_ps(0.5${f}));
            const ${vec} upper = where_greater(inner, ${mm}_set1_ps(1.0${f}), three, x);
            return where_greater(upper, ${mm}_setzero_ps(), x, ${mm}_sub_ps(${mm}_setzero_ps(), three));
        }
    @ end
    @ if wanted.act_sigmoid_slope then

        /* s (1 - s). */
        static inline ${vec} act_sigmoid_slope(${vec} x)
        {
            @ uses "act_sigmoid"
            return ${mm}_mul_ps(act_sigmoid(x), act_sigmoid(${mm}_sub_ps(${mm}_setzero_ps(), x)));
        }
    @ end
    @ if wanted.act_tanh then

        /* The hyperbolic tangent, off by 1.3 units in the last place at most: x + x^3 p(x^2) with an interpolation p up to
         * |x| = 0.625, beyond it 1 - 2 / (e^2x + 1). */
        static inline ${vec} act_tanh(${vec} x)
        {
            @ if bytes == 8 then
                return (${vec}){tanh(x[0]), tanh(x[1]), tanh(x[2]), tanh(x[3])};
            @ else
                @ uses "exponential"
                @ uses "where_greater"
                @ if vec == "vec4" then uses "vec4_div_ps" end
                const ${vec} zero = ${mm}_setzero_ps(), one = ${mm}_set1_ps(1.0${f});
                const ${vec} size = ${mm}_max_ps(${mm}_sub_ps(zero, x), x);
                const ${vec} grown = ${mm}_add_ps(exponential(${mm}_add_ps(size, size)), one);
                const ${vec} far = ${mm}_sub_ps(one, ${mm}_div_ps(${mm}_set1_ps(2.0${f}), grown));
                const ${vec} s = ${mm}_mul_ps(x, x);
                ${vec} p = ${mm}_set1_ps(0.00229274482${f});
                p = ${mm}_fmadd_ps(p, s, ${mm}_set1_ps(-0.00834394552${f}));
                p = ${mm}_fmadd_ps(p, s, ${mm}_set1_ps(0.0217689187${f}));
                p = ${mm}_fmadd_ps(p, s, ${mm}_set1_ps(-0.0539592596${f}));
                p = ${mm}_fmadd_ps(p, s, ${mm}_set1_ps(0.133333036${f}));
                p = ${mm}_fmadd_ps(p, s, ${mm}_set1_ps(-0.333333332${f}));
                const ${vec} near = ${mm}_fmadd_ps(${mm}_mul_ps(size, s), p, size);
                const ${vec} y = where_greater(far, near, size, ${mm}_set1_ps(0.625${f}));
                return where_greater(y, ${mm}_sub_ps(zero, y), x, zero);
            @ end
        }
    @ end
    @ if wanted.act_tanh_slope then

        /* 1 - tanh(x)^2. */
        static inline ${vec} act_tanh_slope(${vec} x)
        {
            @ uses "act_tanh"
            const ${vec} t = act_tanh(x);
            return ${mm}_fnmadd_ps(t, t, ${mm}_set1_ps(1.0${f}));
        }
    @ end
    @ if wanted.normal_below then

        /* The probability that a normal variable is below x, off by 7e-8 at most. With z = x / sqrt(2) it is
         * (1 + erf(z)) / 2; erf is an odd polynomial for |z| < 0.9277, beyond it 1 - e^p(|z|) (polynomials of
         * N. Juffa's erff). */
        static inline ${vec} normal_below(${vec} x)
        {
            @ if bytes == 8 then
                return 0.5 * (${vec}){erfc(-sqrt(0.5) * x[0]), erfc(-sqrt(0.5) * x[1]), erfc(-sqrt(0.5) * x[2]), erfc(-sqrt(0.5) * x[3])};
            @ else
                @ uses "exponential"
                @ uses "where_greater"
                const ${vec} zero = ${mm}_setzero_ps(), half = ${mm}_set1_ps(0.5${f});
                const ${vec} z = ${mm}_mul_ps(x, ${mm}_set1_ps(0.70710678${f}));
                const ${vec} t = ${mm}_max_ps(${mm}_sub_ps(zero, z), z), s = ${mm}_mul_ps(z, z);
                ${vec} r = ${mm}_fmadd_ps(${mm}_set1_ps(-1.72853470e-5${f}), t, ${mm}_set1_ps(3.83197126e-4${f}));
                r = ${mm}_fmadd_ps(r, s, ${mm}_fmadd_ps(${mm}_set1_ps(-3.88396438e-3${f}), t, ${mm}_set1_ps(2.42546219e-2${f})));
                r = ${mm}_fmadd_ps(r, t, ${mm}_set1_ps(-1.06777877e-1${f}));
                r = ${mm}_fmadd_ps(r, t, ${mm}_set1_ps(-6.34846687e-1${f}));
                r = ${mm}_fmadd_ps(r, t, ${mm}_set1_ps(-1.28717512e-1${f}));
                r = ${mm}_sub_ps(${mm}_mul_ps(r, t), t);
                const ${vec} tail = ${mm}_mul_ps(half, exponential(r));
                const ${vec} far = where_greater(${mm}_sub_ps(${mm}_set1_ps(1.0${f}), tail), tail, x, zero);
                ${vec} q = ${mm}_set1_ps(-5.96761703e-4${f});
                q = ${mm}_fmadd_ps(q, s, ${mm}_set1_ps(4.99119423e-3${f}));
                q = ${mm}_fmadd_ps(q, s, ${mm}_set1_ps(-2.67681349e-2${f}));
                q = ${mm}_fmadd_ps(q, s, ${mm}_set1_ps(1.12819925e-1${f}));
                q = ${mm}_fmadd_ps(q, s, ${mm}_set1_ps(-3.76125336e-1${f}));
                q = ${mm}_fmadd_ps(q, s, ${mm}_set1_ps(1.28379166e-1${f}));
                q = ${mm}_fmadd_ps(q, z, z);
                return where_greater(far, ${mm}_fmadd_ps(half, q, half), t, ${mm}_set1_ps(0.927734375${f}));
            @ end
        }
    @ end
    @ if wanted.act_gelu then

        /* x P(x), P the probability that a normal variable is below x (Hendrycks and Gimpel 2016). */
        static inline ${vec} act_gelu(${vec} x)
        {
            @ uses "normal_below"
            return ${mm}_mul_ps(x, normal_below(x));
        }
    @ end
    @ if wanted.act_gelu_slope then

        /* P(x) + x e^(-x^2 / 2) / sqrt(2 pi). */
        static inline ${vec} act_gelu_slope(${vec} x)
        {
            @ uses "exponential"
            @ uses "normal_below"
            const ${vec} density = exponential(${mm}_mul_ps(${mm}_mul_ps(x, x), ${mm}_set1_ps(-0.5${f})));
            return ${mm}_fmadd_ps(${mm}_mul_ps(x, density), ${mm}_set1_ps(0.3989422804014327${f}), normal_below(x));
        }
    @ end
    @ if wanted.act_gelu_tanh or wanted.act_gelu_tanh_slope then

        /* 2u, u = sqrt(2 / pi) (x + 0.044715 x^3): (1 + tanh(u)) / 2 is the sigmoid of 2u. */
        static inline ${vec} gelu_bend(${vec} x)
        {
            const ${vec} cubic = ${mm}_mul_ps(${mm}_mul_ps(x, x), ${mm}_set1_ps(0.044715${f}));
            return ${mm}_mul_ps(${mm}_fmadd_ps(cubic, x, x), ${mm}_set1_ps(1.5957691216057308${f}));
        }
    @ end
    @ if wanted.act_gelu_tanh then

        /* x s, s the sigmoid of 2u. */
        static inline ${vec} act_gelu_tanh(${vec} x)
        {
            @ uses "act_sigmoid"
            return ${mm}_mul_ps(x, act_sigmoid(gelu_bend(x)));
        }
    @ end
    @ if wanted.act_gelu_tanh_slope then

        /* s + x s (1 - s) 2u', off by 2^-20 at most; 1 - s is the sigmoid of -2u. */
        static inline ${vec} act_gelu_tanh_slope(${vec} x)
        {
            @ uses "act_sigmoid"
            const ${vec} bend = gelu_bend(x), s = act_sigmoid(bend);
            const ${vec} rest = act_sigmoid(${mm}_sub_ps(${mm}_setzero_ps(), bend));
            const ${vec} rise = ${mm}_fmadd_ps(${mm}_mul_ps(x, x), ${mm}_set1_ps(0.21406444881780073${f}), ${mm}_set1_ps(1.5957691216057308${f}));
            return ${mm}_fmadd_ps(${mm}_mul_ps(${mm}_mul_ps(x, s), rest), rise, s);
        }
    @ end
@ end
