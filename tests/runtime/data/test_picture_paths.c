/* test_picture_paths.c - which pictures a folder has that is given to a command. */
#include "image_tree.h"

#include "data/picture_paths.h"

START_TEST(pictures_are_found_in_every_folder)
{
    struct picture_paths paths = {0};
    struct err err = {0};
    put("all/b/c/2.png", H, W, 1);
    put("all/a.JPG", H, W, 1);
    put_text("all/list.txt", "-");
    put_text("all/.hidden.png", "-");
    ck_assert_int_eq(symlink("b", in_root("all/link.png")), 0); /* a folder is no picture */
    ck_assert_int_eq(symlink("nowhere", in_root("all/z.png")), 0);
    ck_assert_msg(picture_paths_add(&paths, in_root("all"), &err), "%s", err.message);
    static const char *const wanted[] = {"all/a.JPG", "all/b/c/2.png", "all/z.png"};
    ck_assert_int_eq(paths.count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(paths.at[i], in_root(wanted[i]));
    for (int i = 0; i < 100; i++)
        ck_assert(picture_paths_add(&paths, in_root("all/a.JPG"), &err));
    ck_assert_int_eq(paths.count, 103);
    ck_assert_str_eq(paths.at[102], in_root("all/a.JPG"));
    picture_paths_close(&paths);
}
END_TEST

START_TEST(folders_without_pictures_are_refused)
{
    struct picture_paths paths = {0};
    struct err err = {0};
    char path[DATA_PATH_SIZE], message[300];
    put_text("all/list.txt", "-");
    ck_assert(!picture_paths_add(&paths, in_root("all"), &err));
    snprintf(message, sizeof message, "%s/all: no images: expected .png, .jpg or .jpeg files",
             root);
    ck_assert_str_eq(err.message, message);
    snprintf(path, sizeof path, "%s/all", root);
    memset(path + strlen(path), '/', sizeof path - 5 - strlen(path));
    path[sizeof path - 5] = '\0';
    err = (struct err){0};
    ck_assert(!picture_paths_add(&paths, path, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "...: path too long: expected at most 1023 bytes"));
    put("all/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/1.png", H, W, 1);
    ck_assert_msg(picture_paths_add(&paths, in_root("all"), &err), "%s", err.message);
    put("all/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/1.png", H, W, 1);
    err = (struct err){0};
    ck_assert(!picture_paths_add(&paths, in_root("all"), &err));
    ck_assert_ptr_nonnull(strstr(err.message, "/16/17: 17 folders deep: expected at most 16"));
    picture_paths_close(&paths);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture_paths");
    TCase *tests = tcase_create("picture_paths");
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, pictures_are_found_in_every_folder);
    tcase_add_test(tests, folders_without_pictures_are_refused);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
