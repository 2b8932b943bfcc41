@ -- Activations and their slopes, of one number, for kernels in plain loops. They are functions of the C
@ -- library, in double.
@ if plain then
    @ if wanted.act_sigmoid then

        /* 1 / (1 + e^-x). */
        static inline float act_sigmoid(float x)
        {
            return (float)(1 / (1 + exp(-(double)x)));
        }
    @ end
    @ if wanted.act_sigmoid_slope then

        /* s (1 - s), s the sigmoid of x. */
        static inline float act_sigmoid_slope(float x)
        {
            @ uses "act_sigmoid"
            return act_sigmoid(x) * act_sigmoid(-x);
        }
    @ end
    @ if wanted.act_silu then

        /* x s, s the sigmoid of x (Elfwing, Uchibe and Doya 2017). */
        static inline float act_silu(float x)
        {
            @ uses "act_sigmoid"
            return x * act_sigmoid(x);
        }
    @ end
    @ if wanted.act_silu_slope then

        /* s + x s (1 - s). */
        static inline float act_silu_slope(float x)
        {
            @ uses "act_sigmoid"
            return act_sigmoid(x) + x * act_sigmoid(x) * act_sigmoid(-x);
        }
    @ end
    @ if wanted.act_relu6 then

        /* min(max(x, 0), 6). */
        static inline float act_relu6(float x)
        {
            return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x;
        }
    @ end
    @ if wanted.act_relu6_slope then

        /* 1 between 0 and 6, else 0. */
        static inline float act_relu6_slope(float x)
        {
            return x > 0.0f && x < 6.0f ? 1.0f : 0.0f;
        }
    @ end
    @ if wanted.act_leaky_relu then

        /* x where it is positive, else slope * x. */
        static inline float act_leaky_relu(float x, float slope)
        {
            return x > 0.0f ? x : slope * x;
        }
    @ end
    @ if wanted.act_leaky_relu_slope then

        /* 1 where x is positive, else slope. */
        static inline float act_leaky_relu_slope(float x, float slope)
        {
            return x > 0.0f ? 1.0f : slope;
        }
    @ end
    @ if wanted.act_hard_swish then

        /* x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
        static inline float act_hard_swish(float x)
        {
            return x * (x < -3.0f ? 0.0f : x > 3.0f ? 6.0f : x + 3.0f) / 6.0f;
        }
    @ end
    @ if wanted.act_hard_swish_slope then

        /* x / 3 + 1/2 between -3 and 3; 0 below, 1 above. */
        static inline float act_hard_swish_slope(float x)
        {
            return x <= -3.0f ? 0.0f : x < 3.0f ? x / 3.0f + 0.5f : 1.0f;
        }
    @ end
    @ if wanted.act_tanh then

        /* The hyperbolic tangent. */
        static inline float act_tanh(float x)
        {
            return (float)tanh((double)x);
        }
    @ end
    @ if wanted.act_tanh_slope then

        /* 1 - tanh(x)^2. */
        static inline float act_tanh_slope(float x)
        {
            @ uses "act_tanh"
            return 1.0f - act_tanh(x) * act_tanh(x);
        }
    @ end
    @ if wanted.act_gelu or wanted.act_gelu_slope then

        /* The probability that a normal variable is below x. */
        static inline float normal_below(float x)
        {
            return (float)(erfc(-(double)x * 0.7071067811865476) / 2);
        }
    @ end
    @ if wanted.act_gelu then

        /* x P(x), P = normal_below (Hendrycks and Gimpel 2016). */
        static inline float act_gelu(float x)
        {
            return x * normal_below(x);
        }
    @ end
    @ if wanted.act_gelu_slope then

        /* P(x) + x e^(-x^2 / 2) / sqrt(2 pi). */
        static inline float act_gelu_slope(float x)
        {
            return normal_below(x) + x * (float)(exp(-(double)x * (double)x / 2) * 0.3989422804014327);
        }
    @ end
    @ if wanted.act_gelu_tanh or wanted.act_gelu_tanh_slope then

        /* 2u, u = sqrt(2 / pi) (x + 0.044715 x^3): (1 + tanh(u)) / 2 is the sigmoid of 2u. */
        static inline float gelu_bend(float x)
        {
            return 1.5957691216057308f * (x + 0.044715f * x * x * x);
        }
    @ end
    @ if wanted.act_gelu_tanh then

        /* x s, s the sigmoid of 2u. */
        static inline float act_gelu_tanh(float x)
        {
            @ uses "act_sigmoid"
            return x * act_sigmoid(gelu_bend(x));
        }
    @ end
    @ if wanted.act_gelu_tanh_slope then

        /* s + x s (1 - s) 2u'. */
        static inline float act_gelu_tanh_slope(float x)
        {
            @ uses "act_sigmoid"
            const float s = act_sigmoid(gelu_bend(x)), rest = act_sigmoid(-gelu_bend(x));
            return s + x * s * rest * (1.5957691216057308f + 0.21406444881780073f * x * x);
        }
    @ end
@ end
