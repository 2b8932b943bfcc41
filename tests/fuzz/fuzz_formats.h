/* fuzz_formats.h - what every reader of a data set keeps, whatever is in its files. */
#ifndef BURIN_FUZZ_FORMATS_H
#define BURIN_FUZZ_FORMATS_H

#include "data/format.h"
#include "fuzz_folder.h"
#include "fuzz_message.h"

FUZZ_UNTRACED static inline void check_names(const struct data *data)
{
    for (int k = 0; k < data->classes; k++) {
        for (const char *at = data->class_names[k]; *at != '\0'; at++)
            FUZZ_CHECK((unsigned char)*at >= ' ', "a control character in class %d", k);
    }
}

/* Every label is of a class, and every pixel can be read. */
FUZZ_UNTRACED static inline void check_images(const struct data *data)
{
    uint8_t *picture = malloc(data_pixels(data));
    FUZZ_CHECK(picture != NULL, "no memory");
    for (int i = 0; i < data->count; i++) {
        FUZZ_CHECK(data->labels[i] < data->classes, "label %d of %d", data->labels[i],
                   data->classes);
        data_picture(data, i, picture);
    }
    free(picture);
    struct data_stats stats = data_statistics(data);
    FUZZ_CHECK(stats.std[0] > 0, "a deviation of %g", stats.std[0]);
}

/* Opens the training images at a path in every way, and looks; what is refused names the file. */
static inline void judge_format(const char *path, struct data_options options)
{
    bool opened[3];
    for (int way = 0; way < 3; way++) {
        struct data_request request = {.path = path, .options = options, .look = way == 1};
        struct data data = {0};
        struct err err = {0};
        request.options.map_from = way == 2 ? 1 : 0;
        opened[way] = format_open(&data, &request, &err);
        if (opened[way]) {
            FUZZ_CHECK(data.count >= 1 && data.classes >= 1 && data.c >= 1 && data.h >= 1 &&
                           data.w >= 1,
                       "%d images of %dx%dx%d", data.count, data.c, data.h, data.w);
            check_names(&data);
            if (way != 1)
                check_images(&data);
        } else {
            check_message(&err, path);
        }
        data_close(&data);
    }
    FUZZ_CHECK(opened[0] == opened[2], "read: %d, mapped: %d", opened[0], opened[2]);
    FUZZ_CHECK(opened[1] || !opened[0], "it opens, and cannot be looked at");
}

#endif
