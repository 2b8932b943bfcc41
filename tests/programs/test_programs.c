/* test_programs.c - generated programs as a user runs them: s8 with each norm, trained by its own
 * kernels on real steps.
 *
 * `test_programs cifar10` trains on files of CIFAR-10: the real ones where $CIFAR10_DIR says so, or
 * else ones that it makes of the synthetic images, so that no machine is without this test.
 *
 * PROGRAMS_DIR holds s8_bn, s8_gn and s8_ln for this processor. Every test starts programs in a
 * folder of its own and looks at their exit code, what they print and the files they leave. All of
 * the recipe is on unless a test says otherwise: shuffling, augmentation and dropout.
 */
#include <cJSON.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/cifar.h"
#include "data/synthetic.h"
#include "digest.h"
#include "sys/err.h"

enum { NORMS = 3, MAX_WORDS = 32, PATH_SIZE = 512 };

static const char *const norms[NORMS] = {"bn", "gn", "ln"};

static char folder[PATH_SIZE / 2];

/* -- Files ------------------------------------------------------------------------------------- */

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_programs.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    char command[PATH_SIZE];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

struct text {
    char *bytes; /* size bytes and a zero */
    size_t size;
};

static struct text read_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(fstat(fileno(file), &status), 0);
    struct text text = {malloc((size_t)status.st_size + 1), (size_t)status.st_size};
    ck_assert_ptr_nonnull(text.bytes);
    ck_assert_uint_eq(fread(text.bytes, 1, text.size, file), text.size);
    text.bytes[text.size] = '\0';
    fclose(file);
    return text;
}

static void expect_same_bytes(const char *path, const char *reference)
{
    struct text a = read_file(path), b = read_file(reference);
    ck_assert_msg(a.size == b.size, "%s has %zu bytes, %s has %zu", path, a.size, reference,
                  b.size);
    for (size_t i = 0; i < a.size; i++)
        if (a.bytes[i] != b.bytes[i])
            ck_abort_msg("%s and %s differ at byte %zu of %zu", path, reference, i, a.size);
    free(a.bytes);
    free(b.bytes);
}

static void expect_output(const char *needle)
{
    struct text output = read_file("output");
    ck_assert_msg(strstr(output.bytes, needle) != NULL, "expected \"%s\" in:\n%s", needle,
                  output.bytes);
    free(output.bytes);
}

/* -- Programs ---------------------------------------------------------------------------------- */

/* Becomes the program; what it prints goes to the file `output`. */
static void become(const char *path, char **words)
{
    int fd = open("output", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
        execv(path, words);
    _exit(127);
}

/* Runs s8_<norm> with words separated by blanks; returns its exit code. */
static int run(const char *norm, const char *arguments)
{
    char path[PATH_SIZE], text[PATH_SIZE];
    char *words[MAX_WORDS] = {path};
    int count = 1;
    snprintf(path, sizeof path, "%s/s8_%s", PROGRAMS_DIR, norm);
    int length = snprintf(text, sizeof text, "%s", arguments);
    ck_assert_int_lt(length, (int)sizeof text);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        ck_assert_int_lt(count, MAX_WORDS - 1);
        words[count++] = word;
    }

    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        become(path, words);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "%s %s: ended by signal %d", path, arguments,
                  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return WEXITSTATUS(status);
}

static void expect_run(const char *norm, const char *arguments, int code)
{
    int got = run(norm, arguments);
    if (got != code) {
        struct text output = read_file("output");
        ck_abort_msg("s8_%s %s: exit code %d, expected %d\n%s", norm, arguments, got, code,
                     output.bytes);
    }
}

/* A training on the synthetic set that must succeed. */
static void train(const char *norm, const char *arguments)
{
    char all[PATH_SIZE];
    snprintf(all, sizeof all, "train --data synthetic --quiet %s", arguments);
    expect_run(norm, all, EXIT_OK);
}

/* Losses of the steps 1 .. count from a log. */
static void read_losses(const char *path, double *losses, int count)
{
    struct text log = read_file(path);
    int found = 0;
    for (char *line = strtok(log.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *json = cJSON_Parse(line);
        const char *event = cJSON_GetStringValue(cJSON_GetObjectItem(json, "event"));
        ck_assert_msg(event != NULL, "%s: no event: %s", path, line);
        if (strcmp(event, "step") == 0 && found < count) {
            ck_assert_double_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "step")), found + 1);
            losses[found++] = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "loss"));
        }
        cJSON_Delete(json);
    }
    ck_assert_msg(found == count, "%s: %d steps, expected %d", path, found, count);
    free(log.bytes);
}

/* -- Tests ------------------------------------------------------------------------------------- */

START_TEST(thread_count_does_not_change_a_bit)
{
    static const int threads[] = {1, 2, 3, 5, 8, 16}; /* 1: run to run */
    make_folder();
    train(norms[_i], "--max-steps 4 --threads 1 --out one");
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        char words[80];
        snprintf(words, sizeof words, "--max-steps 4 --threads %d --out many%zu", threads[i], i);
        train(norms[_i], words);
        snprintf(words, sizeof words, "many%zu/last.safetensors", i);
        expect_same_bytes(words, "one/last.safetensors");
    }
    train(norms[_i], "--max-steps 4 --seed 2 --out other");
    struct text a = read_file("one/last.safetensors"), b = read_file("other/last.safetensors");
    ck_assert_msg(a.size != b.size || memcmp(a.bytes, b.bytes, a.size) != 0,
                  "the seed has no influence");
    free(a.bytes);
    free(b.bytes);
    remove_folder();
}
END_TEST

/* Over the end of an epoch, and stopped in the middle of two of them. */
START_TEST(resuming_equals_not_stopping)
{
    make_folder();
    train(norms[_i], "--epochs 2 --max-steps 35 --threads 2 --out whole");
    train(norms[_i], "--epochs 2 --max-steps 3 --threads 2 --out parts");
    expect_run(norms[_i],
               "train --quiet --resume parts/last.safetensors --max-steps 35 --threads 1", EXIT_OK);
    expect_same_bytes("parts/last.safetensors", "whole/last.safetensors");
    expect_same_bytes("parts/best.safetensors", "whole/best.safetensors");
    remove_folder();
}
END_TEST

/* Without augmentation and dropout both backends compute the same function, but they round sums in
 * different orders. The sign of a ReLU's argument then differs here and there, and training
 * multiplies what came of it from step to step: at the recipe's rate PyTorch in float32 and in
 * float64 are 1e-3 apart after five steps, from the same start. At this small rate a dozen steps
 * stay within 2e-4, for them and for us. */
#define CALM "--max-steps 12 --lr 0.002 --no-augment --no-dropout --log-steps "

START_TEST(generated_follows_generic)
{
    enum { STEPS = 12 };
    double generated[STEPS], generic[STEPS];
    make_folder();
    train(norms[_i], CALM "--out generated");
    train(norms[_i], CALM "--out generic --backend generic");
    read_losses("generated/log.jsonl", generated, STEPS);
    read_losses("generic/log.jsonl", generic, STEPS);
    for (int i = 0; i < STEPS; i++)
        ck_assert_msg(fabs(generated[i] - generic[i]) <= 1e-3 * generic[i],
                      "step %d: loss %.7f, the generic kernels have %.7f", i + 1, generated[i],
                      generic[i]);
    remove_folder();
}
END_TEST

START_TEST(synthetic_is_said_everywhere)
{
    make_folder();
    expect_run("bn", "train --data synthetic --max-steps 2 --out out", EXIT_OK);
    struct text output = read_file("output"), log = read_file("out/log.jsonl");
    for (char *line = strtok(output.bytes, "\n"); line != NULL; line = strtok(NULL, "\n"))
        ck_assert_msg(strncmp(line, "SYNTHETIC", 9) == 0, "not marked: %s", line);
    for (char *line = strtok(log.bytes, "\n"); line != NULL; line = strtok(NULL, "\n"))
        ck_assert_msg(strstr(line, "\"SYNTHETIC\"") != NULL, "not marked: %s", line);
    free(output.bytes);
    free(log.bytes);
    remove_folder();
}
END_TEST

START_TEST(evaluation_loads_what_training_saved)
{
    make_folder();
    train(norms[_i], "--epochs 1 --out out");
    expect_run(norms[_i], "eval --data synthetic --model out/best.safetensors", EXIT_OK);
    expect_output("1000 test images");
    char line[64];
    struct text log = read_file("out/log.csv"); /* the accuracy stands there as eval prints it */
    ck_assert_msg(strchr(log.bytes, '\n') != NULL, "log.csv has no lines: %s", log.bytes);
    const char *epoch = strchr(log.bytes, '\n') + 1;
    double accuracy;
    ck_assert_msg(sscanf(epoch, "%*d,%*f,%*f,%*f,%*f,%lf", &accuracy) == 1, "log.csv: %s", epoch);
    snprintf(line, sizeof line, "accuracy %.2f %%", accuracy);
    expect_output(line);
    free(log.bytes);
    remove_folder();
}
END_TEST

START_TEST(exit_codes)
{
    make_folder();
    ck_assert_int_eq(unsetenv("CIFAR10_DIR"), 0);
    expect_run("bn", "info", EXIT_OK);
    expect_output("conv11");
    expect_run("bn", "sing", EXIT_USAGE);
    expect_run("bn", "train --epochs many", EXIT_USAGE);
    expect_run("bn", "train", EXIT_DATA);
    expect_output("data/cifar-10-batches-bin");
    expect_run("bn", "train --data nowhere", EXIT_DATA);
    expect_run("bn", "eval --data synthetic --model nothing.safetensors", EXIT_DATA);
    expect_run("bn", "train --data synthetic --no-dropout --lr 1e6 --max-steps 5", EXIT_DIVERGED);
    remove_folder();
}
END_TEST

START_TEST(other_norms_model_is_refused)
{
    make_folder();
    train("gn", "--max-steps 1 --out gn");
    expect_run("bn", "eval --data synthetic --model gn/last.safetensors", EXIT_DATA);
    remove_folder();
}
END_TEST

/* -- CIFAR-10 ---------------------------------------------------------------------------------- */

enum { RECORDS = 10000, PARTS = 5, DIFFERENT = 1000 /* images, of a part or the test set */ };

static const char *const data_files[PARTS + 1] = {"data_batch_1.bin", "data_batch_2.bin",
                                                  "data_batch_3.bin", "data_batch_4.bin",
                                                  "data_batch_5.bin", "test_batch.bin"};

/* Writes the records of a file: DIFFERENT images from `first` on, again and again. */
static void put_records(const char *path, const struct data *data, int first)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    for (int i = 0; i < RECORDS; i++) {
        size_t image = (size_t)(first + i % DIFFERENT);
        ck_assert_int_eq(putc(data->labels[image], file), data->labels[image]);
        ck_assert_uint_eq(fwrite(data->images[image], CIFAR_PIXELS, 1, file), 1);
    }
    ck_assert_int_eq(fclose(file), 0);
}

/* A folder `made` with the six files, here. */
static void make_records(void)
{
    struct data train = {0}, test = {0};
    struct err err = {0};
    char path[PATH_SIZE];
    ck_assert_int_eq(mkdir("made", 0777), 0);
    ck_assert_msg(synthetic_open(&train, &cifar_shape, DATA_TRAIN, PARTS * DIFFERENT, &err) &&
                      synthetic_open(&test, &cifar_shape, DATA_TEST, DIFFERENT, &err),
                  "%s", err.message);
    for (int k = 0; k <= PARTS; k++) {
        snprintf(path, sizeof path, "made/%s", data_files[k]);
        put_records(path, k < PARTS ? &train : &test, k < PARTS ? k * DIFFERENT : 0);
    }
    data_close(&train);
    data_close(&test);
}

/* A hundred steps: far from trained, and far from chance. */
START_TEST(learns_from_cifar10)
{
    double losses[100], sum = 0;
    make_folder();
    if (getenv("CIFAR10_DIR") == NULL) {
        make_records();
        ck_assert_int_eq(setenv("CIFAR10_DIR", "made", 1), 0);
    }
    expect_run(norms[_i], "train --epochs 1 --max-steps 100 --log-steps --out out", EXIT_OK);
    expect_output("\n50000 training and 10000 test images, 391 steps an epoch\n");
    read_losses("out/log.jsonl", losses, 100);
    for (int i = 90; i < 100; i++)
        sum += losses[i];
    ck_assert_msg(sum / 10 < 1.9, "the loss of the steps 91 to 100 is %.3f", sum / 10);
    expect_run(norms[_i], "eval --model out/last.safetensors", EXIT_OK);
    expect_output("10000 test images");
    remove_folder();
}
END_TEST

static void put_digests(const char *mark)
{
    FILE *sums = fopen("made/SHA256SUMS", "w");
    ck_assert_ptr_nonnull(sums);
    fputs(mark, sums);
    for (int k = 0; k <= PARTS; k++) {
        char path[PATH_SIZE], hex[SHA256_HEX_SIZE];
        snprintf(path, sizeof path, "made/%s", data_files[k]);
        struct text file = read_file(path);
        ck_assert(digest(hex, file.bytes, file.size));
        fprintf(sums, "%s  %s\n", hex, data_files[k]);
        free(file.bytes);
    }
    ck_assert_int_eq(fclose(sums), 0);
}

/* What the program says of files that are whole, unknown, official, changed, short and gone. */
START_TEST(files_are_judged)
{
    static const char words[] = "train --data made --max-steps 1 --threads 1 --out out";
    make_folder();
    make_records();
    expect_run("gn", words, EXIT_OK);
    expect_output("made: whether these are the official files is not known: no SHA256SUMS beside them");
    put_digests("");
    expect_run("gn", words, EXIT_OK);
    expect_output("is not that of `make data`, which begins with");
    put_digests(CIFAR_OFFICIAL_MARK "\n");
    expect_run("gn", words, EXIT_OK);
    struct text output = read_file("output");
    ck_assert_msg(strstr(output.bytes, "warning") == NULL, "%s", output.bytes);
    free(output.bytes);

    FILE *file = fopen("made/test_batch.bin", "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, -1, SEEK_END), 0);
    int last = getc(file);
    ck_assert_int_eq(fseek(file, -1, SEEK_END), 0);
    ck_assert_int_ne(putc(last ^ 1, file), EOF);
    ck_assert_int_eq(fclose(file), 0);
    expect_run("gn", words, EXIT_OK);
    expect_output("made/test_batch.bin: differs from the SHA256SUMS beside it");

    ck_assert_int_eq(truncate("made/data_batch_3.bin", RECORDS * (1 + CIFAR_PIXELS) - 7), 0);
    expect_run("gn", words, EXIT_DATA);
    expect_output("made/data_batch_3.bin: 7 bytes short: expected 30730000");
    ck_assert_int_eq(remove("made/data_batch_3.bin"), 0);
    expect_run("gn", words, EXIT_DATA);
    expect_output("made/data_batch_3.bin: no such file: expected data_batch_1.bin to");
    remove_folder();
}
END_TEST

static void add_synthetic_tests(Suite *suite)
{
    TCase *tcase = tcase_create("synthetic");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, thread_count_does_not_change_a_bit, 0, NORMS);
    tcase_add_loop_test(tcase, resuming_equals_not_stopping, 0, NORMS);
    tcase_add_loop_test(tcase, generated_follows_generic, 0, NORMS);
    tcase_add_loop_test(tcase, evaluation_loads_what_training_saved, 0, NORMS);
    tcase_add_test(tcase, synthetic_is_said_everywhere);
    tcase_add_test(tcase, exit_codes);
    tcase_add_test(tcase, other_norms_model_is_refused);
    suite_add_tcase(suite, tcase);
}

static void add_cifar10_tests(Suite *suite)
{
    TCase *tcase = tcase_create("cifar10");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, learns_from_cifar10, 0, NORMS);
    tcase_add_test(tcase, files_are_judged);
    suite_add_tcase(suite, tcase);
}

/* test_programs [cifar10] */
int main(int argc, char **argv)
{
    bool cifar10 = argc > 1 && strcmp(argv[1], "cifar10") == 0;
    Suite *suite = suite_create("programs");
    if (cifar10)
        add_cifar10_tests(suite);
    else
        add_synthetic_tests(suite);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
