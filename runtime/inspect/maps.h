/* maps.h - what a norm does to one image: feature maps before it and behind it, for reports.
 *
 *     cJSON *json = maps_json(&inside, picture, bytes);      (after inside_step)
 *
 * Of the first image of the step:
 *
 *     images               in the batch whose statistics batch norm took
 *     pixels               [c * h * w] of the image itself, 0 to 255
 *     layers: [{layer, h, w, maps: [{channel, before, after}]}]
 *         the first norm and the middle one; four channels, evenly spread; before and after:
 *         [h * w] values, of larger maps every second, third, ... pixel of each side, so that
 *         neither is above MAPS_SIDE
 *
 * A network without norms has no layers there.
 */
#ifndef BURIN_MAPS_H
#define BURIN_MAPS_H

#include <stddef.h>
#include <stdint.h>

#include "inspect/inside.h"

struct cJSON;

enum { MAPS_CHANNELS = 4, MAPS_SIDE = 64 };

/* NULL without memory. picture: the first image's pixels. */
struct cJSON *maps_json(const struct inside *inside, const uint8_t *picture, size_t bytes);

#endif
