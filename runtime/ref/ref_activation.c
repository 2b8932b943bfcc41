/* ref_activation.c - activations: functions of one value, and their slopes.
 *
 * They are computed in double by the C library and rounded once, so a value of the reference is
 * within little more than half a unit in the last place of the function. Generated kernels use
 * polynomials; how far those are off is at each of them in templates/ops/activation.c.tpl. Where a
 * slope jumps, both take the same side.
 */
#include "ref/ref.h"

#include <math.h>

static const double SQRT_2_OVER_PI = 0.79788456080286536;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double normal_below(double x)
{
    return erfc(-x * sqrt(0.5)) / 2;
}

static double normal_density(double x)
{
    return exp(-x * x / 2) * SQRT_2_OVER_PI / 2;
}

/* sqrt(2 / pi) (x + 0.044715 x^3) and its slope. */
static double gelu_bend(double x)
{
    return SQRT_2_OVER_PI * (x + 0.044715 * x * x * x);
}

static double gelu_bend_slope(double x)
{
    return SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
}

static double value_of(enum activation activation, double slope, double x)
{
    switch (activation) {
    case ACT_NONE:
        return x;
    case ACT_RELU6:
        return fmin(fmax(x, 0), 6);
    case ACT_LEAKY_RELU:
        return x > 0 ? x : slope * x;
    case ACT_HARD_SWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case ACT_SILU:
        return x * sigmoid(x);
    case ACT_GELU:
        return x * normal_below(x);
    case ACT_GELU_TANH:
        return x * sigmoid(2 * gelu_bend(x));
    case ACT_SIGMOID:
        return sigmoid(x);
    case ACT_TANH:
        return tanh(x);
    }
    return x;
}

static double slope_of(enum activation activation, double slope, double x)
{
    double s = 0;
    switch (activation) {
    case ACT_NONE:
        return 1;
    case ACT_RELU6:
        return x > 0 && x < 6;
    case ACT_LEAKY_RELU:
        return x > 0 ? 1 : slope;
    case ACT_HARD_SWISH:
        return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1;
    case ACT_SILU:
        s = sigmoid(x);
        return s + x * s * (1 - s);
    case ACT_GELU:
        return normal_below(x) + x * normal_density(x);
    case ACT_GELU_TANH:
        s = sigmoid(2 * gelu_bend(x));
        return s + x * s * (1 - s) * 2 * gelu_bend_slope(x);
    case ACT_SIGMOID:
        s = sigmoid(x);
        return s * (1 - s);
    case ACT_TANH:
        return 1 - tanh(x) * tanh(x);
    }
    return 1;
}

const char *ref_activation_name(enum activation activation)
{
    static const char *const names[] = {
        [ACT_NONE] = "no activation",    [ACT_RELU6] = "relu6",     [ACT_LEAKY_RELU] = "leaky relu",
        [ACT_HARD_SWISH] = "hard swish", [ACT_SILU] = "silu",       [ACT_GELU] = "gelu",
        [ACT_GELU_TANH] = "gelu tanh",   [ACT_SIGMOID] = "sigmoid", [ACT_TANH] = "tanh"};
    return names[activation];
}

/* A value that is not a number stays one: fmin and fmax would lose it. */
void ref_activation_fwd(float *y, const float *x, size_t n, enum activation activation, float slope)
{
    for (size_t i = 0; i < n; i++)
        y[i] = isnan(x[i]) ? x[i] : (float)value_of(activation, (double)slope, (double)x[i]);
}

void ref_activation_bwd(float *dx, const float *x, const float *dy, size_t n,
                        enum activation activation, float slope, bool adds)
{
    for (size_t i = 0; i < n; i++) {
        float g = (float)((double)dy[i] * slope_of(activation, (double)slope, (double)x[i]));
        dx[i] = adds ? dx[i] + g : g;
    }
}
