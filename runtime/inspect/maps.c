/* maps.c - planes of two norm layers, thinned to a size that a page can show. */
#include "inspect/maps.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "file/json.h"

/* Appends every step-th pixel of every step-th row; hundredths are more than a picture shows. */
static bool add_values(cJSON *map, const char *side, const float *plane, const struct layer *l,
                       int step)
{
    cJSON *values = cJSON_AddArrayToObject(map, side);
    bool ok = values != NULL;
    for (int y = 0; ok && y < l->h; y += step) {
        for (int x = 0; ok && x < l->w; x += step) {
            const double value = (double)plane[(size_t)y * (size_t)l->w + (size_t)x];
            ok = json_append(values, cJSON_CreateNumber(round(value * 100.0) / 100.0));
        }
    }
    return ok;
}

static bool add_layer(cJSON *layers, const struct inside *inside, int layer)
{
    const struct layer *l = &inside->run.model->layers[layer];
    const size_t plane = (size_t)l->h * (size_t)l->w;
    const int longer = l->h > l->w ? l->h : l->w;
    const int step = (longer + MAPS_SIDE - 1) / MAPS_SIDE;
    const int shown = l->c < MAPS_CHANNELS ? l->c : MAPS_CHANNELS;
    const float *before = inside_input(inside, layer, 0);
    float *after = malloc((size_t)l->c * plane * sizeof *after);
    cJSON *entry = cJSON_CreateObject();
    bool ok = json_append(layers, entry) && after != NULL;
    cJSON *maps = ok ? cJSON_AddArrayToObject(entry, "maps") : NULL;
    ok = maps != NULL && cJSON_AddStringToObject(entry, "layer", l->name) &&
         cJSON_AddNumberToObject(entry, "h", (l->h + step - 1) / step) &&
         cJSON_AddNumberToObject(entry, "w", (l->w + step - 1) / step);
    if (ok)
        inside_norm_output(inside, layer, 0, after);
    for (int i = 0; ok && i < shown; i++) {
        const int channel = i * l->c / shown;
        cJSON *map = cJSON_CreateObject();
        ok = json_append(maps, map) && cJSON_AddNumberToObject(map, "channel", channel) &&
             add_values(map, "before", before + (size_t)channel * plane, l, step) &&
             add_values(map, "after", after + (size_t)channel * plane, l, step);
    }
    free(after);
    return ok;
}

cJSON *maps_json(const struct inside *inside, const uint8_t *picture, size_t bytes)
{
    const struct model *model = inside->run.model;
    cJSON *json = cJSON_CreateObject();
    cJSON *pixels = cJSON_AddArrayToObject(json, "pixels");
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    bool ok = pixels != NULL && layers != NULL &&
              cJSON_AddNumberToObject(json, "images", inside->batch.n);
    for (size_t i = 0; ok && i < bytes; i++)
        ok = json_append(pixels, cJSON_CreateNumber((double)picture[i]));
    int norms = 0, seen = 0;
    for (int i = 0; i < model->layer_count; i++)
        norms += model->layers[i].op == LAYER_NORM;
    for (int i = 0; ok && i < model->layer_count; i++) {
        if (model->layers[i].op != LAYER_NORM)
            continue;
        if (seen == 0 || seen == norms / 2)
            ok = add_layer(layers, inside, i);
        seen++;
    }
    if (ok)
        return json;
    cJSON_Delete(json);
    return NULL;
}
