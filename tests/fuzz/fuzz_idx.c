/* fuzz_idx.c - any bytes as the images and labels of a folder of IDX files.
 *
 * The first byte says whether they bear EMNIST's names, and end with .gz; two are the length of the
 * file of images; the rest are the labels. zlib reads what is not packed as it is.
 */
#include <string.h>

#include "fuzz_formats.h"

enum { HEAD = 3, EMNIST = 1, PACKED = 2, WAYS = 4, FILES = 2, NAME_SIZE = 80 };

static void name_file(char name[NAME_SIZE], int way, int file)
{
    static const char *const firsts[] = {"train", "emnist-letters-train"}, *const whats[FILES] = {
                                                                               "images-idx3",
                                                                               "labels-idx1"};
    snprintf(name, NAME_SIZE, "%s-%s-ubyte%s", firsts[way & EMNIST], whats[file],
             (way & PACKED) != 0 ? ".gz" : "");
}

/* Two files are there at a time, which bear the names of the way. */
static void put(int way, int file, const uint8_t *bytes, size_t size)
{
    static int fds[FILES] = {-1, -1}, ways[FILES];
    char name[NAME_SIZE], before[NAME_SIZE], from[FUZZ_PATH_SIZE], to[FUZZ_PATH_SIZE];
    name_file(name, way, file);
    name_file(before, ways[file], file);
    if (fds[file] >= 0 && ways[file] != way)
        FUZZ_CHECK(rename(fuzz_path(before, from), fuzz_path(name, to)) == 0,
                   "%s: cannot be renamed", from);
    ways[file] = way;
    fuzz_keep(&fds[file], name, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    size_t rest = size - HEAD, images = (size_t)data[1] << 8 | data[2];
    images = images < rest ? images : rest;
    put(data[0] % WAYS, 0, data + HEAD, images);
    put(data[0] % WAYS, 1, data + HEAD + images, rest - images);
    judge_format(fuzz_folder, (struct data_options){RESIZE_NONE, false, NULL, NULL, 0});
    return 0;
}
