/* ref_pool.c - max and average pooling, forward and backward.
 *
 * Forward goes tap by tap over whole rows of outputs, so that the inner loops run along memory and
 * carry no bounds checks; the maximum does not care about the order of taps. Max backward looks for
 * the winner of each window again: nothing is kept from the forward pass.
 */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* The input row of the first tap of output row oy, and the column of that of output column ox. */
static int row_of(const struct ref_window *s, int oy)
{
    return oy * s->geometry.h.stride - s->geometry.h.padding;
}

static int column_of(const struct ref_window *s, int ox)
{
    return ox * s->geometry.w.stride - s->geometry.w.padding;
}

/* Where tap (ky, 0) of output row oy starts in the input plane. */
static int row_at(const struct ref_window *s, int oy, int ky)
{
    return (row_of(s, oy) + ky) * s->w + column_of(s, 0);
}

/* -- Maximum ----------------------------------------------------------------------------------- */

void ref_maxpool_fwd(const struct ref_window *s, float *restrict y, const float *restrict x)
{
    for (int c = 0; c < s->c; c++, x += s->h * s->w, y += s->oh * s->ow) {
        for (int i = 0; i < s->oh * s->ow; i++)
            y[i] = -INFINITY;
        for (int ky = 0; ky < s->geometry.h.taps; ky++) {
            struct ref_range rows = ref_inside(ky, s->h, s->oh, s->geometry.h);
            for (int oy = rows.first; oy < rows.last; oy++)
                for (int kx = 0; kx < s->geometry.w.taps; kx++) {
                    struct ref_range cols = ref_inside(kx, s->w, s->ow, s->geometry.w);
                    float *to = y + oy * s->ow;
                    int at = row_at(s, oy, ky) + kx;
                    for (int ox = cols.first; ox < cols.last; ox++) {
                        float value = x[at + ox * s->geometry.w.stride];
                        to[ox] = value > to[ox] ? value : to[ox];
                    }
                }
        }
    }
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The position in the plane of the first largest pixel of the window at (oy, ox); -1 when the
 * window lies wholly in the padding. */
static int winner(const struct ref_window *s, const float *plane, int oy, int ox)
{
    int top = row_of(s, oy), left = column_of(s, ox);
    int bottom = smaller(top + s->geometry.h.taps, s->h);
    int right = smaller(left + s->geometry.w.taps, s->w);
    int first_y = larger(top, 0), first_x = larger(left, 0);
    if (first_y >= bottom || first_x >= right)
        return -1;
    int best = first_y * s->w + first_x;
    float largest = plane[best];
    for (int iy = first_y; iy < bottom; iy++)
        for (int at = iy * s->w + first_x; at < iy * s->w + right; at++) {
            float value = plane[at]; /* two selections, no branch: which one wins is a coin toss */
            bool wins = value > largest;
            best = wins ? at : best;
            largest = wins ? value : largest;
        }
    return best;
}

void ref_maxpool_winners(const struct ref_window *s, uint8_t *restrict winners,
                         const float *restrict x)
{
    for (int c = 0; c < s->c; c++, x += s->h * s->w)
        for (int oy = 0; oy < s->oh; oy++)
            for (int ox = 0; ox < s->ow; ox++) {
                int at = winner(s, x, oy, ox);
                int row = at / s->w - row_of(s, oy), column = at % s->w - column_of(s, ox);
                *winners++ = at < 0 ? UINT8_MAX : (uint8_t)(row * s->geometry.w.taps + column);
            }
}

void ref_maxpool_bwd(const struct ref_window *s, float *restrict dx, const float *restrict x,
                     const float *restrict dy, bool adds)
{
    if (!adds)
        memset(dx, 0, (size_t)s->c * (size_t)(s->h * s->w) * sizeof *dx);
    for (int c = 0; c < s->c; c++, x += s->h * s->w, dx += s->h * s->w)
        for (int oy = 0; oy < s->oh; oy++)
            for (int ox = 0; ox < s->ow; ox++, dy++) {
                int best = winner(s, x, oy, ox);
                if (best >= 0)
                    dx[best] += *dy;
            }
}

static int largest_pixel(const float *plane, int pixels)
{
    int best = 0;
    for (int i = 1; i < pixels; i++)
        best = plane[i] > plane[best] ? i : best;
    return best;
}

void ref_global_maxpool_fwd(float *restrict y, float *restrict place, const float *restrict x,
                            int c, int pixels)
{
    for (int channel = 0; channel < c; channel++, x += pixels) {
        int best = largest_pixel(x, pixels);
        y[channel] = x[best];
        if (place != NULL)
            place[channel] = (float)best;
    }
}

void ref_global_maxpool_bwd(float *restrict dx, const float *restrict x, const float *restrict dy,
                            int c, int pixels, bool adds)
{
    if (!adds)
        memset(dx, 0, (size_t)c * (size_t)pixels * sizeof *dx);
    for (int channel = 0; channel < c; channel++, x += pixels, dx += pixels)
        dx[largest_pixel(x, pixels)] += dy[channel];
}

/* -- Average ----------------------------------------------------------------------------------- */

void ref_avgpool_fwd(const struct ref_window *s, float *restrict y, const float *restrict x)
{
    float scale = 1.0f / (float)ref_taps(s);
    for (int c = 0; c < s->c; c++, x += s->h * s->w, y += s->oh * s->ow) {
        memset(y, 0, (size_t)(s->oh * s->ow) * sizeof *y);
        for (int ky = 0; ky < s->geometry.h.taps; ky++) {
            struct ref_range rows = ref_inside(ky, s->h, s->oh, s->geometry.h);
            for (int oy = rows.first; oy < rows.last; oy++)
                for (int kx = 0; kx < s->geometry.w.taps; kx++) {
                    struct ref_range cols = ref_inside(kx, s->w, s->ow, s->geometry.w);
                    float *to = y + oy * s->ow;
                    int at = row_at(s, oy, ky) + kx;
                    for (int ox = cols.first; ox < cols.last; ox++)
                        to[ox] += x[at + ox * s->geometry.w.stride];
                }
        }
        for (int i = 0; i < s->oh * s->ow; i++)
            y[i] *= scale;
    }
}

void ref_avgpool_bwd(const struct ref_window *s, float *restrict dx, const float *restrict dy,
                     bool adds)
{
    float scale = 1.0f / (float)ref_taps(s);
    if (!adds)
        memset(dx, 0, (size_t)s->c * (size_t)(s->h * s->w) * sizeof *dx);
    for (int c = 0; c < s->c; c++, dx += s->h * s->w, dy += s->oh * s->ow)
        for (int ky = 0; ky < s->geometry.h.taps; ky++) {
            struct ref_range rows = ref_inside(ky, s->h, s->oh, s->geometry.h);
            for (int oy = rows.first; oy < rows.last; oy++)
                for (int kx = 0; kx < s->geometry.w.taps; kx++) {
                    struct ref_range cols = ref_inside(kx, s->w, s->ow, s->geometry.w);
                    const float *from = dy + oy * s->ow;
                    int at = row_at(s, oy, ky) + kx;
                    for (int ox = cols.first; ox < cols.last; ox++)
                        dx[at + ox * s->geometry.w.stride] += scale * from[ox];
                }
        }
}

void ref_global_avgpool_fwd(float *restrict y, const float *restrict x, int c, int pixels)
{
    for (int channel = 0; channel < c; channel++, x += pixels) {
        double sum = 0;
        for (int i = 0; i < pixels; i++)
            sum += (double)x[i];
        y[channel] = (float)(sum / pixels);
    }
}

void ref_global_avgpool_bwd(float *restrict dx, const float *restrict dy, int c, int pixels,
                            bool adds)
{
    for (int channel = 0; channel < c; channel++, dx += pixels) {
        float share = dy[channel] / (float)pixels;
        for (int i = 0; i < pixels; i++)
            dx[i] = adds ? dx[i] + share : share;
    }
}
