/* test_burin.c - the generator as a user runs it: exit codes, messages, and files. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_burin.h"
#include "usage.h"

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
    remove(in_folder("ok.c"));
    remove(in_folder("how.c"));
    ck_assert_int_eq(rmdir(folder), 0); /* fails when anything else was left behind */
}

/* Whether a file of the folder has a text in one of its lines. */
static bool file_has(const char *name, const char *text)
{
    char line[512];
    bool has = false;
    FILE *file = fopen(in_folder(name), "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL)
        has = has || strstr(line, text) != NULL;
    ck_assert_int_eq(fclose(file), 0);
    return has;
}

static void put_network(const char *text)
{
    FILE *file = fopen(in_folder("net.lua"), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* A wrong command line and what is said of it. */
#define COMMANDS "gen, plan, scale, twin, data, layers, report, export, import, freeze, new or completion"
#define NORMS ": expected bn, gn, ln, in, cn, rms, none, bn1 to bn9999 or gn1 to gn9999"

static const struct {
    const char *arguments, *message;
} wrong_usage[] = {
    {"", "no command: expected " COMMANDS},
    {"make s8", "unknown command make: expected " COMMANDS},
    {"paln s8", "unknown command paln (did you mean plan?): expected " COMMANDS},
    {"gen --unrolls=full s8",
     "--unrolls=full: no such option (did you mean --unroll?): expected one of the help"},
    {"gen", "gen: expected one network, got 0"},
    {"plan", "plan: expected one network, got 0"},
    {"twin", "twin: expected one network, got 0"},
    {"gen a b", "gen: expected one network, got 2"},
    {"layers conv pool", "layers: expected one kind of layer, or nothing, got 2"},
    {"eval s8", "unknown command eval, which is one of the program that trains, as in "
                "build/s8_bn: expected " COMMANDS},
    {"--norm bn data x", "data: stands behind options: expected burin data [options] PATH"},
    {"gen --norm batch s8", "--norm batch" NORMS},
    {"gen --norm bn0 s8", "--norm bn0 (did you mean bn?)" NORMS},
    {"gen --norm bn16x s8", "--norm bn16x" NORMS},
    {"gen --norm bn10000 s8", "--norm bn10000" NORMS},
    {"gen --norm gn0 s8", "--norm gn0 (did you mean gn?)" NORMS},
    {"gen --norm gn04 s8", "--norm gn04" NORMS},
    {"gen --norm ln4 s8", "--norm ln4 (did you mean ln?)" NORMS},
    {"report", "report: expected the folders of one run or more, got 0"},
    {"report --norm bn a",
     "--norm: report does not take it: expected gen, plan, scale, twin, export or freeze"},
    {"gen s8 --isa sse", "--isa sse: expected native, avx2, avx512, amx, c or neon"},
    {"gen s8 --real half", "--real half: expected float or double"},
    {"plan s8 --real double", "--real: plan does not take it: expected gen"},
    {"gen s8 --algorithm fft", "--algorithm fft: expected auto or direct"},
    {"gen s8 --unroll all", "--unroll all: expected tile, full or none"},
    {"plan s8 --pass all",
     "--pass all: expected network, shape, graph, steps, layouts, phases, calls, memory, kernels, "
     "choices or flags"},
    {"gen s8 --max-memory 4G", "--max-memory 4G: expected megabytes, from 1 to 999999999"},
    {"gen s8 --max-memory 0", "--max-memory 0: expected megabytes, from 1 to 999999999"},
    {"gen s8 --max-memory -1", "--max-memory -1: expected megabytes, from 1 to 999999999"},
    {"gen s8 --max-memory=", "--max-memory : expected megabytes, from 1 to 999999999"},
    {"gen s8 --max-memory 1000000000",
     "--max-memory 1000000000: expected megabytes, from 1 to 999999999"},
    {"twin --isa c s8", "--isa: twin does not take it: expected gen, plan, scale or freeze"},
    {"plan -o x.c s8",
     "--output: plan does not take it: expected gen, twin, report, export, import or freeze"},
    {"gen --pass graph s8", "--pass: gen does not take it: expected plan"},
    {"layers --norm bn",
     "--norm: layers does not take it: expected gen, plan, scale, twin, export or freeze"},
    {"twin --max-memory 9 s8", "--max-memory: twin does not take it: expected gen"},
    {"export", "export: expected a model, and its network where the model does not say it, got 0"},
    {"export a b c",
     "export: expected a model, and its network where the model does not say it, got 3"},
    {"import", "import: expected one model, got 0"},
    {"new", "new: expected the name of a new folder, got 0"},
    {"new --norm bn x",
     "--norm: new does not take it: expected gen, plan, scale, twin, export or freeze"},
    {"completion", "completion: expected bash or zsh, got 0"},
    {"import --norm bn a",
     "--norm: import does not take it: expected gen, plan, scale, twin, export or freeze"},
    {"export --opset 16 a", "--opset 16: expected 17, 18, 19, 20, 21, 22 or 23"},
    {"export --preprocess yes a", "--preprocess yes: expected outside or inside"},
    {"export --weights x a", "--weights: export does not take it: expected import or freeze"},
    {"export --external a", "--external: export does not take it: expected import"},
    {"import --external=yes a", "--external=yes: a value too many: expected none"},
    {"gen --colour s8", "--colour: no such option: expected one of the help"},
    {"gen --norm bn -xo s8", "-x: no such option: expected -o or -h"},
    {"gen --help=yes s8", "--help=yes: a value too many: expected none"},
    {"gen s8 --norm", "--norm: the value is missing" NORMS},
    {"gen s8 -o", "--output: the value is missing: expected a path"},
    {"gen s8 --max-memory", "--max-memory: the value is missing: expected megabytes"},
    {"gen s8 --output=", "--output: the value is empty: expected a path"},
    {"gen s8 --gen-dir=", "--gen-dir: the value is empty: expected a path"},
};

START_TEST(usage_is_told)
{
    char want[256];
    snprintf(want, sizeof want, "burin: %s\nTry 'burin --help'.\n", wrong_usage[_i].message);
    expect(wrong_usage[_i].arguments, 2, want);
}
END_TEST

START_TEST(plain_loops_are_portable)
{
    expect("gen s8 --isa avx2 --unroll none", 2,
           "burin: --unroll none: the instruction set is avx2: expected --isa c\n");
    expect("gen s8 --isa c --unroll none --candidate 2", 2,
           "burin: --unroll none: has no candidates: expected no --candidate, or --unroll tile\n");
}
END_TEST

START_TEST(doubles_are_portable)
{
    expect("gen s8 --isa avx2 --real double", 2,
           "burin: --real double: the instruction set is avx2: expected --isa c\n");
}
END_TEST

START_TEST(training_has_no_neon)
{
    expect("gen s8 --isa neon", 2,
           "burin: --isa neon: is for frozen networks alone: expected native, avx2, avx512, amx or "
           "c\n");
    expect("gen s8 --isa amx", 2,
           "burin: --isa amx: has products of bf16 alone: expected --precision bf16, or --isa "
           "avx512\n");
}
END_TEST

START_TEST(direct_convolution_rounds_nothing)
{
    expect("gen s8 --precision bf16 --algorithm direct", 2,
           "burin: --precision bf16: --algorithm direct has kernels that round nothing: expected one "
           "of both\n");
    /* So a recipe in bf16 is not followed, and the plan does not claim it. */
    expect_part("plan tests/nets/bf16.lua --norm gn --isa c --algorithm direct", 0,
                "norm gn, portable C: ");
}
END_TEST

START_TEST(help_and_version)
{
    expect_part("--help", 0, "usage: burin COMMAND [options] NETWORK.lua\n");
    expect_part("gen --help", 0, "usage: burin gen [options] NETWORK.lua\n");
    expect_part("--help report", 0, "usage: burin report [options] RUN...\n");
    ck_assert_ptr_null(strstr(output, "--isa"));
    ck_assert_ptr_nonnull(strstr(output, "--figure ID"));
    expect_part("--version", 0, "burin ");
    expect_part("layers", 0, "conv: conv { 32, window = 3, padding = 1 } or conv {");
    expect_part("layers conv", 0, "conv: conv { 32, window = 3, padding = 1 } or conv {");
    ck_assert_ptr_null(strstr(output, "maxpool"));
    expect_part("layers linear", 0, "linear: linear {"); /* the schedule, too */
    expect_part("layers maxpol", 2, "layers maxpol: there is no such call (did you mean maxpool?)");
    expect_part("plan --summary s8", 0, "\nmemory: 54.1 MB with 2 threads:\n    weights 1.41, ");
    expect_part("scale --step 41 s8", 0, "gradients 185 KB, parameters 184 KB, 16 meetings");
    expect_part("scale --step 41 --ranks 3 --norm gn s8", 0, "\n    3  15.4 ");
    expect("scale s8", 2,
           "burin: scale: no --step: expected the milliseconds of a step, which build/<net>_<norm> "
           "bench --steps 40 prints\n");
    expect("scale --step 41 --latency 20 s8", 2,
           "burin: --latency 20: expected a time such as 20us or 0.5ms\n");
    expect("scale --step 41 --bandwidth fast s8", 2,
           "burin: --bandwidth fast: expected bits a second, such as 10Gb or 100Mb\n");
    expect("scale --step 41 --ranks 257 s8", 2,
           "burin: --ranks 257: expected a number from 1 to 256\n");
    expect("scale --step -1 s8", 2,
           "burin: --step -1: expected the milliseconds of a step, which build/<net>_<norm> "
           "bench --steps 40 prints\n");
}
END_TEST

/* Makes each stretch of blanks and ends of lines one blank. */
static void join_lines(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        size_t blanks = strspn(from, " \n");
        *to++ = blanks > 0 ? ' ' : *from;
        from += blanks > 0 ? blanks : 1;
    }
    *to = '\0';
}

/* Every command, every option, and every value that an option may have. */
START_TEST(help_is_whole)
{
    ck_assert_int_eq(burin("--help"), 0);
    join_lines(output);
    for (int i = 0; i < usage_command_count; i++) {
        char line[200];
        snprintf(line, sizeof line, " %s %s ", usage_commands[i].name, usage_commands[i].help);
        ck_assert_msg(strstr(output, line) != NULL, "%s", line);
    }
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct usage_option *option = &usage_options[id];
        char name[64];
        snprintf(name, sizeof name, " --%s %s", option->name,
                 option->value != NULL ? option->value : "");
        ck_assert_msg(strstr(output, name) != NULL, "%s", name);
        for (int i = 0; i < USAGE_CHOICES && option->choices[i] != NULL; i++) {
            const bool is_between = id == OPT_OPSET; /* "17 to 23" */
            ck_assert_msg(is_between || strchr(option->choices[i], ' ') != NULL ||
                              strstr(option->help, option->choices[i]) != NULL,
                          "--%s: %s", option->name, option->choices[i]);
        }
    }
    ck_assert_int_eq(burin("--help"), 0);
    for (const char *line = output, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        ck_assert_msg(end - line < 80, "%.*s", (int)(end - line), line);
    expect_part("--help", 0,
                "  --external           read tensors that stand in files beside the model's\n"
                "                       (import)\n");
}
END_TEST

/* In a folder that is not there, below another one. */
START_TEST(folders_are_made)
{
    char want[1024];
    snprintf(want, sizeof want, "%s: written\n", in_folder("new/deep/twin.py"));
    expect("twin -o F/new/deep/twin.py s8", 0, want);
    snprintf(want, sizeof want, "burin: %s: cannot be made: Not a directory\n",
             in_folder("new/deep/twin.py/further"));
    expect("twin -o F/new/deep/twin.py/further/twin.py s8", 1, want);
    ck_assert_int_eq(remove(in_folder("new/deep/twin.py")), 0);
    ck_assert_int_eq(rmdir(in_folder("new/deep")), 0);
    ck_assert_int_eq(rmdir(in_folder("new")), 0);
}
END_TEST

START_TEST(shells_are_known)
{
    expect_part("completion bash", 0, "complete -o default");
    expect("completion fish", 2, "burin: completion fish: expected bash or zsh\n");
}
END_TEST

START_TEST(networks_are_found)
{
    expect_part("plan --pass graph s8", 0, "param_floats = 46000");
    expect_part("plan s8 --pass=network --norm gn", 0, "norm = \"gn\"");
    expect_part("twin resnet8", 0, "burin twin --norm bn gen/nets/resnet8.lua\n");
    expect_part("twin lenet", 0, "burin twin --norm bn examples/lenet.lua\n");
    expect("twin none", 1,
           "burin: none: no such file, and no network of that name in gen/nets or examples\n");
    expect("twin resnet88", 1,
           "burin: resnet88: no such file, and no network of that name in gen/nets or examples "
           "(did you mean resnet8?)\n");
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
                "        conv { 16, window = 12 },\n"
                "        dropout(2), linear(10), softmax_cross_entropy(),\n"
                "    },\n"
                "}\n");
    const char *path = in_folder("net.lua");
    snprintf(
        want, sizeof want,
        "%s:3: sgd: lr is -1: expected a number above 0, at most 1000\n"
        "%s:5: conv: window is 12: expected an integer from 1 to 11, or two: { height, width }\n"
        "%s:6: dropout: p is 2: expected a number from 0, below 1\n",
        path, path, path);
    expect("twin F/net.lua", 5, want);
    put_network("return network {\n");
    snprintf(want, sizeof want, "%s:2: unexpected symbol near <eof>: expected Lua 5.4\n", path);
    expect("twin F/net.lua", 5, want);
    ck_assert_int_eq(truncate(path, (off_t)1 << 33), 0); /* 8 GiB of nothing */
    snprintf(want, sizeof want,
             "%s:1: the description is too long: expected at most 1048576 bytes\n", path);
    expect("gen F/net.lua", 5, want);
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

/* What the user lets others do, but never that all may write. */
START_TEST(files_have_sane_modes)
{
    static const mode_t masks[][2] = {{0, 0664}, {022, 0644}, {077, 0600}};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct stat info;
        mode_t before = umask(masks[i][0]);
        ck_assert_int_eq(burin("twin s8 -o F/twin.py"), 0);
        umask(before);
        ck_assert_int_eq(stat(in_folder("twin.py"), &info), 0);
        ck_assert_msg((info.st_mode & 07777) == masks[i][1], "mode %o", info.st_mode & 07777);
        ck_assert_int_eq(remove(in_folder("twin.py")), 0);
    }
}
END_TEST

/* What is printed never lands in a file that was opened in the place of a closed descriptor. */
START_TEST(closed_descriptors_are_not_those_of_files)
{
    static char text[OUTPUT_SIZE];
    const char *path = in_folder("twin.py");
    ck_assert_int_eq(burin("twin s8"), 0);
    for (int closed = 1; closed < 8; closed++) {
        pid_t child = fork();
        if (child == 0) {
            ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
            for (int fd = 0; fd < 3; fd++) {
                if (closed >> fd & 1)
                    close(fd);
            }
            execl(BURIN_PATH, "burin", "twin", "s8", "-o", path, (char *)NULL);
            _exit(127);
        }
        int status = 0;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "closed %d", closed);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        ck_assert_str_eq(text, output);
        ck_assert_int_eq(remove(path), 0);
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

/* Wherever it is started, it makes the folder that it writes into. */
START_TEST(gen_works_from_any_folder)
{
    put_network("return network { name = \"ok\", classes = 2, input = { 1, 1, 1 },\n"
                "recipe = { optimizer = sgd { lr = 1 } },\n"
                "layers = { linear(2), softmax_cross_entropy() } }\n");
    ck_assert_int_eq(chdir(folder), 0);
    expect("gen --isa c net.lua", 0, "generated/ok_bn_c.c: written\n");
    expect("gen --isa c net.lua", 0, "generated/ok_bn_c.c: unchanged\n");
    ck_assert_int_eq(remove("generated/ok_bn_c.c"), 0);
    ck_assert_int_eq(rmdir("generated"), 0);
    FILE *file = fopen("generated", "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    expect("gen --isa c net.lua", 1, "burin: generated: cannot be made: File exists\n");
    ck_assert_int_eq(remove("generated"), 0);
}
END_TEST

#define SMALL                                                                                      \
    "name = \"ok\", classes = 2, input = { 1, 1, 1 }, recipe = { optimizer = sgd { lr = %s } },\n" \
    "layers = { %s, softmax_cross_entropy() } }\n"

static const struct {
    const char *before, *lr, *layers, *program; /* what becomes of the program */
} recipes_apart[] = {
    {"return network { ", "1", "linear(2)", "written"},
    {"return network { ", "1", "linear(2)", "unchanged"},
    {"return network { ", "0.5", "linear(2)", "unchanged"},
    {"\n\n-- moves\nreturn network { ", "0.25", "linear(2)", "unchanged"},
    {"return network { ", "0.25", "relu(), linear(2)", "written"},
};

/* A program whose recipe stands apart is written when its code changes, whatever its recipe and
 * the lines of its description. */
START_TEST(recipes_stand_apart)
{
    ck_assert_int_eq(chdir(folder), 0);
    const char *options = "gen --isa c net.lua -o ok.c --recipe how.c";
    for (size_t i = 0; i < sizeof recipes_apart / sizeof recipes_apart[0]; i++) {
        char text[512], want[128], rate[64];
        int length = snprintf(text, sizeof text, "%s", recipes_apart[i].before);
        snprintf(text + length, sizeof text - (size_t)length, SMALL, recipes_apart[i].lr,
                 recipes_apart[i].layers);
        put_network(text);
        snprintf(want, sizeof want, "ok.c: %s\nhow.c: ", recipes_apart[i].program);
        expect_part(options, 0, want);
        snprintf(rate, sizeof rate, "    .lr = %s%s,\n", recipes_apart[i].lr,
                 strcmp(recipes_apart[i].lr, "1") == 0 ? ".0f" : "f");
        ck_assert_msg(file_has("how.c", rate) && !file_has("ok.c", ".lr ="), "%zu: %s", i, rate);
    }
    expect("gen --isa c net.lua -o ok.c --recipe ok.c", 1,
           "burin: ok.c: is the program: expected another file for --recipe\n");
    expect("gen --isa c net.lua -o ok.c --recipe net.lua", 1,
           "burin: net.lua: is the description: expected another file to write\n");
    expect(
        "gen --isa c --real double net.lua --recipe how.c", 2,
        "burin: --recipe how.c: the numbers are double: expected no --recipe, or --real float\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("burin");
    TCase *tcase = tcase_create("burin");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, usage_is_told, 0, sizeof wrong_usage / sizeof wrong_usage[0]);
    tcase_add_test(tcase, plain_loops_are_portable);
    tcase_add_test(tcase, doubles_are_portable);
    tcase_add_test(tcase, training_has_no_neon);
    tcase_add_test(tcase, direct_convolution_rounds_nothing);
    tcase_add_test(tcase, help_and_version);
    tcase_add_test(tcase, help_is_whole);
    tcase_add_test(tcase, folders_are_made);
    tcase_add_test(tcase, shells_are_known);
    tcase_add_test(tcase, networks_are_found);
    tcase_add_test(tcase, descriptions_are_rejected);
    tcase_add_test(tcase, runs_print_the_same);
    tcase_add_test(tcase, files_have_sane_modes);
    tcase_add_test(tcase, closed_descriptors_are_not_those_of_files);
    tcase_add_test(tcase, twin_is_written_once);
    tcase_add_test(tcase, gen_works_from_any_folder);
    tcase_add_test(tcase, recipes_stand_apart);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
