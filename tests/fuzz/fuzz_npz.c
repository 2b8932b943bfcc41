/* fuzz_npz.c - any bytes as an .npz, or as the arrays in one.
 *
 * The first byte says which, and the layout. An .npz is the rest as it is. Of arrays two bytes each
 * are the length of x_train.npy and y_train.npy, and the rest is class_names.npy, where it is not
 * empty: they are put into a zip file with right check sums, which no mutation would find.
 */
#include <string.h>
#include <zlib.h>

#include "fuzz_formats.h"

enum { HEAD = 5, WHOLE = 1, NHWC = 2, NCHW = 4 };

/* -- A zip file -------------------------------------------------------------------------------- */

/* Of stored files: PKWARE's APPNOTE, 4.3. Made here, for libzip writes one beside it and renames
 * it, which takes longer than to read it. */
enum { FILES = 3, LOCAL = 30, CENTRAL = 46, END = 22 };

struct entry {
    const char *name;
    const uint8_t *bytes;
    size_t size;
};

static uint8_t *put_number(uint8_t *at, size_t number, int bytes)
{
    for (int k = 0; k < bytes; k++, number >>= 8)
        *at++ = (uint8_t)number;
    return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* What both heads of a file have, from the version that can read it to the length of its name and
 * of nothing more. */
static uint8_t *put_head(uint8_t *at, const struct entry *entry)
{
    at = put_number(at, 20, 2);
    at = put_number(at, 0, 8); /* no flags, stored, no time */
    at = put_number(at, crc32_z(crc32(0, NULL, 0), entry->bytes, entry->size), 4);
    at = put_number(at, entry->size, 4);
    at = put_number(at, entry->size, 4);
    return put_number(at, strlen(entry->name), 4);
}

/* Returns the bytes of the file, for which there is room. */
static size_t put_zip(uint8_t *zip, const struct entry *entries, int count)
{
    size_t offsets[FILES];
    uint8_t *at = zip;
    for (int i = 0; i < count; i++) {
        offsets[i] = (size_t)(at - zip);
        at = put_head(put_number(at, 0x04034b50, 4), &entries[i]);
        at = put_bytes(at, entries[i].name, strlen(entries[i].name));
        at = put_bytes(at, entries[i].bytes, entries[i].size);
    }
    const uint8_t *central = at;
    for (int i = 0; i < count; i++) {
        at = put_head(put_number(put_number(at, 0x02014b50, 4), 20, 2), &entries[i]);
        at = put_number(at, 0, 10); /* no comment, the first disk, no attributes */
        at = put_number(at, offsets[i], 4);
        at = put_bytes(at, entries[i].name, strlen(entries[i].name));
    }
    const size_t central_size = (size_t)(at - central);
    at = put_number(put_number(at, 0x06054b50, 4), 0, 4);
    at = put_number(put_number(at, (size_t)count, 2), (size_t)count, 2);
    at = put_number(put_number(at, central_size, 4), (size_t)(central - zip), 4);
    return (size_t)(put_number(at, 0, 2) - zip);
}

/* -- The input --------------------------------------------------------------------------------- */

static void put_arrays(int *fd, const uint8_t *data, size_t size)
{
    enum { NAMES = 3 * 20 };
    size_t x = (size_t)data[1] << 8 | data[2], y = (size_t)data[3] << 8 | data[4];
    size_t rest = size - HEAD;
    x = x < rest ? x : rest;
    y = y < rest - x ? y : rest - x;
    const struct entry entries[FILES] = {
        {"x_train.npy", data + HEAD, x},
        {"y_train.npy", data + HEAD + x, y},
        {"class_names.npy", data + HEAD + x + y, rest - x - y},
    };
    uint8_t *zip = malloc(rest + FILES * (LOCAL + CENTRAL) + 2 * NAMES + END);
    FUZZ_CHECK(zip != NULL, "no memory");
    fuzz_keep(fd, "x.npz", zip, put_zip(zip, entries, rest > x + y ? FILES : FILES - 1));
    free(zip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    static int fd = -1;
    if (size < HEAD)
        return 0;
    fuzz_path("x.npz", path);
    if (data[0] & WHOLE)
        fuzz_keep(&fd, "x.npz", data + 1, size - 1);
    else
        put_arrays(&fd, data, size);
    const char *layout = data[0] & NHWC ? "nhwc" : data[0] & NCHW ? "nchw" : NULL;
    if (layout != NULL) { /* of three axes there is no such layout */
        struct data data_set = {0};
        struct err err = {0};
        const struct data_request request = {.path = path, .options = {.layout = layout}};
        if (!format_open(&data_set, &request, &err) && err.code == EXIT_USAGE)
            layout = NULL;
        data_close(&data_set);
    }
    judge_format(path, (struct data_options){RESIZE_NONE, false, NULL, layout, 0});
    return 0;
}
