/* test_cifar_archive.c - CIFAR-100, and archives of CIFAR as they came (a folder of CIFAR-10:
 * test_cifar.c). */
#define _GNU_SOURCE /* nftw */
#include "open_formats.h"

#include "data/cifar.h"

enum { RECORDS = 10000, RECORD_10 = 1 + CIFAR_PIXELS, RECORD_100 = 2 + CIFAR_PIXELS };

static uint8_t *make_records(int record)
{
    uint8_t *bytes = calloc(RECORDS + 1, (size_t)record);
    ck_assert_ptr_nonnull(bytes);
    bytes[record] = 3;
    bytes[record + 1] = record == RECORD_100 ? 97 : 7;
    bytes[2 * record - 1] = 200;
    return bytes;
}

static void check_100(void)
{
    ck_assert_str_eq(data.format, "cifar100");
    ck_assert_int_eq(data.count, RECORDS);
    ck_assert_int_eq(data.classes, 100);
    ck_assert_int_eq(data.labels[1], 97);
    ck_assert_int_eq(((const uint8_t *)data.images[1])[CIFAR_PIXELS - 1], 200);
}

START_TEST(cifar_100_has_two_kinds_of_labels)
{
    char names[2000] = "", digest[SHA256_HEX_SIZE];
    uint8_t *bytes = make_records(RECORD_100);
    files_put("test.bin", bytes, (size_t)RECORDS * RECORD_100);
    free(bytes);
    request.part = DATA_TEST;
    opens();
    check_100();
    ck_assert_str_eq(data.class_names[97], "97");
    ck_assert_ptr_nonnull(strstr(data.warning, ": no fine_label_names.txt: the classes are named"));
    memcpy(digest, data.digest, sizeof digest);
    for (int i = 0; i < 100; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "name %d\n", i);
    files_put("fine_label_names.txt", names, strlen(names));
    opens();
    ck_assert_str_eq(data.class_names[97], "name 97");
    ck_assert_str_eq(data.warning, "");
    ck_assert_str_eq(data.digest, digest);
    request.options.labels = "coarse";
    opens();
    ck_assert(data.classes == 20 && data.labels[1] == 3);
    ck_assert_str_ne(data.digest, digest);
    request.options.labels = "fine";
    opens();
    ck_assert_int_eq(data.classes, 100);
    request.options.labels = "both";
    refuses(EXIT_USAGE, "--labels both: ");
    request.options.labels = NULL;
    files_put("fine_label_names.txt", names, strlen(names) - 9);
    refuses(EXIT_DATA, "@/fine_label_names.txt: expected 100 lines with a name each");
    request.part = DATA_TRAIN;
    files_put("fine_label_names.txt", names, strlen(names));
    refuses(EXIT_DATA, "@/train.bin: no such file: expected train.bin and test.bin in this folder");
    files_put("test_batch.bin", "", 0);
    refuses(EXIT_DATA, "@: a folder with fine_label_names.txt, test.bin, test_batch.bin: more than "
                       "one data set: expected only one of:\n  cifar10: ");
}
END_TEST

/* What is no text has no names; what cannot be read is told with the system's word. */
START_TEST(names_are_a_text)
{
    static uint8_t long_names[70000];
    uint8_t *bytes = make_records(RECORD_10);
    files_put("test_batch.bin", bytes, (size_t)RECORDS * RECORD_10);
    free(bytes);
    request.part = DATA_TEST;
    files_put("batches.meta.txt", "a\nb\0c\n", 7);
    refuses(EXIT_DATA, "@/batches.meta.txt: cannot read: expected a text with a name a line");
    memset(long_names, 'x', sizeof long_names);
    files_put("batches.meta.txt", long_names, sizeof long_names);
    refuses(EXIT_DATA, "@/batches.meta.txt: cannot read: expected a text with a name a line");
    ck_assert_int_eq(unlink(files_path("batches.meta.txt")), 0);
    ck_assert_int_eq(symlink("/proc/self/mem", files_path("batches.meta.txt")), 0);
    refuses(EXIT_DATA, "@/batches.meta.txt: cannot read: Input/output error");
    ck_assert_int_eq(unlink(files_path("batches.meta.txt")), 0);
    request.options.labels = "fine";
    refuses(EXIT_USAGE, "--labels fine: ");
    request.options.labels = NULL;
    request.options.layout = "nhwc";
    refuses(EXIT_USAGE, "--layout nhwc: ");
}
END_TEST

/* Entries without a folder, in an archive that is cut in the middle of one of them. */
static void refuses_parts_of_an_archive(const uint8_t *images)
{
    static uint8_t noise[90000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 1664525 + 1013904223;
        noise[i] = (uint8_t)(state >> 24);
    }
    const struct files_entry entries[] = {
        {"readme.html", noise + 60000, 30000}, /* what is unpacked at once ends behind it */
        {"batches.meta.txt", noise, 60000},
        {"test_batch.bin", images, (size_t)RECORDS * RECORD_10 + 1},
    };
    request.part = DATA_TEST;
    request.path = files_path("x.tgz");
    files_put_tar("x.tgz", entries, 2);
    ck_assert_int_eq(truncate(files_path("x.tgz"), 80000), 0);
    refuses(EXIT_DATA, "@/x.tgz: batches.meta.txt: truncated gzip input: expected a whole .tar.gz");
    files_put_tar("x.tgz", entries + 2, 1);
    refuses(EXIT_DATA, "@/x.tgz: test_batch.bin: 1 bytes too long: expected 30730000");
    ck_assert_int_eq(truncate(files_path("x.tgz"), 20000), 0);
    refuses(EXIT_DATA, "@/x.tgz: test_batch.bin: truncated gzip input: expected a whole .tar.gz");
    const struct files_entry empty[] = {{"a", "", 0}, {"b", "", 0}};
    files_put_tar("x.tgz", empty, 2);
    gzFile file = gzopen(files_path("x.tgz"), "rb");
    const int size = gzread(file, noise, sizeof noise);
    ck_assert(size > 1024 && gzclose(file) == Z_OK);
    noise[512] ^= 1; /* in the second head, whose sum is wrong then */
    files_put_gz("x.tgz", noise, (size_t)size);
    refuses(EXIT_DATA, "@/x.tgz: ");
    ck_assert_ptr_nonnull(strstr(err.message, ": expected a whole .tar.gz"));
    request.path = files_path("x.tar.gz");
}

START_TEST(an_archive_is_read_as_it_came)
{
    char digest[SHA256_HEX_SIZE];
    uint8_t *bytes = make_records(RECORD_10);
    const size_t size = (size_t)RECORDS * RECORD_10; /* and a byte more is there */
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
    struct files_entry entries[] = {
        {"cifar-10-batches-bin/data_batch_2.bin", "", 0}, /* tells which set it is */
        {"cifar-10-batches-bin/test_batch.bin", bytes, size},
        {"cifar-10-batches-bin/batches.meta.txt", names, sizeof names - 1},
    };
    files_put("test_batch.bin", bytes, size);
    request.part = DATA_TEST;
    opens();
    memcpy(digest, data.digest, sizeof digest);
    ck_assert_str_eq(data.class_names[3], "cat");
    request.options.map_from = 1;
    opens();
    ck_assert(is_mapped("test_batch.bin"));
    ck_assert_str_eq(data.digest, digest);
    ck_assert_int_eq(((const uint8_t *)data.images[1])[CIFAR_PIXELS - 1], 200);

    files_put_tar("x.tar.gz", entries, 3);
    request.path = files_path("x.tar.gz");
    opens();
    ck_assert_str_eq(data.format, "cifar10");
    ck_assert_str_eq(data.digest, digest);
    ck_assert_str_eq(data.class_names[3], "d");
    ck_assert(data.labels[1] == 3 && data.count == RECORDS);
    request.look = true;
    opens();
    ck_assert(data.classes == 10 && data.count == RECORDS && data.images == NULL);
    request.look = false;
    request.part = DATA_TRAIN;
    refuses(EXIT_DATA, "@/x.tar.gz: no data_batch_1.bin: expected data_batch_1.bin to");
    refuses_parts_of_an_archive(bytes);
    request.part = DATA_TEST;
    entries[1].size--;
    files_put_tar("x.tar.gz", entries, 3);
    refuses(EXIT_DATA, "@/x.tar.gz: test_batch.bin: 1 bytes short: expected 30730000");
    entries[0].name = "b/test.bin";
    files_put_tar("x.tar.gz", entries, 3);
    refuses(EXIT_DATA, "@/x.tar.gz: test_batch.bin beside files of cifar100: expected one data");
    entries[0].name = "b/test_batch.bin";
    files_put_tar("x.tar.gz", entries, 3);
    refuses(EXIT_DATA, "@/x.tar.gz: test_batch.bin is in it twice: expected once");
    files_put_tar("x.tar.gz", entries, 0);
    refuses(EXIT_DATA, "@/x.tar.gz: neither of CIFAR-10 nor of CIFAR-100: expected the binary");
    entries[0].name = "b/batches.meta.txt";
    files_put_tar("x.tar.gz", entries, 2);
    ck_assert_int_eq(truncate(files_path("x.tar.gz"), 200), 0);
    refuses(EXIT_DATA, "@/x.tar.gz: ");
    ck_assert_ptr_nonnull(strstr(err.message, ": expected a whole .tar.gz"));
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cifar_archive");
    TCase *tests = tcase_create("cifar_archive");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, cifar_100_has_two_kinds_of_labels);
    tcase_add_test(tests, names_are_a_text);
    tcase_add_test(tests, an_archive_is_read_as_it_came);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
