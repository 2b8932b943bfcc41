/* test_resume.c - whatever happens to a run, it goes on from its newest good checkpoint, says so,
 * and ends with the bytes of a run to which nothing happened.
 *
 *     test_resume            the suite, with a few kills
 *     test_resume kills N    N kills
 */
#define _GNU_SOURCE /* unshare */
#include <check.h>
#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "rng.h"
#include "sys/clock.h"
#include "tiny_program.h"
#include "train/resume.h"

#define FALLS_BACK "; going on from the checkpoint before it, here/previous.safetensors"

/* -- Damage ------------------------------------------------------------------------------------ */

/* A file in the folder as bytes; returns its size. */
static size_t load(const char *name, char bytes[OUTPUT_SIZE])
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size_t n = fread(bytes, 1, OUTPUT_SIZE, file);
    ck_assert_uint_lt(n, OUTPUT_SIZE);
    fclose(file);
    return n;
}

static void store(const char *name, const char *bytes, size_t size)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void drop(const char *name)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    ck_assert_int_eq(unlink(path), 0);
}

static void run_whole(void)
{
    ck_assert_int_eq(run("train --data synthetic --epochs 3 --log-steps --out whole"), EXIT_OK);
}

static void same_training(void)
{
    static char mine[OUTPUT_SIZE], whole[OUTPUT_SIZE];
    same_bytes("here/last.safetensors", "whole/last.safetensors");
    same_bytes("here/best.safetensors", "whole/best.safetensors");
    ck_assert_str_eq(events("here/log.jsonl", "epoch", mine),
                     events("whole/log.jsonl", "epoch", whole));
    ck_assert_str_eq(events("here/log.jsonl", "step", mine),
                     events("whole/log.jsonl", "step", whole));
}

/* A run that was stopped after its first epoch and some steps. */
static void run_part(void)
{
    ck_assert_int_eq(run("train --data synthetic --epochs 3 --log-steps --max-steps 27 --out here"),
                     EXIT_OK);
    ck_assert(exists("here/previous.safetensors"));
}

enum damage { TRUNCATED, EMPTY, FLIPPED_DATA, FLIPPED_SETTING, FLIPPED_DIGEST, MISSING, DAMAGES };

static void damage_last(enum damage damage)
{
    static char bytes[OUTPUT_SIZE];
    size_t size = load("here/last.safetensors", bytes);
    char *setting = NULL, *digit = bytes + sizeof SAFETENSORS_DIGEST + 10;
    for (size_t i = 0; i + 8 < size && setting == NULL; i++)
        setting = memcmp(bytes + i, "\"seed\":\"", 8) == 0 ? bytes + i + 8 : NULL;
    ck_assert_ptr_nonnull(setting);
    switch (damage) {
    case TRUNCATED:
        size -= 1000;
        break;
    case EMPTY:
        size = 0;
        break;
    case FLIPPED_DATA:
        bytes[size - 5] ^= 4;
        break;
    case FLIPPED_SETTING:
        *setting ^= 2; /* another seed, and still good JSON */
        break;
    case FLIPPED_DIGEST:
        *digit = *digit == '0' ? '1' : '0'; /* still a digit */
        break;
    case MISSING:
    case DAMAGES:
        break;
    }
    store("here/last.safetensors", bytes, size);
    if (damage == MISSING)
        drop("here/last.safetensors");
}

START_TEST(a_damaged_checkpoint_gives_way_to_the_one_before)
{
    static const char *const says_why[DAMAGES] = {
        [TRUNCATED] = "here/last.safetensors: tensor \"",
        [EMPTY] = "here/last.safetensors: not a safetensors file: 0 bytes: expected",
        [FLIPPED_DATA] = "here/last.safetensors: damaged: its ",
        [FLIPPED_SETTING] = "here/last.safetensors: damaged: its ",
        [FLIPPED_DIGEST] = "here/last.safetensors: damaged: its ",
        [MISSING] = "here/last.safetensors: No such file or directory",
    };
    run_whole();
    run_part();
    copy("here/previous.safetensors", "previous");
    damage_last((enum damage)_i);
    /* By the folder or by the file, and not lost when that stops before anything was saved. */
    ck_assert_int_eq(run("train --resume here/last.safetensors --threads 0"), EXIT_USAGE);
    const struct world full = {.file_size = 4000};
    ck_assert_int_eq(run_words(&full, "train --resume here --quiet --log-steps"), EXIT_FAILED);
    same_bytes("previous", "here/previous.safetensors");
    ck_assert_int_eq(run("train --resume here/last.safetensors --log-steps --max-steps 28"),
                     EXIT_OK);
    says(errors, says_why[_i]);
    says(errors, FALLS_BACK);
    says(output, "resumed from here/previous.safetensors, saved at step 20, 1 epochs completed");
    same_bytes("previous", "here/previous.safetensors"); /* no damaged one took its place */
    ck_assert_int_eq(run("train --resume here --log-steps"), EXIT_OK);
    ck_assert_str_eq(errors, "");
    says(output, "resumed from here/last.safetensors, saved at step 28, 1 epochs completed");
    same_training();
}
END_TEST

START_TEST(nothing_good_is_an_error_that_names_both)
{
    run_part();
    store("here/last.safetensors", "abcd", 4);
    store("here/previous.safetensors", "abcdefghi", 9);
    ck_assert_int_eq(run("train --resume here"), EXIT_DATA);
    says(errors,
         "here/last.safetensors: not a safetensors file: 4 bytes: expected at least 8\n"
         "  nor can the one before it be read: here/previous.safetensors: not a safetensors file, "
         "or cut: byte 0: header of");
    drop("here/previous.safetensors");
    ck_assert_int_eq(run("train --resume here"), EXIT_DATA);
    says(errors, "here/last.safetensors: not a safetensors file: 4 bytes: expected");
}
END_TEST

START_TEST(a_file_of_another_name_has_no_stand_in)
{
    run_part();
    store("here/other.safetensors", "abcd", 4);
    ck_assert_int_eq(run("train --resume here/other.safetensors"), EXIT_DATA);
    says(errors, "here/other.safetensors: not a safetensors file: 4 bytes: expected");
}
END_TEST

/* Any bit of any byte, by the digest or by what the reader sees before it. */
START_TEST(every_flipped_bit_is_found)
{
    static char bytes[OUTPUT_SIZE];
    run_part();
    drop("here/previous.safetensors");
    size_t size = load("here/last.safetensors", bytes);
    char path[2 * PATH_SIZE];
    put_path(path, "here/last.safetensors");
    for (size_t i = 0; i < size; i++) {
        struct resume from;
        struct err err = {0};
        char flip = (char)(1 << (i * 7 % 8));
        FILE *file = fopen(path, "rb+");
        ck_assert(file != NULL && fseek(file, (long)i, SEEK_SET) == 0);
        ck_assert_int_ne(putc(bytes[i] ^ flip, file), EOF);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_msg(!resume_open(&from, path, &err), "byte %zu", i);
        ck_assert_int_eq(err.code, EXIT_DATA);
        file = fopen(path, "rb+");
        ck_assert(file != NULL && fseek(file, (long)i, SEEK_SET) == 0);
        ck_assert_int_ne(putc(bytes[i], file), EOF);
        ck_assert_int_eq(fclose(file), 0);
    }
}
END_TEST

/* -- Folders ----------------------------------------------------------------------------------- */

START_TEST(what_a_kill_left_half_written_is_removed)
{
    run_part();
    ck_assert_int_eq(run("train --resume here --log-steps"), EXIT_OK);
    store("here/best.safetensors.tmp", "abcd", 4);
    store("here/last.safetensors.tmp", "abcd", 4);
    ck_assert_int_eq(run("train --resume here"), EXIT_OK); /* which has nothing left to save */
    ck_assert(!exists("here/best.safetensors.tmp") && !exists("here/last.safetensors.tmp"));
}
END_TEST

/* A run that goes on elsewhere leaves its folder as it is, and the run that is there moves away. */
START_TEST(another_folder_is_that_of_another_run)
{
    run_whole();
    run_part();
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --seed 5 --out other"), EXIT_OK);
    copy("other/best.safetensors", "others best");
    copy("here/last.safetensors", "kept");
    ck_assert_int_eq(run("train --resume here --log-steps --max-steps 28 --out other"), EXIT_OK);
    says(output, "the run that was in other is now in other/previous\n");
    says(output, "in epoch 1; its model is not in other\n");
    same_bytes("others best", "other/previous/best.safetensors");
    same_bytes("kept", "here/last.safetensors");
    ck_assert(!exists("other/best.safetensors"));
    ck_assert_int_eq(run("train --resume other --log-steps"), EXIT_OK);
    same_bytes("other/last.safetensors", "whole/last.safetensors");
    static char text[OUTPUT_SIZE];
    ck_assert_ptr_null(strstr(events("other/log.jsonl", "epoch", text), "\"epoch\":1,"));
}
END_TEST

/* Nothing is removed: every training moves those before it one folder deeper. */
START_TEST(no_training_removes_another)
{
    static const char *const names[] = {"here/previous/previous/best.safetensors",
                                        "here/previous/best.safetensors", "here/best.safetensors"};
    for (int i = 0; i < 3; i++) {
        char words[PATH_SIZE], kept[40];
        snprintf(words, sizeof words, "train --data synthetic --epochs 1 --seed %d --out here", i);
        snprintf(kept, sizeof kept, "best %d", i);
        ck_assert_int_eq(run(words), EXIT_OK);
        copy("here/best.safetensors", kept);
    }
    for (int i = 0; i < 3; i++) {
        char kept[40];
        snprintf(kept, sizeof kept, "best %d", i);
        same_bytes(kept, names[i]);
    }
}
END_TEST

/* What lies in the way of a move is told, and stays. */
START_TEST(nothing_is_moved_over_a_file)
{
    char path[2 * PATH_SIZE];
    run_part();
    copy("here/last.safetensors", "kept");
    put_path(path, "here/previous.new");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    store("here/previous.new/last.safetensors", "abcd", 4);
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out here"), EXIT_FAILED);
    says(errors, "here/last.safetensors and here/previous.new/last.safetensors: both are there: "
                 "expected one of them");
    same_bytes("kept", "here/last.safetensors");
    ck_assert_int_eq(run("train --resume here"), EXIT_FAILED);
    says(errors, "both are there: expected one of them");
    same_bytes("kept", "here/last.safetensors");
}
END_TEST

/* A training in `previous` is not moved from under its feet. */
START_TEST(a_run_in_use_is_not_moved)
{
    char path[2 * PATH_SIZE];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    run_part();
    put_path(path, "here/previous");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    store("here/previous/.lock", "", 0);
    put_path(path, "here/previous/.lock");
    int fd = open(path, O_RDWR);
    ck_assert(fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0);
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out here"), EXIT_FAILED);
    says(errors, "here/previous: another training writes here: expected it to end first");
    ck_assert(exists("here/last.safetensors") && !exists("here/previous.new"));
    close(fd);
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out here"), EXIT_OK);
    ck_assert(exists("here/previous/last.safetensors"));
}
END_TEST

/* -- A bad world ------------------------------------------------------------------------------- */

START_TEST(a_vanished_folder_ends_the_training)
{
    const struct world world = {.environment = {{"TINY_VANISH", "25"}}};
    ck_assert_int_eq(run_words(&world, "train --data synthetic --log-steps --epochs 3 --out here"),
                     EXIT_FAILED);
    says(errors, ".safetensors.tmp: cannot write: No such file or directory");
    ck_assert_int_eq(run("train --resume here"), EXIT_DATA);
    says(errors, "here: No such file or directory");
    run_whole();
    ck_assert_int_eq(run("train --resume gone --log-steps"), EXIT_OK);
    same_bytes("gone/last.safetensors", "whole/last.safetensors");
}
END_TEST

START_TEST(a_read_only_folder_keeps_its_checkpoint)
{
    char path[2 * PATH_SIZE];
    run_part();
    copy("here/last.safetensors", "kept");
    ck_assert_int_eq(chmod(folder, 0777), 0);
    put_path(path, "here");
    ck_assert_int_eq(chmod(path, 0555), 0);
    const struct world nobody = {.nobody = true};
    ck_assert_int_eq(run_words(&nobody, "train --resume here"), EXIT_FAILED);
    says(errors, "here/.lock: cannot write: Permission denied");
    same_bytes("kept", "here/last.safetensors");
    ck_assert_int_eq(chmod(path, 0777), 0);
}
END_TEST

/* A file system of its own, for this process and its children alone, so that nobody has to unmount
 * it; only root can make one. */
static bool mount_disk(const char *name, const char *size)
{
    char path[2 * PATH_SIZE], options[40];
    put_path(path, name);
    snprintf(options, sizeof options, "size=%s", size);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

/* Takes all the room that is left, but for so many bytes. */
static void fill_disk(const char *name, off_t but)
{
    static const char block[1024];
    char path[2 * PATH_SIZE];
    put_path(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_ge(fd, 0);
    off_t size = 0;
    for (ssize_t n; (n = write(fd, block, sizeof block)) > 0;)
        size += n;
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(ftruncate(fd, size > but ? size - but : 0), 0);
    close(fd);
}

/* With less and less room the training fails somewhere else: in the log, in a checkpoint, in the
 * one that is kept. What was saved before is good each time, and goes on when there is room again.
 */
START_TEST(a_full_disk_keeps_its_checkpoint)
{
    enum { PAGE = 4096, ROOM = 24 * PAGE };
    if (!mount_disk("here", "1m")) {
        printf("skipped: a small file system: %s\n", strerror(errno));
        return;
    }
    run_whole();
    run_part();
    copy("here/last.safetensors", "kept");
    int failures = 0;
    for (off_t room = 0; room < ROOM; room += PAGE) {
        fill_disk("here/filler", room);
        int code = run("train --resume here --log-steps --quiet --max-steps 28");
        bool told = strstr(errors, ": No space left on device") != NULL;
        ck_assert_msg(code == EXIT_OK || (code == EXIT_FAILED && told), "%d KB: code %d: %s",
                      (int)room / 1024, code, errors);
        ck_assert(!exists("here/last.safetensors.tmp") && !exists("here/best.safetensors.tmp"));
        failures += code == EXIT_FAILED;
        if (code == EXIT_FAILED)
            same_bytes("kept", "here/last.safetensors");
        drop("here/filler");
        if (code == EXIT_OK)
            break;
    }
    ck_assert_int_ge(failures, 2);
    ck_assert_int_eq(run("train --resume here --log-steps"), EXIT_OK);
    ck_assert_str_eq(errors, "");
    same_training();
    char path[2 * PATH_SIZE];
    put_path(path, "here");
    umount2(path, MNT_DETACH);
}
END_TEST

/* -- Kills ------------------------------------------------------------------------------------- */

enum { EPOCHS = 20, KILLS = 20 };

static int kills = KILLS;

/* Starts the program, kills it after so many seconds, and returns whether it had ended by itself.
 */
static bool run_and_kill(const char *words, double seconds)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        setpgid(0, 0);
        _exit(run(words) == EXIT_OK ? 0 : 1);
    }
    const struct timespec wait = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};
    nanosleep(&wait, NULL);
    int status = 0;
    bool ended = waitpid(pid, &status, WNOHANG) == pid;
    if (!ended) {
        kill(-pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    }
    ck_assert_msg(!ended || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "%s: failed by itself",
                  words);
    return ended;
}

/* Only what a run is documented to leave. */
static void no_stray_files(void)
{
    static const char known[] = " . .. .lock log.jsonl log.csv last.safetensors best.safetensors "
                                "previous.safetensors samples.safetensors previous ";
    char path[2 * PATH_SIZE], word[300];
    put_path(path, "here");
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        snprintf(word, sizeof word, " %s ", entry->d_name);
        ck_assert_msg(strstr(known, word) != NULL, "a stray file: %s", entry->d_name);
    }
    closedir(dir);
}

START_TEST(kill_9_at_any_moment_loses_nothing)
{
    char words[2][PATH_SIZE];
    snprintf(words[0], PATH_SIZE, "train --data synthetic --epochs %d --threads 1 --out here",
             EPOCHS);
    snprintf(words[1], PATH_SIZE, "train --resume here --threads 1");
    ck_assert_int_eq(run("train --data synthetic --epochs 20 --threads 1 --out whole"), EXIT_OK);
    double start = clock_seconds();
    ck_assert_int_eq(run("train --data synthetic --epochs 2 --threads 1 --out two"), EXIT_OK);
    double longest = 1.5 * (clock_seconds() - start);
    int done = 0, trainings = 0;
    for (uint32_t i = 0; done < kills || trainings == 0; i++) {
        bool resumes = exists("here/last.safetensors");
        /* Once all kills are made, the last training may end. */
        double seconds = done < kills ? longest * (double)rng_float(99, i) : 600.0;
        bool ended =
            done < kills ? run_and_kill(words[resumes], seconds) : run(words[resumes]) == EXIT_OK;
        done += !ended;
        ck_assert_msg(ended || done <= kills, "the last run failed: %s", errors);
        if (!ended)
            continue;
        no_stray_files();
        same_bytes("here/last.safetensors", "whole/last.safetensors");
        same_bytes("here/best.safetensors", "whole/best.safetensors");
        static char mine[OUTPUT_SIZE], whole[OUTPUT_SIZE];
        ck_assert_str_eq(events("here/log.jsonl", "epoch", mine),
                         events("whole/log.jsonl", "epoch", whole));
        trainings++;
        drop("here/last.safetensors"); /* the next kills hit a training that begins anew */
    }
    printf("%d kills, %d whole trainings\n", done, trainings);
}
END_TEST

static void add_kills(Suite *suite)
{
    TCase *tcase = tcase_create("kills");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 900);
    tcase_add_test(tcase, kill_9_at_any_moment_loses_nothing);
    suite_add_tcase(suite, tcase);
}

static void add_checkpoints(Suite *suite)
{
    TCase *tcase = tcase_create("checkpoints");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, a_damaged_checkpoint_gives_way_to_the_one_before, 0, DAMAGES);
    tcase_add_test(tcase, nothing_good_is_an_error_that_names_both);
    tcase_add_test(tcase, a_file_of_another_name_has_no_stand_in);
    tcase_add_test(tcase, every_flipped_bit_is_found);
    tcase_add_test(tcase, what_a_kill_left_half_written_is_removed);
    tcase_add_test(tcase, another_folder_is_that_of_another_run);
    tcase_add_test(tcase, no_training_removes_another);
    tcase_add_test(tcase, nothing_is_moved_over_a_file);
    tcase_add_test(tcase, a_run_in_use_is_not_moved);
    tcase_add_test(tcase, a_vanished_folder_ends_the_training);
    tcase_add_test(tcase, a_read_only_folder_keeps_its_checkpoint);
    tcase_add_test(tcase, a_full_disk_keeps_its_checkpoint);
    suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("resume");
    if (argc == 3 && strcmp(argv[1], "kills") == 0)
        kills = atoi(argv[2]);
    else
        add_checkpoints(suite);
    add_kills(suite);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
