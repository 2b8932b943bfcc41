/* test_file_faults.c - every call that can fail fails once while a file is written, pictures,
 * images or their list are read, or a loader is opened: a message, or what comes without the
 * failure; and nothing stays open.
 *
 *     test_file_faults        every place that calls
 *     test_file_faults all    every call
 */
#define _GNU_SOURCE /* nftw */
#include "data/cifar.h"
#include "data/format.h"
#include "data/loader.h"
#include "file/outfile.h"
#include "file/rundir.h"
#include "picture_files.h"

#include "faulty_program.h" /* whose `errors` others would hide */

static enum faults_mode mode = FAULTS_PLACE;

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
 * that cannot be written costs time alone. */
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
    for (long n = 1; report.failed && n < LONGEST; n++) {
        clear_folder("here");
        if (n % 2 == 0)
            unlink("pictures/.burin-3x32x32-none.cache");
        rewind(stdout);
        rewind(stderr);
        ck_assert_int_eq(ftruncate(STDOUT_FILENO, 0) | ftruncate(STDERR_FILENO, 0), 0);
        int code = disturb(commands[_i], n, mode, &report);
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

/* -- Figures ----------------------------------------------------------------------------------- */

/* What looks into a network, and what measures it: long chains of JSON, each link of which is
 * memory. */
START_TEST(figures_are_made_or_it_is_said_why_not)
{
    static const char *const commands[] = {
        "train --data synthetic --probe 1 --max-steps 1 --threads 1 --quiet --out here",
        "eval --data synthetic --model model --threads 1 --out here --samples here/samples",
        "bench --steps 1 --threads 1 --json here/bench.json --start here --profile",
    };
    enter();
    ck_assert_int_eq(call(TRAIN "model --max-steps 1 --quiet"), EXIT_OK);
    struct faults_report report = {.failed = true};
    int told = 0;
    for (long n = 1; report.failed && n < LONGEST; n++) {
        clear_folder("here");
        ck_assert_int_eq(mkdir("here", 0777), 0);
        fflush(stderr);
        rewind(stderr);
        ck_assert_int_eq(ftruncate(STDERR_FILENO, 0), 0);
        int code = disturb(commands[_i], n, mode, &report);
        ck_assert_msg(report.files == 0, "call %ld, %s: %ld files are not closed", n, report.call,
                      report.files);
        ck_assert_msg(report.memory == 0, "call %ld, %s: %ld blocks are not freed", n, report.call,
                      report.memory);
        ck_assert_msg(report.failed || code == EXIT_OK, "call %ld: failed by itself", n);
        if (code > EXIT_OK)
            said_why(n, &report, code);
        told += code != EXIT_OK;
    }
    ck_assert(!report.failed);
    ck_assert_int_gt(told, 20); /* not by luck: there were calls */
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
        /* Whether an entry is a folder with pictures, or there, is asked after the folder itself.
         */
        bool of_entry =
            n > 2 && (strcmp(report.call, "opendir") == 0 || strcmp(report.call, "stat") == 0);
        bool harmless =
            of_entry || (of_list && n > 15 && n < 24) || strcmp(report.call, "fclose") == 0;
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

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "all") == 0)
        mode = FAULTS_ONCE;
    Suite *suite = suite_create("file_faults");
    TCase *files = tcase_create("file_faults");
    tcase_set_timeout(files, 800);
    tcase_add_test(files, every_error_of_a_written_file_is_told);
    tcase_add_test(files, every_error_of_read_data_is_told);
    tcase_add_loop_test(files, pictures_are_read_or_it_is_said_why_not, 0, 3);
    tcase_add_loop_test(files, figures_are_made_or_it_is_said_why_not, 0, 3);
    tcase_add_test(files, folders_are_made_or_say_why);
    tcase_add_test(files, a_loader_opens_whole_or_not_at_all);
    suite_add_tcase(suite, files);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
