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
#include <ftw.h>
#include <sys/stat.h>

#include "data/cifar.h"
#include "data/format.h"
#include "data/loader.h"
#include "data/synthetic.h"
#include "faults.h"
#include "file/outfile.h"
#include "picture_files.h"
#include "tiny_program.h"
#include "train/resume.h"

enum { IMAGES = 24, LONGEST = 100000 };

/* The smallest set, so that thousands of trainings take a minute: one step an epoch. */
bool __real_synthetic_open(struct data *data, const struct data_shape *shape, enum data_part part,
                           int count, struct err *err);
bool __wrap_synthetic_open(struct data *data, const struct data_shape *shape, enum data_part part,
                           int count, struct err *err);
bool __wrap_synthetic_open(struct data *data, const struct data_shape *shape, enum data_part part,
                           int count, struct err *err)
{
    return __real_synthetic_open(data, shape, part, count < IMAGES ? count : IMAGES, err);
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
    tiny_recipe.batch = IMAGES;
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
#define EVAL "eval --data synthetic --model here/last.safetensors --threads 1 --out "

static const char *const run_files[] = {
    "last.safetensors", "previous.safetensors", "best.safetensors", "log.jsonl", "log.csv",
    "eval.json",        "eval_images.bin"};
enum { RUN_FILES = sizeof run_files / sizeof run_files[0], CHECKPOINTS = 3 };

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void clear_folder(const char *name)
{
    nftw(name, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy_run(const char *from, const char *to)
{
    char names[2][PATH_SIZE];
    if (!exists(from))
        return;
    ck_assert_int_eq(mkdir(to, 0777), 0);
    for (int i = 0; i < RUN_FILES; i++) {
        snprintf(names[0], PATH_SIZE, "%s/%s", from, run_files[i]);
        snprintf(names[1], PATH_SIZE, "%s/%s", to, run_files[i]);
        if (exists(names[0]))
            copy(names[0], names[1]);
    }
}

/* `here` becomes a copy of the run in `start`, and of the one before it. */
static void begin_again(const char *start)
{
    char previous[PATH_SIZE];
    clear_folder("here");
    if (start == NULL)
        return;
    copy_run(start, "here");
    snprintf(previous, sizeof previous, "%s/previous", start);
    copy_run(previous, "here/previous");
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

/* Whether two files are there and have the same bytes. */
static bool same_files(const char *a, const char *b)
{
    static char bytes[2][OUTPUT_SIZE];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(i == 0 ? a : b, "rb");
        if (file == NULL)
            return false;
        sizes[i] = fread(bytes[i], 1, OUTPUT_SIZE, file);
        fclose(file);
    }
    return sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0;
}

static void same_as(const char *whole, const char *name, long n, const struct faults_report *report)
{
    char paths[2][PATH_SIZE];
    snprintf(paths[0], PATH_SIZE, "here/%s", name);
    snprintf(paths[1], PATH_SIZE, "%s/%s", whole, name);
    ck_assert_msg(same_files(paths[0], paths[1]),
                  "call %ld, %s: %s is not that of an undisturbed training", n, report->call, name);
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
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0], MODES = 3 };

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

/* Runs the program with the n-th call going wrong; returns its code, or -1 when it was killed. */
static int disturb(const char *words, long n, enum faults_mode mode, struct faults_report *report)
{
    if (mode != FAULTS_KILL) {
        faults_arm(n, mode);
        int code = call(words);
        *report = faults_disarm();
        return code;
    }
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        faults_arm(n, mode);
        _exit(call(words));
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    ck_assert_msg(killed || WIFEXITED(status), "call %ld, kill: ended by another signal", n);
    *report = (struct faults_report){.failed = killed, .call = "kill"};
    return killed ? -1 : WEXITSTATUS(status);
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

/* A file that is written: each error is told, and leaves no temporary file. */
START_TEST(every_error_of_a_written_file_is_told)
{
    enter();
    struct faults_report report = {.failed = true};
    for (long n = 1; report.failed; n++) {
        struct outfile out = {0};
        struct err err = {0};
        faults_arm(n, FAULTS_ONCE);
        bool ok = outfile_open(&out, "file", &err) && outfile_write(&out, "text", 4, &err) &&
                  outfile_commit(&out, NULL, &err);
        outfile_close(&out);
        report = faults_disarm();
        bool harmless = strcmp(report.call, "close") == 0; /* the folder is only read from */
        ck_assert_msg(ok == (!report.failed || harmless), "call %ld, %s", n, report.call);
        ck_assert_msg(ok == (err.message[0] == '\0'), "call %ld, %s", n, report.call);
        ck_assert_msg(access("file.tmp", F_OK) != 0, "call %ld, %s", n, report.call);
        ck_assert_int_eq(report.files, 0);
    }
    ck_assert_int_eq(report.early, 0);
    ck_assert_int_eq(report.unsynced, 0);
    leave();
}
END_TEST

/* -- Pictures ---------------------------------------------------------------------------------- */

/* Folders of ten classes with two pictures each. */
static void make_pictures(void)
{
    static uint8_t samples[32 * 32 * 3];
    ck_assert_int_eq(mkdir("pictures", 0777), 0);
    for (int i = 0; i < 20; i++) {
        char path[PATH_SIZE];
        struct bytes png;
        snprintf(path, sizeof path, "pictures/%c", 'a' + i / 2);
        ck_assert(mkdir(path, 0777) == 0 || i % 2 == 1);
        memset(samples, 10 * i, sizeof samples);
        samples[i] = 255;
        png = make_png(&(struct png_file){.h = 32, .w = 32, .depth = 8, .type = PNG_COLOR_TYPE_RGB},
                       samples);
        snprintf(path, sizeof path, "pictures/%c/%d.png", 'a' + i / 2, i);
        put_bytes(path, &png);
        free(png.at);
    }
}

/* Whatever fails: a message and a code, or the undisturbed answer; and no file stays open. A cache
 * that cannot be written costs time alone. Blocks that are not freed are found by a sanitizer:
 * scandir and realloc are not among the calls that are counted. */
START_TEST(pictures_are_read_or_it_is_said_why_not)
{
    static const char *const commands[] = {
        "train --data pictures --validate 2 --epochs 1 --threads 1 --quiet --out here",
        "predict --model model --json --threads 1 pictures",
        TRAIN "here --max-steps 1 --quiet --partial --init model/best.safetensors",
    };
    const bool trains = _i != 1;
    enter();
    make_pictures();
    ck_assert_int_eq(call("train --data pictures --validate 2 --epochs 1 --threads 1 --out model"),
                     EXIT_OK);
    ck_assert_int_eq(call(commands[_i]), EXIT_OK);
    static char whole[OUTPUT_SIZE], answer[OUTPUT_SIZE];
    fflush(stdout);
    copy_run("here", "whole");
    struct faults_report report = {.failed = true};
    int told = 0;
    for (long n = 1; report.failed && n < LONGEST; n += stride) {
        clear_folder("here");
        if (n / stride % 2 == 0)
            unlink("pictures/.burin-3x32x32-none.cache");
        rewind(stdout);
        rewind(stderr);
        ck_assert_int_eq(ftruncate(STDOUT_FILENO, 0) | ftruncate(STDERR_FILENO, 0), 0);
        int code = disturb(commands[_i], n, FAULTS_ONCE, &report);
        fflush(stdout);
        read_text("stdout", answer);
        ck_assert_msg(report.files == 0, "call %ld, %s: %ld files are not closed", n, report.call,
                      report.files);
        ck_assert_msg(report.failed || code == EXIT_OK, "call %ld: failed by itself", n);
        if (code > EXIT_OK)
            said_why(n, &report, code);
        else if (trains)
            same_as("whole", RUNDIR_LAST, n, &report);
        told += code != EXIT_OK;
        if (!report.failed)
            memcpy(whole, answer, sizeof whole);
    }
    ck_assert(!report.failed);
    ck_assert_int_gt(told, 5); /* not by luck: there were calls */
    ck_assert(trains || strstr(whole, "{\"file\":\"pictures/j/19.png\",\"classes\":[") != NULL);
    leave();
}
END_TEST

/* A folder with those above it, where nothing else has one of the names. */
START_TEST(folders_are_made_or_say_why)
{
    static const struct {
        const char *path, *message;
    } bad[] = {
        {"file", "file: is a file: expected a folder"},
        {"file/below", "file/below: cannot create the folder: Not a directory"},
        {"link", "link: No such file or directory"},
    };
    enter();
    struct err err = {0};
    ck_assert_msg(outfile_make_folder("a/b//c/", &err), "%s", err.message);
    ck_assert_msg(outfile_make_folder("a/b/c", &err), "%s", err.message);
    ck_assert_int_eq(rmdir("a/b/c"), 0);
    FILE *file = fopen("file", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(symlink("nowhere", "link"), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert(!outfile_make_folder(bad[i].path, &err));
        ck_assert_str_eq(err.message, bad[i].message);
        err = (struct err){0};
    }
    leave();
}
END_TEST

/* CIFAR-10's test file, all zeros, and images held out of it. Whatever fails while they are read,
 * the message names the folder; what fails of the list of digests costs a warning. */
START_TEST(every_error_of_read_data_is_told)
{
    enter();
    ck_assert_int_eq(mkdir("data", 0777), 0);
    FILE *file = fopen("data/test_batch.bin", "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(ftruncate(fileno(file), 10000L * 3073), 0);
    ck_assert_int_eq(fclose(file), 0);
    file = fopen("data/SHA256SUMS", "wb");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "a list\n");
    ck_assert_int_eq(fclose(file), 0);
    int told = 0;
    struct faults_report report = {.failed = true};
    for (long n = 1; report.failed; n++) {
        const struct data_request request = {.path = "data", .part = DATA_TEST};
        struct data data = {0}, held = {0};
        struct err err = {0};
        faults_arm(n, FAULTS_ONCE);
        bool ok = format_open(&data, &request, &err) && data_hold_out(&data, 9, &held, &err);
        bool warned = data.warning[0] != '\0';
        data_close(&data);
        data_close(&held);
        report = faults_disarm();
        bool of_list = strcmp(report.call, "open") == 0 || strcmp(report.call, "fdopen") == 0 ||
                       strcmp(report.call, "fstat") == 0 || strcmp(report.call, "fread") == 0;
        bool harmless = (of_list && n < 13) || strcmp(report.call, "fclose") == 0;
        ck_assert_msg(warned || !ok, "call %ld, %s", n, report.call);
        ck_assert_msg(ok == (!report.failed || harmless), "call %ld, %s: \"%s\"", n, report.call,
                      err.message);
        ck_assert_msg(ok == (err.message[0] == '\0'), "call %ld, %s", n, report.call);
        ck_assert_msg(ok || strstr(err.message, "data") != NULL, "call %ld, %s: \"%s\"", n,
                      report.call, err.message);
        bool is_read = !ok && strcmp(report.call, "fread") == 0;
        ck_assert_msg(!is_read || strstr(err.message, strerror(EIO)) != NULL,
                      "call %ld, fread: \"%s\"", n, err.message);
        ck_assert_int_eq(report.memory, 0);
        ck_assert_int_eq(report.files, 0);
        told += !ok;
    }
    ck_assert_int_gt(told, 20);
    leave();
}
END_TEST

START_TEST(a_loader_opens_whole_or_not_at_all)
{
    struct data data;
    struct err none = {0};
    ck_assert(synthetic_open(&data, &cifar_shape, DATA_TRAIN, IMAGES, &none));
    struct data_stats stats = data_statistics(&data);
    struct loader_settings settings = {.batch = 8};
    augment_init(&settings.augment, &stats, &data);
    struct faults_report report = {.failed = true};
    long n = 0;
    while (report.failed) {
        struct loader *loader = NULL;
        struct err err = {0};
        faults_arm(++n, FAULTS_ONCE);
        bool ok = loader_open(&loader, &data, &settings, &err);
        loader_close(loader);
        report = faults_disarm();
        ck_assert_msg(ok == !report.failed, "call %ld, %s", n, report.call);
        ck_assert_msg(ok == (err.message[0] == '\0'), "call %ld, %s", n, report.call);
        ck_assert_msg(report.memory == 0, "call %ld, %s: %ld blocks are not freed", n, report.call,
                      report.memory);
    }
    ck_assert_int_gt(n, 8); /* three blocks a slot, the order and a thread */
    data_close(&data);
}
END_TEST

/* The list in CMakeLists.txt and that of faults.c are the same, and reach our code. */
START_TEST(every_function_is_called)
{
    enter();
    ck_assert_int_eq(call(TRAIN "here"), EXIT_OK);
    ck_assert_int_eq(call(TRAIN "here --max-steps 2"), EXIT_OK); /* moves the first away */
    ck_assert_int_eq(mkdir("here/previous.new", 0777), 0); /* an unfinished move is taken back */
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
    tcase_add_loop_test(tcase, every_call_may_fail, 0, MODES * SCENARIOS);
    suite_add_tcase(suite, tcase);
    TCase *files = tcase_create("files");
    tcase_set_timeout(files, 300);
    tcase_add_test(files, every_error_of_a_written_file_is_told);
    tcase_add_test(files, every_error_of_read_data_is_told);
    tcase_add_loop_test(files, pictures_are_read_or_it_is_said_why_not, 0, 3);
    tcase_add_test(files, folders_are_made_or_say_why);
    tcase_add_test(files, a_loader_opens_whole_or_not_at_all);
    suite_add_tcase(suite, files);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
