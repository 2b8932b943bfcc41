/* resize.c - the overlap of two grids, in integers.
 *
 * Along one axis, new pixel i covers [start + i * step, start + (i + 1) * step), and old pixel j
 * covers [j * unit, (j + 1) * unit); the units are such that all four are integers. The weight of j
 * in i is the length of the overlap, and the weights of one i add up to step. A pixel's weight is
 * the product of those of its row and its column.
 */
#include "data/resize.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct axis {
    int64_t start, step, unit;
};

/* The old pixels under a new one: first to last, and the weights at both ends. Those between weigh
 * `unit`; where first is last, its weight is head. */
struct cover {
    int first, last;
    int64_t head, tail;
};

static struct cover cover_of(const struct axis *axis, int i)
{
    const int64_t from = axis->start + i * axis->step, to = from + axis->step;
    const int64_t first = from / axis->unit, last = (to - 1) / axis->unit;
    return (struct cover){
        .first = (int)first,
        .last = (int)last,
        .head = first == last ? axis->step : (first + 1) * axis->unit - from,
        .tail = to - last * axis->unit,
    };
}

static int64_t weight_of(const struct cover *cover, int64_t unit, int j)
{
    return j == cover->first ? cover->head : j == cover->last ? cover->tail : unit;
}

/* All of `old` pixels, as `new` ones. */
static struct axis whole(int old, int new)
{
    return (struct axis){0, old, new};
}

/* The middle of `old` pixels that, as `new` ones, are as large as those of the other axis, of which
 * other_old become other_new: a part of new * other_old / other_new, in units of 1 / (2 *
 * other_new). */
static struct axis middle(int old, int new, int other_old, int other_new)
{
    const int64_t left = (int64_t)old * other_new - (int64_t) new *other_old;
    assert(left >= 0);
    return (struct axis){left, 2 * (int64_t)other_old, 2 * (int64_t)other_new};
}

/* The new pixels h x w stand in rows of out_pitch. */
static void average(uint8_t *out, size_t out_pitch, int h, int w, const uint8_t *in, int in_pitch,
                    const struct axis *down, const struct axis *right)
{
    const uint64_t total = (uint64_t)(down->step * right->step);
    for (int y = 0; y < h; y++) {
        const struct cover rows = cover_of(down, y);
        for (int x = 0; x < w; x++) {
            const struct cover columns = cover_of(right, x);
            uint64_t sum = 0;
            for (int j = rows.first; j <= rows.last; j++) {
                const uint8_t *row = in + (size_t)j * (size_t)in_pitch;
                uint64_t across = 0;
                for (int k = columns.first; k <= columns.last; k++)
                    across += row[k] * (uint64_t)weight_of(&columns, right->unit, k);
                sum += across * (uint64_t)weight_of(&rows, down->unit, j);
            }
            out[(size_t)y * out_pitch + (size_t)x] = (uint8_t)((sum + total / 2) / total);
        }
    }
}

/* `side` in proportion, to the nearest pixel, at least one. */
static int scaled(int side, int new, int old)
{
    int64_t pixels = ((int64_t)2 * side * new + old) / ((int64_t)2 * old);
    return pixels < 1 ? 1 : (int)pixels;
}

const char *resize_name(enum resize how)
{
    static const char *const names[] = {
        [RESIZE_NONE] = "none", [RESIZE_FIT] = "fit", [RESIZE_CROP] = "crop"};
    return names[how];
}

bool resize_picture(struct picture *picture, enum resize how, int h, int w, struct err *err)
{
    assert(how != RESIZE_NONE && h >= 1 && w >= 1 && h <= PICTURE_SIDE && w <= PICTURE_SIDE);
    const int old_h = picture->h, old_w = picture->w;
    if (old_h == h && old_w == w)
        return true;
    const size_t plane = (size_t)h * (size_t)w, old_plane = (size_t)old_h * (size_t)old_w;
    uint8_t *pixels = calloc((size_t)picture->c, plane);
    if (pixels == NULL)
        return err_set_errno(err, ENOMEM, "cannot resize to %d x %d pixels", h, w);

    const bool wider = (int64_t)old_w * h > (int64_t)old_h * w; /* than what is asked for */
    int inner_h = h, inner_w = w;
    struct axis down = whole(old_h, h), right = whole(old_w, w);
    if (how == RESIZE_CROP) {
        if (wider)
            right = middle(old_w, w, old_h, h);
        else
            down = middle(old_h, h, old_w, w);
    } else {
        if (wider)
            inner_h = scaled(old_h, w, old_w);
        else
            inner_w = scaled(old_w, h, old_h);
        down = whole(old_h, inner_h);
        right = whole(old_w, inner_w);
    }
    const size_t corner = (size_t)((h - inner_h) / 2) * (size_t)w + (size_t)((w - inner_w) / 2);
    for (int c = 0; c < picture->c; c++)
        average(pixels + (size_t)c * plane + corner, (size_t)w, inner_h, inner_w,
                picture->pixels + (size_t)c * old_plane, old_w, &down, &right);
    free(picture->pixels);
    picture->pixels = pixels;
    picture->h = h;
    picture->w = w;
    picture->notes |= PICTURE_RESIZED;
    return true;
}
