/* fuzz_idx.c - any bytes as the images and labels of a folder of IDX files.
 *
 * The first byte says whether they bear EMNIST's names, and end with .gz; two are the length of the
 * file of images; the rest are the labels. zlib reads what is not packed as it is.
 */
#include <string.h>

#include "fuzz_formats.h"

enum { HEAD = 3, EMNIST = 1, PACKED = 2, WAYS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const firsts[] = {"train", "emnist-letters-train"};
    char path[FUZZ_PATH_SIZE], name[80];
    if (size < HEAD)
        return 0;
    size_t rest = size - HEAD, images = (size_t)data[1] << 8 | data[2];
    images = images < rest ? images : rest;
    for (int way = 0; way < WAYS; way++) {
        bool here = way == data[0] % WAYS;
        for (int file = 0; file < 2; file++) {
            snprintf(name, sizeof name, "%s-%s-ubyte%s", firsts[way & EMNIST],
                     file == 0 ? "images-idx3" : "labels-idx1", (way & PACKED) != 0 ? ".gz" : "");
            if (here)
                fuzz_put(name, data + HEAD + (file == 0 ? 0 : images),
                         file == 0 ? images : rest - images);
            else
                unlink(fuzz_path(name, path));
        }
    }
    judge_format(fuzz_folder, (struct data_options){RESIZE_NONE, false, NULL, NULL, 0});
    return 0;
}
