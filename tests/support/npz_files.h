/* npz_files.h - files of four arrays as numpy.savez writes them, by the library that zips.
 *
 *     put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);      then opens() or refuses() of open_formats.h
 */
#ifndef BURIN_TESTS_NPZ_FILES_H
#define BURIN_TESTS_NPZ_FILES_H

#include "open_formats.h"

static const uint8_t npz_bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const int64_t labels_64[] = {0, 2};
static const uint8_t labels_8[] = {1, 1};

#define DICT(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

enum { NPY_SIZE = 16000 };

struct npz_case {
    const char *x, *y; /* dictionaries */
    const void *pixels, *labels;
    size_t pixel_bytes, label_bytes;
};

/* A file x.npz of four arrays, the test ones as good as the others, and names where they are not
 * NULL. */
static void put_npz(const struct npz_case *c, const char *names, size_t names_bytes,
                    const char *names_dict, int method)
{
    static uint8_t npy[4][NPY_SIZE];
    struct files_entry entries[] = {
        {"x_train.npy", npy[0], files_npy(npy[0], c->x, c->pixels, c->pixel_bytes)},
        {"y_train.npy", npy[1], files_npy(npy[1], c->y, c->labels, c->label_bytes)},
        {"x_test.npy", npy[0], 0},
        {"y_test.npy", npy[2], files_npy(npy[2], DICT("|u1", "(2,)"), labels_8, 2)},
        {"class_names.npy", npy[3], 0},
    };
    entries[2].size = entries[0].size;
    if (names != NULL)
        entries[4].size = files_npy(npy[3], names_dict, names, names_bytes);
    files_put_zip("x.npz", entries, names != NULL ? 5 : 4, method);
    request.path = files_path("x.npz");
}

static const struct npz_case grey = {
    DICT("|u1", "(2, 2, 3)"), DICT("<i8", "(2,)"), npz_bytes, labels_64,
    sizeof npz_bytes,         sizeof labels_64};

#endif
