/* test_predict.c - what a model says of pictures in files: as eval has it, to the bit, and nothing
 * of one that cannot be read. */
#include <math.h>
#include <sys/stat.h>

#include "data/normalise.h"
#include "data/synthetic.h"
#include "file/checkpoint.h"
#include "inspect/answer.h"
#include "inspect/evaluate.h"
#include "picture_files.h"
#include "tiny_program.h"

enum { IMAGES = 160, SIDE = 32, PLANE = SIDE * SIDE };

static struct data images;

/* A picture of the test set, as a file of the folder. */
static void put_picture(const char *name, int i, int h, int w)
{
    char path[2 * PATH_SIZE];
    uint8_t *samples = malloc((size_t)(h * w) * 3);
    const uint8_t *planes = images.images[i];
    for (int k = 0; k < 3 * h * w; k++) {
        const int y = k / 3 / w % SIDE, x = k / 3 % w % SIDE;
        samples[k] = planes[k % 3 * PLANE + y * SIDE + x];
    }
    struct png_file like = {.h = h, .w = w, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    struct bytes bytes = make_png(&like, samples);
    put_path(path, name);
    put_bytes(path, &bytes);
    free(bytes.at);
    free(samples);
}

static void put_text(const char *name, const char *text)
{
    char path[2 * PATH_SIZE];
    struct bytes bytes = {(uint8_t *)(uintptr_t)text, strlen(text)};
    put_path(path, name);
    put_bytes(path, &bytes);
}

static void make_in_folder(const char *name)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* A trained model in here/, and the test images. */
static void enter(void)
{
    const struct data_shape shape = {3, SIDE, SIDE, 10};
    struct err err = {0};
    make_folder();
    ck_assert(synthetic_open(&images, &shape, DATA_TEST, IMAGES, &err));
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --threads 1 --out here --quiet"),
                     EXIT_OK);
}

static void leave(void)
{
    data_close(&images);
    remove_folder();
}

/* -- The same as eval -------------------------------------------------------------------------- */

/* The logits that eval has, [IMAGES][10]. */
static void evaluate_images(float *logits)
{
    char path[2 * PATH_SIZE];
    struct safetensors file = {0};
    struct err err = {0};
    struct run run_state;
    struct loader *loader = NULL;
    struct normalisation by;
    struct evaluate_result result;
    put_path(path, "here/best.safetensors");
    tiny_model.backend = &tiny_backend;
    tiny_recipe.batch = 150; /* as with TINY_MODEL=ragged */
    ck_assert(safetensors_open(&file, path, &err));
    ck_assert(normalise_choose(&by, NULL, NULL, &file, &tiny_model, NULL, NULL, DATA_BYTES, &err));
    struct loader_settings settings = {.batch = tiny_model.recipe->batch};
    augment_init(&settings.augment, &by.stats, &images);
    ck_assert(run_open(&run_state, &tiny_model, &tiny_backend, 1, &err));
    ck_assert(loader_open(&loader, &images, &settings, &err));
    ck_assert(checkpoint_load_model(&file, &run_state, &err));
    ck_assert(evaluate(&run_state, loader, logits, INT64_MAX, &result));
    loader_close(loader);
    run_close(&run_state);
    safetensors_close(&file);
}

/* Reads the next line of JSON: these classes, in this order, with these probabilities, exactly or
 * nearly so. */
static const char *expect_line(const char *line, const char *file, const float *logits, int most,
                               double tolerance)
{
    double p[10];
    int order[10];
    answer_probabilities(p, logits, 10);
    answer_rank(order, p, 10, most);
    cJSON *object = cJSON_Parse(line);
    ck_assert_msg(object != NULL, "%s", line);
    ck_assert_str_eq(cJSON_GetObjectItem(object, "file")->valuestring, file);
    const cJSON *classes = cJSON_GetObjectItem(object, "classes");
    ck_assert_int_eq(cJSON_GetArraySize(classes), most);
    for (int i = 0; i < most; i++) {
        const cJSON *one = cJSON_GetArrayItem(classes, i);
        const double found = cJSON_GetObjectItem(one, "probability")->valuedouble;
        ck_assert_str_eq(cJSON_GetObjectItem(one, "class")->valuestring,
                         images.class_names[order[i]]);
        ck_assert_msg(fabs(found - p[order[i]]) <= tolerance, "%s: %.17g, not %.17g", file, found,
                      p[order[i]]);
    }
    cJSON_Delete(object);
    return strchr(line, '\n') + 1;
}

START_TEST(probabilities_are_those_of_eval_to_the_bit)
{
    static float logits[IMAGES * 10];
    static char first[OUTPUT_SIZE];
    evaluate_images(logits);
    make_in_folder("pictures");
    make_in_folder("pictures/more");
    for (int i = 0; i < IMAGES; i++) {
        char name[64];
        snprintf(name, sizeof name, "pictures/%s%03d.png", i < 100 ? "" : "more/", i);
        put_picture(name, i, SIDE, SIDE);
    }
    const struct world world = {.environment = {{"TINY_MODEL", "ragged"}}}; /* batches of 150 */
    ck_assert_int_eq(run_words(&world, "predict --model here --json --threads 1 pictures"),
                     EXIT_OK);
    ck_assert_str_eq(errors, "tiny: note: the model was trained on the SYNTHETIC images\n");
    const char *line = output;
    for (int i = 0; i < IMAGES; i++) {
        char name[64];
        snprintf(name, sizeof name, "pictures/%s%03d.png", i < 100 ? "" : "more/", i);
        line = expect_line(line, name, logits + (ptrdiff_t)i * 10, 5, 0.0);
    }
    ck_assert_str_eq(line, "");
    memcpy(first, output, sizeof first);
    /* A signal in the first batch: its answers are whole, and there are no others. */
    const struct world stopped = {
        .environment = {{"TINY_MODEL", "ragged"}, {"TINY_EVAL_SIGNAL", "15 1"}}};
    ck_assert_int_eq(run_words(&stopped, "predict --model here --json --threads 1 pictures"),
                     EXIT_INTERRUPTED);
    ck_assert_str_eq(errors, "tiny: interrupted by SIGTERM: not all images have answers\n");
    ck_assert_int_eq(memcmp(output, first, strlen(output)), 0);
    int lines = 0;
    for (const char *c = output; *c != '\0'; c++)
        lines += *c == '\n';
    ck_assert_int_eq(lines, 150);
    ck_assert_int_eq(
        run_words(&world, "predict --model here/best.safetensors --json --threads 3 pictures"),
        EXIT_OK);
    ck_assert_str_eq(output, first);

    /* Bad ones between them change nothing but the places of those that follow, whose products
     * OpenBLAS, which this program has, rounds otherwise. */
    put_text("pictures/000a.png", "-");
    put_text("pictures/050a.jpg", "-");
    ck_assert_int_eq(run_words(&world, "predict --model here --json --top 10 pictures"), EXIT_DATA);
    line = output;
    for (int i = 0; i < IMAGES; i++) {
        char name[64];
        snprintf(name, sizeof name, "pictures/%s%03d.png", i < 100 ? "" : "more/", i);
        line = expect_line(line, name, logits + (ptrdiff_t)i * 10, 10, i < 1 ? 0.0 : 1e-6);
        if (i == 0 || i == 50) {
            snprintf(name, sizeof name, "{\"file\":\"pictures/0%s", i == 0 ? "00a.png" : "50a.jpg");
            ck_assert_int_eq(strncmp(line, name, strlen(name)), 0);
            line = strchr(line, '\n') + 1;
        }
    }
    says(errors, "tiny: pictures/000a.png: neither PNG nor JPEG: expected a PNG or JPEG file\n"
                 "tiny: pictures/050a.jpg: neither PNG nor JPEG: expected a PNG or JPEG file\n");
    says(errors, "tiny: 2 of 162 images could not be read\n");
}
END_TEST

START_TEST(the_first_of_equal_classes_comes_first)
{
    static const float logits[] = {1, 2, 2, 1, 2};
    double p[5];
    int order[5];
    answer_probabilities(p, logits, 5);
    answer_rank(order, p, 5, 5);
    ck_assert_mem_eq(order, ((const int[]){1, 2, 4, 0, 3}), sizeof order);
    const double sum = 3 + 2 * exp(-1);
    ck_assert(fabs(p[1] - 1 / sum) < 1e-15 && fabs(p[0] - exp(-1) / sum) < 1e-15);
}
END_TEST

/* The images of a batch are those of three ranks; what one of them cannot read, and what it has
 * converted, all know. The first one gives the others what they need, when it is asked to. */
START_TEST(ranks_answer_what_one_does)
{
    static const char *const ways[] = {"--ranks 3", "--ranks 2 --data-from-root",
                                       "--data-from-root"};
    static char answers[OUTPUT_SIZE], notes[OUTPUT_SIZE];
    const struct world world = {.environment = {{"TINY_MODEL", "ragged"}}}; /* chunks of ten */
    char words[200], name[64];
    make_in_folder("pictures");
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "pictures/%03d.png", i);
        put_picture(name, i, SIDE, i == 25 ? 2 * SIDE : SIDE);
    }
    put_text("pictures/004.png", "-");
    put_text("pictures/015.png", "another");
    put_text("pictures/017.png", "");
    const char *const asked = "predict --model here --json --threads 1 --resize crop pictures";
    ck_assert_int_eq(run_words(&world, asked), EXIT_DATA);
    says(errors, "tiny: 3 of 30 images could not be read\n");
    says(errors, "tiny: note: 1 of 30 images: resized (first pictures/025.png)\n");
    memcpy(answers, output, sizeof answers);
    memcpy(notes, errors, sizeof notes);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        snprintf(words, sizeof words, "%s %s", asked, ways[i]);
        ck_assert_int_eq(run_words(&world, words), EXIT_DATA);
        ck_assert_str_eq(output, answers);
        ck_assert_str_eq(errors, notes);
    }
    ck_assert_int_eq(run_words(&world, "predict --model here --ranks 2 -"), EXIT_USAGE);
    says(errors, "predict: -: standard input is of one process: expected files or ");
    ck_assert_int_eq(run_words(&world, "predict --model none --ranks 2 pictures"), EXIT_DATA);
    says(errors, "rank 0 on ");
    ck_assert_int_eq(run_words(&world, "predict --model here --ranks 2 --data-from-root none/"),
                     EXIT_DATA);
    says(errors, "none/: ");
}
END_TEST

/* -- Ways to say it ---------------------------------------------------------------------------- */

START_TEST(a_table_has_a_row_an_image)
{
    double p[10];
    int order[10];
    char wanted[400];
    static float logits[IMAGES * 10];
    evaluate_images(logits);
    put_picture("a.png", 0, SIDE, SIDE);
    put_picture("long\033name.png", 0, SIDE, SIDE);
    ck_assert_int_eq(run("predict --model here --top 2 a.png long\033name.png"), EXIT_OK);
    answer_probabilities(p, logits, 10);
    answer_rank(order, p, 10, 2);
    snprintf(wanted, sizeof wanted,
             "a.png          %s %.1f %%  %s %.1f %%\nlong?name.png  %s %.1f %%  %s %.1f %%\n",
             images.class_names[order[0]], 100 * p[order[0]], images.class_names[order[1]],
             100 * p[order[1]], images.class_names[order[0]], 100 * p[order[0]],
             images.class_names[order[1]], 100 * p[order[1]]);
    ck_assert_str_eq(output, wanted);
}
END_TEST

/* What moves a terminal's cursor becomes a question mark, of one column; other letters stay. */
START_TEST(names_in_a_table_do_nothing_to_a_terminal)
{
    static const struct {
        const char *name, *shown;
    } cases[] = {
        {"a\177.png", "a?.png "},
        {"a\302\233.png", "a?.png "},
        {"a\302\240.png", "a\302\240.png "},
        {"a\303\274.png", "a\303\274.png "},
    };
    put_picture("longer.png", 0, SIDE, SIDE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[100], row[100];
        put_picture(cases[i].name, 0, SIDE, SIDE);
        snprintf(words, sizeof words, "predict --model here --top 1 %s longer.png", cases[i].name);
        ck_assert_int_eq(run(words), EXIT_OK);
        snprintf(row, sizeof row, "%s     ", cases[i].shown); /* as wide as longer.png */
        ck_assert_msg(strncmp(output, row, strlen(row)) == 0, "case %zu: %s", i, output);
    }
}
END_TEST

START_TEST(fields_of_a_csv_are_quoted)
{
    put_picture("a,\"b\".png", 0, SIDE, SIDE);
    ck_assert_int_eq(run("predict --model here --csv --top 1 a,\"b\".png none.png"), EXIT_DATA);
    says(output, "file,class_1,probability_1,problem\r\n\"a,\"\"b\"\".png\",");
    says(output, ",\r\nnone.png,,,none.png: cannot open: No such file or directory\r\n");
}
END_TEST

START_TEST(an_image_comes_from_standard_input)
{
    static char wanted[OUTPUT_SIZE];
    char path[2 * PATH_SIZE];
    put_picture("a.png", 3, SIDE, SIDE);
    ck_assert_int_eq(run("predict --model here --csv a.png"), EXIT_OK);
    memcpy(wanted, output, sizeof wanted);
    put_path(path, "a.png");
    ck_assert_ptr_nonnull(freopen(path, "rb", stdin));
    ck_assert_int_eq(run("predict --model here --csv -"), EXIT_OK);
    const char *field = strstr(wanted, "a.png,");
    ck_assert_int_eq(strncmp(strstr(output, "\n-,") + 3, field + 6, strlen(field + 6)), 0);
    ck_assert_ptr_nonnull(freopen("/dev/null", "rb", stdin));
    ck_assert_int_eq(run("predict --model here -"), EXIT_DATA);
    says(errors, "tiny: standard input: empty: expected a PNG or JPEG file\n");
}
END_TEST

START_TEST(other_sizes_are_resized_on_request_alone)
{
    put_picture("wide.png", 0, SIDE, 2 * SIDE);
    put_picture("right.png", 0, SIDE, SIDE);
    ck_assert_int_eq(run("predict --model here wide.png right.png"), EXIT_DATA);
    says(errors,
         "tiny: wide.png: 32 x 64 (high, wide): expected 32 x 32, or --resize fit or crop\n");
    says(output, "right.png  ");
    ck_assert_int_eq(run("predict --model here --resize crop wide.png right.png"), EXIT_OK);
    says(output, "wide.png   ");
    says(errors, "tiny: note: 1 of 2 images: resized (first wide.png)\n");
}
END_TEST

/* -- Refusals ---------------------------------------------------------------------------------- */

/* here/best.safetensors with other metadata, as other.safetensors. */
static void save_with(const char *classes)
{
    char path[2 * PATH_SIZE];
    struct safetensors file = {0};
    struct err err = {0};
    const struct safetensors_meta metas[] = {
        {"classes", classes}, {"mean", "0.5 0.5 0.5"}, {"std", "0.2 0.2 0.2"}};
    const size_t skipped = classes == NULL;
    put_path(path, "here/best.safetensors");
    ck_assert(safetensors_open(&file, path, &err));
    put_path(path, "other.safetensors");
    ck_assert(
        safetensors_save(path, NULL, file.tensors, file.count, metas + skipped, 3 - skipped, &err));
    safetensors_close(&file);
}

START_TEST(names_come_from_the_model)
{
    put_picture("a.png", 0, SIDE, SIDE);
    save_with("[\"0th\",\"1th\",\"2th\",\"3th\",\"4th\",\"5th\",\"6th\",\"7th\",\"8th\",\"9th\"]");
    ck_assert_int_eq(run("predict --model other.safetensors --top 1 a.png"), EXIT_OK);
    says(output, "th ");
    save_with(NULL);
    ck_assert_int_eq(run("predict --model other.safetensors --top 10 a.png"), EXIT_OK);
    says(output, "  7 ");
    static const char *const wrong[] = {"[\"a\"]", "{}", "[1,2,3,4,5,6,7,8,9,10]", "[\"a\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        save_with(wrong[i]);
        refuses("predict --model other.safetensors a.png", EXIT_DATA);
        says(errors, "other.safetensors: metadata \"classes\": ");
    }
}
END_TEST

START_TEST(a_run_has_the_model_of_its_best_epoch_or_its_newest)
{
    char path[2 * PATH_SIZE];
    put_picture("a.png", 0, SIDE, SIDE);
    copy("here/last.safetensors", "kept");
    put_text("here/last.safetensors", "damaged");
    ck_assert_int_eq(run("predict --model here a.png"), EXIT_OK);
    put_path(path, "here/best.safetensors");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(run("predict --model here a.png"), EXIT_DATA);
    says(errors, "here/last.safetensors: ");
    copy("kept", "here/last.safetensors");
    ck_assert_int_eq(run("predict --model here a.png"), EXIT_OK);
}
END_TEST

START_TEST(what_cannot_be_asked_is_refused)
{
    static const struct {
        const char *words;
        enum exit_code code;
        const char *message;
    } cases[] = {
        {"predict a.png", EXIT_USAGE, "predict: no --model: expected --model RUN|FILE"},
        {"predict --model here", EXIT_USAGE, "predict: no image: expected files, folders or -"},
        {"predict --model here --json --csv a", EXIT_USAGE, "--json and --csv: expected one"},
        {"predict --model here --top 0 a", EXIT_USAGE, "--top: 0 is out of range"},
        {"predict --model here --resize big a", EXIT_USAGE, "'big': expected fit|crop"},
        {"predict --model empty a", EXIT_DATA, "empty: no model in this folder: expected that of"},
        {"predict --model here empty", EXIT_DATA, "empty: no images: expected .png, .jpg or .jpeg"},
    };
    make_in_folder("empty");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuses(cases[i].words, cases[i].code);
        says(errors, cases[i].message);
        ck_assert_str_eq(output, "");
    }
    const struct world channels = {.environment = {{"TINY_MODEL", "channels"}}};
    ck_assert_int_eq(run_words(&channels, "predict --model here a.png"), EXIT_DATA);
    says(errors, "predict: network tiny takes 65 channels: expected 1 or 3");
    ck_assert_int_eq(run("predict --model here --mean 1,1,1 a.png"), EXIT_USAGE);
    says(errors, "--mean and --std: mean without std: expected both");
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("predict");
    TCase *tests = tcase_create("predict");
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, probabilities_are_those_of_eval_to_the_bit);
    tcase_add_test(tests, ranks_answer_what_one_does);
    tcase_add_test(tests, the_first_of_equal_classes_comes_first);
    tcase_add_test(tests, a_table_has_a_row_an_image);
    tcase_add_test(tests, names_in_a_table_do_nothing_to_a_terminal);
    tcase_add_test(tests, fields_of_a_csv_are_quoted);
    tcase_add_test(tests, an_image_comes_from_standard_input);
    tcase_add_test(tests, other_sizes_are_resized_on_request_alone);
    tcase_add_test(tests, names_come_from_the_model);
    tcase_add_test(tests, a_run_has_the_model_of_its_best_epoch_or_its_newest);
    tcase_add_test(tests, what_cannot_be_asked_is_refused);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
