/* test_several.c - the tiny program as several ranks on this machine: the bytes of one, whatever is
 * asked for besides; one message of what goes wrong in any of them; and what starts them, when the
 * system refuses or a user is impatient. Programs that are generated, and MPI, are in
 * test_together.sh.
 */
#include <check.h>
#include <sys/mman.h>

#include "ranks/shared.h"
#include "tiny_program.h"

/* -- The bytes of one -------------------------------------------------------------------------- */

#define TRAIN "train --data synthetic --seed 3 --threads 1 --epochs 3 "

START_TEST(ranks_leave_the_bytes_of_one)
{
    static char text[OUTPUT_SIZE];
    static const char *const also[] = {"", "--log-steps --probe 10 --profile",
                                       "--validate 100 --ema 0.9 --data-from-root",
                                       "--optimizer adamw --lr 0.001 --clip 0.5"};
    char words[400];
    snprintf(words, sizeof words, TRAIN "--max-steps 22 --out alone %s", also[_i]);
    ck_assert_msg(run(words) == EXIT_OK, "%s", errors);
    ck_assert_ptr_null(strstr(output, "ranks"));
    snprintf(words, sizeof words, TRAIN "--max-steps 20 --ranks 3 --out here %s", also[_i]);
    ck_assert_msg(run(words) == EXIT_OK, "%s", errors);
    says(output,
         "3 ranks, shared memory, 1 thread each; at most 6 of the 16 chunks of a batch each: "
         "at best 88 % of their time is work");
    says(output, " --ranks 3");
    says(events("here/log.jsonl", "start", text), "\"ranks\":3");
    ck_assert_msg(run("train --resume here --threads 2 --max-steps 22 --ranks 2") == EXIT_OK, "%s",
                  errors);
    says(output,
         "2 ranks, shared memory, 2 threads each; at most 8 of the 16 chunks of a batch each");
    ck_assert_ptr_null(strstr(output, "at best"));
    same_bytes("alone/last.safetensors", "here/last.safetensors");
}
END_TEST

START_TEST(ranks_say_of_a_model_what_one_does)
{
    static char alone[OUTPUT_SIZE];
    ck_assert_int_eq(run(TRAIN "--max-steps 2 --out model"), EXIT_OK);
    ck_assert_int_eq(run("eval --data synthetic --model model --threads 1 --out alone"), EXIT_OK);
    memcpy(alone, output, sizeof alone);
    ck_assert_msg(run("eval --data synthetic --model model --ranks 3 --out here") == EXIT_OK, "%s",
                  errors);
    ck_assert_str_eq(output, alone);
    same_bytes("alone/eval.json", "here/eval.json");
    same_bytes("alone/eval_images.bin", "here/eval_images.bin");
    ck_assert_msg(run("eval --data synthetic --model model --ranks 3 --data-from-root") == EXIT_OK,
                  "%s", errors);
    ck_assert_str_eq(output, alone);
}
END_TEST

/* -- What goes wrong --------------------------------------------------------------------------- */

/* One message, whatever the number of ranks. */
static void says_once(const char *part)
{
    const char *first = strstr(errors, "tiny: ");
    says(errors, part);
    ck_assert_msg(first != NULL && strstr(first + 1, "tiny: ") == NULL, "%s", errors);
}

START_TEST(what_goes_wrong_is_said_once)
{
    static const struct {
        const char *words, *variable, *value;
        int code;
        const char *message;
    } cases[] = {
        {"train --data nowhere --ranks 2", "TINY_MODEL", "", EXIT_DATA, "rank 0 on "},
        {TRAIN "--ranks 2 --out /proc/none", "TINY_MODEL", "", EXIT_FAILED, "rank 0 on "},
        {TRAIN "--ranks 17", "TINY_MODEL", "", EXIT_USAGE,
         "--ranks 17: expected at most 16, the chunks of a batch"},
        {TRAIN "--ranks 257", "TINY_MODEL", "", EXIT_USAGE, "expected 1 to 256"},
        {TRAIN "--ranks 3 --out here", "TINY_POISON", "3 fc.weight nan", EXIT_DIVERGED,
         "diverged in epoch 1, step 4: the loss is not finite: the parameter fc.weight"},
        {TRAIN "--ranks 3 --out here", "TINY_SIGNALS", "3 15 1", EXIT_INTERRUPTED, "interrupted"},
        {TRAIN "--ranks 3 --out here", "TINY_SIGNALS", "3 9 1", EXIT_FAILED,
         "was ended by signal 9 (Killed); the others were stopped, and the last checkpoint is as "
         "it "
         "was"},
        {"eval --data synthetic --model nowhere --ranks 2", "TINY_MODEL", "", EXIT_DATA,
         "rank 0 on "},
        {TRAIN "--ranks 2 --out here", "PMI_SIZE", "2", EXIT_USAGE,
         "--ranks 2: PMI_SIZE=2 has started this program as one rank of several: expected one of "
         "the "
         "two"},
        {TRAIN "--out here", "PMI_SIZE", "2", EXIT_FAILED,
         "PMI_SIZE=2: a launcher of MPI has started this program as one of several, and its "
         "plug-in "
         "for MPI cannot be loaded: "},
        {"info", "PMI_SIZE", "2", EXIT_USAGE,
         "expected it alone; train, eval and predict work together"},
        {"bench", "OMPI_COMM_WORLD_SIZE", "3", EXIT_USAGE, "bench: OMPI_COMM_WORLD_SIZE=3: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct world world = {.environment = {{cases[i].variable, cases[i].value}}};
        const int code = run_words(&world, cases[i].words);
        ck_assert_msg(code == cases[i].code, "%s, %s=%s: code %d: %s", cases[i].words,
                      cases[i].variable, cases[i].value, code, errors);
        if (code != EXIT_INTERRUPTED)
            says_once(cases[i].message);
        else
            says(output, cases[i].message);
    }
}
END_TEST

/* A library of that name which is another one. */
START_TEST(another_plugin_is_refused)
{
    const struct world world = {.environment = {{"PMI_SIZE", "2"}, {"LD_LIBRARY_PATH", folder}}};
    char line[PATH_SIZE] = "", path[2 * PATH_SIZE];
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (strstr(line, "libm.so") == NULL)
        ck_assert_ptr_nonnull(fgets(line, sizeof line, maps));
    fclose(maps);
    line[strcspn(line, "\n")] = '\0';
    put_path(path, "burin_mpi.so");
    ck_assert_int_eq(symlink(strchr(line, '/'), path), 0);
    ck_assert_int_eq(run_words(&world, TRAIN "--out here"), EXIT_FAILED);
    says_once("burin_mpi.so is of another version: expected that of this program");
}
END_TEST

/* -- What starts them -------------------------------------------------------------------------- */

/* The call from now on that fails: 0 for none. */
static int turn;

static bool fails(int error)
{
    errno = error;
    return turn > 0 && --turn == 0;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
    return fails(EAGAIN) ? -1 : __real_fork();
}

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails(ENOMEM) ? MAP_FAILED : __real_mmap(at, size, protection, flags, fd, offset);
}

/* Starts ranks that wait until they are ended; each writes a byte first. Returns in this process.
 */
static enum ranks_role start_waiting(int count, int fd, struct err *err)
{
    struct ranks ranks;
    const enum ranks_role role = shared_start(&ranks, count, err);
    if (role != RANKS_WORK)
        return role;
    ck_assert_int_eq((int)write(fd, "", 1), 1);
    for (;;)
        pause();
}

/* The ranks that were there before the one that cannot be started are ended, and none is begun
 * after it. */
START_TEST(a_rank_that_cannot_be_started_ends_all)
{
    struct err err = {0};
    turn = 1;
    ck_assert_int_eq(start_waiting(4, STDOUT_FILENO, &err), RANKS_FAILED);
    ck_assert_str_eq(err.message, "--ranks 4: cannot share 8425472 bytes: Cannot allocate memory");
    for (int failing = 1; failing <= 4; failing++) {
        err = (struct err){0};
        turn = 1 + failing; /* mmap is called first */
        ck_assert_int_eq(start_waiting(4, STDERR_FILENO, &err), RANKS_DONE);
        ck_assert_int_eq(turn, 0);
        char message[200];
        snprintf(message, sizeof message, "--ranks 4: cannot start rank %d: %s", failing - 1,
                 strerror(EAGAIN));
        ck_assert_str_eq(err.message, message);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
    }
}
END_TEST

/* The second signal ends ranks that do not look at the first. */
START_TEST(the_second_signal_ends_all)
{
    int ends[2], status;
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        struct err err = {0};
        start_waiting(2, ends[1], &err);
        _exit((int)err.code);
    }
    for (int r = 0; r < 2; r++)
        ck_assert_int_eq((int)read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(kill(parent, SIGTERM), 0);
    ck_assert_int_eq(kill(parent, SIGINT), 0);
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), EXIT_INTERRUPTED);
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("several");
    TCase *all = tcase_create("several");
    tcase_add_checked_fixture(all, make_folder, remove_folder);
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, ranks_leave_the_bytes_of_one, 0, 4);
    tcase_add_test(all, ranks_say_of_a_model_what_one_does);
    tcase_add_test(all, what_goes_wrong_is_said_once);
    tcase_add_test(all, another_plugin_is_refused);
    tcase_add_test(all, a_rank_that_cannot_be_started_ends_all);
    tcase_add_test(all, the_second_signal_ends_all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
