/* test_bench.c - the figures that a bench of a tiny model writes, and what it refuses to measure.
 */
#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "file/checkpoint.h"
#include "file/safetensors.h"
#include "inspect/bench.h"
#include "inspect/bench_step.h"
#include "inspect/median.h"
#include "inspect/peak.h"
#include "ref/generic.h"
#include "ref/ref.h"

/* -- A model of one 1x1 convolution over 2x2 pixels and the global average --------------------- */

enum { C = 3, K = 4, PIXELS = 4, BATCH = 20 };

static void conv_fwd(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < K; k++) {
            a->y[i * K + k] = 0;
            for (int c = 0; c < C; c++)
                a->y[i * K + k] += a->x[i * C + c] * a->w[k * C + c];
        }
}

static void conv_bwd_weights(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < K; k++)
            for (int c = 0; c < C; c++)
                a->dw[k * C + c] += a->dy[i * K + k] * a->x[i * C + c];
}

static void average_bwd(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS * K; i++)
        a->dx[i] = a->dy[i % K] / PIXELS;
}

static void average_bwd_wrong(kernel_function *function, const struct kernel_args *a)
{
    (void)function;
    for (int i = 0; i < PIXELS * K; i++)
        a->dx[i] = a->dy[i % K];
}

static void copy_weights(float *to, const float *from)
{
    memcpy(to, from, C * K * sizeof *to);
}

#define X                                                                                          \
    {                                                                                              \
        C, 2, 2, C, 0                                                                              \
    }
#define Y                                                                                          \
    {                                                                                              \
        K, 2, 2, K, 0                                                                              \
    }
#define MEAN                                                                                       \
    {                                                                                              \
        K, 1, 1, K, 0                                                                              \
    }

static const struct kernel kernels[] = {
    {.name = "conv_fwd",
     .layer = "conv1",
     .op = KERNEL_CONV,
     .pass = PASS_FWD,
     .x = X,
     .y = Y,
     .dx = X,
     .dy = Y,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .exact = true,
     .images = 1,
     .mflop = 96e-6,
     .packed_floats = C * K,
     .pack = copy_weights,
     .run = conv_fwd},
    {.name = "conv_bwd_weights",
     .layer = "conv1",
     .op = KERNEL_CONV,
     .pass = PASS_BWD_WEIGHTS,
     .x = X,
     .y = Y,
     .dx = X,
     .dy = Y,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .exact = true,
     .images = 1,
     .mflop = 96e-6,
     .packed_floats = C * K,
     .unpack = copy_weights,
     .run = conv_bwd_weights},
    {.name = "average_bwd",
     .layer = "pool1",
     .op = KERNEL_AVGPOOL,
     .pass = PASS_BWD_DATA,
     .x = Y,
     .y = MEAN,
     .dx = Y,
     .dy = MEAN,
     .geometry = {{2, 2, 0, 1}, {2, 2, 0, 1}},
     .exact = true,
     .images = 1,
     .run = average_bwd},
};

static const struct layer layers[] = {
    {.op = LAYER_INPUT, .inputs = {-1, -1}, .c = C, .h = 2, .w = 2, .weight = -1, .bias = -1},
    {.op = LAYER_CONV,
     .inputs = {0, -1},
     .c = K,
     .h = 2,
     .w = 2,
     .geometry = {{1, 1, 0, 1}, {1, 1, 0, 1}},
     .weight = 0,
     .bias = -1,
     .mflop = 96e-6},
    {.op = LAYER_GLOBAL_AVGPOOL,
     .inputs = {1, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1},
    {.op = LAYER_LINEAR,
     .inputs = {2, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = 1,
     .bias = -1,
     .mflop = 32e-6},
    {.op = LAYER_SOFTMAX_CROSS_ENTROPY,
     .inputs = {3, -1},
     .c = K,
     .h = 1,
     .w = 1,
     .weight = -1,
     .bias = -1},
};

static const struct param params[] = {
    {.name = "conv1.weight",
     .rank = 2,
     .shape = {K, C},
     .count = C * K,
     .init = INIT_FAN_IN,
     .fan_in = C},
    {.name = "fc.weight",
     .rank = 2,
     .shape = {K, K},
     .offset = C * K,
     .count = K * K,
     .init = INIT_FAN_IN,
     .fan_in = K},
};

static const struct recipe recipe = {.batch = BATCH, .momentum = 0.9f};

static struct model make_model(void)
{
    return (struct model){.name = "tiny",
                          .norm = "none",
                          .isa = "c",
                          .c = C,
                          .h = 2,
                          .w = 2,
                          .classes = K,
                          .recipe = &recipe,
                          .layers = layers,
                          .layer_count = 5,
                          .params = params,
                          .param_count = 2,
                          .param_floats = C * K + K * K,
                          .kernels = kernels,
                          .kernel_count = 3,
                          .backend = &generic_backend};
}

/* -- Files ------------------------------------------------------------------------------------- */

static char folder[256], json[300];

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/burin_bench_XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(json, sizeof json, "%s/bench.json", folder);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout)); /* the tables */
}

static void remove_folder(void)
{
    unlink(json);
    ck_assert_int_eq(rmdir(folder), 0); /* fails when a temporary file is left */
}

static cJSON *read_json(void)
{
    static char text[1 << 16];
    FILE *file = fopen(json, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    cJSON *root = cJSON_Parse(text);
    ck_assert_ptr_nonnull(root);
    return root;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "no number \"%s\"", key);
    return item->valuedouble;
}

static const char *string(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsString(item), "no string \"%s\"", key);
    return item->valuestring;
}

/* -- Tests ------------------------------------------------------------------------------------- */

START_TEST(writes_every_figure)
{
    static const char *const passes[] = {"fwd", "bwd_weights", "bwd_data"};
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    const struct bench_options options = {.threads = 2, .json = json, .rounds = 1};
    ck_assert_msg(bench_main(&model, &options, &err), "%s", err.message);
    cJSON *root = read_json();
    ck_assert_str_eq(string(root, "isa"), "c");
    ck_assert_double_eq(number(root, "threads"), 2);
    double peak = number(root, "peak_gflops");
    ck_assert_double_gt(peak, 0);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "kernels");
    ck_assert_int_eq(cJSON_GetArraySize(list), 3);
    for (int i = 0; i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        double ms = number(item, "ms"), gflops = number(item, "gflops");
        ck_assert_str_eq(string(item, "name"), kernels[i].name);
        ck_assert_str_eq(string(item, "layer"), kernels[i].layer);
        ck_assert_str_eq(string(item, "pass"), passes[i]);
        ck_assert_double_eq_tol(number(item, "mflop"), kernels[i].mflop * BATCH, 1e-12);
        ck_assert_double_gt(ms, 0);
        ck_assert_double_eq_tol(gflops, kernels[i].mflop * BATCH / ms, 1e-9);
        ck_assert_double_eq_tol(number(item, "pct_peak"), 100 * gflops / peak, 1e-6);
        ck_assert_double_eq_tol(number(item, "speedup"), number(item, "generic_ms") / ms, 1e-6);
    }
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(root, "step");
    double ms = number(step, "ms"), roofline = number(step, "direct_roofline_ms");
    ck_assert_double_eq(number(step, "batch"), BATCH);
    /* The first conv has no data gradient: 2 * 96 + 3 * 32 FLOP an image. */
    ck_assert_double_eq_tol(roofline, 288e-6 * BATCH / peak, 1e-12);
    ck_assert_double_eq_tol(number(step, "ratio") * roofline, ms, 1e-9);
    ck_assert_double_eq_tol(number(step, "speedup") * ms, number(step, "generic_ms"), 1e-9);
    cJSON_Delete(root);
    remove_folder();
}
END_TEST

/* What it prints: the rivals have columns of their own, unless kernels are alone. */
START_TEST(tables_have_heads)
{
    struct model model = make_model();
    struct err err = {0};
    char said[400], text[1 << 14];
    make_folder();
    snprintf(said, sizeof said, "%s/said", folder);
    for (int alone = 0; alone < 2; alone++) {
        const struct bench_options options = {.threads = 1, .kernels = alone == 1, .rounds = 1};
        ck_assert_ptr_nonnull(freopen(said, "w+", stdout));
        ck_assert_msg(bench_main(&model, &options, &err), "%s", err.message);
        rewind(stdout);
        text[fread(text, 1, sizeof text - 1, stdout)] = '\0';
        const bool rivals = strstr(text, "% peak  generic ms   speedup\n") != NULL &&
                            strstr(text, "GB/s  generic ms   speedup\n") != NULL;
        ck_assert_msg(rivals == (alone == 0), "%s", text);
        ck_assert_msg(strstr(text, alone == 0 ? "GB/s  generic" : "GB/s\n") != NULL, "%s", text);
    }
    unlink(said);
    remove_folder();
}
END_TEST

/* --kernels times no rival and no step. */
START_TEST(kernels_alone_have_no_rival)
{
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    const struct bench_options options = {.threads = 1, .json = json, .kernels = true, .rounds = 1};
    ck_assert_msg(bench_main(&model, &options, &err), "%s", err.message);
    cJSON *root = read_json();
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "kernels");
    ck_assert_int_eq(cJSON_GetArraySize(list), 3);
    for (int i = 0; i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        ck_assert_double_gt(number(item, "ms"), 0);
        ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(item, "generic_ms"));
    }
    ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(root, "step"));
    cJSON_Delete(root);
    remove_folder();
}
END_TEST

START_TEST(refuses_a_wrong_kernel)
{
    struct kernel wrong[3];
    struct model model = make_model();
    struct err err = {0};
    memcpy(wrong, kernels, sizeof wrong);
    wrong[2].run = average_bwd_wrong;
    model.kernels = wrong;
    make_folder();
    const struct bench_options options = {.threads = 1, .json = json, .rounds = 1};
    ck_assert(!bench_main(&model, &options, &err));
    ck_assert_ptr_eq(strstr(err.message, "average_bwd: dx at "), err.message);
    ck_assert_int_eq(err.code, EXIT_FAILED);
    remove_folder(); /* there is no JSON either */
}
END_TEST

START_TEST(says_where_it_cannot_write)
{
    struct model model = make_model();
    struct err err = {0};
    make_folder();
    snprintf(json, sizeof json, "%s/missing/bench.json", folder);
    const struct bench_options options = {.threads = 1, .json = json, .rounds = 1};
    ck_assert(!bench_main(&model, &options, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "missing/bench.json"));
    remove_folder();
}
END_TEST

/* Every place that calls fails once: there is a message and no file, or the figures are whole; and
 * nothing is left. The blocks of the references' library stay, which the first bench opens. */
START_TEST(figures_are_whole_or_it_is_said_why_not)
{
    enum { MOST = 2000 };
    struct model model = make_model();
    struct faults_report report = {.failed = true};
    int told = 0;
    make_folder();
    const struct bench_options options = {
        .threads = 2 - _i, .json = json, .kernels = _i == 0, .pin = true, .rounds = 1};
    struct err none = {0};
    ck_assert_msg(bench_main(&model, &options, &none), "%s", none.message);
    for (long n = 1; report.failed; n++) {
        struct err err = {0};
        ck_assert_int_lt(n, MOST);
        unlink(json);
        faults_arm(n, FAULTS_PLACE);
        const bool ok = bench_main(&model, &options, &err);
        report = faults_disarm();
        ck_assert_msg(report.failed || ok, "place %ld: failed by itself: %s", n, err.message);
        ck_assert_msg(ok == (err.message[0] == '\0'), "place %ld, %s: \"%s\"", n, report.call,
                      err.message);
        ck_assert_msg(report.memory == 0 && report.files == 0,
                      "place %ld, %s: %ld blocks and %ld files are left", n, report.call,
                      report.memory, report.files);
        if (ok)
            cJSON_Delete(read_json());
        told += !ok;
    }
    ck_assert_int_gt(told, 20);
    remove_folder();
}
END_TEST

/* -- Whole steps ------------------------------------------------------------------------------- */

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

/* -- Figures ----------------------------------------------------------------------------------- */

START_TEST(median_is_the_middle)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, one[] = {7};
    ck_assert_double_eq(median_of(odd, 3), 2);
    ck_assert_double_eq(median_of(even, 4), 2.5);
    ck_assert_double_eq(median_of(one, 1), 7);
}
END_TEST

START_TEST(peak_is_a_rate)
{
    struct team *team = NULL;
    struct err err = {0};
    ck_assert(team_open(&team, 1, &err));
    double rate = peak_gflops("c", team);
    ck_assert_double_gt(rate, 0.1); /* an interpreter is slower, no processor faster */
    ck_assert_double_lt(rate, 10000);
    team_close(team);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench");
    TCase *tcase = tcase_create("bench");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, writes_every_figure);
    tcase_add_test(tcase, tables_have_heads);
    tcase_add_test(tcase, kernels_alone_have_no_rival);
    tcase_add_test(tcase, refuses_a_wrong_kernel);
    tcase_add_test(tcase, says_where_it_cannot_write);
    tcase_add_loop_test(tcase, figures_are_whole_or_it_is_said_why_not, 0, 2);
    tcase_add_test(tcase, steps_have_times_and_losses);
    tcase_add_test(tcase, steps_are_told_in_words);
    tcase_add_test(tcase, steps_save_their_start);
    tcase_add_test(tcase, evaluations_are_steps_too);
    tcase_add_test(tcase, steps_say_where_they_cannot_write);
    tcase_add_test(tcase, median_is_the_middle);
    tcase_add_test(tcase, peak_is_a_rate);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
