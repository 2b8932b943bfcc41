/* test_faults.c - every call that can fail fails once: the first, the second, the third ... until a
 * command comes through; the same with all calls after it failing, too; and before every call that
 * reaches files the process is killed.
 *
 * Whatever fails, the program ends with a message and the right code, frees all memory and closes
 * all files, and leaves no temporary file. Whatever happens, the newest checkpoint is whole, and so
 * is every run that was in the folder before. Then the world is good again, and the same command
 * ends with the bytes of a training to which nothing happened.
 *
 *     test_faults            every thirteenth call that fails, every kill
 *     test_faults all        every call
 */
#define _GNU_SOURCE /* nftw */
#include "faulty_program.h"
#include "sanitized.h"
#include "train/resume.h"

enum { CHECKPOINTS = 3 }; /* of run_files */

/* `here` becomes a copy of the run in `start`, and of the one before it. */
static void begin_again(const char *start)
{
    char previous[PATH_SIZE / 2];
    clear_folder("here");
    if (start == NULL)
        return;
    copy_run(start, "here");
    snprintf(previous, sizeof previous, "%s/previous", start);
    copy_run(previous, "here/previous");
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

/* -- Scenarios --------------------------------------------------------------------------------- */

/* A command on the copy of a run. */
struct scenario {
    const char *words;
    const char *start;   /* the run that is there before */
    const char *kept;    /* a checkpoint that must be whole whatever happens; NULL: none */
    const char *between; /* tried before the command is given again: goes on with the old run */
    const char *whole;   /* the run that comes of it when nothing happens */
    bool elsewhere;      /* the first two epochs and the best model are in another folder */
    bool evaluates;      /* makes no run, but eval.json and eval_images.bin */
};

static const struct scenario scenarios[] = {
    {.words = TRAIN "here", .whole = "whole"},
    {.words = "train --resume here --threads 1", .start = "part", .kept = "here", .whole = "whole"},
    /* The log is ahead of the checkpoint. */
    {.words = "train --resume here --threads 1",
     .start = "ahead",
     .kept = "here",
     .whole = "whole"},
    {.words = EVAL "here", .start = "evaluated", .kept = "here", .evaluates = true},
    /* A new training where there is a run, which has one before it. */
    {.words = TRAIN "here", .start = "old", .whole = "whole"},
    {.words = TRAIN "here",
     .start = "old",
     .between = "train --resume here --threads 1",
     .whole = "whole"},
    /* A training that goes on in the folder of another one. */
    {.words = "train --resume part --threads 1 --out here",
     .start = "old",
     .whole = "whole",
     .elsewhere = true},
};
/* What a killed process leaves behind is the same bytes whatever compiled it, and a process that
 * sanitizers watch is slow to fork. */
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0], MODES = SANITIZED ? 2 : 3 };

static void make_runs(void)
{
    ck_assert_int_eq(call(TRAIN "whole"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "part --max-steps 2"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "ahead --max-steps 2"), EXIT_OK);
    copy("whole/log.jsonl", "ahead/log.jsonl");
    copy("whole/log.csv", "ahead/log.csv");
    ck_assert_int_eq(call(TRAIN "old --seed 8 --max-steps 2"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "old --seed 7"), EXIT_OK);
    begin_again("whole");
    ck_assert_int_eq(call(EVAL "here"), EXIT_OK);
    copy_run("here", "evaluated");
    copy("evaluated/eval.json", "old/eval.json");
}

/* Each file of the runs that were there before is in the folder, or in one that it was moved to. */
static void nothing_is_lost(const struct scenario *s, long n, const struct faults_report *report)
{
    static const char *const places[] = {
        "here",          "here/previous.new",      "here/previous.new/previous",
        "here/previous", "here/previous/previous", "here/previous/previous/previous"};
    int files = s->between != NULL ? CHECKPOINTS : RUN_FILES; /* the log may have gone on */
    for (int i = 0; i < 2 * files; i++) {
        char was[PATH_SIZE], is[PATH_SIZE];
        const char *name = run_files[i / 2];
        snprintf(was, sizeof was, "%s/%s%s", s->start, i % 2 == 0 ? "" : "previous/", name);
        bool found = !exists(was);
        for (size_t k = 0; !found && k < sizeof places / sizeof places[0]; k++) {
            snprintf(is, sizeof is, "%s/%s", places[k], name);
            found = same_files(was, is);
        }
        ck_assert_msg(found, "call %ld, %s: %s is lost", n, report->call, was);
    }
}

static void no_temporary_files(long n, const struct faults_report *report)
{
    for (int i = 0; i < RUN_FILES; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "here/%s.tmp", run_files[i]);
        ck_assert_msg(!exists(path), "call %ld, %s: %s is left", n, report->call, path);
    }
}

static void is_whole(const struct scenario *s, long n, const struct faults_report *report)
{
    if (s->evaluates) {
        same_as("evaluated", "eval.json", n, report);
        same_as("evaluated", "eval_images.bin", n, report);
        return;
    }
    same_as(s->whole, RUNDIR_LAST, n, report);
    if (!s->elsewhere)
        same_as(s->whole, RUNDIR_BEST, n, report);
    static char mine[OUTPUT_SIZE], whole[OUTPUT_SIZE];
    events("here/log.jsonl", "epoch", mine);
    events("whole/log.jsonl", "epoch", whole);
    const char *logged = s->elsewhere ? strstr(whole, "{\"event\":\"epoch\",\"epoch\":3") : whole;
    ck_assert_msg(strcmp(mine, logged) == 0, "call %ld, %s: the log has lost epochs:\n%s", n,
                  report->call, mine);
}

/* Whether a move has begun that has not yet come to the last file of the old run. */
static bool is_half_gathered(void)
{
    bool has_files = false;
    for (int i = 0; i < RUN_FILES; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "here/%s", run_files[i]);
        has_files = has_files || exists(path);
    }
    return has_files && exists("here/previous.new");
}

/* The same command again, or what the program says goes on with what it has begun. */
static void try_again(const struct scenario *s, long n, const struct faults_report *report)
{
    if (s->between != NULL) {
        bool must_go_on = is_half_gathered();
        int code = call(s->between);
        ck_assert_msg(code == EXIT_OK || (code == EXIT_DATA && !must_go_on),
                      "call %ld, %s: %s: code %d", n, report->call, s->between, code);
        nothing_is_lost(s, n, report);
    }
    bool begun = exists("here/last.safetensors") && s->start == NULL;
    ck_assert_msg(call(begun ? "train --resume here --threads 1" : s->words) == EXIT_OK,
                  "call %ld, %s: cannot go on", n, report->call);
}

/* Whether an error of a call may not be passed over. Others have another way: link, or nothing to
 * lose: unlink, close. */
static bool must_be_told(const char *name)
{
    static const char *const names[] = {"fsync", "fclose", "rename", "mkdir", "rmdir", "ftruncate"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        found = found || strcmp(name, names[i]) == 0;
    return found;
}

/* Returns whether no call was left to fail. */
static bool survive(const struct scenario *s, long n, enum faults_mode mode)
{
    struct faults_report report;
    begin_again(s->start);
    fflush(stderr);
    rewind(stderr);
    ck_assert_int_eq(ftruncate(STDERR_FILENO, 0), 0);
    int code = disturb(s->words, n, mode, &report);
    ck_assert_msg(report.memory == 0, "call %ld, %s: %ld blocks are not freed", n, report.call,
                  report.memory);
    ck_assert_msg(report.files == 0, "call %ld, %s: %ld files are not closed", n, report.call,
                  report.files);
    ck_assert_msg(report.failed || code == EXIT_OK, "call %ld: failed by itself", n);
    ck_assert_msg(report.failed || (report.early == 0 && report.unsynced == 0),
                  "a power cut would have cost %ld files and %ld names", report.early,
                  report.unsynced);
    if (code > EXIT_OK)
        said_why(n, &report, code);
    ck_assert_msg(code != EXIT_OK || !must_be_told(report.call), "call %ld, %s: code 0", n,
                  report.call);
    if (mode == FAULTS_ONCE && strcmp(report.call, "unlink") != 0)
        no_temporary_files(n, &report);
    if (s->kept != NULL)
        checkpoint_is_whole(n, &report, s->kept);
    if (s->kept == NULL && s->start != NULL)
        nothing_is_lost(s, n, &report);
    if (code != EXIT_OK)
        try_again(s, n, &report);
    is_whole(s, n, &report);
    no_temporary_files(n, &report);
    ck_assert_msg(!exists("here/previous.new"), "call %ld, %s: a move is unfinished", n,
                  report.call);
    if (s->kept == NULL && s->start != NULL)
        nothing_is_lost(s, n, &report);
    return !report.failed;
}

static int stride = 13;

START_TEST(every_call_may_fail)
{
    const struct scenario *s = &scenarios[_i / MODES];
    enum faults_mode mode = (enum faults_mode)(_i % MODES);
    long step = mode == FAULTS_KILL ? 1 : stride;
    enter();
    make_runs();
    long n = 1 + _i % step;
    while (n < LONGEST && !survive(s, n, mode))
        n += step;
    ck_assert_int_lt(n, LONGEST);
    ck_assert_int_gt(n, 20); /* not by luck: there were calls */
    leave();
}
END_TEST

/* The list in CMakeLists.txt and that of faults.c are the same, and reach our code. What only
 * readers of data call is tried in test_format_faults and test_file_faults. */
START_TEST(every_function_is_called)
{
    static const char readers[] =
        " realloc mmap dup gzdopen zip_fopen_index zip_fread archive_read_new "
        "archive_read_support_filter_gzip archive_read_support_format_tar "
        "archive_read_open_FILE png_create_read_struct "
        "png_create_info_struct scandir opendir readdir ";
    enter();
    ck_assert_int_eq(call(TRAIN "here"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "here --max-steps 2"), EXIT_OK); /* moves the first away */
    ck_assert_int_eq(mkdir("here/previous.new", 0777), 0); /* an unfinished move is taken back */
    ck_assert_int_eq(call("train --resume here"), EXIT_OK);
    for (int i = 0; faults_names[i] != NULL; i++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", faults_names[i]);
        ck_assert_msg(faults_calls(faults_names[i]) > 0 || strstr(readers, word) != NULL, "%s",
                      faults_names[i]);
    }
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
    tcase_add_loop_test(tcase, every_call_may_fail, 0, MODES * SCENARIOS);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
