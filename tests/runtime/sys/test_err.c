/* test_err.c - messages, codes, and that the first error wins. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/err.h"

START_TEST(set_formats_and_returns_false)
{
    struct err err = {0};
    ck_assert(!err_set(&err, "%s: expected %d bytes", "a.bin", 7));
    ck_assert_str_eq(err.message, "a.bin: expected 7 bytes");
    ck_assert_int_eq(err.code, EXIT_FAILED);
}
END_TEST

START_TEST(set_code_keeps_the_code)
{
    struct err err = {0};
    ck_assert(!err_set_code(&err, EXIT_DATA, "missing"));
    ck_assert_str_eq(err.message, "missing");
    ck_assert_int_eq(err.code, 3);
}
END_TEST

START_TEST(set_errno_appends_the_reason)
{
    struct err err = {0};
    ck_assert(!err_set_errno(&err, ENOENT, "%s", "x"));
    ck_assert_str_eq(err.message, "x: No such file or directory");
    ck_assert_int_eq(err.code, EXIT_FAILED);
}
END_TEST

START_TEST(unknown_reasons_are_numbers)
{
    struct err err = {0};
    ck_assert(!err_set_errno(&err, 99999, "x"));
    ck_assert_str_eq(err.message, "x: error 99999");
}
END_TEST

/* Names of files may hold what a terminal obeys: those of ASCII, and U+0080 to U+009F. */
START_TEST(control_characters_are_masked)
{
    struct err err = {0};
    err_set(&err, "%s", "a\033b\x7f\x1f c\td\n\xc2\x80\xc2\x9f \xc2\xa0\xc3\x85\xc2");
    ck_assert_str_eq(err.message, "a?b?? c?d\n???? \xc2\xa0\xc3\x85\xc2");
}
END_TEST

START_TEST(first_error_wins)
{
    struct err err = {0};
    err_set_code(&err, EXIT_USAGE, "cause");
    err_set(&err, "consequence");
    err_set_code(&err, EXIT_DATA, "consequence");
    err_set_errno(&err, EIO, "consequence");
    ck_assert_str_eq(err.message, "cause");
    ck_assert_int_eq(err.code, EXIT_USAGE);
}
END_TEST

START_TEST(long_messages_are_cut)
{
    struct err err = {0};
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set_errno(&err, EIO, "%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

START_TEST(exit_codes_are_the_contract)
{
    ck_assert_int_eq(EXIT_OK, 0);
    ck_assert_int_eq(EXIT_FAILED, 1);
    ck_assert_int_eq(EXIT_USAGE, 2);
    ck_assert_int_eq(EXIT_DATA, 3);
    ck_assert_int_eq(EXIT_DIVERGED, 4);
    ck_assert_int_eq(EXIT_REJECTED, 5);
    ck_assert_int_eq(EXIT_INTERRUPTED, 130);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("err");
    TCase *tests = tcase_create("err");
    tcase_add_test(tests, set_formats_and_returns_false);
    tcase_add_test(tests, set_code_keeps_the_code);
    tcase_add_test(tests, set_errno_appends_the_reason);
    tcase_add_test(tests, unknown_reasons_are_numbers);
    tcase_add_test(tests, control_characters_are_masked);
    tcase_add_test(tests, first_error_wins);
    tcase_add_test(tests, long_messages_are_cut);
    tcase_add_test(tests, exit_codes_are_the_contract);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
