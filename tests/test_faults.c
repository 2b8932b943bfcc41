/* test_faults.c - every call that can fail fails once: the first, the second, the third ... until a
 * training comes through, and the same with all calls after it failing, too.
 *
 * Whatever fails, the program ends with a message and the right code, frees all memory and closes
 * all files, and the newest checkpoint is whole. Then the world is good again, and the training
 * goes on to the bytes of one to which nothing happened.
 *
 *     test_faults            every seventh call
 *     test_faults all        every call
 */
#include <sys/stat.h>

#include "data.h"
#include "faults.h"
#include "resume.h"
#include "synthetic.h"
#include "tiny_program.h"

enum { IMAGES = 24, LONGEST = 100000 };

/* The smallest set, so that thousands of trainings take a minute: one step an epoch. */
bool __real_synthetic_open(struct data *data, enum data_part part, int count, struct err *err);
bool __wrap_synthetic_open(struct data *data, enum data_part part, int count, struct err *err);
bool __wrap_synthetic_open(struct data *data, enum data_part part, int count, struct err *err)
{
    return __real_synthetic_open(data, part, count < IMAGES ? count : IMAGES, err);
}

/* Runs the program in this process. Its words are separated by blanks. */
static int call(const char *words)
{
    char name[] = "tiny", text[300], *arguments[40] = {name};
    int count = 1;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        arguments[count++] = word;
    tiny_model.backend = &tiny_backend;
    tiny_model.recipe.batch = IMAGES;
    return program_main(&tiny_model, count, arguments);
}

/* In the folder, with what the program says in a file. */
static void enter(void)
{
    make_folder();
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_ptr_nonnull(freopen("stdout", "w", stdout));
    ck_assert_ptr_nonnull(freopen("stderr", "w+", stderr));
}

static void leave(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    remove_folder();
}

#define TRAIN "train --data synthetic --epochs 3 --threads 1 --out "

static const char *const run_files[] = {"last.safetensors", "previous.safetensors",
                                        "best.safetensors", "log.jsonl", "log.csv"};

static void clear_folder(const char *name)
{
    static const char *const more[] = {".lock", "last.safetensors.tmp", "best.safetensors.tmp"};
    char path[PATH_SIZE];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", name, more[i]);
        unlink(path);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", name, run_files[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/previous/%s", name, run_files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/previous", name);
    rmdir(path);
    rmdir(name);
}

/* `here` becomes a copy of the run in `start`. */
static void begin_again(const char *start)
{
    char names[2][PATH_SIZE];
    clear_folder("here");
    if (start == NULL)
        return;
    ck_assert_int_eq(mkdir("here", 0777), 0);
    for (int i = 0; i < 5; i++) {
        snprintf(names[0], PATH_SIZE, "%s/%s", start, run_files[i]);
        snprintf(names[1], PATH_SIZE, "here/%s", run_files[i]);
        if (access(names[0], F_OK) == 0)
            copy(names[0], names[1]);
    }
}

/* What the program said when it failed. */
static void said_why(long n, const struct faults_report *report, int code)
{
    char text[OUTPUT_SIZE];
    fflush(stderr);
    read_text("stderr", text);
    ck_assert_msg(code == EXIT_FAILED || code == EXIT_DATA, "call %ld, %s: code %d: %s", n,
                  report->call, code, text);
    ck_assert_msg(strncmp(text, "tiny: ", 6) == 0, "call %ld, %s: said \"%s\"", n, report->call,
                  text);
}

/* The checkpoint that was there before, or a later one. */
static void checkpoint_is_whole(long n, const struct faults_report *report, const char *path)
{
    struct resume from;
    struct err err = {0};
    ck_assert_msg(resume_open(&from, path, &err) && !from.fell_back, "call %ld, %s: %s%s", n,
                  report->call, err.message, from.warning);
    resume_close(&from);
}

static void same_as_whole(long n, const struct faults_report *report, const char *name)
{
    static char bytes[2][OUTPUT_SIZE];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", i == 0 ? "here" : "whole", name);
        FILE *file = fopen(path, "rb");
        ck_assert_msg(file != NULL, "call %ld, %s: no %s", n, report->call, path);
        sizes[i] = fread(bytes[i], 1, OUTPUT_SIZE, file);
        fclose(file);
    }
    ck_assert_msg(sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0,
                  "call %ld, %s: %s is not that of an undisturbed training", n, report->call, name);
}

static const struct scenario {
    const char *words;
    const char *start; /* the run that is there before */
    const char *kept;  /* a checkpoint that must be whole whatever happens; NULL: none */
} scenarios[] = {
    {TRAIN "here", NULL, NULL},
    {"train --resume here --threads 1", "part", "here"},
    {"eval --data synthetic --model here/last.safetensors --threads 1", "part", "here"},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

/* Returns whether no call was left to fail. */
static bool survive(const struct scenario *s, long n, bool forever)
{
    begin_again(s->start);
    fflush(stderr);
    rewind(stderr);
    ck_assert_int_eq(ftruncate(STDERR_FILENO, 0), 0);
    faults_arm(n, forever);
    int code = call(s->words);
    struct faults_report report = faults_disarm();
    ck_assert_msg(report.memory == 0, "call %ld, %s: %ld blocks are not freed", n, report.call,
                  report.memory);
    ck_assert_msg(report.files == 0, "call %ld, %s: %ld files are not closed", n, report.call,
                  report.files);
    ck_assert_msg(report.failed || code == EXIT_OK, "call %ld: failed by itself", n);
    if (code != EXIT_OK)
        said_why(n, &report, code);
    if (s->kept != NULL)
        checkpoint_is_whole(n, &report, s->kept);
    bool goes_on = exists("here/last.safetensors");
    if (code != EXIT_OK && strncmp(s->words, "eval", 4) != 0)
        ck_assert_msg(call(goes_on ? "train --resume here --threads 1" : TRAIN "here") == EXIT_OK,
                      "call %ld, %s: cannot go on", n, report.call);
    if (strncmp(s->words, "eval", 4) != 0) {
        same_as_whole(n, &report, RUNDIR_LAST);
        same_as_whole(n, &report, RUNDIR_BEST);
        static char mine[OUTPUT_SIZE], whole[OUTPUT_SIZE];
        events("here/log.jsonl", "epoch", mine);
        events("whole/log.jsonl", "epoch", whole);
        ck_assert_msg(strcmp(mine, whole) == 0, "call %ld, %s: the log has lost epochs:\n%s", n,
                      report.call, mine);
        ck_assert_msg(!exists("here/last.safetensors.tmp") && !exists("here/best.safetensors.tmp"),
                      "call %ld, %s: a stray file", n, report.call);
    }
    return !report.failed;
}

static int stride = 7;

START_TEST(every_call_may_fail)
{
    const struct scenario *s = &scenarios[_i / 2];
    enter();
    ck_assert_int_eq(call(TRAIN "whole"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "part --max-steps 2"), EXIT_OK);
    long n = 1 + _i % stride;
    while (n < LONGEST && !survive(s, n, _i % 2 == 1))
        n += stride;
    ck_assert_int_lt(n, LONGEST);
    ck_assert_int_gt(n, 30); /* not by luck: there were calls */
    clear_folder("here");
    leave();
}
END_TEST

/* The list in CMakeLists.txt and that of faults.c are the same, and reach our code. */
START_TEST(every_function_is_called)
{
    enter();
    ck_assert_int_eq(call(TRAIN "here"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "here --max-steps 2"), EXIT_OK); /* moves the first away */
    ck_assert_int_eq(call("train --resume here"), EXIT_OK);
    for (int i = 0; faults_names[i] != NULL; i++)
        ck_assert_msg(faults_calls(faults_names[i]) > 0, "%s", faults_names[i]);
    leave();
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "all") == 0)
        stride = 1;
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 800);
    tcase_add_test(tcase, every_function_is_called);
    tcase_add_loop_test(tcase, every_call_may_fail, 0, 2 * SCENARIOS);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
