/* test_bench_step.c - whole steps of a tiny model: their times, what they save of their start, and
 * evaluations. */
#include <sys/stat.h>

#include "bench_model.h"
#include "file/checkpoint.h"
#include "file/safetensors.h"
#include "inspect/bench_step.h"
#include "inspect/median.h"

static const struct bench_steps_options three_steps = {
    .threads = 2, .steps = 3, .dropout = true, .json = json};

START_TEST(steps_have_times_and_losses)
{
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    ck_assert_msg(bench_steps_main(&model, &three_steps, &err), "%s", err.message);
    cJSON *root = read_json();
    ck_assert_str_eq(string(root, "isa"), "c");
    ck_assert_str_ne(string(root, "cpu"), "");
    ck_assert_double_eq(number(root, "threads"), 2);
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(root, "step");
    ck_assert_double_eq(number(step, "batch"), BATCH);
    ck_assert_double_gt(number(step, "lr"), 0);
    const cJSON *each = cJSON_GetObjectItemCaseSensitive(step, "each_ms");
    const cJSON *losses = cJSON_GetObjectItemCaseSensitive(step, "losses");
    ck_assert_int_eq(cJSON_GetArraySize(each), 3);
    ck_assert_int_eq(cJSON_GetArraySize(losses), BENCH_WARM_UP + 3);
    double ms[3];
    for (int i = 0; i < 3; i++) {
        ms[i] = cJSON_GetArrayItem(each, i)->valuedouble;
        ck_assert_double_gt(ms[i], 0);
    }
    ck_assert_double_eq(number(step, "ms"), median_of(ms, 3));
    cJSON_Delete(root);
    remove_folder();
}
END_TEST

/* The line for people. */
START_TEST(steps_are_told_in_words)
{
    static const char *const words[] = {NULL, ", 1 thread, batch ", ", 2 threads, batch ",
                                        " images a second)"};
    struct model model = make_model();
    struct err err = {0};
    char path[400], text[4096];
    make_folder();
    snprintf(path, sizeof path, "%s/said", folder);
    for (int i = 1; i <= 3; i++) {
        const struct bench_steps_options options = {
            .threads = i < 3 ? i : 1, .steps = 1, .evaluate = i == 3};
        ck_assert_ptr_nonnull(freopen(path, "w+", stdout));
        ck_assert_msg(bench_steps_main(&model, &options, &err), "%s", err.message);
        rewind(stdout);
        text[fread(text, 1, sizeof text - 1, stdout)] = '\0';
        ck_assert_msg(strstr(text, words[i]) != NULL, "%s", text);
    }
    unlink(path);
    remove_folder();
}
END_TEST

/* Opens a file of the folder and takes its name away. */
static void open_saved(struct safetensors *file, const char *name)
{
    char path[400];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    ck_assert_msg(safetensors_open(file, path, &err), "%s", err.message);
    unlink(path);
}

/* What the folder holds is what the first step was given and what it made: the generic backend
 * makes the same loss and the same gradients of it. */
START_TEST(steps_save_their_start)
{
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    struct bench_steps_options options = three_steps;
    options.start = folder;
    ck_assert_msg(bench_steps_main(&model, &options, &err), "%s", err.message);

    struct safetensors batch_file = {0}, model_file = {0}, gradient_file = {0};
    open_saved(&batch_file, "batch");
    open_saved(&model_file, "model");
    open_saved(&gradient_file, "gradients");
    const struct safetensor *images = safetensors_find(&batch_file, "images");
    const struct safetensor *labels = safetensors_find(&batch_file, "labels");
    const size_t shape[] = {BATCH, C, 2, 2};
    ck_assert(safetensors_check(&batch_file, images, SAFETENSORS_F32, 4, shape, &err));
    ck_assert(safetensors_check(&batch_file, labels, SAFETENSORS_U8, 1, shape, &err));

    static float pixels[BATCH * C * 2 * 2];
    const uint32_t samples[BATCH] = {0};
    memcpy(pixels, images->data, sizeof pixels);
    const struct batch batch = {
        .n = BATCH, .images = pixels, .labels = labels->data, .samples = samples, .epoch = 1};
    struct run run;
    ck_assert(run_open(&run, &model, &generic_backend, 1, &err));
    ck_assert(checkpoint_load_params(&model_file, &run, &err));
    double loss = run_train(&run, &batch).loss;
    for (int i = 0; i < model.param_count; i++) {
        const struct safetensor *saved = safetensors_find(&gradient_file, params[i].name);
        const size_t of_param[] = {(size_t)params[i].shape[0], (size_t)params[i].shape[1]};
        ck_assert(safetensors_check(&gradient_file, saved, SAFETENSORS_F32, 2, of_param, &err));
        ck_assert_mem_eq(saved->data, run.store.grad + params[i].offset,
                         params[i].count * sizeof(float));
    }
    run_close(&run);

    cJSON *root = read_json();
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(root, "step");
    const cJSON *losses = cJSON_GetObjectItemCaseSensitive(step, "losses");
    double first = cJSON_GetArrayItem(losses, 0)->valuedouble;
    ck_assert_double_eq_tol(first, loss, 1e-12);
    ck_assert_double_lt(cJSON_GetArrayItem(losses, 4)->valuedouble, first); /* it learns */
    cJSON_Delete(root);
    safetensors_close(&batch_file);
    safetensors_close(&model_file);
    safetensors_close(&gradient_file);
    remove_folder();
}
END_TEST

/* An evaluation changes nothing, and its forward pass is all of its work. */
START_TEST(evaluations_are_steps_too)
{
    enum { FEW = 7 };
    struct model model = make_model();
    struct err err = {0};
    struct safetensors file = {0};
    char path[400];
    make_folder();
    struct bench_steps_options options = three_steps;
    options.evaluate = true;
    options.batch = FEW;
    options.start = folder;
    ck_assert_msg(bench_steps_main(&model, &options, &err), "%s", err.message);
    cJSON *root = read_json();
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(root, "step");
    const cJSON *losses = cJSON_GetObjectItemCaseSensitive(step, "losses");
    ck_assert_double_eq(number(step, "batch"), FEW);
    ck_assert_double_eq_tol(number(step, "direct_roofline_ms"),
                            128e-6 * FEW / number(root, "peak_gflops"), 1e-12);
    for (int i = 1; i < BENCH_WARM_UP + 3; i++)
        ck_assert_double_eq(cJSON_GetArrayItem(losses, i)->valuedouble,
                            cJSON_GetArrayItem(losses, 0)->valuedouble);
    cJSON_Delete(root);
    open_saved(&file, "model");
    safetensors_close(&file);
    open_saved(&file, "batch");
    const size_t shape[] = {FEW};
    ck_assert(safetensors_check(&file, safetensors_find(&file, "labels"), SAFETENSORS_U8, 1, shape,
                                &err));
    safetensors_close(&file);
    snprintf(path, sizeof path, "%s/gradients.safetensors", folder);
    ck_assert_int_ne(access(path, F_OK), 0);

    options.batch = BATCH + 1;
    ck_assert(!bench_steps_main(&model, &options, &err));
    ck_assert_int_eq(err.code, EXIT_USAGE);
    ck_assert_ptr_eq(strstr(err.message, "bench: --batch: 21: expected at most 20"), err.message);
    remove_folder();
}
END_TEST

START_TEST(steps_say_where_they_cannot_write)
{
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    struct bench_steps_options options = three_steps;
    options.start = "/missing";
    ck_assert(!bench_steps_main(&model, &options, &err));
    ck_assert_ptr_eq(strstr(err.message, "/missing/batch.safetensors"), err.message);
    remove_folder();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench_step");
    TCase *tcase = tcase_create("bench_step");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, steps_have_times_and_losses);
    tcase_add_test(tcase, steps_are_told_in_words);
    tcase_add_test(tcase, steps_save_their_start);
    tcase_add_test(tcase, evaluations_are_steps_too);
    tcase_add_test(tcase, steps_say_where_they_cannot_write);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
