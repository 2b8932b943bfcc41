/* test_tensors.c - the tensors of a data set in a .safetensors: what is read, and what is said of
 * what is wrong. */
#define _GNU_SOURCE /* nftw, memmem */
#include "open_formats.h"

#include "file/safetensors.h"

static const uint8_t pixel_bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float pixel_floats[] = {0, 1, 2, 3, 4, 255, -1, 0, 0.5f, 1, 0, 0};
static const int64_t labels_64[] = {0, 2};
static const uint8_t labels_8[] = {1, 1};
static const int32_t labels_32[] = {0, 2};

START_TEST(tensors_are_read)
{
    const struct safetensor tensors[] = {
        {"train.labels", SAFETENSORS_I64, 1, {2}, labels_64},
        {"test.images", SAFETENSORS_F32, 4, {1, 2, 2, 3}, pixel_floats},
        {"test.labels", SAFETENSORS_U8, 1, {1}, labels_8},
        {"train.images", SAFETENSORS_U8, 3, {2, 2, 3}, pixel_bytes},
    };
    const struct safetensors_meta metas[] = {{"classes", "[\"a\",\"b\",\"c\\nd\"]"}};
    request.path = files_path("x.safetensors");
    ck_assert(safetensors_save(request.path, NULL, tensors, 4, metas, 1, &err));
    opens();
    ck_assert_str_eq(data.format, "safetensors");
    ck_assert(data.c == 1 && data.h == 2 && data.w == 3 && data.count == 2 && data.classes == 3);
    ck_assert_str_eq(data.class_names[2], "c d");
    shows(1, pixel_bytes + 6);
    request.part = DATA_TEST;
    request.options.layout = "nchw";
    opens();
    ck_assert(data.type == DATA_FLOATS && data.c == 2);
    ck_assert_mem_eq(data.images[0], pixel_floats, sizeof pixel_floats);

    request.part = DATA_TRAIN;
    request.options.layout = NULL;
    ck_assert(safetensors_save(request.path, NULL, tensors, 3, NULL, 0, &err));
    refuses(EXIT_DATA, "@/x.safetensors: no train.images: expected train.images, train.labels, ");
    static const char *const odd[] = {"a, b", "{}", "[\"a\", 2]"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        const struct safetensors_meta bad[] = {{"classes", odd[i]}};
        ck_assert(safetensors_save(request.path, NULL, tensors, 4, bad, 1, &err));
        refuses(EXIT_DATA, "@/x.safetensors: metadata \"classes\": expected a JSON array of names");
    }
    char many_names[4 * (DATA_MAX_CLASSES + 1) + 2] = "[";
    for (int i = 0; i <= DATA_MAX_CLASSES; i++)
        strcat(many_names, i == 0 ? "\"a\"" : ",\"a\"");
    strcat(many_names, "]");
    const struct safetensors_meta all_names[] = {{"classes", many_names}, {"classes", "[]"}};
    ck_assert(safetensors_save(request.path, NULL, tensors, 4, all_names, 1, &err));
    refuses(EXIT_DATA, "@/x.safetensors: 257 names of classes: expected 1 to 256");
    ck_assert(safetensors_save(request.path, NULL, tensors, 4, all_names + 1, 1, &err));
    refuses(EXIT_DATA, "@/x.safetensors: 0 names of classes: expected 1 to 256");
    const struct safetensors_meta returns[] = {{"classes", "[\"a\\rb\",\"b\",\"c\"]"}};
    ck_assert(safetensors_save(request.path, NULL, tensors, 4, returns, 1, &err));
    opens();
    ck_assert_str_eq(data.class_names[0], "a b");
}
END_TEST

/* Labels of every type that whole numbers have, and what else a tensor may be. */
START_TEST(tensors_of_every_type)
{
    static const struct {
        struct safetensor labels;
        const char *message; /* NULL: none */
    } cases[] = {
        {{"train.labels", SAFETENSORS_U8, 1, {2}, labels_8}, NULL},
        {{"train.labels", SAFETENSORS_I8, 1, {2}, labels_8}, NULL},
        {{"train.labels", SAFETENSORS_U16, 1, {2}, labels_32}, NULL},
        {{"train.labels", SAFETENSORS_I16, 1, {2}, labels_32}, NULL},
        {{"train.labels", SAFETENSORS_U32, 1, {2}, labels_32}, NULL},
        {{"train.labels", SAFETENSORS_I32, 1, {2}, labels_32}, NULL},
        {{"train.labels", SAFETENSORS_U64, 1, {2}, labels_64}, NULL},
        {{"train.labels", SAFETENSORS_I64, 1, {2}, labels_64}, NULL},
        {{"train.labels", SAFETENSORS_F32, 1, {2}, pixel_floats},
         "train.labels (2,): floats: expected"},
        {{"train.labels", SAFETENSORS_F64, 1, {2}, pixel_floats},
         "train.labels: F64 [2]: expected U8"},
        {{"train.labels", SAFETENSORS_U8, 5, {2, 1, 1, 1, 1}, labels_8},
         "train.labels: U8 [2, 1, 1, 1, 1]: expected U8 or F32 images"},
        {{"train.labels", SAFETENSORS_U8, 2, {2, 1}, labels_8},
         "train.labels (2, 1): expected one axis: (N,)"},
    };
    request.path = files_path("x.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct safetensor tensors[] = {
            cases[i].labels, {"train.images", SAFETENSORS_U8, 3, {2, 2, 3}, pixel_bytes}};
        char message[200];
        err = (struct err){0};
        ck_assert_msg(safetensors_save(request.path, NULL, tensors, 2, NULL, 0, &err), "%s",
                      err.message);
        if (cases[i].message == NULL) {
            opens();
            continue;
        }
        snprintf(message, sizeof message, "@/x.safetensors: %s", cases[i].message);
        refuses(EXIT_DATA, message);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensors");
    TCase *tests = tcase_create("tensors");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, tensors_are_read);
    tcase_add_test(tests, tensors_of_every_type);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
