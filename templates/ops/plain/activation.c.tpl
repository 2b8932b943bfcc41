@ -- Activations and their slopes, of one number, for kernels in plain loops. They are functions of the C
@ -- library, in double.
@ if plain then
    @ if wanted.act_sigmoid then

        /* 1 / (1 + e^-x). */
        static inline ${real} act_sigmoid(${real} x)
        {
            return (${real})(1 / (1 + exp(-(double)x)));
        }
    @ end
    @ if wanted.act_sigmoid_slope then

        /* s (1 - s), s the sigmoid of x. */
        static inline ${real} act_sigmoid_slope(${real} x)
        {
            @ uses "act_sigmoid"
            return act_sigmoid(x) * act_sigmoid(-x);
        }
    @ end
    @ if wanted.act_silu then

        /* x s, s the sigmoid of x (Elfwing, Uchibe and Doya 2017). */
        static inline ${real} act_silu(${real} x)
        {
            @ uses "act_sigmoid"
            return x * act_sigmoid(x);
        }
    @ end
    @ if wanted.act_silu_slope then

        /* s + x s (1 - s). */
        static inline ${real} act_silu_slope(${real} x)
        {
            @ uses "act_sigmoid"
            return act_sigmoid(x) + x * act_sigmoid(x) * act_sigmoid(-x);
        }
    @ end
    @ if wanted.act_relu6 then

        /* min(max(x, 0), 6). */
        static inline ${real} act_relu6(${real} x)
        {
            return x < 0.0${f} ? 0.0${f} : x > 6.0${f} ? 6.0${f} : x;
        }
    @ end
    @ if wanted.act_relu6_slope then

        /* 1 between 0 and 6, else 0. */
        static inline ${real} act_relu6_slope(${real} x)
        {
            return x > 0.0${f} && x < 6.0${f} ? 1.0${f} : 0.0${f};
        }
    @ end
    @ if wanted.act_leaky_relu then

        /* x where it is positive, else slope * x. */
        static inline ${real} act_leaky_relu(${real} x, ${real} slope)
        {
            return x > 0.0${f} ? x : slope * x;
        }
    @ end
    @ if wanted.act_leaky_relu_slope then

        /* 1 where x is positive, else slope. */
        static inline ${real} act_leaky_relu_slope(${real} x, ${real} slope)
        {
            return x > 0.0${f} ? 1.0${f} : slope;
        }
    @ end
    @ if wanted.act_hard_swish then

        /* x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
        static inline ${real} act_hard_swish(${real} x)
        {
            return x * (x < -3.0${f} ? 0.0${f} : x > 3.0${f} ? 6.0${f} : x + 3.0${f}) / 6.0${f};
        }
    @ end
    @ if wanted.act_hard_swish_slope then

        /* x / 3 + 1/2 between -3 and 3; 0 below, 1 above. */
        static inline ${real} act_hard_swish_slope(${real} x)
        {
            return x <= -3.0${f} ? 0.0${f} : x < 3.0${f} ? x / 3.0${f} + 0.5${f} : 1.0${f};
        }
    @ end
    @ if wanted.act_tanh then

        /* The hyperbolic tangent. */
        static inline ${real} act_tanh(${real} x)
        {
            return (${real})tanh((double)x);
        }
    @ end
    @ if wanted.act_tanh_slope then

        /* 1 - tanh(x)^2. */
        static inline ${real} act_tanh_slope(${real} x)
        {
            @ uses "act_tanh"
            return 1.0${f} - act_tanh(x) * act_tanh(x);
        }
    @ end
    @ if wanted.act_gelu or wanted.act_gelu_slope then

        /* The probability that a normal variable is below x. */
        static inline ${real} normal_below(${real} x)
        {
            return (${real})(erfc(-(double)x * 0.7071067811865476) / 2);
        }
    @ end
    @ if wanted.act_gelu then

        /* x P(x), P = normal_below (Hendrycks and Gimpel 2016). */
        static inline ${real} act_gelu(${real} x)
        {
            return x * normal_below(x);
        }
    @ end
    @ if wanted.act_gelu_slope then

        /* P(x) + x e^(-x^2 / 2) / sqrt(2 pi). */
        static inline ${real} act_gelu_slope(${real} x)
        {
            return normal_below(x) + x * (${real})(exp(-(double)x * (double)x / 2) * 0.3989422804014327);
        }
    @ end
    @ if wanted.act_gelu_tanh or wanted.act_gelu_tanh_slope then

        /* 2u, u = sqrt(2 / pi) (x + 0.044715 x^3): (1 + tanh(u)) / 2 is the sigmoid of 2u. */
        static inline ${real} gelu_bend(${real} x)
        {
            return 1.5957691216057308${f} * (x + 0.044715${f} * x * x * x);
        }
    @ end
    @ if wanted.act_gelu_tanh then

        /* x s, s the sigmoid of 2u. */
        static inline ${real} act_gelu_tanh(${real} x)
        {
            @ uses "act_sigmoid"
            return x * act_sigmoid(gelu_bend(x));
        }
    @ end
    @ if wanted.act_gelu_tanh_slope then

        /* s + x s (1 - s) 2u'. */
        static inline ${real} act_gelu_tanh_slope(${real} x)
        {
            @ uses "act_sigmoid"
            const ${real} s = act_sigmoid(gelu_bend(x)), rest = act_sigmoid(-gelu_bend(x));
            return s + x * s * rest * (1.5957691216057308${f} + 0.21406444881780073${f} * x * x);
        }
    @ end
@ end
