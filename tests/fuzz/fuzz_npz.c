/* fuzz_npz.c - any bytes as an .npz, or as the arrays in one.
 *
 * The first byte says which, and the layout. An .npz is the rest as it is. Of arrays two bytes each
 * are the length of x_train.npy and y_train.npy, and the rest is class_names.npy, where it is not
 * empty: they are put into a zip file with right check sums, which no mutation would find.
 */
#include <string.h>
#include <zip.h>

#include "fuzz_formats.h"

enum { HEAD = 5, WHOLE = 1, NHWC = 2, NCHW = 4 };

static void add(zip_t *zip, const char *name, const uint8_t *bytes, size_t size)
{
    zip_source_t *source = zip_source_buffer(zip, bytes, size, 0);
    zip_int64_t at = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    FUZZ_CHECK(at >= 0 && zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0) == 0,
               "%s: no zip", name);
}

static void put_arrays(const char *path, const uint8_t *data, size_t size)
{
    int code = 0;
    size_t x = (size_t)data[1] << 8 | data[2], y = (size_t)data[3] << 8 | data[4];
    size_t rest = size - HEAD;
    x = x < rest ? x : rest;
    y = y < rest - x ? y : rest - x;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    FUZZ_CHECK(zip != NULL, "%s: no zip", path);
    add(zip, "x_train.npy", data + HEAD, x);
    add(zip, "y_train.npy", data + HEAD + x, y);
    if (rest > x + y)
        add(zip, "class_names.npy", data + HEAD + x + y, rest - x - y);
    FUZZ_CHECK(zip_close(zip) == 0, "%s: cannot write", path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    if (size < HEAD)
        return 0;
    fuzz_path("x.npz", path);
    if (data[0] & WHOLE)
        fuzz_put("x.npz", data + 1, size - 1);
    else
        put_arrays(path, data, size);
    const char *layout = data[0] & NHWC ? "nhwc" : data[0] & NCHW ? "nchw" : NULL;
    struct data data_set = {0};
    struct err err = {0};
    const struct data_request request = {.path = path, .options = {.layout = layout}};
    bool misused = !format_open(&data_set, &request, &err) && err.code == EXIT_USAGE;
    data_close(&data_set); /* of three axes there is no such layout */
    judge_format(path, (struct data_options){RESIZE_NONE, false, NULL, misused ? NULL : layout, 0});
    return 0;
}
