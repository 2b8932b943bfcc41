/* test_npz.c - the zip file around the arrays of NumPy: what is damaged, what lies about its size or
 * place, and what is mapped. */
#define _GNU_SOURCE /* nftw, memmem */
#include "npz_files.h"

/* The bytes of x.npz. */
static size_t read_zip(uint8_t *bytes, size_t most)
{
    FILE *file = fopen(files_path("x.npz"), "rb");
    const size_t size = fread(bytes, 1, most, file);
    fclose(file);
    return size;
}

static void put_wide(uint8_t *at, uint64_t value, int bytes)
{
    for (int k = 0; k < bytes; k++)
        at[k] = (uint8_t)(value >> 8 * k);
}

START_TEST(a_damaged_npz_is_told)
{
    static uint8_t bytes[4000];
    struct files_entry entry = {"x_train.npy", "no npy", 6};
    files_put_zip("x.npz", &entry, 1, ZIP_CM_STORE);
    request.path = files_path("x.npz");
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: byte 0: no header of a .npy file");
    entry.name = "other.npy";
    files_put_zip("x.npz", &entry, 1, ZIP_CM_STORE);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: not in it: expected x_train, y_train, x_test");
    files_put("x.npz", "no zip", 6);
    refuses(EXIT_DATA, "@/x.npz: Not a zip archive: expected what numpy.savez writes");
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);
    size_t size = read_zip(bytes, sizeof bytes);
    uint8_t *pixels = memmem(bytes, size, npz_bytes, sizeof npz_bytes);
    ck_assert_ptr_nonnull(pixels);
    pixels[3] ^= 1;
    files_put("x.npz", bytes, size);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: after 140 of 140 bytes: CRC error");
    /* Nor is it mapped, when its check sum is wrong, or when its directory says another place. */
    request.options.map_from = 1;
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: after 140 of 140 bytes: CRC error");
    pixels[3] ^= 1;
    uint8_t *listed = memmem(bytes, size, "PK\1\2", 4);
    ck_assert_ptr_nonnull(listed);
    listed[44] = 0x90;
    files_put("x.npz", bytes, size);
    refuses(EXIT_DATA, "@/x.npz: x_train.npy: Invalid argument");
}
END_TEST

/* Sizes of the directory that the file cannot have: refused before memory of that size is asked
 * for. Packed bytes may become 1100 times as many. */
START_TEST(an_entry_is_no_larger_than_its_file)
{
    enum { LISTED_PACKED = 20, LISTED_SIZE = 24 };
    static uint8_t bytes[4000];
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_DEFLATE);
    const size_t size = read_zip(bytes, sizeof bytes);
    uint8_t *listed = memmem(bytes, size, "PK\1\2", 4);
    ck_assert_ptr_nonnull(listed);
    char message[100];
    put_wide(listed + LISTED_SIZE, 2900000000, 4);
    put_wide(listed + LISTED_PACKED, size + 1, 4);
    files_put("x.npz", bytes, size);
    snprintf(message, sizeof message, "@/x.npz: x_train.npy: %zu bytes in a file of %zu", size + 1,
             size);
    refuses(EXIT_DATA, message);
    put_wide(listed + LISTED_PACKED, size, 4);
    files_put("x.npz", bytes, size);
    snprintf(message, sizeof message, "@/x.npz: x_train.npy: 2900000000 bytes out of %zu: more",
             size);
    refuses(EXIT_DATA, message);
}
END_TEST

/* Writes the sizes of the first entry of a zip file in 64 bits behind its name, as NumPy does, and
 * moves what follows. Returns the new size. */
static size_t widen(uint8_t *zip, size_t size)
{
    enum { HEAD = 30, EXTRA = 20 };
    static const uint8_t entry[] = "PK\1\2", end[] = "PK\5\6";
    const size_t at = HEAD + (size_t)zip[26];
    const uint64_t packed = zip[18] | (uint64_t)zip[19] << 8;
    memmove(zip + at + EXTRA, zip + at, size - at);
    put_wide(zip + at, 1, 2);
    put_wide(zip + at + 2, EXTRA - 4, 2);
    put_wide(zip + at + 4, packed, 8);
    put_wide(zip + at + 12, packed, 8);
    put_wide(zip + 18, UINT64_MAX, 8);
    zip[28] = EXTRA;
    size += EXTRA;
    for (uint8_t *next = zip; (next = memmem(next, (size_t)(zip + size - next), entry, 4)) != NULL;
         next += 4) {
        const uint64_t offset = next[42] | (uint64_t)next[43] << 8;
        put_wide(next + 42, offset > 0 ? offset + EXTRA : 0, 4);
    }
    uint8_t *last = memmem(zip, size, end, 4);
    ck_assert_ptr_nonnull(last);
    put_wide(last + 16, (last[16] | (uint64_t)last[17] << 8) + EXTRA, 4);
    return size;
}

/* The directory at the end of a zip says that an array lies where another one of its size does:
 * what libzip reads by it is the array, mapped or not. */
START_TEST(a_directory_that_leads_elsewhere_is_followed)
{
    enum { LISTED_SUM = 16, LISTED_AT = 42 };
    static const uint8_t others[] = {21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    static uint8_t npy[3][NPY_SIZE], bytes[4000];
    const size_t packed = files_npy(npy[0], grey.x, npz_bytes, sizeof npz_bytes);
    const struct files_entry entries[] = {
        {"x_train.npy", npy[0], packed},
        {"x_other.npy", npy[1], files_npy(npy[1], grey.x, others, sizeof others)},
        {"y_train.npy", npy[2], files_npy(npy[2], grey.y, labels_64, sizeof labels_64)},
        {"x_test.npy", npy[0], packed},
        {"y_test.npy", npy[2], entries[2].size},
    };
    files_put_zip("x.npz", entries, 5, ZIP_CM_STORE);
    const size_t size = read_zip(bytes, sizeof bytes);
    uint8_t *first = memmem(bytes, size, "PK\1\2", 4);
    ck_assert_ptr_nonnull(first);
    uint8_t *second = memmem(first + 4, size - (size_t)(first + 4 - bytes), "PK\1\2", 4);
    ck_assert_ptr_nonnull(second);
    memcpy(first + LISTED_SUM, second + LISTED_SUM, 4);
    memcpy(first + LISTED_AT, second + LISTED_AT, 4);
    files_put("x.npz", bytes, size);
    request.path = files_path("x.npz");
    for (int mapped = 0; mapped < 2; mapped++) {
        request.options.map_from = mapped == 1 ? 1 : SIZE_MAX;
        opens();
        shows(1, others + 6);
    }
}
END_TEST

/* NumPy writes sizes of 64 bits. What cannot be found from header to header is read. */
START_TEST(an_npz_of_numpy_is_mapped)
{
    static uint8_t bytes[4000], changed[4000];
    static const struct {
        size_t at;
        uint8_t value;
        bool mapped;
    } changes[] = {
        {0, 'P', true}, {0, 'Q', false},  {6, 8, false},    {26, 255, false}, {28, 19, false},
        {41, 2, false}, {28, 255, false}, {53, 255, false}, {60, 255, false}, {30, 'X', false},
    };
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);
    size_t size = read_zip(bytes, sizeof bytes - 20);
    size = widen(bytes, size);
    request.options.map_from = 1;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(changed, bytes, size);
        changed[changes[i].at] = changes[i].value;
        files_put("x.npz", changed, size);
        data_close(&data);
        err = (struct err){0};
        const bool ok = format_open(&data, &request, &err);
        ck_assert_msg(ok || !changes[i].mapped, "byte %zu: %s", changes[i].at, err.message);
        if (ok)
            ck_assert_msg(is_mapped("x.npz") == changes[i].mapped, "byte %zu", changes[i].at);
        if (ok)
            shows(1, npz_bytes + 6);
    }
}
END_TEST

/* A header that says that its entry ends a few bytes before the file does leads nowhere. */
START_TEST(an_npz_is_searched_to_its_end)
{
    static uint8_t bytes[4000];
    put_npz(&grey, NULL, 0, NULL, ZIP_CM_STORE);
    request.options.map_from = 1;
    opens();
    ck_assert(is_mapped("x.npz"));
    const size_t size = read_zip(bytes, sizeof bytes), first = 30 + (size_t)bytes[26];
    bytes[30] = 'X'; /* so that it is not the one */
    put_wide(bytes + 18, size - first - 10, 4);
    files_put("x.npz", bytes, size);
    data_close(&data);
    if (format_open(&data, &request, &err)) { /* the list at the end of the file is as it was */
        ck_assert(!is_mapped("x.npz"));
        shows(1, npz_bytes + 6);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *tests = tcase_create("npz");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, a_damaged_npz_is_told);
    tcase_add_test(tests, an_entry_is_no_larger_than_its_file);
    tcase_add_test(tests, a_directory_that_leads_elsewhere_is_followed);
    tcase_add_test(tests, an_npz_of_numpy_is_mapped);
    tcase_add_test(tests, an_npz_is_searched_to_its_end);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
