/* faulty_program.h - the tiny program in this process, in a world where a call goes wrong.
 *
 *     enter();                                     (a folder of its own)
 *     faults_arm(n, FAULTS_ONCE); code = call("train --out here"); report = faults_disarm();
 *     code = disturb("train --out here", n, FAULTS_KILL, &report);       (the same, or in a fork)
 *     leave();
 */
#ifndef BURIN_TESTS_FAULTY_PROGRAM_H
#define BURIN_TESTS_FAULTY_PROGRAM_H

#include <ftw.h>
#include <sys/stat.h>

#include "data/synthetic.h"
#include "faults.h"
#include "tiny_program.h"

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
static inline int call(const char *words)
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
static inline void enter(void)
{
    make_folder();
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_ptr_nonnull(freopen("stdout", "w", stdout));
    ck_assert_ptr_nonnull(freopen("stderr", "w+", stderr));
}

static inline void leave(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    remove_folder();
}

#define TRAIN "train --data synthetic --epochs 3 --threads 1 --out "
#define EVAL "eval --data synthetic --model here/last.safetensors --threads 1 --out "

static const char *const run_files[] = {
    "last.safetensors", "previous.safetensors", "best.safetensors", "log.jsonl", "log.csv",
    "eval.json",        "eval_images.bin"};
enum { RUN_FILES = sizeof run_files / sizeof run_files[0] };

static inline int remove_entry(const char *path, const struct stat *info, int kind,
                               struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void clear_folder(const char *name)
{
    nftw(name, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void copy_run(const char *from, const char *to)
{
    char names[2][PATH_SIZE];
    if (!exists(from))
        return;
    ck_assert_int_eq(mkdir(to, 0777), 0);
    for (int i = 0; i < RUN_FILES; i++) {
        snprintf(names[0], sizeof names[0], "%s/%s", from, run_files[i]);
        snprintf(names[1], sizeof names[1], "%s/%s", to, run_files[i]);
        if (exists(names[0]))
            copy(names[0], names[1]);
    }
}

/* What the program said when it failed. */
static inline void said_why(long n, const struct faults_report *report, int code)
{
    char text[OUTPUT_SIZE];
    fflush(stderr);
    read_text("stderr", text);
    ck_assert_msg(code == EXIT_FAILED || code == EXIT_DATA, "call %ld, %s: code %d: %s", n,
                  report->call, code, text);
    ck_assert_msg(strncmp(text, "tiny: ", 6) == 0, "call %ld, %s: said \"%s\"", n, report->call,
                  text);
}

/* Whether two files are there and have the same bytes. */
static inline bool same_files(const char *a, const char *b)
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

static inline void same_as(const char *whole, const char *name, long n,
                           const struct faults_report *report)
{
    char paths[2][PATH_SIZE];
    snprintf(paths[0], PATH_SIZE, "here/%s", name);
    snprintf(paths[1], PATH_SIZE, "%s/%s", whole, name);
    ck_assert_msg(same_files(paths[0], paths[1]),
                  "call %ld, %s: %s is not that of an undisturbed training", n, report->call, name);
}

/* Runs the program with the n-th call going wrong; returns its code, or -1 when it was killed. */
static inline int disturb(const char *words, long n, enum faults_mode mode,
                          struct faults_report *report)
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

#endif
