/* test_idx.c - MNIST and its kin, as files of IDX, plain and packed: what is read, and what is said
 * of what is wrong. */
#define _GNU_SOURCE /* nftw */
#include "open_formats.h"

#include "data/arrays.h"
#include "data/idx.h"

/* -- IDX --------------------------------------------------------------------------------------- */

static const uint8_t idx_pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/* Two images of 2 rows and 3 columns, with these labels. */
static size_t make_images(uint8_t out[64])
{
    return files_idx(out, 3, (const int[]){2, 2, 3}, idx_pixels);
}

static size_t make_labels(uint8_t out[64], int first, int second)
{
    const uint8_t labels[] = {(uint8_t)first, (uint8_t)second};
    return files_idx(out, 1, (const int[]){2}, labels);
}

static void put_part(const char *images, const char *labels, int first, int second)
{
    uint8_t bytes[64];
    files_put(images, bytes, make_images(bytes));
    files_put(labels, bytes, make_labels(bytes, first, second));
}

static void put_mnist(void)
{
    put_part("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 0, 3);
    put_part("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 4, 1);
}

START_TEST(mnist_is_read)
{
    put_mnist();
    opens();
    ck_assert_str_eq(data.format, "idx");
    ck_assert_str_eq(data.source, files_folder);
    ck_assert_int_eq(data.count, 2);
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3 && data.classes == 5);
    ck_assert_str_eq(data.class_names[4], "4");
    ck_assert(data.labels[0] == 0 && data.labels[1] == 3);
    shows(0, idx_pixels);
    shows(1, idx_pixels + 6);
    request.part = DATA_TEST;
    opens();
    ck_assert(data.labels[0] == 4 && data.labels[1] == 1 && data.classes == 5);
    request.look = true;
    opens();
    ck_assert_ptr_null(data.images);
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3 && data.classes == 5 && data.count == 2);
}
END_TEST

/* Packed, plain and mapped it is the same; of two the plain one is taken. */
START_TEST(idx_may_be_packed_or_mapped)
{
    uint8_t bytes[64];
    char digest[SHA256_HEX_SIZE];
    put_mnist();
    opens();
    memcpy(digest, data.digest, sizeof digest);
    ck_assert(!is_mapped("train-images"));
    request.options.map_from = 1;
    opens();
    ck_assert_str_eq(data.digest, digest);
    ck_assert(is_mapped("train-images"));
    shows(1, idx_pixels + 6);
    data_close(&data);
    ck_assert(!is_mapped("train-images"));
    files_put("train-images.idx3-ubyte.gz", "no gz", 5);
    opens();
    remove(files_path("train-images-idx3-ubyte"));
    files_put_gz("train-images.idx3-ubyte.gz", bytes, make_images(bytes));
    opens();
    ck_assert_str_eq(data.digest, digest);
    shows(1, idx_pixels + 6);
}
END_TEST

START_TEST(names_come_from_a_file)
{
    put_mnist();
    files_put("classes.txt", "T-shirt\r\nTrouser\nPull\tover\nDress\nCoat\nSandal\n", 45);
    opens();
    ck_assert_int_eq(data.classes, 6);
    ck_assert_str_eq(data.class_names[0], "T-shirt");
    ck_assert_str_eq(data.class_names[2], "Pull?over");
    files_put("classes.txt", "\xef\xbb\xbfone\ntwo\nthree\nfour\n", 22);
    opens();
    ck_assert_str_eq(data.class_names[0], "one");
    files_put("classes.txt", "one\ntwo\nthree\n", 14);
    refuses(EXIT_DATA, "@/train-labels-idx1-ubyte: record 2 of 2, at byte 9: label 3: expected 0 "
                       "to 2");
    files_put("classes.txt", "one\ntwo\ncaf\xe9\nfour\n", 18);
    refuses(EXIT_DATA, "@/classes.txt: name of class 2, byte 3: found 0xe9: expected UTF-8 text");
    /* A long name is cut between two characters: 61 letters, and two bytes of one more. */
    static const char letters[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg";
    char lines[100];
    snprintf(lines, sizeof lines, "%s\xe6\x97\xa5\nb\nc\nd\n", letters);
    files_put("classes.txt", lines, strlen(lines));
    opens();
    ck_assert_str_eq(data.class_names[0], letters);
    files_put("classes.txt", "", 0);
    refuses(EXIT_DATA, "@/classes.txt: expected 1 to 256 lines with a name each");
    char many[2 * (DATA_MAX_CLASSES + 1) + 1] = "";
    for (int i = 0; i <= DATA_MAX_CLASSES; i++)
        strcat(many, "a\n");
    files_put("classes.txt", many, strlen(many));
    refuses(EXIT_DATA, "@/classes.txt: expected 1 to 256 lines with a name each");
    files_put("classes.txt", many, strlen(many) - 2);
    opens();
    ck_assert_int_eq(data.classes, DATA_MAX_CLASSES);
    unlink(files_path("classes.txt"));
    unlink(files_path("t10k-labels-idx1-ubyte")); /* of the test, nothing is needed */
    unlink(files_path("t10k-images-idx3-ubyte"));
    opens();
    ck_assert_int_eq(data.classes, 4);
}
END_TEST

/* Rows and columns are exchanged in the file. */
START_TEST(emnist_stands_upright)
{
    static const uint8_t upright[] = {1, 4, 2, 5, 3, 6};
    put_part("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", 1,
             26);
    opens();
    ck_assert(data.h == 3 && data.w == 2 && data.classes == 26);
    ck_assert(data.labels[0] == 0 && data.labels[1] == 25);
    ck_assert_str_eq(data.class_names[25], "z");
    shows(0, upright);
    put_part("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", 0,
             26);
    refuses(EXIT_DATA, "@/emnist-letters-train-labels-idx1-ubyte: record 1 of 2, at byte 8: label "
                       "0: expected 1 to 26");
}
END_TEST

START_TEST(one_of_several_splits_is_chosen)
{
    put_mnist();
    put_part("emnist-balanced-train-images-idx3-ubyte", "emnist-balanced-train-labels-idx1-ubyte",
             46, 10);
    put_part("emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte", 9,
             1);
    refuses(EXIT_DATA, "@: several data sets: plain, balanced, digits: expected --labels with one");
    request.options.labels = "balanced";
    opens();
    ck_assert_int_eq(data.classes, 47);
    ck_assert_str_eq(data.class_names[46], "t");
    request.options.labels = "digits";
    opens();
    ck_assert(data.classes == 10 && data.labels[0] == 9);
    request.options.labels = "plain";
    opens();
    ck_assert_int_eq(data.classes, 5);
    request.options.labels = "byclass";
    refuses(EXIT_USAGE, "--labels byclass: ");
    ck_assert_ptr_nonnull(strstr(err.message, "expected what is there: plain, balanced, digits"));
    request.options.labels = NULL;
    request.options.layout = "nhwc";
    refuses(EXIT_USAGE, "--layout nhwc: ");
}
END_TEST

/* A file that differs in one thing, and what is said of it. */
static const struct {
    const char *file;
    int cut, at, byte; /* bytes left out at the end, or added; a byte changed, or at -1 */
    const char *message;
} bad_idx[] = {
    {"images", 0, 2, 9, "begins with 00 00 09 03: expected 00 00 08 03: an IDX file of bytes in 3"},
    {"images", 0, 3, 1, "begins with 00 00 08 01: expected 00 00 08 03"},
    {"images", 0, 0, 31, "begins with 1f 00 08 03"},
    {"images", 1, -1, 0, "11 bytes after the header: expected 2 x 2 x 3 = 12"},
    {"images", -1, -1, 0, "13 bytes after the header: expected 2 x 2 x 3 = 12"},
    {"images", 0, 7, 3, "12 bytes after the header: expected 3 x 2 x 3 = 18"},
    {"images", 13, -1, 0, "15 bytes: expected 16 of a header and what it says"},
    {"images", 0, 11, 0, "byte 8: images of 0: expected sides of 1 to 4096"},
    {"images", 0, 13, 255, "byte 12: images of 16711683: expected sides"},
    {"images", 0, 7, 0, "byte 4: 0 of them: expected 1 to"},
    {"images", 0, 4, 255, "byte 4: 4278190082 of them: expected 1 to 2147483647"},
    {"labels", 0, 3, 3, "begins with 00 00 08 03: expected 00 00 08 01: an IDX file of bytes in 1"},
    {"labels", 2, 7, 0, "byte 4: 0 of them"},
};

START_TEST(a_bad_idx_file_is_told)
{
    uint8_t bytes[64] = {0};
    char name[40], message[200];
    bool images = bad_idx[_i].file[0] == 'i';
    put_mnist();
    snprintf(name, sizeof name, "train-%s-idx%d-ubyte", bad_idx[_i].file, images ? 3 : 1);
    size_t size = images ? make_images(bytes) : make_labels(bytes, 0, 3);
    if (bad_idx[_i].at >= 0)
        bytes[bad_idx[_i].at] = (uint8_t)bad_idx[_i].byte;
    files_put(name, bytes, (size_t)((int)size - bad_idx[_i].cut));
    snprintf(message, sizeof message, "@/%s: %s", name, bad_idx[_i].message);
    refuses(EXIT_DATA, message);
}
END_TEST

START_TEST(parts_of_idx_must_fit)
{
    uint8_t bytes[64];
    put_mnist();
    files_put("train-labels-idx1-ubyte", bytes,
              files_idx(bytes, 1, (const int[]){3}, (const uint8_t[]){0, 1, 2}));
    refuses(EXIT_DATA,
            "@/train-labels-idx1-ubyte: 3 labels: expected one for each of the 2 images");
    remove(files_path("train-labels-idx1-ubyte"));
    refuses(EXIT_DATA, "@/train-labels-idx1-ubyte: no such file, nor with .gz");
}
END_TEST

START_TEST(a_damaged_gz_is_told)
{
    uint8_t bytes[64], packed[200];
    put_mnist();
    remove(files_path("train-images-idx3-ubyte"));
    files_put_gz("train-images-idx3-ubyte.gz", bytes, make_images(bytes));
    FILE *file = fopen(files_path("train-images-idx3-ubyte.gz"), "rb");
    size_t size = fread(packed, 1, sizeof packed, file);
    fclose(file);
    files_put("train-images-idx3-ubyte.gz", packed, size - 1);
    refuses(EXIT_DATA, "@/train-images-idx3-ubyte.gz: after 28 unpacked bytes: unexpected end "
                       "of file: expected a whole .gz");
    packed[size - 8] ^= 1;
    files_put("train-images-idx3-ubyte.gz", packed, size);
    refuses(EXIT_DATA, "@/train-images-idx3-ubyte.gz: after ");
    ck_assert_ptr_nonnull(strstr(err.message, "expected a whole .gz"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idx");
    TCase *tests = tcase_create("idx");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, mnist_is_read);
    tcase_add_test(tests, idx_may_be_packed_or_mapped);
    tcase_add_test(tests, names_come_from_a_file);
    tcase_add_test(tests, emnist_stands_upright);
    tcase_add_test(tests, one_of_several_splits_is_chosen);
    tcase_add_loop_test(tests, a_bad_idx_file_is_told, 0, sizeof bad_idx / sizeof bad_idx[0]);
    tcase_add_test(tests, parts_of_idx_must_fit);
    tcase_add_test(tests, a_damaged_gz_is_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
