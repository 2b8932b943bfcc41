/* test_sha256.c - the examples of FIPS 180-4 and every length around the end of a block. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

static void digests_to(const char *text, const char *expected)
{
    char hex[SHA256_HEX_SIZE];
    digest(hex, text, strlen(text));
    ck_assert_str_eq(hex, expected);
}

START_TEST(published_examples)
{
    digests_to("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digests_to("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digests_to("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(a_million_letters)
{
    char hex[SHA256_HEX_SIZE];
    char *text = malloc(1000000);
    memset(text, 'a', 1000000);
    digest(hex, text, 1000000);
    free(text);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* Digests of the digests of 0 .. 129 letters, so that every padding counts; from sha256sum. */
START_TEST(every_padding)
{
    char text[130], hex[SHA256_HEX_SIZE], all[130 * (SHA256_HEX_SIZE - 1)];
    memset(text, 'x', sizeof text);
    for (size_t n = 0; n < 130; n++) {
        digest(hex, text, n);
        memcpy(all + n * (SHA256_HEX_SIZE - 1), hex, SHA256_HEX_SIZE - 1);
    }
    digest(hex, all, sizeof all);
    ck_assert_str_eq(hex, "199af942eba7fa5d1e16d475169eb24018b14e69339c93d26a9ea6d873b4ace6");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sha256");
    TCase *tests = tcase_create("sha256");
    tcase_add_test(tests, published_examples);
    tcase_add_test(tests, a_million_letters);
    tcase_add_test(tests, every_padding);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
