/* test_format_faults.c - every call that can fail fails once while a set of any format is read: a
 * message that names the file, or the set that comes without the failure; and no file stays open.
 * And each byte of a file is wrong once, and the file ends before it.
 * What is not freed is found by a sanitizer.
 */
#define _GNU_SOURCE /* nftw */
#include "open_formats.h"

#include <errno.h>

#include "data/folder_cache.h"
#include "faults.h"
#include "file/safetensors.h"

static const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float numbers[] = {0, 1, 2, 3, 4, 255, -1, 0, 0.5f, 1, 0, 0};
static const int64_t labels[] = {0, 2};

#define DICT(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

/* Two images of 2 rows and 3 columns as the test set, unpacked with the names of three classes. */
static void put_idx(void (*put)(const char *name, const void *bytes, size_t size))
{
    uint8_t bytes[64];
    const uint8_t words[] = {0, 2};
    const bool packed = put == files_put_gz;
    static const char *const parts[] = {"train", "t10k"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", parts[i], packed ? ".gz" : "");
        put(name, bytes, files_idx(bytes, 3, (const int[]){2, 2, 3}, pixels));
        snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", parts[i], packed ? ".gz" : "");
        put(name, bytes, files_idx(bytes, 1, (const int[]){2}, words));
    }
    if (!packed)
        files_put("classes.txt", "one\ntwo\nthree\n", 14);
}

static void put_plain_idx(void)
{
    put_idx(files_put);
}

static void put_packed_idx(void)
{
    put_idx(files_put_gz);
}

/* The files in a .npz, and how they are packed. */
static uint8_t npy[3][400];
static struct files_entry npz_entries[5];
static int npz_method;

static void put_entries(void)
{
    files_put_zip("x.npz", npz_entries, 5, npz_method);
}

static void put_npz(const char *x, const void *images, size_t size, int method)
{
    const struct files_entry entries[] = {
        {"x_train.npy", npy[0], files_npy(npy[0], x, images, size)},
        {"y_train.npy", npy[1], files_npy(npy[1], DICT("<i8", "(2,)"), labels, sizeof labels)},
        {"class_names.npy", npy[2], files_npy(npy[2], DICT("|S2", "(3,)"), "a\0b\0c", 6)},
        {"x_test.npy", npy[0], files_npy(npy[0], x, images, size)},
        {"y_test.npy", npy[1], sizeof labels},
    };
    memcpy(npz_entries, entries, sizeof entries);
    npz_entries[4].size = npz_entries[1].size;
    npz_method = method;
    put_entries();
    request.path = files_path("x.npz");
}

static void put_packed_npz(void)
{
    put_npz(DICT("|u1", "(2, 2, 3)"), pixels, sizeof pixels, ZIP_CM_DEFLATE);
}

static void put_npz_of_floats(void)
{
    put_npz(DICT("<f4", "(2, 2, 3)"), numbers, sizeof numbers, ZIP_CM_STORE);
}

static void put_mapped_npz(void)
{
    put_npz_of_floats();
    request.options.map_from = 1;
}

static void put_tensors(void)
{
    const struct safetensor tensors[] = {
        {"test.images", SAFETENSORS_F32, 3, {2, 2, 3}, numbers},
        {"test.labels", SAFETENSORS_I64, 1, {2}, labels},
        {"train.images", SAFETENSORS_U8, 3, {2, 2, 3}, pixels},
        {"train.labels", SAFETENSORS_I64, 1, {2}, labels},
    };
    const struct safetensors_meta metas[] = {{"classes", "[\"a\",\"b\",\"c\"]"}};
    request.path = files_path("x.safetensors");
    ck_assert(safetensors_save(request.path, NULL, tensors, 4, metas, 1, &err));
}

/* The same without the sum that this project's own files have. */
static void put_foreign_tensors(void)
{
    static const char head[] =
        "{\"test.images\":{\"dtype\":\"U8\",\"shape\":[2,2,3],\"data_offsets\":[0,12]},"
        "\"test.labels\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[12,16]},"
        "\"__metadata__\":{\"classes\":\"[\\\"a\\\",\\\"b\\\"]\"}} ";
    uint8_t bytes[8 + sizeof head + 16] = {sizeof head - 1};
    memcpy(bytes + 8, head, sizeof head - 1);
    memcpy(bytes + 8 + sizeof head - 1, pixels, sizeof pixels);
    bytes[8 + sizeof head - 1 + sizeof pixels] = 1;
    files_put("x.safetensors", bytes, 8 + sizeof head - 1 + 16);
    request.path = files_path("x.safetensors");
}

enum { RECORDS = 10000, RECORD_10 = 1 + 3072, RECORD_100 = 2 + 3072 };

static void put_cifar_100(void)
{
    char names[2000] = "";
    uint8_t *bytes = calloc(RECORDS, RECORD_100);
    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < 100; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "name %d\n", i);
    files_put("test.bin", bytes, (size_t)RECORDS * RECORD_100);
    files_put("fine_label_names.txt", names, strlen(names));
    free(bytes);
}

static void put_archive(void)
{
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
    uint8_t *bytes = calloc(RECORDS, RECORD_10);
    ck_assert_ptr_nonnull(bytes);
    const struct files_entry entries[] = {
        {"cifar-10-batches-bin/test_batch.bin", bytes, (size_t)RECORDS * RECORD_10},
        {"cifar-10-batches-bin/batches.meta.txt", names, sizeof names - 1},
    };
    files_put_tar("x.tar.gz", entries, 2);
    request.path = files_path("x.tar.gz");
    free(bytes);
}

static const struct {
    const char *name;
    void (*put)(void);
    int told; /* failures that cost the set, at least */
} sets[] = {
    {"idx", put_plain_idx, 10},           {"idx.gz", put_packed_idx, 10},
    {"npz", put_packed_npz, 10},          {"npz of floats", put_npz_of_floats, 10},
    {"mapped npz", put_mapped_npz, 10},   {"safetensors", put_tensors, 10},
    {"tensors", put_foreign_tensors, 10}, {"cifar100", put_cifar_100, 10},
    {"archive", put_archive, 10},
};
enum { SETS = sizeof sets / sizeof sets[0], SMALL_SETS = 7, MOST_CALLS = 5000 };

/* Reads the set with the n-th call failing, or looks at it. */
static struct faults_report disturb(long n, bool *ok)
{
    data_close(&data);
    err = (struct err){0};
    faults_arm(n, FAULTS_ONCE);
    *ok = format_open(&data, &request, &err);
    return faults_disarm();
}

START_TEST(a_set_is_read_or_it_is_said_why_not)
{
    char whole[SHA256_HEX_SIZE], last_name[200];
    sets[_i / 2].put();
    request.part = DATA_TEST;
    request.look = _i % 2 == 1;
    opens();
    memcpy(whole, data.digest, sizeof whole);
    snprintf(last_name, sizeof last_name, "%s", data.class_names[data.classes - 1]);
    struct faults_report report = {.failed = true};
    int told = 0;
    for (long n = 1; report.failed; n++) {
        bool ok;
        ck_assert_int_lt(n, MOST_CALLS);
        report = disturb(n, &ok);
        const char *what = sets[_i / 2].name;
        ck_assert_msg(report.failed || ok, "%s: failed by itself: %s", what, err.message);
        ck_assert_msg(ok == (err.message[0] == '\0'), "%s, call %ld, %s: \"%s\"", what, n,
                      report.call, err.message);
        ck_assert_msg(ok || err.code == EXIT_FAILED || err.code == EXIT_DATA,
                      "%s, call %ld, %s: code %d", what, n, report.call, err.code);
        ck_assert_msg(ok || strcmp(report.call, "malloc") != 0 ||
                          strstr(err.message, strerror(ENOMEM)) != NULL,
                      "%s, call %ld, malloc: \"%s\"", what, n, err.message);
        ck_assert_msg(ok || data.images == NULL, "%s, call %ld, %s", what, n, report.call);
        if (ok)
            ck_assert_msg(strcmp(data.class_names[data.classes - 1], last_name) == 0,
                          "%s, call %ld, %s: other names", what, n, report.call);
        if (ok && data.images != NULL)
            ck_assert_msg(strcmp(data.digest, whole) == 0, "%s, call %ld, %s: another set", what, n,
                          report.call);
        data_close(&data);
        ck_assert_msg(report.files == 0, "%s, call %ld, %s: %ld files are not closed", what, n,
                      report.call, report.files);
        told += !ok;
    }
    ck_assert_int_ge(told, request.look ? 1 : sets[_i / 2].told);
}
END_TEST

/* -- Bytes ------------------------------------------------------------------------------------- */

/* What is read of a file in which anything may be wrong is a set, or it is said what is wrong with
 * which file. Returns whether it is a set. */
static bool is_set_or_refused(const char *file, const char *change, size_t at)
{
    data_close(&data);
    err = (struct err){0};
    const bool ok = format_open(&data, &request, &err);
    ck_assert_msg(ok == (err.message[0] == '\0'), "%s, %s, byte %zu", file, change, at);
    if (!ok) {
        ck_assert_msg(err.code == EXIT_DATA || strstr(err.message, strerror(ENOMEM)) != NULL,
                      "%s, %s, byte %zu: %s", file, change, at, err.message);
        ck_assert_msg(strncmp(err.message, files_folder, strlen(files_folder)) == 0,
                      "%s, %s, byte %zu: %s", file, change, at, err.message);
        return false;
    }
    ck_assert_msg(data.count >= 1 && data.classes >= 1 && data.classes <= DATA_MAX_CLASSES &&
                      data_pixels(&data) >= 1,
                  "%s, %s, byte %zu", file, change, at);
    for (int i = 0; i < data.count; i++)
        ck_assert_msg(data.labels[i] < data.classes, "%s, %s, byte %zu: label %d of %d", file,
                      change, at, data.labels[i], data.classes);
    return true;
}

enum { MOST_BYTES = 4096 };

/* A file of the set: put writes what is in bytes. */
static uint8_t file_bytes[MOST_BYTES + 1];
static size_t file_size;
static const char *file_name;

static void put_file(void)
{
    files_put(file_name, file_bytes, file_size);
}

static void take_file(const char *name)
{
    FILE *file = fopen(files_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    file_name = name;
    file_size = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    ck_assert_uint_le(file_size, MOST_BYTES);
}

/* Returns how many changes were refused. */
static int damage(const char *name, uint8_t *bytes, size_t *size, void (*put)(void))
{
    const size_t whole = *size;
    int refused = 0;
    for (size_t at = 0; at < whole; at++) {
        const uint8_t right = bytes[at], others[] = {0, 255, right ^ 1, right ^ 3, right ^ 32};
        for (size_t k = 0; k < sizeof others; k++) {
            bytes[at] = others[k];
            put();
            refused += !is_set_or_refused(name, "another value", at);
        }
        bytes[at] = right;
        *size = at;
        put();
        refused += !is_set_or_refused(name, "the end", at);
        *size = whole;
    }
    put();
    return refused;
}

START_TEST(every_byte_may_be_wrong)
{
    static const char *const files[][3] = {
        {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "classes.txt"},
        {"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "train-labels-idx1-ubyte.gz"},
        {"x.npz"},
        {"x.npz"},
        {"x.npz"},
        {"x.safetensors"},
        {"x.safetensors"},
    };
    sets[_i].put();
    request.part = DATA_TEST;
    ck_assert_msg(is_set_or_refused("the set", "nothing", 0), "%s", err.message);
    for (int k = 0; k < 3 && files[_i][k] != NULL; k++) {
        take_file(files[_i][k]);
        ck_assert_int_gt(damage(file_name, file_bytes, &file_size, put_file), 5);
    }
}
END_TEST

/* Under the sums of a zip file, which are right. */
START_TEST(every_byte_of_an_array_may_be_wrong)
{
    put_packed_npz();
    request.part = DATA_TEST;
    for (int i = 2; i < 5; i++) {
        struct files_entry *entry = &npz_entries[i];
        uint8_t *bytes = npy[i == 2 ? 2 : i - 3];
        ck_assert_int_gt(damage(entry->name, bytes, &entry->size, put_entries), 5);
    }
}
END_TEST

/* -- A cache ----------------------------------------------------------------------------------- */

/* A cache that cannot be read is none, and nothing of it is left. */
START_TEST(a_cache_is_read_or_is_none)
{
    static const char key[SHA256_HEX_SIZE] = "key";
    struct data whole = {.c = 1, .h = 1, .w = 2, .classes = 2, .strides = data_planes(1, 2)};
    const struct data none = whole;
    uint8_t *two = data_plain(&whole, 2);
    ck_assert_ptr_nonnull(two);
    memset(two, 7, 4);
    for (size_t i = 0; i < 2; i++)
        whole.images[i] = two + 2 * i;
    whole.labels[0] = whole.labels[1] = 1;
    whole.count = 2;
    ck_assert(folder_cache_digest(&whole));
    ck_assert(folder_cache_write(&whole, files_path("cache"), key, "a note", &err));
    struct faults_report report = {.failed = true};
    int told = 0;
    for (long n = 1; report.failed; n++) {
        char note[20] = "";
        data_close(&data);
        data = none;
        faults_arm(n, FAULTS_ONCE);
        const bool ok = folder_cache_read(&data, files_path("cache"), key, note, sizeof note);
        report = faults_disarm();
        ck_assert_msg(ok == !report.failed, "call %ld, %s", n, report.call);
        ck_assert_str_eq(note, ok ? "a note" : "");
        ck_assert_int_eq(data.count, ok ? 2 : 0);
        ck_assert_int_eq(report.files, 0);
        told += !ok;
    }
    ck_assert_int_ge(told, 10);
    ck_assert_int_eq(((const uint8_t *)data.images[1])[1], 7);
    data_close(&whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format_faults");
    TCase *tests = tcase_create("format_faults");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, a_set_is_read_or_it_is_said_why_not, 0, 2 * SETS);
    tcase_add_loop_test(tests, every_byte_may_be_wrong, 0, SMALL_SETS);
    tcase_add_test(tests, every_byte_of_an_array_may_be_wrong);
    tcase_add_test(tests, a_cache_is_read_or_is_none);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
