/* test_program.c - what a person sees who types something wrong, or whose disk is full. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "sanitized.h"
#include "sys/cpu.h"
#include "tiny_program.h"

/* -- Usage ------------------------------------------------------------------------------------- */

START_TEST(usage_errors_have_code_2)
{
    static const struct {
        const char *words, *message;
    } cases[] = {
        {"", "tiny: no command: expected train, eval, predict, bench or info"},
        {"tarin", "unknown command 'tarin' (did you mean train?): expected train, eval, predict, "
                  "bench or info"},
        {"train --epoch", "train: --epochs: the value is missing: expected N"},
        {"train --epochs 0", "train: --epochs: 0 is out of range: expected 1 to 100000"},
        {"train --epochs 3x", "train: --epochs: '3x': expected an integer from 1 to 100000"},
        {"train --epochs 99999999999999999999", "out of range: expected 1 to 100000"},
        {"train --lr nan", "train: --lr: 'nan': expected a number from 0 to 1e+06"},
        {"train --lr 1e-50",
         "train: --lr: 1e-50 is too small for a float: expected 0, or 1.17549e-38 and more"},
        {"train --lr 1e-400",
         "train: --lr: 1e-400 is too small for a float: expected 0, or 1.17549e-38 and more"},
        {"train --lr 0x1p-130",
         "train: --lr: 0x1p-130 is too small for a float: expected 0, or 1.17549e-38 and more"},
        {"train --lr 1e9", "train: --lr: 1e9 is out of range: expected 0 to 1e+06"},
        {"train --seed -1", "train: --seed: -1 is out of range: expected 0 to 9007199254740992"},
        {"train --threads 257", "train: --threads: 257 is out of range: expected 1 to 256"},
        {"train --batch 65537", "train: --batch: 65537 is out of range: expected 1 to 65536"},
        {"train --max-steps 0", "train: --max-steps: 0 is out of range"},
        {"train --backend fast", "'fast': expected one of generated, generic"},
        {"train --fast",
         "train: --fast: unknown or ambiguous: expected an option that --help lists"},
        {"train --quiet=1", "train: --quiet=1: a value too many: expected none"},
        {"train here", "train: 'here': no option: expected options alone"},
        {"train --init a --resume b", "train: --init and --resume: expected one of them"},
        {"eval", "eval: no --model: expected --model RUN|FILE"},
        {"eval --backend x", "eval: --backend: 'x': expected generated|generic"},
        {"bench --start folder", "bench: --start without --steps: expected both"},
        {"bench --kernels --steps 2", "bench: --kernels and --steps: expected one of them"},
        {"bench --evaluate", "bench: --evaluate without --steps: expected both"},
        {"bench --batch 2", "bench: --batch without --steps: expected both"},
        {"bench --profile", "bench: --profile without --steps: expected both"},
        {"bench --no-dropout", "bench: --no-dropout without --steps: expected both"},
        {"bench --steps 2 --threads 200 --pin", "--pin: 200 threads on "},
        {"bench --threads 0", "bench: --threads: 0 is out of range: expected 1 to 256"},
        {"train --theads=3", "train: --theads=3: unknown or ambiguous (did you mean --threads?): "
                             "expected an option that --help lists"},
        {"train --flip randm", "train: --flip: 'randm' (did you mean random?): expected one of "
                               "none, random, alternating"},
        {"eval --backend genric", "eval: --backend: 'genric' (did you mean generic?): expected "
                                  "generated|generic"},
        {"info --all", "info: --all: unknown or ambiguous: expected an option that --help lists"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuses(cases[i].words, EXIT_USAGE);
        says(errors, cases[i].message);
        ck_assert_str_eq(output, "");
    }
}
END_TEST

START_TEST(help_lists_every_option)
{
    static const char *const commands[] = {"--help", "train --help", "eval -h", "bench --help",
                                           "info --help"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        ck_assert_int_eq(run(commands[i]), EXIT_OK);
        says(output, "usage: tiny");
        says(output, "--help");
        ck_assert_str_eq(errors, "");
    }
    static const char *const options[] = {
        "--data PATH|synthetic", "--epochs N",  "--lr X",          "--seed N",
        "--threads N",           "--backend",   "--init DIR|FILE", "--out DIR",
        "--resume DIR|FILE",     "--max-steps", "--no-augment",    "--no-shuffle",
        "--no-dropout",          "--log-steps", "--quiet",
    };
    run("train --help");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        says(output, options[i]);
    ck_assert_int_eq(run("--version"), EXIT_OK);
    says(output, "tiny_bn (burin ");
}
END_TEST

START_TEST(info_prints_the_layers)
{
    ck_assert_int_eq(run("info"), EXIT_OK);
    says(output, "network tiny, norm bn, c, 528 parameters");
    says(output, "norm1             batch norm      3x4x4                  6");
    says(output, "10x1x1               490     0.001  linear_c48_k10_fwd");
}
END_TEST

START_TEST(a_foreign_cpu_is_told_what_to_make)
{
    const struct world world = {.environment = {{"TINY_MODEL", "foreign"}}};
    char expected[120];
    snprintf(expected, sizeof expected,
             "tiny: made for sve, which this CPU lacks; remake it with: make gen NET=tiny NORM=bn "
             "ISA=%s\n",
             cpu_best_isa());
    ck_assert_int_eq(run_words(&world, "train --data synthetic"), EXIT_FAILED);
    ck_assert_str_eq(errors, expected);
    ck_assert_int_eq(run_words(&world, "info"), EXIT_OK);
}
END_TEST

/* A processor that has tiles and a kernel that lends them run the program. */
START_TEST(tiles_need_a_cpu_and_a_kernel)
{
    const struct world world = {.environment = {{"TINY_MODEL", "tiles"}}};
    const int code = run_words(&world, "train --data synthetic --max-steps 1");
    if (cpu_supports("amx+bf16")) {
        ck_assert_int_eq(code, EXIT_OK);
        return;
    }
    ck_assert_int_eq(code, EXIT_FAILED);
    says(errors, "tiny: made for amx+bf16, which this CPU or its kernel lacks; remake it with: ");
    ck_assert_int_eq(run_words(&world, "info"), EXIT_OK);
}
END_TEST

START_TEST(missing_data_has_code_3)
{
    refuses("train", EXIT_DATA);
    says(errors, "tiny: no data: expected");
    says(errors, "--data synthetic");
    refuses("train --data nowhere", EXIT_DATA);
    says(errors, "nowhere");
    ck_assert_msg(!exists("runs"), "a failed start left a folder");
    const struct world wide = {.environment = {{"TINY_MODEL", "wide"}}};
    char path[2 * PATH_SIZE];
    put_path(path, "test_batch.bin");
    FILE *file = fopen(path, "w");
    ck_assert(file != NULL && fclose(file) == 0);
    ck_assert_int_eq(run_words(&wide, "train --data ."), EXIT_DATA);
    says(errors, "network tiny takes 3x32x64 images of 10 classes, and . has 3x32x32 images of 10: "
                 "expected the same; a description for these images says: "
                 "input = { 3, 32, 32 }, classes = 10\n");
    const struct world channels = {.environment = {{"TINY_MODEL", "channels"}}};
    ck_assert_int_eq(run_words(&channels, "train --data synthetic"), EXIT_DATA);
    says(errors, "network tiny takes 65x32x32 images: expected at most 64 channels of 4096x4096");
    const struct world cropped = {.environment = {{"TINY_MODEL", "cropped"}}};
    ck_assert_int_eq(run_words(&cropped, "train --data synthetic"), EXIT_DATA);
    says(errors, "a crop of 32 pixels: expected less than the side of the images, 32");
    refuses("eval --model none.safetensors --data synthetic", EXIT_DATA);
    says(errors, "none.safetensors: No such file or directory");
}
END_TEST

/* -- Bad files and a bad world ----------------------------------------------------------------- */

START_TEST(a_checkpoint_of_something_else_is_refused)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --out a"), EXIT_OK);
    const struct world renamed = {.environment = {{"TINY_MODEL", "renamed"}}};
    ck_assert_int_eq(run_words(&renamed, "train --resume a/last.safetensors"), EXIT_DATA);
    says(errors, "made by network tiny with norm bn: expected other with norm bn");
    refuses("train --resume a/log.csv", EXIT_DATA);
    says(errors, "a/log.csv: not a safetensors file, or cut: byte 0: header of ");
    refuses("train --resume .", EXIT_DATA);
    says(errors, "./last.safetensors: No such file or directory");
    refuses("train --resume none", EXIT_DATA);
    says(errors, "none: No such file or directory");
}
END_TEST

START_TEST(a_full_disk_keeps_what_was_good)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
    copy("here/last.safetensors", "kept");
    const struct world full = {.file_size = 5000}; /* the log fits, a checkpoint does not */
    ck_assert_int_eq(run_words(&full, "train --resume here/last.safetensors --quiet"), EXIT_FAILED);
    says(errors, "safetensors.tmp: cannot write: File too large");
    same_bytes("kept", "here/last.safetensors");
    ck_assert_msg(!exists("here/best.safetensors.tmp") && !exists("here/last.safetensors.tmp"),
                  "left a temporary file");
    ck_assert_int_eq(run("train --resume here/last.safetensors"), EXIT_OK);
}
END_TEST

START_TEST(standard_output_must_take_everything)
{
    const struct world full = {.standard_output = "/dev/full"};
    ck_assert_int_eq(run_words(&full, "info"), EXIT_FAILED);
    says(errors, "tiny: standard output: cannot write");
    ck_assert_int_eq(run_words(&full, "train --data synthetic --epochs 1 --out here"), EXIT_FAILED);
    says(errors, "tiny: standard output: cannot write");
    ck_assert_msg(exists("here/last.safetensors"), "the training itself was not lost");
}
END_TEST

/* What is printed never lands in a file that was opened in the place of a closed descriptor. */
START_TEST(closed_descriptors_are_not_those_of_files)
{
    static char text[OUTPUT_SIZE];
    struct stat info;
    char path[2 * PATH_SIZE];
    put_path(path, "here/.lock");
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out whole"), EXIT_OK);
    for (unsigned closed = 1; closed < 8; closed++) {
        const struct world world = {.closed = closed};
        ck_assert_int_eq(run_words(&world, "train --data synthetic --epochs 1 --out here"),
                         EXIT_OK);
        same_bytes("here/last.safetensors", "whole/last.safetensors");
        ck_assert_ptr_nonnull(strstr(events("here/log.jsonl", "end", text), "finished"));
        read_text("here/log.csv", text);
        ck_assert_msg(strncmp(text, "epoch,lr,", 9) == 0, "%s", text);
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_int_eq(info.st_size, 0);
        ck_assert_int_eq(run_words(&world, "train --resume nowhere"), EXIT_DATA);
        ck_assert_str_eq(closed & 4 ? errors : "", "");
    }
}
END_TEST

/* `train | head` trains to the end and then says that its words were lost. */
START_TEST(a_reader_who_leaves_ends_no_training)
{
    const struct world world = {.reader_leaves = true};
    ck_assert_int_eq(run("train --data synthetic --epochs 2 --out whole"), EXIT_OK);
    ck_assert_int_eq(run_words(&world, "train --data synthetic --epochs 2 --out here"),
                     EXIT_FAILED);
    says(errors, "tiny: standard output: cannot write");
    same_bytes("here/last.safetensors", "whole/last.safetensors");
    ck_assert_int_eq(run_words(&world, "eval --model here/last.safetensors --out here"),
                     EXIT_FAILED);
    ck_assert(exists("here/eval.json"));
    /* What only prints ends like any other command in a pipe. */
    ck_assert_int_eq(run_words(&world, "info"), 1000 + SIGPIPE);
    ck_assert_str_eq(errors, "");
}
END_TEST

/* OpenBLAS would wait for memory for ever, and starts threads before main: so it is asked for room
 * first, and only by who needs it. */
START_TEST(a_limit_of_address_space_is_told)
{
    enum { MB = 1 << 20 };
    const struct world small = {.address_space = 100 * MB}, larger = {.address_space = 170 * MB};
    if (SANITIZED)
        return;
    ck_assert_int_eq(run_words(&small, "info"), EXIT_OK);
    ck_assert_int_eq(run_words(&larger, "info"), EXIT_OK);
    ck_assert_int_eq(run_words(&larger, "train --data synthetic --epochs 1 --threads 2 --out here"),
                     EXIT_FAILED);
    says(errors, "tiny: the generic kernels need 320 MB of address space on 2 threads: Cannot");
    ck_assert(!exists("here"));
}
END_TEST

/* A path that has no room, or whose files have none, is refused, and others are paths. */
START_TEST(paths_have_an_end)
{
    static const struct {
        const char *command, *option, *more;
        bool is_file;
    } cases[] = {
        {"train", "--resume", NULL, false},     {"train", "--resume", NULL, true},
        {"train", "--out", "synthetic", false}, {"eval", "--model", "synthetic", false},
        {"eval", "--model", "synthetic", true},
    };
    static const size_t lengths[] = {1000, 1023, 1024, 1182, 1183, 1199, 1200, 1210};
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --max-steps 1 --out here"), EXIT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int codes[2] = {0, 0};
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            char path[1400] = "here", words[5][40];
            size_t used = strlen(path), tail = cases[i].is_file ? strlen("last.safetensors") : 0;
            memset(path + used, '/', lengths[k] - used);
            snprintf(path + lengths[k] - tail, sizeof path - lengths[k] + tail, "%s",
                     tail > 0 ? "last.safetensors" : "");
            snprintf(words[0], sizeof words[0], "tiny");
            snprintf(words[1], sizeof words[1], "%s", cases[i].command);
            snprintf(words[2], sizeof words[2], "%s", cases[i].option);
            snprintf(words[3], sizeof words[3], "--data");
            snprintf(words[4], sizeof words[4], "synthetic");
            char *const arguments[] = {
                words[0], words[1], words[2], path, cases[i].more != NULL ? words[3] : NULL,
                words[4], NULL};
            const int code = run_in(&(struct world){.nobody = false}, arguments);
            ck_assert_msg(code == EXIT_OK || code == EXIT_DATA || code == EXIT_USAGE ||
                              code == EXIT_FAILED,
                          "%s %s, %zu: %s", cases[i].command, cases[i].option, lengths[k], errors);
            if (code != EXIT_OK)
                ck_assert_msg(
                    strstr(errors, "too long") != NULL || strstr(errors, ": expected ") != NULL,
                    "%s %s, %zu: %s", cases[i].command, cases[i].option, lengths[k], errors);
            codes[code == EXIT_OK]++;
        }
        ck_assert_msg(codes[0] > 0 && codes[1] > 0, "%s %s: %d refused: %s", cases[i].command,
                      cases[i].option, codes[0], errors);
    }
}
END_TEST

START_TEST(two_trainings_do_not_share_a_folder)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --out here"), EXIT_OK);
    copy("here/last.safetensors", "kept");
    char path[2 * PATH_SIZE];
    put_path(path, "here/.lock");
    int fd = open(path, O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
    ck_assert_int_eq(run("train --data synthetic --max-steps 1 --out here"), EXIT_FAILED);
    says(errors, "here: another training writes here: expected a folder of its own (--out)");
    same_bytes("kept", "here/last.safetensors");
    close(fd);
}
END_TEST

/* What the user lets others do, but never that all may write. */
START_TEST(files_have_sane_modes)
{
    static const mode_t masks[] = {0, 022, 077};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        char name[20], path[2 * PATH_SIZE], words[200];
        snprintf(name, sizeof name, "with_%o", masks[i]);
        snprintf(words, sizeof words, "train --data synthetic --epochs 2 --threads 1 --out %s",
                 name);
        mode_t before = umask(masks[i]);
        ck_assert_int_eq(run(words), EXIT_OK);
        snprintf(words, sizeof words,
                 "eval --data synthetic --model %s/last.safetensors --threads 1 --out %s", name,
                 name);
        ck_assert_int_eq(run(words), EXIT_OK);
        umask(before);
        put_path(path, name);
        struct stat info;
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_int_eq(info.st_mode & 07777, 0777 & ~(masks[i] | S_IWOTH));
        DIR *dir = opendir(path);
        int files = 0;
        ck_assert_ptr_nonnull(dir);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            ck_assert_int_eq(fstatat(dirfd(dir), entry->d_name, &info, 0), 0);
            if (S_ISREG(info.st_mode)) {
                ck_assert_msg((info.st_mode & 07777) == (0666 & ~(masks[i] | S_IWOTH)),
                              "%s: mode %o", entry->d_name, info.st_mode & 07777);
                files++;
            }
        }
        closedir(dir);
        ck_assert_int_ge(files, 6); /* .lock, two logs, two checkpoints, eval.json */
    }
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_named)
{
    char path[2 * PATH_SIZE];
    ck_assert_int_eq(run("train --data synthetic --out stdout/here"), EXIT_FAILED);
    says(errors, "stdout/here: cannot create the folder: Not a directory");
    /* Another user, as root may write everywhere: a folder of theirs with a locked one inside. */
    put_path(path, "locked");
    ck_assert_int_eq(mkdir(path, 0555), 0);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    const struct world nobody = {.nobody = true};
    ck_assert_int_eq(run_words(&nobody, "train --data synthetic --out locked"), EXIT_FAILED);
    says(errors, "locked/.lock: cannot write: Permission denied");
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("program");
    TCase *usage = tcase_create("usage");
    tcase_add_checked_fixture(usage, make_folder, remove_folder);
    tcase_set_timeout(usage, 60);
    tcase_add_test(usage, usage_errors_have_code_2);
    tcase_add_test(usage, help_lists_every_option);
    tcase_add_test(usage, info_prints_the_layers);
    tcase_add_test(usage, a_foreign_cpu_is_told_what_to_make);
    tcase_add_test(usage, tiles_need_a_cpu_and_a_kernel);
    tcase_add_test(usage, missing_data_has_code_3);
    suite_add_tcase(suite, usage);

    TCase *world = tcase_create("world");
    tcase_add_checked_fixture(world, make_folder, remove_folder);
    tcase_set_timeout(world, 240);
    tcase_add_test(world, a_checkpoint_of_something_else_is_refused);
    tcase_add_test(world, a_full_disk_keeps_what_was_good);
    tcase_add_test(world, standard_output_must_take_everything);
    tcase_add_test(world, closed_descriptors_are_not_those_of_files);
    tcase_add_test(world, a_reader_who_leaves_ends_no_training);
    tcase_add_test(world, a_limit_of_address_space_is_told);
    tcase_add_test(world, paths_have_an_end);
    tcase_add_test(world, two_trainings_do_not_share_a_folder);
    tcase_add_test(world, files_have_sane_modes);
    tcase_add_test(world, a_folder_that_cannot_be_written_is_named);
    suite_add_tcase(suite, world);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
