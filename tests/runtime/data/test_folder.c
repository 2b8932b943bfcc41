/* test_folder.c - trees of small images, read as they should be or refused with the right words. */
#include "image_tree.h"

#include "data/folder_list.h"
#include "data/resize.h"

/* The message has this in it, with the folder of all before. */
static void refuses_with(const struct data_request *request, const char *part)
{
    struct data data;
    struct err err = {0};
    ck_assert(!format_open(&data, request, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s\nexpected: %s", err.message, part);
}

START_TEST(a_tree_is_read_in_the_order_of_names)
{
    make_tree();
    struct data train = open_part(DATA_TRAIN), test = open_part(DATA_TEST);
    expect(&train, 3, (const int[]){10, 20, 30}, (const int[]){0, 0, 1});
    expect(&test, 1, (const int[]){40}, (const int[]){1});
    ck_assert_int_eq(train.classes, 2);
    ck_assert_str_eq(train.class_names[0], "a");
    ck_assert_str_eq(test.class_names[1], "b");
    char plain[200];
    snprintf(plain, sizeof plain, "no test images of 1 class: %s/test/a", root);
    ck_assert_str_eq(train.note, "");
    ck_assert_uint_eq(strlen(train.digest), 64);
    ck_assert_str_ne(train.digest, test.digest);
    data_close(&train);
    data_close(&test);
    put("test/a/x.png", H, W, 1);
    ck_assert_int_eq(rename(in_root("test"), in_root("val")), 0);
    test = open_part(DATA_TEST);
    expect(&test, 2, (const int[]){1, 40}, (const int[]){0, 1});
    data_close(&test);
}
END_TEST

START_TEST(folders_of_classes_alone_are_a_training)
{
    put("b/1.png", H, W, 30);
    put("a/2.png", H, W, 20);
    struct data train = open_part(DATA_TRAIN);
    expect(&train, 2, (const int[]){20, 30}, (const int[]){0, 1});
    data_close(&train);
    refuses(DATA_TEST, "@: all images are for training: expected train/ and test/ in it, or "
                       "--validate N, which holds out N training images");
}
END_TEST

START_TEST(without_a_network_the_first_image_gives_the_shape)
{
    make_tree();
    struct data_request request = {.path = root, .part = DATA_TRAIN};
    struct data train = open_request(&request);
    ck_assert_int_eq(train.c, 3);
    ck_assert_int_eq(train.h, H);
    ck_assert_int_eq(train.w, W);
    ck_assert_int_eq(train.classes, 2);
    data_close(&train);
}
END_TEST

START_TEST(conversions_are_counted_and_named)
{
    make_tree();
    struct data_shape grey = shape;
    grey.c = 1;
    struct data_request request = request_of(DATA_TRAIN);
    request.wanted = &grey;
    struct data train = open_request(&request);
    ck_assert_str_eq(train.note, "3 of 3 images: colour made grey (first a/10.jpeg)");
    ck_assert_int_eq(*(const uint8_t *)train.images[2], 30);
    data_close(&train);
}
END_TEST

/* -- What else lies there ---------------------------------------------------------------------- */

START_TEST(what_is_no_image_is_passed_over_and_counted)
{
    make_tree();
    put_text("train/README", "-");
    put_text("train/a/list.txt", "-");
    put_text("train/a/.hidden.png", "-");
    put_text("train/.git/x.png", "-");
    put("val/a/x.png", H, W, 40);
    struct data train = open_part(DATA_TRAIN), test = open_part(DATA_TEST);
    char wanted[300];
    snprintf(wanted, sizeof wanted, "2 files passed over: %s/train/README and others", root);
    ck_assert_str_eq(train.note, wanted);
    snprintf(wanted, sizeof wanted,
             "%s/val is not looked at: %s/test is the test; no test images of 1 class: %s/test/a",
             root, root, root);
    ck_assert_str_eq(test.note, wanted);
    data_close(&train);
    data_close(&test);
}
END_TEST

/* Names do nothing to a terminal, and a note that is full stays as it is. */
START_TEST(notes_are_text_of_a_size)
{
    make_tree();
    put_text("train/0\t\x7f\x1b[2J", "-");
    struct data train = open_part(DATA_TRAIN);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "1 file passed over: %s/train/0???[2J", root);
    ck_assert_str_eq(train.note, wanted);
    data_close(&train);
    char note[8] = "";
    folder_note(note, sizeof note, "%s", "12345");
    folder_note(note, sizeof note, "%s", "6");
    ck_assert_str_eq(note, "12345; ");
    strcpy(note, "123456");
    folder_note(note, sizeof note, "%s", "7");
    ck_assert_str_eq(note, "123456");
}
END_TEST

START_TEST(a_class_may_have_many_images)
{
    enum { MANY = 600 };
    make_tree();
    for (int i = 0; i < MANY; i++) {
        char name[40];
        snprintf(name, sizeof name, "train/b/2%d.png", i);
        ck_assert_int_eq(link(in_root("train/b/1.png"), in_root(name)), 0);
    }
    struct data_request request = request_of(DATA_TRAIN);
    request.look = true;
    struct data train = open_request(&request);
    ck_assert_int_eq(train.count, 3 + MANY);
    data_close(&train);
}
END_TEST

/* Beside the folders of the classes stands a file with the name of a part. */
START_TEST(a_file_is_no_part)
{
    put("b/1.png", H, W, 30);
    put("a/2.png", H, W, 20);
    put_text("train", "-");
    struct data train = open_part(DATA_TRAIN);
    expect(&train, 2, (const int[]){20, 30}, (const int[]){0, 1});
    data_close(&train);
}
END_TEST

START_TEST(tests_may_lack_classes_and_not_all)
{
    make_tree();
    put("train/c/1.png", H, W, 50);
    put_text("test/list.txt", "-");
    struct data_shape three = shape;
    three.classes = 3;
    struct data_request request = request_of(DATA_TEST);
    request.wanted = &three;
    struct data test = open_request(&request);
    char wanted[300];
    snprintf(wanted, sizeof wanted,
             "1 file passed over: %s/test/list.txt; no test images of 2 classes: %s/test/a and "
             "others",
             root, root);
    ck_assert_str_eq(test.note, wanted);
    data_close(&test);
    ck_assert_int_eq(unlink(in_root("test/b/x.JPG")), 0);
    refuses_request(&request, "@/test: no images: expected .png, .jpg or .jpeg files in the "
                              "folders of the classes");
}
END_TEST

START_TEST(options_of_arrays_are_refused)
{
    make_tree();
    struct data_request request = request_of(DATA_TRAIN);
    struct data data;
    struct err err = {0};
    request.options.labels = "fine";
    ck_assert(!format_open(&data, &request, &err));
    ck_assert(err.code == EXIT_USAGE && strncmp(err.message, "--labels fine: ", 15) == 0);
    err = (struct err){0};
    request.options.labels = NULL;
    request.options.layout = "nhwc";
    ck_assert(!format_open(&data, &request, &err));
    ck_assert(err.code == EXIT_USAGE && strncmp(err.message, "--layout nhwc: ", 15) == 0);
}
END_TEST

START_TEST(links_are_followed)
{
    make_tree();
    put("elsewhere/z.png", H, W, 7);
    ck_assert_int_eq(symlink("../../elsewhere/z.png", in_root("train/a/z.png")), 0);
    ck_assert_int_eq(symlink("b", in_root("train/c")), 0);
    struct data_shape three = shape;
    three.classes = 3;
    struct data_request request = request_of(DATA_TRAIN);
    request.wanted = &three;
    struct data train = open_request(&request);
    expect(&train, 5, (const int[]){10, 20, 7, 30, 30}, (const int[]){0, 0, 0, 1, 2});
    data_close(&train);
    ck_assert_int_eq(unlink(in_root("elsewhere/z.png")), 0);
    refuses_request(&request,
                    "@/train: 1 of 5 images cannot be read: expected whole PNG or JPEG files, or "
                    "--skip-bad, which leaves them out:\n"
                    "@/train/a/z.png: cannot open: No such file or directory");
}
END_TEST

START_TEST(trees_that_nobody_can_understand_are_refused)
{
    ck_assert_int_eq(mkdir(in_root("train"), 0700), 0);
    refuses(DATA_TRAIN, "@/train: 0 folders: expected one a class, two or more");
    put("train/a/1.png", H, W, 1);
    refuses(DATA_TRAIN, "@/train: 1 folder: expected one a class, two or more");
    ck_assert_int_eq(mkdir(in_root("train/b"), 0700), 0);
    refuses(DATA_TRAIN, "@/train/b: no image of this class: expected .png, .jpg or .jpeg files");
    put("train/b/c/1.png", H, W, 1);
    refuses(DATA_TRAIN, "@/train/b/c: a folder in the folder of a class: expected images alone");
    ck_assert_int_eq(rename(in_root("train/b/c"), in_root("train/c")), 0);
    ck_assert_int_eq(rmdir(in_root("train/b")), 0);
    refuses(DATA_TEST, "@: neither test/ nor val/ in it: expected one, beside train/, or "
                       "--validate N, which holds out N training images");
    put("test/d/1.png", H, W, 1);
    refuses(DATA_TEST, "@/test/d: no class of the training: expected one of its 2 folders, a to c");
    struct data_shape other = {3, H, W, 10};
    struct data_request request = {.path = root, .part = DATA_TRAIN, .wanted = &other};
    refuses_request(&request,
                    "@/train: folders of 2 classes, a to c, and the network has 10: expected as "
                    "many; a description for these images says: classes = 2");
    other = (struct data_shape){4, H, W, 2};
    refuses_request(&request, "@/train: the network takes 4 channels: expected 1 or 3, which is "
                              "what images in files have");
}
END_TEST

START_TEST(names_that_no_model_can_keep_are_refused)
{
    static const char *const names[] = {
        "\xff", "\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\tb", "\xc2\x85"};
    put("a/1.png", H, W, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct data_request request = request_of(DATA_TRAIN);
        struct data data;
        struct err err = {0};
        ck_assert_int_eq(mkdir(in_root(names[i]), 0700), 0);
        ck_assert(!format_open(&data, &request, &err));
        ck_assert_msg(
            strstr(err.message, ": expected a name in UTF-8 without control characters") != NULL,
            "%zu: %s", i, err.message);
        ck_assert_int_eq(rmdir(in_root(names[i])), 0);
    }
    put("\xf0\x9f\x90\x88 chat \xc3\xa9tonn\xc3\xa9/1.png", H, W, 2);
    struct data train = open_part(DATA_TRAIN);
    ck_assert_str_eq(train.class_names[1], "\xf0\x9f\x90\x88 chat \xc3\xa9tonn\xc3\xa9");
    data_close(&train);
    for (int i = 0; i < 40; i++) { /* as long as names can be, and each of two characters */
        char name[256];
        snprintf(name, sizeof name, "%02d", i);
        memset(name + 2, i % 2 == 0 ? '"' : '\\', 238);
        memcpy(name + 240, "/1.png", 7);
        put(name, H, W, 1);
    }
    refuses(DATA_TRAIN, "@: names of classes of more than 16000 characters in all: expected "
                        "shorter names");
}
END_TEST

START_TEST(more_classes_than_labels_are_refused)
{
    for (int i = 0; i <= DATA_MAX_CLASSES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d/1.png", i);
        if (i == 0)
            put(name, H, W, 1);
        else
            put_text(name, "-");
    }
    refuses(DATA_TRAIN, "@: more than 256 folders: expected one a class, at most 256");
}
END_TEST

/* -- Sizes ------------------------------------------------------------------------------------- */

START_TEST(other_sizes_are_listed)
{
    make_tree();
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/a/3%d.png", i);
        put(name, 2 * H, W + i, 50);
    }
    refuses(DATA_TRAIN,
            "@/train: 6 of 9 images are not 4 x 6 (high, wide), which the network takes: expected "
            "that, or --resize fit or crop, which makes them so:\n"
            "  a/30.png: 8 x 6\n  a/31.png: 8 x 7\n  a/32.png: 8 x 8\n  a/33.png: 8 x 9\n"
            "  a/34.png: 8 x 10");
    struct data_shape other = {3, 9, 9, 2};
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/a/3%d.png", i);
        ck_assert_int_eq(unlink(in_root(name)), 0);
    }
    struct data_request request = {.path = root, .part = DATA_TRAIN, .wanted = &other};
    refuses_request(
        &request,
        "@/train: 3 of 3 images are not 9 x 9 (high, wide), which the network takes: expected "
        "that, or --resize fit or crop, which makes them so, or a description with input = { 3, "
        "4, 6 }:\n  a/10.jpeg: 4 x 6\n  a/2.png: 4 x 6\n  b/1.png: 4 x 6");
}
END_TEST

/* No size that all have could stand in a description. */
START_TEST(sizes_of_several_kinds_give_no_advice)
{
    const struct data_shape other = {3, 9, 9, 2};
    struct data_request request = {.path = root, .part = DATA_TRAIN, .wanted = &other};
    for (int i = 0; i < 2; i++) {
        put("a/1.png", H, W, 1);
        put("b/1.png", i == 0 ? H + 1 : H, i == 0 ? W : W + 1, 1);
        char wanted[300];
        snprintf(wanted, sizeof wanted,
                 "@: 2 of 2 images are not 9 x 9 (high, wide), which the network takes: expected "
                 "that, or --resize fit or crop, which makes them so:\n  a/1.png: 4 x 6\n"
                 "  b/1.png: %s",
                 i == 0 ? "5 x 6" : "4 x 7");
        refuses_request(&request, wanted);
    }
}
END_TEST

START_TEST(a_look_reads_one_image_alone)
{
    make_tree();
    struct data_request request = request_of(DATA_TRAIN);
    request.look = true;
    struct data train = open_request(&request);
    ck_assert_int_eq(decoded, 1);
    ck_assert_int_eq(train.count, 3);
    ck_assert_int_eq(train.classes, 2);
    data_close(&train);
    struct data_shape other = {3, 9, 8, 2};
    request.wanted = &other;
    refuses_request(
        &request,
        "@/train: 3 of 3 images are not 9 x 8 (high, wide), which the network takes: "
        "expected that, or --resize fit or crop, which makes them so, or a description "
        "with input = { 3, 4, 6 }:\n  a/10.jpeg: 4 x 6\n  a/2.png: 4 x 6\n  b/1.png: 4 x 6");
    for (int i = 0; i < 2; i++) { /* one side alone */
        struct err err = {0};
        other = (struct data_shape){3, i == 0 ? 9 : H, i == 0 ? W : 8, 2};
        ck_assert(!format_open(&train, &request, &err));
    }
    other = (struct data_shape){3, 9, 8, 2};
    request.options.resize = RESIZE_FIT;
    train = open_request(&request);
    ck_assert_int_eq(train.h, 9);
    data_close(&train);
}
END_TEST

START_TEST(other_sizes_are_made_to_fit)
{
    make_tree();
    put("train/b/0.png", 3 * H, H, 90); /* high: fits in two columns of six */
    struct data_request request = request_of(DATA_TRAIN);
    request.options.resize = RESIZE_FIT;
    struct data train = open_request(&request);
    const uint8_t *pixels = train.images[2];
    const int inner = (2 * H * H + 3 * H) / (2 * 3 * H);
    for (int i = 0; i < 3 * PLANE; i++) {
        const int x = i % W - (W - inner) / 2;
        ck_assert_int_eq(pixels[i], x >= 0 && x < inner ? 90 : 0);
    }
    ck_assert_str_eq(train.note, "1 of 4 images: resized (first b/0.png)");
    data_close(&train);
    request.options.resize = RESIZE_CROP;
    train = open_request(&request);
    expect(&train, 4, (const int[]){10, 20, 90, 30}, (const int[]){0, 0, 1, 1});
    data_close(&train);
}
END_TEST

/* -- Bad images -------------------------------------------------------------------------------- */

START_TEST(bad_images_are_listed_or_skipped_and_counted)
{
    make_tree();
    put_text("train/a/0.png", "nothing");
    put_text("train/b/9.jpg", "\xff\xd8\xff");
    refuses(DATA_TRAIN, "@/train: 2 of 5 images cannot be read: expected whole PNG or JPEG files, "
                        "or --skip-bad, which leaves them out:\n"
                        "@/train/a/0.png: neither PNG nor JPEG: expected a PNG or JPEG file\n"
                        "@/train/b/9.jpg: JPEG: Premature end of JPEG file");
    struct data_request request = request_of(DATA_TRAIN);
    request.options.skip_bad = true;
    char wanted[300];
    snprintf(wanted, sizeof wanted,
             "2 images that cannot be read skipped: %s/train/a/0.png: neither PNG nor JPEG: "
             "expected a PNG or JPEG file and others",
             root);
    for (int time = 0; time < 2; time++) { /* the second time from the cache */
        struct data train = open_request(&request);
        ck_assert_int_eq(decoded, time == 0 ? 5 : 0);
        expect(&train, 3, (const int[]){10, 20, 30}, (const int[]){0, 0, 1});
        ck_assert_str_eq(train.note, wanted);
        data_close(&train);
    }
    refuses(DATA_TRAIN, "@/train: 2 of 5 images cannot be read: expected whole PNG or JPEG files, "
                        "or --skip-bad, which leaves them out:\n"
                        "@/train/a/0.png: neither PNG nor JPEG: expected a PNG or JPEG file\n"
                        "@/train/b/9.jpg: JPEG: Premature end of JPEG file");
    ck_assert_int_eq(unlink(in_root("train/b/1.png")), 0);
    refuses_request(&request, "@/train/b: no image of this class can be read");
    put("train/b/1.png", H, W, 30);
    ck_assert_int_eq(unlink(in_root("train/b/9.jpg")), 0);
    struct data train = open_request(&request);
    snprintf(wanted, sizeof wanted,
             "1 image that cannot be read skipped: %s/train/a/0.png: neither PNG nor JPEG: "
             "expected a PNG or JPEG file",
             root);
    ck_assert_str_eq(train.note, wanted);
    data_close(&train);
    put_text("test/b/x.JPG", "nothing");
    request.part = DATA_TEST;
    refuses_request(&request, "@/test: no image can be read");
}
END_TEST

/* As many as have room, and five at most; a look tells of them, too. */
START_TEST(many_bad_images_are_counted)
{
    static const char *const long_name = "a_name_of_a_picture_that_is_as_long_as_some_that_people_"
                                         "give_to_theirs_when_they_say_all_of_it_in_the_name";
    make_tree();
    for (int i = 0; i < 7; i++) {
        char name[200];
        snprintf(name, sizeof name, "train/b/%d%s.png", 2 + i, i < 4 ? long_name : "");
        put_text(name, "nothing");
    }
    struct data_request request = request_of(DATA_TRAIN);
    struct data data;
    struct err err = {0};
    int lines = 0;
    ck_assert(!format_open(&data, &request, &err));
    for (const char *at = err.message; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_msg(strstr(err.message, "7 of 10 images cannot be read") != NULL && lines == 3, "%s",
                  err.message);
    put("train/a/10.jpeg", 2 * H, W, 10);
    request.look = true;
    refuses_with(&request, "/train: 7 of 10 images cannot be read");
    request.part = DATA_TEST;
    put_text("test/b/x.JPG", "nothing"); /* when it is read, it will be told */
    data = open_request(&request);
    ck_assert_int_eq(data.count, 1);
    data_close(&data);
    request = (struct data_request){.path = root, .part = DATA_TRAIN};
    data = open_request(&(struct data_request){.path = root, .look = true});
    ck_assert(data.h == 2 * H && data.count == 10);
    data_close(&data);
    put_text("train/a/10.jpeg", "nothing");
    refuses_with(&request, "train/a/10.jpeg: neither PNG nor JPEG");
}
END_TEST

/* -- Long paths -------------------------------------------------------------------------------- */

/* Where a path becomes too long on the way to a picture, it is said so. */
START_TEST(a_path_is_read_or_too_long)
{
    static const char *const trees[] = {"plain", "parts", "val", "wide"};
    put("plain/a/1.png", H, W, 10);
    put("plain/b/a_longer_name_of_a_picture.png", H, W, 20);
    put("parts/train/a/1.png", H, W, 10);
    put("parts/train/b/1.png", H, W, 10);
    put("parts/test/a/a_longer_name_of_a_picture.png", H, W, 20);
    put("val/train/a/1.png", H, W, 10);
    put("val/train/b/1.png", H, W, 10);
    put("val/val/a/1.png", H, W, 20);
    put_text("val/val/a_longer_name_of_a_text", "-");
    put("wide/a_longer_name_of_a_class/1.png", H, W, 10);
    put("wide/b_longer_name_of_a_class/1.png", H, W, 10);
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        int counts[2] = {0, 0};
        for (size_t length = DATA_PATH_SIZE - 70; length <= DATA_PATH_SIZE; length++) {
            char path[DATA_PATH_SIZE + 1];
            size_t used = (size_t)snprintf(path, sizeof path, "%s/%s", root, trees[i]);
            for (; used < length; used++)
                path[used] = '/';
            path[used] = '\0';
            for (int look = 0; look < 2; look++) {
                struct data_request request =
                    request_of(look == 0 || i % 3 == 0 ? DATA_TRAIN : DATA_TEST);
                struct data data;
                struct err err = {0};
                request.path = path;
                request.look = look == 1;
                const bool ok = format_open(&data, &request, &err);
                ck_assert_msg(ok || strstr(err.message, "path too long") != NULL ||
                                  strstr(err.message, "the path of the data has") != NULL ||
                                  strstr(err.message, "expected one of:") != NULL ||
                                  strstr(err.message, "no image can be read") != NULL ||
                                  strlen(err.message) == sizeof err.message - 1, /* cut */
                              "%s, %zu: %s", trees[i], length, err.message);
                ck_assert(ok || err.code == EXIT_DATA);
                counts[ok]++;
                data_close(&data);
            }
        }
        ck_assert_int_gt(counts[0], 10);
        ck_assert_int_gt(counts[1], 10);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("folder");
    TCase *tests = tcase_create("folder");
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, a_tree_is_read_in_the_order_of_names);
    tcase_add_test(tests, folders_of_classes_alone_are_a_training);
    tcase_add_test(tests, without_a_network_the_first_image_gives_the_shape);
    tcase_add_test(tests, conversions_are_counted_and_named);
    tcase_add_test(tests, what_is_no_image_is_passed_over_and_counted);
    tcase_add_test(tests, notes_are_text_of_a_size);
    tcase_add_test(tests, a_class_may_have_many_images);
    tcase_add_test(tests, a_file_is_no_part);
    tcase_add_test(tests, tests_may_lack_classes_and_not_all);
    tcase_add_test(tests, options_of_arrays_are_refused);
    tcase_add_test(tests, links_are_followed);
    tcase_add_test(tests, trees_that_nobody_can_understand_are_refused);
    tcase_add_test(tests, names_that_no_model_can_keep_are_refused);
    tcase_add_test(tests, more_classes_than_labels_are_refused);
    tcase_add_test(tests, other_sizes_are_listed);
    tcase_add_test(tests, sizes_of_several_kinds_give_no_advice);
    tcase_add_test(tests, a_look_reads_one_image_alone);
    tcase_add_test(tests, other_sizes_are_made_to_fit);
    tcase_add_test(tests, bad_images_are_listed_or_skipped_and_counted);
    tcase_add_test(tests, many_bad_images_are_counted);
    tcase_add_test(tests, a_path_is_read_or_too_long);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
