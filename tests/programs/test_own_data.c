/* test_own_data.c - a network for MNIST's shape on files that others make: it learns from IDX
 * files, and from the same images as floats in an .npz it makes the same steps. */
#define _GNU_SOURCE /* nftw */
#include "data_files.h"

#include <math.h>
#include <sys/wait.h>

#include "data/synthetic.h"
#include "file/safetensors.h"

enum { TRAIN = 1000, TEST = 300, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, STEPS = 20 };

static const struct data_shape shape = {1, SIDE, SIDE, CLASSES};
static struct data parts[2];

/* A command, in the folder; what it prints goes to the file output. */
static void executes(const char *words, int code)
{
    char command[1600];
    snprintf(command, sizeof command, "cd '%s' && %s > output 2>&1", files_folder, words);
    int status = system(command);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "%s: status %d", command,
                  status);
}

/* A command of the program. */
static void runs(const char *arguments, int code)
{
    char words[1000];
    snprintf(words, sizeof words, "'%s/grey_gn' %s", PROGRAMS_DIR, arguments);
    executes(words, code);
}

static char *text_of(const char *name)
{
    static char text[1 << 17];
    FILE *file = fopen(files_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void prints(const char *expected)
{
    const char *text = text_of("output");
    ck_assert_msg(strstr(text, expected) != NULL, "expected \"%s\" in:\n%s", expected, text);
}

static void put_idx(const char *images, const char *labels, const struct data *data)
{
    const size_t pixels = (size_t)data->count * PIXELS;
    uint8_t *bytes = malloc(pixels + 16);
    ck_assert_ptr_nonnull(bytes);
    size_t size = files_idx(bytes, 3, (const int[]){data->count, SIDE, SIDE}, data->images[0]);
    files_put_gz(images, bytes, size);
    size = files_idx(bytes, 1, &data->count, data->labels);
    files_put(labels, bytes, size);
    free(bytes);
}

/* The same images as floats from 0 to 1, with an axis for the channel behind the others; those to
 * test with perhaps as bytes. */
static void put_npz(bool bytes_to_test)
{
    static const char *const names[] = {"x_train.npy", "x_test.npy", "y_train.npy", "y_test.npy"};
    struct files_entry entries[4];
    uint8_t *npy[4];
    for (int part = 0; part < 2; part++) {
        const size_t count = (size_t)parts[part].count;
        char dictionary[120];
        float *floats = malloc(count * PIXELS * sizeof *floats);
        npy[part] = malloc(count * PIXELS * sizeof *floats + 256);
        npy[part + 2] = malloc(count + 256);
        for (size_t i = 0; i < count * PIXELS; i++)
            floats[i] = ((const uint8_t *)parts[part].images[0])[i] / 255.0f;
        const bool bytes = part == DATA_TEST && bytes_to_test;
        snprintf(dictionary, sizeof dictionary,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, 28, 28, 1), }",
                 bytes ? "|u1" : "<f4", count);
        entries[part] = (struct files_entry){
            names[part], npy[part],
            files_npy(npy[part], dictionary, bytes ? parts[part].images[0] : floats,
                      count * PIXELS * (bytes ? 1 : sizeof *floats))};
        snprintf(dictionary, sizeof dictionary,
                 "{'descr': '|u1', 'fortran_order': False, 'shape': (%zu,), }", count);
        entries[part + 2] =
            (struct files_entry){names[part + 2], npy[part + 2],
                                 files_npy(npy[part + 2], dictionary, parts[part].labels, count)};
        free(floats);
    }
    files_put_zip("x.npz", entries, 4, ZIP_CM_STORE);
    for (int i = 0; i < 4; i++)
        free(npy[i]);
}

static void read_losses(const char *log, double losses[STEPS])
{
    int n = 0;
    for (const char *at = text_of(log); n < STEPS; n++) {
        at = strstr(at, "\"event\":\"step\"");
        ck_assert_ptr_nonnull(at);
        at = strstr(at, "\"loss\":");
        losses[n] = strtod(at + strlen("\"loss\":"), NULL);
    }
}

static void start(void)
{
    struct err err = {0};
    files_make();
    ck_assert(synthetic_open(&parts[DATA_TRAIN], &shape, DATA_TRAIN, TRAIN, &err));
    ck_assert(synthetic_open(&parts[DATA_TEST], &shape, DATA_TEST, TEST, &err));
    put_idx("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", &parts[DATA_TRAIN]);
    put_idx("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte", &parts[DATA_TEST]);
}

static void stop(void)
{
    data_close(&parts[0]);
    data_close(&parts[1]);
    files_remove();
}

START_TEST(learns_from_idx)
{
    files_put("classes.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", 20);
    runs("train --data . --out run --threads 2", 0);
    prints("\n1000 training and 300 test images, 20 steps an epoch\n");
    const char *best = strstr(text_of("output"), "best test accuracy ");
    ck_assert_ptr_nonnull(best);
    double accuracy = strtod(best + strlen("best test accuracy "), NULL);
    ck_assert_msg(accuracy > 30, "%g %% of 10 classes", accuracy);
    prints(" MB of memory\n");
    ck_assert_ptr_nonnull(strstr(text_of("run/log.jsonl"), ",\"peak_memory_mb\":"));
    ck_assert_ptr_nonnull(strstr(text_of("run/log.csv"), ",idx\n"));
    runs("eval --data . --model run/best.safetensors", 0);
    prints("300 test images of .");
    prints("\n  j            ");
}
END_TEST

/* Rounding alone tells floats from bytes; a probe and an evaluation read them, too. */
START_TEST(floats_make_the_same_steps)
{
    static const char options[] = "--epochs 1 --log-steps --threads 1 --probe 10";
    char words[200];
    double of_bytes[STEPS], of_floats[STEPS];
    put_npz(false);
    snprintf(words, sizeof words, "train --data . --out bytes %s", options);
    runs(words, 0);
    read_losses("bytes/log.jsonl", of_bytes);
    snprintf(words, sizeof words, "train --data x.npz --layout nhwc --out floats %s", options);
    runs(words, 0);
    read_losses("floats/log.jsonl", of_floats);
    ck_assert_double_gt(of_bytes[0] - of_bytes[STEPS - 1], 0.1);
    for (int i = 0; i < STEPS; i++)
        ck_assert_msg(fabs(of_bytes[i] - of_floats[i]) < 1e-3, "step %d: %g and %g", i + 1,
                      of_bytes[i], of_floats[i]);
    runs("eval --data x.npz --model floats/best.safetensors --out details", 0);
    prints("300 test images of x.npz");
    runs("eval --data . --model floats/best.safetensors", 2); /* no array has a layout */
    prints("--layout nhwc: . is no array: expected none");
    runs("eval --data . --model floats/best.safetensors --layout none", 0);
    prints("300 test images of .");
    runs("train --data x.npz --layout nchw --out other", 3);
    prints("network grey takes 1x28x28 images of 10 classes, and x.npz has 28x28x1 images of 10: "
           "expected the same; a description for these images says: input = { 28, 28, 1 }");
}
END_TEST

static void forget_metadata(const char *name)
{
    struct safetensors file = {0};
    struct err err = {0};
    ck_assert_msg(safetensors_open(&file, files_path(name), &err), "%s", err.message);
    ck_assert_msg(safetensors_save(files_path(name), NULL, file.tensors, file.count, NULL, 0, &err),
                  "%s", err.message);
    safetensors_close(&file);
}

/* In an .npz, and in another of which the model does not say how it is normalised. */
START_TEST(both_parts_are_of_one_type)
{
    static const char expected[] =
        "x.npz: the training images are floats, the test images bytes: expected both of one type";
    put_npz(true);
    runs("train --data x.npz --layout nhwc --out run", 3);
    prints(expected);
    executes("'" BURIN_PATH "' data --layout nhwc x.npz", 3);
    prints(expected);
    runs("train --data x.npz --layout nhwc --out run --validate 100 --max-steps 1", 0);
    runs("eval --data x.npz --layout nhwc --model run/last.safetensors", 0);
    forget_metadata("run/last.safetensors");
    runs("eval --data x.npz --layout nhwc --model run/last.safetensors", 3);
    prints(expected);
}
END_TEST

/* `burin data` and what `make train` asks it, before anything is compiled. */
START_TEST(burin_says_what_lies_there)
{
    static const struct {
        const char *words;
        int code;
        const char *expected;
    } cases[] = {
        {".", 0,
         ".: idx, 1x28x28 images, 10 classes\n  1000 training images, 300 test images\n"
         "  classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"
         "  a description says: input = { 1, 28, 28 }, classes = 10\n"},
        {"x.npz --layout nhwc", 0, "x.npz: npz, 1x28x28 images of floats, 10 classes\n"},
        {"x.npz", 3, "burin: x.npz: x_train.npy (1000, 28, 28, 1): images of 1x28x28"},
        {"--for 'grey 1x28x28 10' x.npz", 0, "x.npz: npz, 1x28x28 images of floats"},
        {"--for 'grey 1x28x28 10' x.npz -- --epochs 3 --layout=nchw", 3,
         "burin: network grey takes 1x28x28 images of 10 classes, and x.npz has 28x28x1 images"},
        {"--for 'lenet 3x32x32 10' .", 3,
         "burin: network lenet takes 3x32x32 images of 10 classes, and . has 1x28x28 images of 10: "
         "expected the same; a description for these images says: input = { 1, 28, 28 }"},
        {". -- --epochs 3 --labels plain", 0, ".: idx, 1x28x28 images"},
        {". -- --labels letters", 2, "burin: --labels letters: .: expected what is there: plain"},
        {"--for grey .", 2, "burin: data: --for grey: expected what `burin plan --pass shape`"},
        {"synthetic", 0, ""},
        {"nowhere", 3, "burin: nowhere: no such file or folder"},
        {". .", 2, "burin: data: expected one path, got 2"},
    };
    put_npz(false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[300];
        snprintf(words, sizeof words, "'%s' data %s", BURIN_PATH, cases[i].words);
        executes(words, cases[i].code);
        const char *output = text_of("output");
        ck_assert_msg(strncmp(output, cases[i].expected, strlen(cases[i].expected)) == 0,
                      "data %s: %s", cases[i].words, output);
    }
    executes("'" BURIN_PATH "' plan --pass shape --norm gn lenet", 0);
    ck_assert_str_eq(text_of("output"), "lenet 3x32x32 10\n");
}
END_TEST

/* A test part that cannot be read ends `make train` before it compiles, but where the training
 * holds out images of its own. */
START_TEST(burin_looks_at_the_test_part)
{
    static const struct {
        const char *words;
        int code;
        const char *expected;
    } cases[] = {
        {"short", 0, "classes = 10\n  no test images: short/t10k-images-idx3-ubyte"},
        {"--for 'grey 1x28x28 10' short", 3, "burin: short/t10k-images-idx3-ubyte"},
        {"--for 'grey 1x28x28 10' short -- --validate 0", 3, "burin: short/t10k-images-idx3"},
        {"--for 'grey 1x28x28 10' short -- --validate=100", 0, "  no test images: short/t10k-im"},
        {"--for 'grey 1x28x28 10' short -- --resume run", 0, "  no test images: short/t10k-im"},
    };
    executes("mkdir short && cp t*-ubyte* short && rm short/t10k-images-idx3-ubyte.gz", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[300];
        snprintf(words, sizeof words, "'%s' data %s", BURIN_PATH, cases[i].words);
        executes(words, cases[i].code);
        prints(cases[i].expected);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("own data");
    TCase *tests = tcase_create("own data");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, learns_from_idx);
    tcase_add_test(tests, burin_says_what_lies_there);
    tcase_add_test(tests, burin_looks_at_the_test_part);
    tcase_add_test(tests, floats_make_the_same_steps);
    tcase_add_test(tests, both_parts_are_of_one_type);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
