/* test_bench.c - the figures that a bench of a tiny model writes, and what it refuses to measure.
 */
#include "bench_model.h"
#include "faults.h"
#include "inspect/bench.h"
#include "inspect/median.h"
#include "inspect/peak.h"
#include "sys/cpu.h"

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
        ck_assert_double_gt(number(item, "gbps"), 0);
        const cJSON *share = cJSON_GetObjectItemCaseSensitive(item, "pct_sum");
        ck_assert_int_eq(share != NULL, kernels[i].mflop <= 0);
        if (share != NULL)
            ck_assert_double_gt(share->valuedouble, 0);
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
        const bool rivals = strstr(text, "% peak generic ms  speedup\n") != NULL &&
                            strstr(text, "GB/s  % sum generic ms  speedup\n") != NULL;
        ck_assert_msg(rivals == (alone == 0), "%s", text);
        ck_assert_msg(strstr(text, alone == 0 ? "% sum generic" : "% sum\n") != NULL, "%s", text);
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
    static const char *const sets[] = {"c",      "avx2",        "avx2+bf16",
                                       "avx512", "avx512+bf16", "amx+bf16"};
    double rate;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (!cpu_supports(sets[i]))
            continue;
        rate = peak_gflops(sets[i], team);
        ck_assert_double_gt(rate, 0.1); /* an interpreter is slower, no processor faster */
        ck_assert_double_lt(rate, 10000);
    }
    static const struct {
        const char *isa;
        size_t bytes;
        int rounds;
    } sums[] = {{"c", 100000, 3},
                {"c", 1, 3},
                {"c", 1, 0},
                {"avx2+bf16", 100000, 3},
                {"avx512+bf16", 100000, 100}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        if (!cpu_supports(sums[i].isa))
            continue;
        rate = peak_sum_gbps(sums[i].isa, team, sums[i].bytes, sums[i].rounds);
        ck_assert_double_gt(rate, 0.01);
        ck_assert_double_lt(rate, 10000);
    }
    ck_assert_double_eq(peak_sum_gbps("c", team, 0, 3), 0);
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
    tcase_add_test(tcase, median_is_the_middle);
    tcase_add_test(tcase, peak_is_a_rate);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
