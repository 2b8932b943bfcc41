/* samples.c - the bytes as files have them, so that the copy's own normalisation is seen, too. */
#include "inspect/samples.h"

#include <errno.h>
#include <stdlib.h>

#include "data/data.h"
#include "file/safetensors.h"

bool samples_save(const char *path, const struct model *model, const struct data *data,
                  const float *logits, struct err *err)
{
    const size_t count = data->count < SAMPLES_MOST ? (size_t)data->count : SAMPLES_MOST;
    const size_t pixels = data_pixels(data), classes = (size_t)data->classes;
    if (data->type != DATA_BYTES)
        return err_set_code(err, EXIT_USAGE,
                            "--samples %s: the images of %s are floats: expected bytes, which is "
                            "what a frozen network takes",
                            path, data->source);
    uint8_t *images = malloc(count * pixels);
    if (images == NULL)
        return err_set_errno(err, ENOMEM, "%s", path);
    for (size_t i = 0; i < count; i++)
        data_picture(data, (int)i, images + i * pixels);
    /* The largest elements first keep every tensor aligned. */
    const struct safetensor tensors[] = {
        {"logits", SAFETENSORS_F32, 2, {count, classes}, logits},
        {"images",
         SAFETENSORS_U8,
         4,
         {count, (size_t)data->c, (size_t)data->h, (size_t)data->w},
         images},
        {"labels", SAFETENSORS_U8, 1, {count}, data->labels},
    };
    const struct safetensors_meta isa = {"isa", model->isa};
    bool ok = safetensors_save(path, NULL, tensors, 3, &isa, 1, err);
    free(images);
    return ok;
}
