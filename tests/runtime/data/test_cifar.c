/* test_cifar.c - folders of CIFAR-10 files that are right, and wrong in every way we promise to
 * name.
 *
 * The files are sparse: all zero except for what a test writes, so they take no room on the disk.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/cifar.h"
#include "data/dataset.h"
#include "digest.h"

enum { RECORD = 3073, RECORDS = 10000, FILE_SIZE = RECORD * RECORDS };

static const char *const files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
enum { FILES = sizeof files / sizeof files[0], TEST_FILE = FILES - 1 };

static char folder[512];

/* -- Making files ------------------------------------------------------------------------------ */

static const char *in_folder(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_at(const char *name, long offset, const void *bytes, size_t count)
{
    int file = open(in_folder(name), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq((int)pwrite(file, bytes, count, offset), (int)count);
    close(file);
}

static void write_byte(const char *name, long offset, int value)
{
    uint8_t byte = (uint8_t)value;
    write_at(name, offset, &byte, 1);
}

static void resize(const char *name, long size)
{
    int file = open(in_folder(name), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, size), 0);
    close(file);
}

/* Six whole files; record 0 of file i has label i + 1, and its last pixel is 100 + i. */
static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/burin-data-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < FILES; i++) {
        resize(files[i], FILE_SIZE);
        write_byte(files[i], 0, i + 1);
        write_byte(files[i], RECORD - 1, 100 + i);
    }
}

static void remove_folder(void)
{
    for (int i = 0; i < FILES; i++)
        remove(in_folder(files[i]));
    remove(in_folder("SHA256SUMS"));
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The list that `make data` writes: a first line, and a line for each of these files. */
static void write_sums(const char *first_line, int first, int last)
{
    uint8_t *bytes = malloc(FILE_SIZE);
    char hex[SHA256_HEX_SIZE];
    FILE *sums = fopen(in_folder("SHA256SUMS"), "w");
    ck_assert_ptr_nonnull(sums);
    fputs(first_line, sums);
    for (int i = first; i <= last; i++) {
        FILE *file = fopen(in_folder(files[i]), "rb");
        ck_assert_uint_eq(fread(bytes, 1, FILE_SIZE, file), FILE_SIZE);
        fclose(file);
        digest(hex, bytes, FILE_SIZE);
        fprintf(sums, "%s  %s\n", hex, files[i]);
    }
    fclose(sums);
    free(bytes);
}

/* -- Expectations ------------------------------------------------------------------------------ */

/* A message with every "@" standing for the folder. */
static const char *expand(const char *text)
{
    static char expanded[4096];
    size_t used = 0;
    for (; *text; text++) {
        if (*text == '@')
            used += (size_t)snprintf(expanded + used, sizeof expanded - used, "%s", folder);
        else
            expanded[used++] = *text;
    }
    expanded[used] = '\0';
    return expanded;
}

static bool open_part(struct data *data, const char *path, enum data_part part, struct err *err)
{
    const struct data_request request = {.path = path, .part = part};
    return format_open(data, &request, err);
}

/* A byte of an image. */
static int byte_of(const struct data *data, size_t image, size_t at)
{
    return ((const uint8_t *)data->images[image])[at];
}

static void fails_with(enum data_part part, const char *message)
{
    struct data data = {0};
    struct err err = {0};
    ck_assert(!open_part(&data, folder, part, &err));
    ck_assert_str_eq(err.message, expand(message));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_null(data.labels);
    ck_assert_ptr_null(data.images);
}

static void warns_with(const char *warning)
{
    struct data data = {0};
    struct err err = {0};
    ck_assert_msg(open_part(&data, folder, DATA_TEST, &err), "%s", err.message);
    ck_assert_str_eq(data.warning, expand(warning));
    data_close(&data);
}

/* -- Good files -------------------------------------------------------------------------------- */

START_TEST(training_files_come_in_order)
{
    struct data data = {0};
    struct err err = {0};
    ck_assert_msg(open_part(&data, folder, DATA_TRAIN, &err), "%s", err.message);
    ck_assert_int_eq(data.count, 50000);
    ck_assert_int_eq(data.c, 3);
    ck_assert_int_eq(data.h, 32);
    ck_assert_int_eq(data.w, 32);
    ck_assert(!data.synthetic);
    ck_assert_str_eq(data.source, folder);
    for (int i = 0; i < 5; i++) {
        const size_t sample = (size_t)i * RECORDS;
        ck_assert_int_eq(data.labels[sample], i + 1);
        ck_assert_int_eq(data.labels[sample + 1], 0);
        ck_assert_int_eq(byte_of(&data, sample, CIFAR_PIXELS - 1), 100 + i);
        ck_assert_int_eq(byte_of(&data, sample + 1, 0), 0);
    }
    data_close(&data);
    ck_assert_ptr_null(data.images);
    data_close(&data);
}
END_TEST

START_TEST(the_test_file_is_read_alone)
{
    struct data data = {0};
    struct err err = {0};
    for (int i = 0; i < 5; i++)
        remove(in_folder(files[i]));
    write_byte("test_batch.bin", FILE_SIZE - RECORD, 9);
    write_byte("test_batch.bin", FILE_SIZE - 1, 255);
    ck_assert_msg(open_part(&data, folder, DATA_TEST, &err), "%s", err.message);
    ck_assert_int_eq(data.count, RECORDS);
    ck_assert_int_eq(data.labels[0], 6);
    ck_assert_int_eq(data.labels[RECORDS - 1], 9);
    ck_assert_int_eq(byte_of(&data, RECORDS - 1, CIFAR_PIXELS - 1), 255);
    data_close(&data);
}
END_TEST

/* -- Bad files --------------------------------------------------------------------------------- */

START_TEST(missing_file)
{
    remove(in_folder("data_batch_4.bin"));
    fails_with(DATA_TRAIN,
               "@/data_batch_4.bin: no such file: expected data_batch_1.bin to data_batch_5.bin "
               "and test_batch.bin in this folder; `make data` downloads them");
}
END_TEST

START_TEST(missing_folder)
{
    struct data data = {0};
    struct err err = {0};
    ck_assert(!open_part(&data, "/nowhere/at/all", DATA_TEST, &err));
    ck_assert_str_eq(err.message, "/nowhere/at/all: no such file or folder");
    ck_assert_int_eq(err.code, EXIT_DATA);
}
END_TEST

START_TEST(unreadable_file)
{
    remove(in_folder("test_batch.bin"));
    ck_assert_int_eq(mkdir(in_folder("test_batch.bin"), 0700), 0);
    fails_with(DATA_TEST, "@/test_batch.bin: cannot open: Is a directory");
    remove(in_folder("test_batch.bin"));
    ck_assert_int_eq(symlink("test_batch.bin", in_folder("test_batch.bin")), 0);
    fails_with(DATA_TEST, "@/test_batch.bin: cannot open: Too many levels of symbolic links");
}
END_TEST

START_TEST(short_file)
{
    resize("data_batch_2.bin", FILE_SIZE - 5);
    fails_with(DATA_TRAIN, "@/data_batch_2.bin: 5 bytes short: expected 30730000 (10000 records of "
                           "3073), got 30729995");
    resize("data_batch_1.bin", 0);
    fails_with(DATA_TRAIN, "@/data_batch_1.bin: 30730000 bytes short: expected 30730000 (10000 "
                           "records of 3073), got 0");
}
END_TEST

START_TEST(long_file)
{
    resize("test_batch.bin", FILE_SIZE + 7);
    fails_with(DATA_TEST, "@/test_batch.bin: 7 bytes too long: expected 30730000 (10000 records of "
                          "3073), got 30730007");
}
END_TEST

START_TEST(bad_label)
{
    write_byte("data_batch_3.bin", 1234L * RECORD, 10);
    fails_with(DATA_TRAIN, "@/data_batch_3.bin: record 1235 of 10000, at byte 3792082: label 10: "
                           "expected 0 to 9");
    write_byte("test_batch.bin", 9999L * RECORD, 255);
    fails_with(DATA_TEST, "@/test_batch.bin: record 10000 of 10000, at byte 30726927: label 255: "
                          "expected 0 to 9");
}
END_TEST

START_TEST(what_nothing_recognises_is_listed)
{
    struct data data = {0};
    struct err err = {0};
    char inside[600], message[1200];
    snprintf(inside, sizeof inside, "%s/inside", folder);
    ck_assert_int_eq(mkdir(inside, 0700), 0);
    ck_assert(!open_part(&data, inside, DATA_TEST, &err));
    snprintf(message, sizeof message, "%s: an empty folder: expected one of:\n  cifar10: a folder",
             inside);
    ck_assert_msg(strstr(err.message, message) == err.message, "%s", err.message);
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_ptr_null(data.labels);

    for (int i = 9; i >= 0; i--) {
        char path[700];
        snprintf(path, sizeof path, "%s/%d.txt", inside, i);
        FILE *file = fopen(path, "w");
        ck_assert(file != NULL && fclose(file) == 0);
    }
    err = (struct err){0};
    ck_assert(!open_part(&data, inside, DATA_TEST, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "inside: a folder with 0.txt, 1.txt, 2.txt, 3.txt, "
                                              "4.txt, 5.txt, 6.txt, 7.txt and 2 more: expected"));
    for (int i = 0; i < 10; i++) {
        char path[700];
        snprintf(path, sizeof path, "%s/%d.txt", inside, i);
        remove(path);
    }
    remove(inside);

    err = (struct err){0};
    ck_assert(!open_part(&data, in_folder("test_batch.bin"), DATA_TEST, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "test_batch.bin: a file: expected one of:"));
    err = (struct err){0};
    ck_assert(!open_part(&data, "/dev/null", DATA_TEST, &err));
    ck_assert_str_eq(err.message, "/dev/null: neither a regular file nor a folder");
    ck_assert_int_eq(err.code, EXIT_DATA);
}
END_TEST

static void put_folder(const char *path)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* What people have instead is named. */
START_TEST(other_versions_are_named)
{
    struct data data = {0};
    static const char *const versions[][2] = {
        {"data_batch_1", "CIFAR-10 in its Python version: expected the binary version"},
        {"data_batch_1.mat", "CIFAR-10 in its Matlab version: expected the binary version"},
        {"meta", "CIFAR-100 in its Python version: expected the binary version"},
        {"train_32x32.mat", "SVHN as Matlab files: expected arrays"},
    };
    char around[600], inside[700], path[800];
    snprintf(around, sizeof around, "%s/around", folder);
    snprintf(inside, sizeof inside, "%s/inside", around);
    put_folder(around);
    put_folder(inside);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", inside, versions[i][0]);
        FILE *file = fopen(path, "w");
        ck_assert(file != NULL && fclose(file) == 0);
        struct err err = {0};
        ck_assert(!open_part(&data, inside, DATA_TEST, &err));
        ck_assert_msg(strstr(err.message, versions[i][1]) != NULL, "%s", err.message);
        ck_assert(!open_part(&data, around, DATA_TEST, &err));
        ck_assert_msg(strstr(err.message, versions[i][1]) != NULL, "%s", err.message);
        remove(path);
    }
    remove(inside);
    remove(around);
}
END_TEST

/* A folder that holds one data set is taken for it; one that holds two is not. */
START_TEST(the_folder_around_it_will_do)
{
    struct data data = {0};
    struct err err = {0};
    char around[600], link[700], other[700];
    snprintf(around, sizeof around, "%s/around", folder);
    snprintf(link, sizeof link, "%s/cifar-10-batches-bin", around);
    snprintf(other, sizeof other, "%s/another", around);
    put_folder(around);
    ck_assert_int_eq(symlink(folder, link), 0);
    ck_assert_msg(open_part(&data, around, DATA_TEST, &err), "%s", err.message);
    ck_assert_str_eq(data.source, link);
    ck_assert_int_eq(data.count, 10000);
    data_close(&data);
    ck_assert_int_eq(symlink(folder, other), 0);
    ck_assert(!open_part(&data, around, DATA_TEST, &err));
    ck_assert_ptr_nonnull(
        strstr(err.message, "around: a folder with another, cifar-10-batches-bin: expected one"));
    remove(link);
    remove(other);
    remove(around);
}
END_TEST

/* -- Unofficial files -------------------------------------------------------------------------- */

START_TEST(verified_files_give_no_warning)
{
    struct data data = {0};
    struct err err = {0};
    write_sums(CIFAR_OFFICIAL_MARK "\n", 0, TEST_FILE);
    warns_with("");
    ck_assert_msg(open_part(&data, folder, DATA_TRAIN, &err), "%s", err.message);
    ck_assert_str_eq(data.warning, "");
    data_close(&data);
}
END_TEST

START_TEST(no_list)
{
    warns_with("@: whether these are the official files is not known: no SHA256SUMS beside them, "
               "which `make data` writes; they are read all the same");
}
END_TEST

START_TEST(list_without_the_mark)
{
    write_sums("", TEST_FILE, TEST_FILE);
    warns_with("@: whether these are the official files is not known: the SHA256SUMS beside them "
               "is not that of `make data`, which begins with \"# cifar-10-binary.tar.gz md5 "
               "c32a1d4ab5d03f1284b67883e8d87530\"; they are read all the same");
}
END_TEST

START_TEST(changed_file)
{
    write_sums(CIFAR_OFFICIAL_MARK "\n", TEST_FILE, TEST_FILE);
    write_byte("test_batch.bin", FILE_SIZE / 2, 1);
    warns_with("@/test_batch.bin: differs from the SHA256SUMS beside it");
}
END_TEST

/* Every digit counts. */
START_TEST(another_digest)
{
    static const int digits[] = {0, 7, 8, 31, 62, 63};
    static const char start[] = CIFAR_OFFICIAL_MARK "\n";
    write_sums(start, TEST_FILE, TEST_FILE);
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
        long at = (long)sizeof start - 1 + digits[i];
        FILE *sums = fopen(in_folder("SHA256SUMS"), "r+");
        ck_assert(sums != NULL && fseek(sums, at, SEEK_SET) == 0);
        int digit = getc(sums);
        ck_assert_int_eq(fseek(sums, at, SEEK_SET), 0);
        ck_assert_int_ne(putc(digit == '0' ? '1' : '0', sums), EOF);
        ck_assert_int_eq(fclose(sums), 0);
        warns_with("@/test_batch.bin: differs from the SHA256SUMS beside it");
        write_byte("SHA256SUMS", at, (uint8_t)digit);
    }
    warns_with("");
    write_byte("SHA256SUMS", (long)sizeof start - 1 + SHA256_HEX_SIZE - 1, '-');
    warns_with("@/SHA256SUMS: does not list test_batch.bin"); /* no blank behind the digits */
}
END_TEST

/* Nobody writes to these pipes, and nobody waits for them. */
START_TEST(pipes_are_no_files)
{
    ck_assert_int_eq(mkfifo(in_folder("SHA256SUMS"), 0666), 0);
    warns_with("@: whether these are the official files is not known: no SHA256SUMS beside them, "
               "which `make data` writes; they are read all the same");
    remove(in_folder("test_batch.bin"));
    ck_assert_int_eq(mkfifo(in_folder("test_batch.bin"), 0666), 0);
    fails_with(DATA_TEST, "@/test_batch.bin: cannot open: not a regular file");
}
END_TEST

START_TEST(unlisted_file)
{
    write_sums(CIFAR_OFFICIAL_MARK "\n", 0, 0);
    warns_with("@/SHA256SUMS: does not list test_batch.bin");
}
END_TEST

/* -- Finding the folder ------------------------------------------------------------------------ */

START_TEST(the_first_place_given_decides)
{
    char found[DATA_PATH_SIZE];
    bool environment;
    struct err err = {0};
    char option[600];
    snprintf(option, sizeof option, "%s/.", folder);
    setenv("CIFAR10_DIR", folder, 1);
    ck_assert(dataset_find(found, option, &environment, &err));
    ck_assert_str_eq(found, option);
    ck_assert(!environment);
    ck_assert(dataset_find(found, NULL, &environment, &err));
    ck_assert_str_eq(found, folder);
    ck_assert(environment);

    setenv("CIFAR10_DIR", "", 1);
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir("data", 0700), 0);
    ck_assert_int_eq(mkdir(DATASET_DEFAULT, 0700), 0);
    ck_assert(dataset_find(found, NULL, &environment, &err));
    ck_assert_str_eq(found, "data/cifar-10-batches-bin");
    rmdir(DATASET_DEFAULT);
    rmdir("data");
}
END_TEST

static void is_not_found(const char *option, const char *message)
{
    char found[DATA_PATH_SIZE];
    bool environment;
    struct err err = {0};
    ck_assert(!dataset_find(found, option, &environment, &err));
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.code, EXIT_DATA);
}

START_TEST(all_places_are_named)
{
    ck_assert_int_eq(chdir(folder), 0);
    unsetenv("CIFAR10_DIR");
    is_not_found(NULL, "no data: expected a file or folder in one of these places:\n"
                       "  --data: not given\n"
                       "  $CIFAR10_DIR: not set\n"
                       "  data/cifar-10-batches-bin: no such file or folder\n"
                       "`make data` downloads CIFAR-10; `--data synthetic` trains without it");
    setenv("CIFAR10_DIR", "/nowhere", 1);
    is_not_found(NULL, "no data: expected a file or folder in one of these places:\n"
                       "  --data: not given\n"
                       "  $CIFAR10_DIR /nowhere: no such file or folder\n"
                       "  data/cifar-10-batches-bin: not looked at\n"
                       "`make data` downloads CIFAR-10; `--data synthetic` trains without it");
    is_not_found("sythetic", "no data: expected a file or folder in one of these places:\n"
                             "  --data sythetic: no such file or folder (did you mean synthetic?)\n"
                             "  $CIFAR10_DIR /nowhere: not looked at\n"
                             "  data/cifar-10-batches-bin: not looked at\n"
                             "`make data` downloads CIFAR-10; `--data synthetic` trains without "
                             "it");
    is_not_found("here", "no data: expected a file or folder in one of these places:\n"
                         "  --data here: no such file or folder\n"
                         "  $CIFAR10_DIR /nowhere: not looked at\n"
                         "  data/cifar-10-batches-bin: not looked at\n"
                         "`make data` downloads CIFAR-10; `--data synthetic` trains without it");
}
END_TEST

START_TEST(endless_paths_are_refused)
{
    char path[2 * DATA_PATH_SIZE];
    struct data data = {0};
    struct err err = {0};
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    is_not_found(path, "the path of the data has 2047 bytes: expected at most 1023");
    path[DATA_PATH_SIZE] = '\0';
    ck_assert(!open_part(&data, path, DATA_TEST, &err));
    ck_assert_str_eq(err.message, "the path of the data has 1024 bytes: expected at most 1023");
    ck_assert_int_eq(err.code, EXIT_DATA);
}
END_TEST

/* A folder has room, its files have none. */
START_TEST(endless_names_are_refused)
{
    char path[DATA_PATH_SIZE], long_folder[DATA_PATH_SIZE], message[300];
    struct err err = {0};
    memset(long_folder, 'x', sizeof long_folder - 1);
    long_folder[sizeof long_folder - 1] = '\0';
    ck_assert(!format_join(path, long_folder, "a", &err));
    snprintf(message, sizeof message, "%.200s...: path too long: expected at most 1023 bytes",
             long_folder);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.code, EXIT_DATA);
    long_folder[sizeof long_folder - 3] = '\0';
    ck_assert(format_join(path, long_folder, "a", &err));
    ck_assert_uint_eq(strlen(path), sizeof path - 1);
}
END_TEST

/* One thing differs each time. */
START_TEST(a_network_of_another_shape_is_refused)
{
    static const struct model models[] = {
        {.name = "n", .c = 1, .h = 32, .w = 32, .classes = 10},
        {.name = "n", .c = 3, .h = 28, .w = 32, .classes = 10},
        {.name = "n", .c = 3, .h = 32, .w = 28, .classes = 10},
        {.name = "n", .c = 3, .h = 32, .w = 32, .classes = 100},
        {.name = "n", .c = 3, .h = 32, .w = 32, .classes = 10},
    };
    enum { MODELS = sizeof models / sizeof models[0] };
    for (int i = 0; i < MODELS; i++) {
        char takes[80];
        bool fits = i == MODELS - 1;
        struct data data = {0};
        struct err err = {0};
        ck_assert_int_eq(
            dataset_open(&data, folder, DATA_TEST, &(struct data_options){0}, &models[i], &err),
            fits);
        data_close(&data);
        snprintf(takes, sizeof takes, "network n takes %dx%dx%d images of %d classes, and ",
                 models[i].c, models[i].h, models[i].w, models[i].classes);
        ck_assert_int_eq(strstr(err.message, takes) == err.message, !fits);
        ck_assert_int_eq(err.code, fits ? 0 : EXIT_DATA);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cifar");
    TCase *tests = tcase_create("cifar");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, training_files_come_in_order);
    tcase_add_test(tests, the_test_file_is_read_alone);
    tcase_add_test(tests, missing_file);
    tcase_add_test(tests, missing_folder);
    tcase_add_test(tests, unreadable_file);
    tcase_add_test(tests, short_file);
    tcase_add_test(tests, long_file);
    tcase_add_test(tests, bad_label);
    tcase_add_test(tests, verified_files_give_no_warning);
    tcase_add_test(tests, no_list);
    tcase_add_test(tests, list_without_the_mark);
    tcase_add_test(tests, changed_file);
    tcase_add_test(tests, unlisted_file);
    tcase_add_test(tests, another_digest);
    tcase_add_test(tests, pipes_are_no_files);
    tcase_add_test(tests, the_first_place_given_decides);
    tcase_add_test(tests, all_places_are_named);
    tcase_add_test(tests, endless_paths_are_refused);
    tcase_add_test(tests, endless_names_are_refused);
    tcase_add_test(tests, a_network_of_another_shape_is_refused);
    tcase_add_test(tests, what_nothing_recognises_is_listed);
    tcase_add_test(tests, other_versions_are_named);
    tcase_add_test(tests, the_folder_around_it_will_do);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
