/* synthetic.c - a class is a function from a point to how much of the foreground covers it.
 *
 * Each image draws a handful of numbers (where, how large, which way, which colours), then every
 * pixel is background + cover * (foreground - background) + noise. Only additions, products,
 * quotients, square roots and floor are used, which IEEE 754 rounds alike everywhere; sine and
 * cosine would differ from one C library to the next. So the images are the same on every machine.
 *
 * The shapes are drawn on a canvas of 32 x 32 that is stretched to the image, or to a band of it.
 */
#include "data/synthetic.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

enum {
    SEED = 1,
    BLOBS = 4,
    NOISE_POSITION = 64, /* or later, where an image draws more before */
    CANVAS = 32,
    PROCEDURES = 10,
    MAX_BANDS = 3, /* digits of the largest class */
    NAME_SIZE = 32
};

/* What a band draws. Lengths are in units of the canvas, points count from its top left corner. */
struct pattern {
    double x, y;           /* centre */
    double across, down;   /* unit vector of the pattern's first axis, near level */
    double size;           /* 0 .. 1, from small to large; each class scales it */
    double phase[2];       /* 0 .. 1 */
    double blob[BLOBS][3]; /* centre and radius */
};

/* The stream of an image. */
struct stream {
    uint64_t key;
    uint32_t position; /* of the next draw */
};

static double draw(struct stream *stream, double from, double to)
{
    return from + (to - from) * (double)rng_float(stream->key, stream->position++);
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

struct procedure {
    const char *name;
    double (*cover)(const struct pattern *p, double x, double y);
};

static const struct procedure procedures[PROCEDURES] = {
    {"level", level_stripes},
    {"upright", upright_stripes},
    {"slanting", slanting_stripes},
    {"checker", checker},
    {"disc", disc},
    {"ring", ring},
    {"cross", cross},
    {"triangle", triangle},
    {"gradient", gradient},
    {"blobs", blobs},
};

/* -- Classes ----------------------------------------------------------------------------------- */

/* The bands of each image: the digits of the largest class. */
static int count_bands(int classes)
{
    return classes <= 10 ? 1 : classes <= 100 ? 2 : MAX_BANDS;
}

/* What band i of a class shows: its digit i from the left. */
static const struct procedure *procedure_of(int class, int bands, int i)
{
    for (int k = bands - 1; k > i; k--)
        class /= PROCEDURES;
    return &procedures[class % PROCEDURES];
}

static bool name_classes(struct data *data)
{
    char names[DATA_MAX_CLASSES][NAME_SIZE];
    const char *list[DATA_MAX_CLASSES];
    const int bands = count_bands(data->classes);
    for (int k = 0; k < data->classes; k++) {
        int used = 0;
        for (int i = 0; i < bands; i++)
            used += snprintf(names[k] + used, (size_t)(NAME_SIZE - used), "%s%s", i > 0 ? "-" : "",
                             procedure_of(k, bands, i)->name);
        list[k] = names[k];
    }
    return data_name_classes(data, list);
}

/* -- Images ------------------------------------------------------------------------------------ */

static struct pattern draw_pattern(struct stream *stream)
{
    struct pattern p = {0};
    p.x = draw(stream, 10, 22);
    p.y = draw(stream, 10, 22);
    /* Up to 13 degrees either way, from the tangent of half the angle. */
    double t = draw(stream, -0.115, 0.115);
    p.across = (1 - t * t) / (1 + t * t);
    p.down = 2 * t / (1 + t * t);
    p.size = draw(stream, 0, 1);
    p.phase[0] = draw(stream, 0, 1);
    p.phase[1] = draw(stream, 0, 1);
    for (int i = 0; i < BLOBS; i++) {
        p.blob[i][0] = draw(stream, 2, 30);
        p.blob[i][1] = draw(stream, 2, 30);
        p.blob[i][2] = draw(stream, 5, 10);
    }
    return p;
}

static uint8_t to_byte(double value)
{
    double whole = floor(value + 0.5);
    return (uint8_t)(whole < 0 ? 0 : whole > 255 ? 255 : whole);
}

/* How much of the foreground covers pixel (x, y). The bands lie below each other, or side by side
 * where there are fewer rows than bands. */
static double cover_pixel(const struct data *data, const struct pattern patterns[MAX_BANDS],
                          int bands, int class, int x, int y)
{
    const bool stacked = data->h >= bands;
    double across = (x + 0.5) * ((double)CANVAS / data->w);
    double down = (y + 0.5) * ((double)CANVAS / data->h);
    double *cut = stacked ? &down : &across;
    int band = (int)(*cut * bands / CANVAS);
    *cut = *cut * bands - band * CANVAS;
    return procedure_of(class, bands, band)->cover(&patterns[band], across, down);
}

/* One image [channel][row][column]. In each channel foreground and background are 80 to 176 apart,
 * either of them the brighter one. */
static void paint(uint8_t *pixels, const struct data *data, int class, uint64_t key)
{
    struct stream stream = {.key = key};
    struct pattern patterns[MAX_BANDS];
    double background[DATA_MAX_CHANNELS], difference[DATA_MAX_CHANNELS];
    const int bands = count_bands(data->classes);
    for (int i = 0; i < bands; i++)
        patterns[i] = draw_pattern(&stream);
    for (int c = 0; c < data->c; c++) {
        difference[c] = draw(&stream, 80, 176);
        background[c] = draw(&stream, 0, 255 - difference[c]);
        if (draw(&stream, 0, 1) < 0.5) {
            background[c] += difference[c];
            difference[c] = -difference[c];
        }
    }
    double noise = draw(&stream, 10, 50);

    if (stream.position < NOISE_POSITION)
        stream.position = NOISE_POSITION;
    for (int y = 0; y < data->h; y++) {
        for (int x = 0; x < data->w; x++) {
            double covered = cover_pixel(data, patterns, bands, class, x, y);
            for (int c = 0; c < data->c; c++)
                pixels[(c * data->h + y) * data->w + x] =
                    to_byte(background[c] + covered * difference[c] + draw(&stream, -noise, noise));
        }
    }
}

bool synthetic_open(struct data *data, const struct data_shape *shape, enum data_part part,
                    int count, struct err *err)
{
    assert(count >= 1 && shape->c >= 1 && shape->c <= DATA_MAX_CHANNELS);
    assert(shape->classes >= 1 && shape->classes <= DATA_MAX_CLASSES);
    *data = (struct data){.c = shape->c,
                          .h = shape->h,
                          .w = shape->w,
                          .classes = shape->classes,
                          .synthetic = true,
                          .format = "synthetic",
                          .source = "synthetic"};
    const size_t image = data_pixels(data);
    uint8_t *pixels = data_plain(data, count);
    if (!pixels || !name_classes(data)) {
        data_close(data);
        return err_set_errno(err, ENOMEM, "cannot hold %d synthetic images", count);
    }
    for (int i = 0; i < count; i++) {
        int class = i % data->classes;
        data->labels[i] = (uint8_t) class;
        paint(pixels + (size_t)i * image, data, class,
              rng_key(SEED, (uint32_t)part, (uint32_t)i, RNG_SYNTHETIC));
    }
    if (!data_seal(data, "synthetic images", err)) {
        data_close(data);
        return false;
    }
    return true;
}
