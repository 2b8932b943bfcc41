/* test_burin.c - the generator as a user runs it: exit codes, messages, and files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The executable; without it the tests run from the root of the source tree. */
#ifndef BURIN_PATH
#define BURIN_PATH "build/burin"
#endif

enum { OUTPUT_SIZE = 1 << 16 };

static char folder[256];
static char output[OUTPUT_SIZE]; /* of the last run: stdout and stderr, up to OUTPUT_SIZE - 1 */

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_burin.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    remove(in_folder("net.lua"));
    remove(in_folder("twin.py"));
    ck_assert_int_eq(rmdir(folder), 0); /* fails when anything else was left behind */
}

static void put_network(const char *text)
{
    FILE *file = fopen(in_folder("net.lua"), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* Runs burin with words of arguments; F/ at the start of a word stands for the folder. Returns its
 * exit code. */
static int burin(const char *arguments)
{
    char words[1024], paths[8][512];
    char *argv[16] = {(char[]){BURIN_PATH}};
    int argc = 1, path_count = 0;
    snprintf(words, sizeof words, "%s", arguments);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        ck_assert_int_lt(argc, 15);
        if (strncmp(word, "F/", 2) == 0) {
            snprintf(paths[path_count], sizeof paths[0], "%s/%s", folder, word + 2);
            word = paths[path_count++];
        }
        argv[argc++] = word;
    }
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (dup2(pipes[1], STDOUT_FILENO) >= 0 && dup2(pipes[1], STDERR_FILENO) >= 0)
            execv(BURIN_PATH, argv);
        _exit(127);
    }
    close(pipes[1]);
    size_t size = 0;
    char overflow[4096];
    for (;;) {
        size_t room = sizeof output - 1 - size;
        ssize_t got = room > 0 ? read(pipes[0], output + size, room)
                               : read(pipes[0], overflow, sizeof overflow);
        if (got <= 0)
            break;
        size += room > 0 ? (size_t)got : 0;
    }
    output[size] = '\0';
    close(pipes[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "killed by a signal: %s", output);
    return WEXITSTATUS(status);
}

/* The run ends with this code and prints exactly this. */
static void expect(const char *arguments, int code, const char *text)
{
    ck_assert_int_eq(burin(arguments), code);
    ck_assert_str_eq(output, text);
}

/* The run ends with this code and prints this somewhere. */
static void expect_part(const char *arguments, int code, const char *part)
{
    ck_assert_int_eq(burin(arguments), code);
    ck_assert_msg(strstr(output, part) != NULL, "expected %s in: %s", part, output);
}

#define HINT "Try 'burin --help'.\n"

START_TEST(usage_is_told)
{
    expect("", 2, "burin: expected a command: gen, plan, twin or layers\n" HINT);
    expect("make s8", 2, "burin: unknown command make: expected gen, plan, twin or layers\n" HINT);
    expect("gen", 2, "burin: gen: expected one network, got 0\n" HINT);
    expect("gen a b", 2, "burin: gen: expected one network, got 2\n" HINT);
    expect("layers s8", 2, "burin: layers: expected no network, got 1\n" HINT);
    expect("gen --norm batch s8", 2, "burin: --norm batch: expected bn, gn, ln, in or none\n" HINT);
    expect("gen s8 --isa sse", 2, "burin: --isa sse: expected native, avx2, avx512 or c\n" HINT);
    expect("gen s8 --algorithm fft", 2, "burin: --algorithm fft: expected auto or direct\n" HINT);
    expect("gen s8 --unroll all", 2, "burin: --unroll all: expected tile or full\n" HINT);
    expect("plan s8 --pass all", 2,
           "burin: --pass all: expected network, graph, steps, schedule, memory, kernels or choices\n" HINT);
    expect("twin --isa c s8", 2, "burin: twin takes no --isa\n" HINT);
    expect_part("gen --colour s8", 2, "--colour");
    expect_part("gen s8 --norm", 2, "requires an argument");
}
END_TEST

START_TEST(help_and_version)
{
    expect_part("--help", 0, "usage: burin COMMAND [options] NETWORK.lua\n");
    expect_part("gen --help", 0, "--gen-dir DIR");
    expect_part("--version", 0, "burin ");
    expect_part("layers", 0, "conv: conv { 32, window = 3, padding = 1 }\n");
}
END_TEST

START_TEST(networks_are_found)
{
    expect_part("plan --pass graph s8", 0, "param_floats = 46000");
    expect_part("plan s8 --pass=network --norm gn", 0, "norm = \"gn\"");
    expect_part("twin resnet8", 0, "burin twin --norm bn gen/nets/resnet8.lua\n");
    expect("twin none", 1, "burin: none: no such file, and no network of that name in gen/nets\n");
    expect("twin x/none.lua", 1, "burin: x/none.lua: cannot be read: No such file or directory\n");
    expect("twin --gen-dir x/none s8", 1,
           "burin: --gen-dir x/none: cannot be read: No such file or directory\n");
}
END_TEST

/* All errors of a pass, each with file and line, no traceback. */
START_TEST(descriptions_are_rejected)
{
    char want[2048];
    put_network("return network {\n"
                "    name = \"bad\", classes = 10, input = { 3, 32, 32 },\n"
                "    recipe = { optimizer = sgd { lr = -1 } },\n"
                "    layers = {\n"
                "        conv { 16, window = 8 },\n"
                "        dropout(2), linear(10), softmax_cross_entropy(),\n"
                "    },\n"
                "}\n");
    const char *path = in_folder("net.lua");
    snprintf(want, sizeof want,
             "%s:3: sgd: lr is -1: expected a number above 0, at most 1000\n"
             "%s:5: conv: window is 8: expected an integer from 1 to 7\n"
             "%s:6: dropout: p is 2: expected a number from 0, below 1\n",
             path, path, path);
    expect("twin F/net.lua", 5, want);
    put_network("return network {\n");
    snprintf(want, sizeof want, "%s:2: unexpected symbol near <eof>\n", path);
    expect("twin F/net.lua", 5, want);
    put_network("while true do end");
    snprintf(want, sizeof want,
             "%s:1: the description runs too long: expected at most 50 million steps and 10 "
             "seconds\n",
             path);
    expect("gen F/net.lua", 5, want);
}
END_TEST

/* The order of Lua's tables changes from run to run; the output must not. */
START_TEST(runs_print_the_same)
{
    static const char *const runs[] = {"plan --pass network s8", "plan --pass graph resnet8",
                                       "twin resnet8", "layers"};
    static char first[OUTPUT_SIZE];
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        ck_assert_int_eq(burin(runs[i]), 0);
        memcpy(first, output, sizeof first);
        for (int again = 0; again < 3; again++)
            expect(runs[i], 0, first);
    }
}
END_TEST

START_TEST(twin_is_written_once)
{
    char want[1024];
    snprintf(want, sizeof want, "%s: written\n", in_folder("twin.py"));
    expect("twin s8 -o F/twin.py", 0, want);
    snprintf(want, sizeof want, "%s: unchanged\n", in_folder("twin.py"));
    expect("twin -o F/twin.py s8", 0, want);
    put_network("return network { name = \"ok\", classes = 2, input = { 1, 1, 1 },\n"
                "recipe = { optimizer = sgd { lr = 1 } },\n"
                "layers = { linear(2), softmax_cross_entropy() } }\n");
    const char *path = in_folder("net.lua");
    snprintf(want, sizeof want, "burin: %s: is the description: expected another file to write\n",
             path);
    expect("twin F/net.lua -o F/net.lua", 1, want);
    expect_part("twin F/net.lua", 0, "nn.Linear(1, 2)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("burin");
    TCase *tcase = tcase_create("burin");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, usage_is_told);
    tcase_add_test(tcase, help_and_version);
    tcase_add_test(tcase, networks_are_found);
    tcase_add_test(tcase, descriptions_are_rejected);
    tcase_add_test(tcase, runs_print_the_same);
    tcase_add_test(tcase, twin_is_written_once);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
