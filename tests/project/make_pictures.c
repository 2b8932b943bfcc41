/* make_pictures.c - a folder of pictures, of a data set that is there:
 *
 *     make_pictures synthetic|PATH FOLDER COUNT H W
 *
 * writes COUNT pictures of the first five classes as FOLDER/train/<class>/<n>.png and, five in 25,
 * FOLDER/test/<class>/<n>.png, H pixels high and W wide. FOLDER is there and empty.
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/format.h"
#include "data/synthetic.h"

enum { CLASSES = 5, EVERY = 5, PATH_SIZE = 600 };

static bool write_png(const char *path, const struct picture *p)
{
    const size_t plane = (size_t)p->h * (size_t)p->w;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->w,
                       .height = (png_uint_32)p->h,
                       .format = PNG_FORMAT_RGB};
    uint8_t *samples = malloc(3 * plane);
    for (size_t i = 0; samples != NULL && i < 3 * plane; i++)
        samples[i] = p->pixels[i % 3 * plane + i / 3];
    bool ok = samples != NULL && png_image_write_to_file(&image, path, 0, samples, 0, NULL) != 0;
    free(samples);
    return ok;
}

static bool write_image(const struct data *data, int i, const char *folder, int n, int h, int w,
                        struct err *err)
{
    char path[PATH_SIZE];
    struct picture picture = {.c = data->c, .h = data->h, .w = data->w};
    picture.pixels = malloc(data_pixels(data));
    if (picture.pixels == NULL)
        return err_set(err, "no memory");
    data_picture(data, i, picture.pixels);
    snprintf(path, sizeof path, "%s/%s/%s/%04d.png", folder,
             n / CLASSES % EVERY == 0 ? "test" : "train", data->class_names[data->labels[i]], n);
    bool ok = resize_picture(&picture, RESIZE_CROP, h, w, err) &&
              (write_png(path, &picture) || err_set(err, "%s: cannot write", path));
    picture_free(&picture);
    return ok;
}

static bool make_folders(const struct data *data, const char *folder)
{
    char path[PATH_SIZE];
    bool ok = true;
    for (int part = 0; part < 2; part++) {
        snprintf(path, sizeof path, "%s/%s", folder, part == 0 ? "train" : "test");
        ok = ok && mkdir(path, 0777) == 0;
        for (int k = 0; ok && k < CLASSES; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", folder, part == 0 ? "train" : "test",
                     data->class_names[k]);
            ok = mkdir(path, 0777) == 0;
        }
    }
    return ok;
}

int main(int argc, char **argv)
{
    const struct data_shape shape = {3, 32, 32, 10};
    struct data data = {0};
    struct err err = {0};
    if (argc != 6)
        return 2;
    const struct data_request request = {.path = argv[1], .part = DATA_TRAIN};
    const char *folder = argv[2];
    const int count = atoi(argv[3]), h = atoi(argv[4]), w = atoi(argv[5]);
    bool ok = strcmp(argv[1], "synthetic") == 0
                  ? synthetic_open(&data, &shape, DATA_TRAIN, 2 * count, &err)
                  : format_open(&data, &request, &err);
    ok = ok && (make_folders(&data, folder) || err_set(&err, "%s: cannot make folders", folder));
    int n = 0;
    for (int i = 0; ok && n < count && i < data.count; i++) {
        if (data.labels[i] < CLASSES)
            ok = write_image(&data, i, folder, n++, h, w, &err);
    }
    ok = ok && (n == count || err_set(&err, "%d pictures: expected %d", n, count));
    data_close(&data);
    if (!ok)
        fprintf(stderr, "make_pictures: %s\n", err.message);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
