/* test_folder_cache.c - what a folder's decoded images are kept in, and when they are read anew. */
#include <fcntl.h>
#include <stdio.h>

#include "data/folder_cache.h"
#include "image_tree.h"

static const char cache_name[] = "train/.burin-3x4x6-none.cache";

/* Reads the tree of make_tree and says whether any file was decoded. */
static bool decodes(void)
{
    struct data train = open_part(DATA_TRAIN);
    expect(&train, 3, (const int[]){10, 20, 30}, (const int[]){0, 0, 1});
    ck_assert_str_eq(train.note, "");
    data_close(&train);
    return decoded > 0;
}

START_TEST(what_was_decoded_is_kept)
{
    make_tree();
    ck_assert(decodes());
    struct data first = open_part(DATA_TRAIN);
    ck_assert_int_eq(decoded, 0);
    ck_assert_int_eq(unlink(in_root(cache_name)), 0);
    struct data second = open_part(DATA_TRAIN);
    ck_assert_int_gt(decoded, 0);
    ck_assert_str_eq(first.digest, second.digest);
    data_close(&first);
    data_close(&second);

    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    ck_assert_int_eq(utimensat(AT_FDCWD, in_root("train/a/2.png"), old, 0), 0);
    ck_assert(decodes());
    ck_assert(!decodes());
    ck_assert_int_eq(rename(in_root("train/a/2.png"), in_root("train/a/3.png")), 0);
    ck_assert(decodes());
    ck_assert_int_eq(rename(in_root("train/b"), in_root("train/c")), 0);
    ck_assert(decodes());
    ck_assert_int_eq(rename(in_root("train/c"), in_root("train/b")), 0);
    put("train/b/2.png", H, W, 31);
    struct data more = open_part(DATA_TRAIN);
    expect(&more, 4, (const int[]){10, 20, 30, 31}, (const int[]){0, 0, 1, 1});
    data_close(&more);
}
END_TEST

START_TEST(a_damaged_cache_is_none)
{
    make_tree();
    ck_assert(decodes());
    struct stat info;
    ck_assert_int_eq(stat(in_root(cache_name), &info), 0);
    enum { TEXT = 330, HEAD = 4096 };
    for (long at = 0; at < info.st_size; at += at < TEXT ? 13 : at < HEAD ? 753 : 41) {
        FILE *file = fopen(in_root(cache_name), "r+b");
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 1, file);
        fclose(file);
        ck_assert_msg(decodes(), "byte %ld", at);
        ck_assert(!decodes());
    }
    const off_t sizes[] = {
        0, 1, HEAD, HEAD + 1, info.st_size - 1, info.st_size + 1, (off_t)1 << 40};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert_int_eq(truncate(in_root(cache_name), sizes[i]), 0);
        ck_assert(decodes());
    }
    /* A note without an end. */
    FILE *file = fopen(in_root(cache_name), "r+b");
    ck_assert_ptr_nonnull(file);
    fseek(file, TEXT - 130, SEEK_SET);
    for (int i = 0; i < HEAD - (TEXT - 130); i++)
        fputc('x', file);
    fclose(file);
    ck_assert(decodes());
}
END_TEST

/* Two images of one channel and two pixels, of these labels. */
static struct data two_images(uint8_t first, uint8_t second)
{
    struct data data = {.c = 1, .h = 1, .w = 2, .classes = 2, .strides = data_planes(1, 2)};
    uint8_t *pixels = data_plain(&data, 2);
    ck_assert_ptr_nonnull(pixels);
    for (uint8_t i = 0; i < 2; i++) {
        pixels[2 * i] = pixels[2 * i + 1] = i;
        data.images[i] = pixels + (size_t)2 * i;
    }
    data.labels[0] = first;
    data.labels[1] = second;
    data.count = 2;
    return data;
}

/* What is written is read where there is room for its note, its labels are classes, and it is what
 * was asked for. */
START_TEST(a_cache_is_its_images)
{
    static const char key[SHA256_HEX_SIZE] = "key";
    char note[8];
    for (int i = 0; i < 4; i++) {
        struct data data = two_images(0, i == 1 ? 2 : 1);
        struct data again = {.c = 1, .h = 1, .w = 2, .classes = 2, .strides = data_planes(1, 2)};
        struct err err = {0};
        ck_assert(folder_cache_digest(&data));
        ck_assert(folder_cache_write(&data, in_root("cache"), key, "a note", &err));
        bool ok = folder_cache_read(&again, in_root("cache"), i == 2 ? "other" : key, note,
                                    i == 3 ? 6 : sizeof note);
        ck_assert_int_eq(ok, i == 0);
        ck_assert_str_eq(note, ok ? "a note" : "");
        if (ok)
            ck_assert(again.count == 2 && again.labels[1] == 1 &&
                      memcmp(again.images[1], data.images[1], 2) == 0);
        data_close(&data);
        data_close(&again);
    }
}
END_TEST

START_TEST(without_a_place_for_the_cache_it_is_said_so)
{
    make_tree();
    put_text("train/.burin-3x4x6-none.cache/in/the/way", "-");
    for (int time = 0; time < 2; time++) {
        struct data train = open_part(DATA_TRAIN);
        ck_assert_int_gt(decoded, 0);
        ck_assert_msg(strncmp(train.note, "decoded anew at every start: ", 29) == 0, "%s",
                      train.note);
        data_close(&train);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("folder_cache");
    TCase *tests = tcase_create("folder_cache");
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, what_was_decoded_is_kept);
    tcase_add_test(tests, a_damaged_cache_is_none);
    tcase_add_test(tests, a_cache_is_its_images);
    tcase_add_test(tests, without_a_place_for_the_cache_it_is_said_so);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
