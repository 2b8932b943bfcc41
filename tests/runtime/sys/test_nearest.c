/* test_nearest.c - which word was meant. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sys/nearest.h"

static const char *const words[] = {"train", "eval", "predict",
                                    "bench", "info", "--label-smoothing"};
enum { WORDS = sizeof words / sizeof words[0] };

START_TEST(the_nearest_word_is_meant)
{
    static const char *const cases[][2] = {
        {"tarin", "train"}, /* two that changed places are one mistake */
        {"trian", "train"},     {"trai", "train"},   {"traain", "train"},
        {"brain", "train"},     {"xxxin", NULL},     {"predit", "predict"},
        {"perdcit", "predict"}, {"inof", "info"},    {"in", NULL}, /* half of it is missing */
        {"fo", NULL},           {"evil", "eval"},    {"vel", NULL},
        {"ev", NULL},           {"", NULL},          {"i", NULL},
        {"benches", "bench"},   {"workbench", NULL}, {"--labelsmoothing", "--label-smoothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *meant = nearest_word(cases[i][0], words, WORDS);
        ck_assert_msg((meant == NULL) == (cases[i][1] == NULL) &&
                          (meant == NULL || strcmp(meant, cases[i][1]) == 0),
                      "%s: %s", cases[i][0], meant != NULL ? meant : "none");
    }
}
END_TEST

START_TEST(the_first_of_the_nearest_is_meant)
{
    static const char *const alike[] = {"--rate", "--late", "--date"};
    ck_assert_str_eq(nearest_word("--gate", alike, 3), "--rate");
    ck_assert_str_eq(nearest_word("--dates", alike, 3), "--date");
    ck_assert_ptr_null(nearest_word("--gate", alike, 0));
}
END_TEST

/* Words of 40 letters are compared, longer ones are not. */
START_TEST(long_words_are_left_alone)
{
    char longest[42], longer[43];
    memset(longest, 'a', sizeof longest);
    memset(longer, 'a', sizeof longer);
    longest[40] = longer[41] = '\0';
    const char *const both[] = {longer, longest};
    ck_assert_ptr_eq(nearest_word(longest, both, 2), longest);
    ck_assert_ptr_null(nearest_word(longer, both, 2));
}
END_TEST

START_TEST(a_hint_is_a_part_of_a_message)
{
    char hint[NEAREST_HINT];
    nearest_hint(hint, "tran", words, WORDS);
    ck_assert_str_eq(hint, " (did you mean train?)");
    nearest_hint(hint, "--lable-smoothing", words, WORDS);
    ck_assert_str_eq(hint, " (did you mean --label-smoothing?)");
    nearest_hint(hint, "weird", words, WORDS);
    ck_assert_str_eq(hint, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tests = tcase_create("words");
    tcase_add_test(tests, the_nearest_word_is_meant);
    tcase_add_test(tests, the_first_of_the_nearest_is_meant);
    tcase_add_test(tests, long_words_are_left_alone);
    tcase_add_test(tests, a_hint_is_a_part_of_a_message);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
