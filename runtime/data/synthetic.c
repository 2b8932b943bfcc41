/* synthetic.c - a class is a function from a point to how much of the foreground covers it.
 *
 * Each image draws a handful of numbers (where, how large, which way, which colours), then every
 * pixel is background + cover * (foreground - background) + noise. Only additions, products,
 * quotients, square roots and floor are used, which IEEE 754 rounds alike everywhere; sine and
 * cosine would differ from one C library to the next. So the images are the same on every machine.
 */
#include "data/synthetic.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

enum { SEED = 1, BLOBS = 4, NOISE_POSITION = 64 };

/* What an image draws. Lengths are in pixels, points count from the top left corner. */
struct pattern {
    uint64_t key;
    uint32_t position;     /* of the next draw */
    double x, y;           /* centre */
    double across, down;   /* unit vector of the pattern's first axis, near level */
    double size;           /* 0 .. 1, from small to large; each class scales it */
    double phase[2];       /* 0 .. 1 */
    double blob[BLOBS][3]; /* centre and radius */
};

static double draw(struct pattern *p, double from, double to)
{
    return from + (to - from) * (double)rng_float(p->key, p->position++);
}

/* -- Shapes ------------------------------------------------------------------------------------ */

static double clamp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* A triangle wave of period 1 between -1 and 1. */
static double wave(double x)
{
    double part = x - floor(x);
    return 4 * fabs(part - 0.5) - 1;
}

/* Coordinates of a point along the pattern's axes, from its centre. */
static double along(const struct pattern *p, double x, double y)
{
    return (x - p->x) * p->across + (y - p->y) * p->down;
}

static double beside(const struct pattern *p, double x, double y)
{
    return (y - p->y) * p->across - (x - p->x) * p->down;
}

static double distance(const struct pattern *p, double x, double y)
{
    return sqrt((x - p->x) * (x - p->x) + (y - p->y) * (y - p->y));
}

static double stripes(const struct pattern *p, double position)
{
    return clamp(0.5 + 2 * wave(position / (4 + 6 * p->size) + p->phase[0]));
}

static double level_stripes(const struct pattern *p, double x, double y)
{
    return stripes(p, beside(p, x, y));
}

static double upright_stripes(const struct pattern *p, double x, double y)
{
    return stripes(p, along(p, x, y));
}

/* Half of them slant to the left. */
static double slanting_stripes(const struct pattern *p, double x, double y)
{
    double side = p->phase[1] < 0.5 ? 1 : -1;
    return stripes(p, sqrt(0.5) * (along(p, x, y) + side * beside(p, x, y)));
}

static double checker(const struct pattern *p, double x, double y)
{
    double period = 8 + 8 * p->size;
    return clamp(0.5 + 4 * wave(along(p, x, y) / period + p->phase[0]) *
                           wave(beside(p, x, y) / period + p->phase[1]));
}

static double disc(const struct pattern *p, double x, double y)
{
    return clamp(0.5 + 6 + 6 * p->size - distance(p, x, y));
}

static double ring(const struct pattern *p, double x, double y)
{
    double half_width = 1.25 + 0.75 * p->phase[0];
    return clamp(0.5 + half_width - fabs(distance(p, x, y) - (7 + 5 * p->size)));
}

static double cross(const struct pattern *p, double x, double y)
{
    double half_width = 1.25 + p->phase[0], length = 8 + 5 * p->size;
    double u = fabs(along(p, x, y)), v = fabs(beside(p, x, y));
    double level = fmin(length - u, half_width - v);
    double upright = fmin(length - v, half_width - u);
    return clamp(0.5 + fmax(level, upright));
}

/* Equilateral, standing or hanging: the least distance from its three sides. */
static double triangle(const struct pattern *p, double x, double y)
{
    double side = p->phase[1] < 0.5 ? 1 : -1;
    double u = fabs(along(p, x, y)), v = side * beside(p, x, y), inner = 4 + 4 * p->size;
    return clamp(0.5 + inner - fmax(v, sqrt(0.75) * u - 0.5 * v));
}

/* In one of eight directions, with a jitter. */
static double gradient(const struct pattern *p, double x, double y)
{
    double u = p->phase[0] < 0.5 ? 1 : -1, v = p->phase[1] < 0.5 ? 1 : -1;
    double length = 20 + 16 * p->size, tilt = 3 * p->size - 1;
    return clamp(0.5 + (u * along(p, x, y) + v * clamp(tilt) * beside(p, x, y)) / length);
}

static double blobs(const struct pattern *p, double x, double y)
{
    double sum = 0;
    for (int i = 0; i < BLOBS; i++) {
        double dx = x - p->blob[i][0], dy = y - p->blob[i][1], r = p->blob[i][2];
        double inside = clamp(1 - (dx * dx + dy * dy) / (r * r));
        sum += inside * inside;
    }
    return clamp(sum);
}

static double (*const cover[DATA_CLASSES])(const struct pattern *p, double x, double y) = {
    level_stripes, upright_stripes, slanting_stripes, checker,  disc,
    ring,          cross,           triangle,         gradient, blobs,
};

/* -- Images ------------------------------------------------------------------------------------ */

static struct pattern draw_pattern(uint64_t key)
{
    struct pattern p = {.key = key};
    p.x = draw(&p, 10, 22);
    p.y = draw(&p, 10, 22);
    /* Up to 13 degrees either way, from the tangent of half the angle. */
    double t = draw(&p, -0.115, 0.115);
    p.across = (1 - t * t) / (1 + t * t);
    p.down = 2 * t / (1 + t * t);
    p.size = draw(&p, 0, 1);
    p.phase[0] = draw(&p, 0, 1);
    p.phase[1] = draw(&p, 0, 1);
    for (int i = 0; i < BLOBS; i++) {
        p.blob[i][0] = draw(&p, 2, 30);
        p.blob[i][1] = draw(&p, 2, 30);
        p.blob[i][2] = draw(&p, 5, 10);
    }
    return p;
}

/* One image [channel][row][column]. In each channel foreground and background are 80 to 176 apart,
 * either of them the brighter one. */
static void paint(uint8_t *pixels, int class, uint64_t key)
{
    struct pattern p = draw_pattern(key);
    double background[DATA_CHANNELS], difference[DATA_CHANNELS];
    for (int c = 0; c < DATA_CHANNELS; c++) {
        difference[c] = draw(&p, 80, 176);
        background[c] = draw(&p, 0, 255 - difference[c]);
        if (draw(&p, 0, 1) < 0.5) {
            background[c] += difference[c];
            difference[c] = -difference[c];
        }
    }
    double noise = draw(&p, 10, 50);
    assert(p.position <= NOISE_POSITION);

    p.position = NOISE_POSITION;
    for (int y = 0; y < DATA_SIDE; y++) {
        for (int x = 0; x < DATA_SIDE; x++) {
            double covered = cover[class](&p, x + 0.5, y + 0.5);
            for (int c = 0; c < DATA_CHANNELS; c++) {
                double value = background[c] + covered * difference[c] + draw(&p, -noise, noise);
                double whole = floor(value + 0.5);
                pixels[(c * DATA_SIDE + y) * DATA_SIDE + x] = (uint8_t)(whole < 0     ? 0
                                                                        : whole > 255 ? 255
                                                                                      : whole);
            }
        }
    }
}

static bool add_up(struct data *data, struct err *err)
{
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, data->labels, (size_t)data->count);
    sha256_add(&sum, data->pixels, (size_t)data->count * DATA_PIXELS);
    return sha256_finish(&sum, data->digest) || err_set_errno(err, ENOMEM, "synthetic images");
}

bool synthetic_open(struct data *data, enum data_part part, int count, struct err *err)
{
    assert(count >= 1);
    *data = (struct data){.count = count,
                          .c = DATA_CHANNELS,
                          .h = DATA_SIDE,
                          .w = DATA_SIDE,
                          .synthetic = true,
                          .source = "synthetic"};
    data->labels = malloc((size_t)count);
    data->pixels = malloc((size_t)count * DATA_PIXELS);
    if (!data->labels || !data->pixels) {
        data_close(data);
        return err_set_errno(err, ENOMEM, "cannot hold %d synthetic images", count);
    }
    for (int i = 0; i < count; i++) {
        int class = i % DATA_CLASSES;
        data->labels[i] = (uint8_t) class;
        paint(data->pixels + (size_t)i * DATA_PIXELS, class,
              rng_key(SEED, (uint32_t)part, (uint32_t)i, RNG_SYNTHETIC));
    }
    if (!add_up(data, err)) {
        data_close(data);
        return false;
    }
    return true;
}
