/* test_resume_paths.c - which checkpoint a name stands for, and what is said of a run's newest one;
 * test_resume.c trains on from them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/resume.h"

enum { LONGEST = RUNDIR_PATH_SIZE - 1 };

static char folder[RUNDIR_PATH_SIZE];

static void setup(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_resume_paths.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A file with a digest. */
static void save(const char *path, const struct safetensor *tensors, size_t count,
                 const char *epochs)
{
    const struct safetensors_meta meta = {"epochs", epochs};
    struct err err = {0};
    ck_assert_msg(safetensors_save(path, NULL, tensors, count, &meta, epochs != NULL, &err), "%s",
                  err.message);
}

static const int64_t two = 2, none = -1;

#define COUNTER(NAME, VALUE)                                                                       \
    {                                                                                              \
        .name = NAME, .dtype = SAFETENSORS_I64, .rank = 0, .data = &(VALUE)                        \
    }

/* Two of four epochs are made; whatever is missing, another type or not a number says nothing. */
START_TEST(what_a_run_has_left_is_in_its_newest_checkpoint)
{
    static const struct {
        struct safetensor tensors[2];
        size_t count;
        const char *epochs;
        int64_t step; /* or 0 where it is not unfinished */
    } cases[] = {
        {{COUNTER("train.step", two), COUNTER("train.epoch", two)}, 2, "4", 2},
        {{COUNTER("train.step", two), COUNTER("train.epoch", two)}, 2, "2", 0},
        {{COUNTER("train.step", two), COUNTER("train.epoch", two)}, 2, "many", 0},
        {{COUNTER("train.step", two), COUNTER("train.epoch", two)}, 2, NULL, 0},
        {{COUNTER("train.step", none), COUNTER("train.epoch", two)}, 2, "4", 0},
        {{COUNTER("train.epoch", two)}, 1, "4", 0},
        {{{.name = "train.step", .dtype = SAFETENSORS_F64, .rank = 0, .data = &two}}, 1, "4", 0},
        {{{.name = "train.step", .dtype = SAFETENSORS_I64, .rank = 1, .shape = {1}, .data = &two}},
         1,
         "4",
         0},
    };
    int64_t step = 0;
    ck_assert(!resume_is_unfinished(".", &step));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        save(RUNDIR_LAST, cases[i].tensors, cases[i].count, cases[i].epochs);
        const bool unfinished = resume_is_unfinished(".", &step);
        ck_assert_msg(unfinished == (cases[i].step > 0), "case %zu", i);
        ck_assert_msg(!unfinished || step == cases[i].step, "case %zu: step %d", i, (int)step);
    }
    ck_assert_int_eq(unlink(RUNDIR_LAST), 0);
}
END_TEST

/* Opens a file of our own, or says why it is none. */
static const char *open_said(const char *given, struct resume *resume)
{
    static struct err err;
    err = (struct err){0};
    const bool ok = resume_open(resume, given, &err);
    ck_assert_int_eq(ok ? EXIT_OK : EXIT_DATA, err.code);
    return ok ? "" : err.message;
}

/* The folder of a checkpoint is what stands before its last slash: nothing, ".", or the root. */
START_TEST(a_checkpoint_lies_in_a_folder)
{
    struct resume resume;
    char whole[2 * RUNDIR_PATH_SIZE];
    save(RUNDIR_LAST, NULL, 0, "4");
    snprintf(whole, sizeof whole, "%s/%s", folder, RUNDIR_LAST);
    const struct {
        const char *given, *folder;
    } cases[] = {{RUNDIR_LAST, "."}, {".", "."}, {whole, folder}, {folder, folder}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_str_eq(open_said(cases[i].given, &resume), "");
        ck_assert_str_eq(resume.folder, cases[i].folder);
        resume_close(&resume);
    }
    ck_assert_int_eq(unlink(RUNDIR_LAST), 0);
    ck_assert_str_ne(open_said("/no.safetensors", &resume), "");
    ck_assert_str_eq(resume.folder, "/");
    ck_assert_str_ne(open_said("/last.safetensors", &resume), "");
    ck_assert_str_ne(open_said("last.safetensors", &resume), "");
}
END_TEST

/* A folder whose path has so many bytes: "./././.", as often as it takes. */
static void put_long(char *out, int length)
{
    for (int i = 0; i < length; i++)
        out[i] = i % 2 == 0 ? '.' : '/';
    out[length] = '\0';
}

/* A folder has to leave room for the names of the files in it, and a file for itself. */
START_TEST(a_path_without_room_is_an_error)
{
    struct resume resume;
    char path[2 * RUNDIR_PATH_SIZE];
    int64_t step = 0;
    const char *refused = "bytes long: expected a path of at most";
    save(RUNDIR_LAST, NULL, 0, "4");
    static const struct {
        int length;
        bool fits;
    } folders[] = {{LONGEST - 18, true}, {LONGEST - 16, false}, {LONGEST + 2, false}};
    for (int i = 0; i < 3; i++) {
        put_long(path, folders[i].length);
        const char *said = open_said(path, &resume);
        ck_assert_msg((said[0] == '\0') == folders[i].fits, "folder %d: %s", i, said);
        ck_assert(folders[i].fits || strstr(said, refused) != NULL);
        ck_assert(!resume_is_unfinished(path, &step)); /* no counters in it, or no room */
        if (folders[i].fits)
            resume_close(&resume);
    }
    put_long(path, LONGEST + 2);
    memcpy(path + LONGEST - 1, "xyz",
           3); /* a file: all but itself fits, then not even its folder */
    ck_assert_ptr_nonnull(strstr(open_said(path, &resume), refused));
    ck_assert_int_eq(unlink(RUNDIR_LAST), 0);
    /* Where it is missing there is no room for the longer name of the one before it. */
    put_long(path, LONGEST - 18);
    ck_assert_int_eq(strncmp(open_said(path, &resume), path, 1000), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resume_paths");
    TCase *tests = tcase_create("resume_paths");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_a_run_has_left_is_in_its_newest_checkpoint);
    tcase_add_test(tests, a_checkpoint_lies_in_a_folder);
    tcase_add_test(tests, a_path_without_room_is_an_error);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
