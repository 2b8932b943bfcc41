/* test_typed.c - what `train` changes without another program: an option does what the same words
 * in the recipe do, the log says who said what, and a training that goes on keeps what it was
 * given. */
#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "file/safetensors.h"
#include "tiny_program.h"

/* The setting in the log's first line, as text of JSON. */
static void logged(const char *key, const char *value, const char *source)
{
    static char text[OUTPUT_SIZE];
    char part[200];
    snprintf(part, sizeof part, "\"%s\":{\"value\":%s,\"source\":\"%s\"}", key, value, source);
    says(events("here/log.jsonl", "start", text), part);
}

#define RECIPE                                                                                     \
    "--momentum 0.75 --nesterov on --weight-decay 0.01 --label-smoothing 0.25 --schedule step "    \
    "--step-gamma 0.5 --step-epochs 1 --crop 2 --crop-border zero --flip random --cutout 4 "       \
    "--flip-vertical on"

/* The checkpoints are the same to the byte: they keep the values and not who said them. */
START_TEST(an_option_does_what_the_recipe_does)
{
    const struct world world = {.environment = {{"TINY_MODEL", "recipe"}}};
    ck_assert_int_eq(run_words(&world, "train --data synthetic --max-steps 23 --out there"),
                     EXIT_OK);
    ck_assert_int_eq(run("train --data synthetic --max-steps 23 --out here " RECIPE), EXIT_OK);
    same_bytes("here/last.safetensors", "there/last.safetensors");
    logged("momentum", "0.75", "option");
    logged("nesterov", "true", "option");
    logged("schedule", "\"step\"", "option");
    logged("step_gamma", "0.5", "option");
    logged("flip", "\"random\"", "option");
    logged("lr", "0.1", "recipe");
}
END_TEST

/* Each changes the images of the first step, so its loss. */
START_TEST(every_augmentation_reaches_the_images)
{
    static const char *const options[] = {"--seed 1",           "--crop-border zero",
                                          "--flip-vertical on", "--crop 3",
                                          "--cutout 12",        "--flip random --seed 2",
                                          "--rotate 30",        "--rotate 30 --crop-border zero",
                                          "--brightness 0.5",   "--contrast 0.5",
                                          "--mixup 0.2",        "--mixup 1"};
    enum { OPTIONS = sizeof options / sizeof options[0] };
    static char text[OUTPUT_SIZE];
    char words[200], steps[OPTIONS][200];
    for (int i = 0; i < OPTIONS; i++) {
        snprintf(words, sizeof words,
                 "train --data synthetic --log-steps --max-steps 1 --out here %s", options[i]);
        ck_assert_msg(run(words) == EXIT_OK, "%s", errors);
        snprintf(steps[i], sizeof steps[i], "%.199s", events("here/log.jsonl", "step", text));
        for (int k = 0; k < i; k++)
            ck_assert_msg(strcmp(steps[i], steps[k]) != 0, "%s and %s: %s", options[i], options[k],
                          steps[i]);
    }
}
END_TEST

/* Two epochs of 20 steps, of which the second is plain, or both: those are without augmentation. */
START_TEST(the_last_epochs_see_images_as_they_are)
{
    static const char *const options[] = {"--rotate 30", "--rotate 30 --plain-epochs 1",
                                          "--rotate 30 --plain-epochs 2",
                                          "--rotate 30 --plain-epochs 3", "--no-augment"};
    enum { OPTIONS = sizeof options / sizeof options[0] };
    static char steps[OPTIONS][OUTPUT_SIZE];
    char words[200];
    for (int i = 0; i < OPTIONS; i++) {
        snprintf(words, sizeof words,
                 "train --data synthetic --log-steps --epochs 2 --max-steps 22 --out here %s",
                 options[i]);
        ck_assert_msg(run(words) == EXIT_OK, "%s", errors);
        events("here/log.jsonl", "step", steps[i]);
        if (i == 1)
            logged("plain_epochs", "1", "option");
    }
    const char *second = strstr(steps[0], "\"step\":21,");
    ck_assert_ptr_nonnull(second);
    ck_assert(strncmp(steps[0], steps[1], (size_t)(second - steps[0])) == 0);
    ck_assert(strcmp(second, steps[1] + (second - steps[0])) != 0);
    ck_assert_str_eq(steps[2], steps[4]);
    ck_assert_str_eq(steps[3], steps[4]);
    ck_assert_str_ne(steps[1], steps[4]);
}
END_TEST

/* Words without a value, together: each sets one setting, and no other. */
START_TEST(words_alone_are_switches)
{
    static const char *const off[] = {"shuffle", "augment", "dropout"};
    ck_assert_msg(run("train --data synthetic --max-steps 1 --no-shuffle --no-augment --no-dropout "
                      "--skip-bad --log-steps --out here") == EXIT_OK,
                  "%s", errors);
    for (int i = 0; i < 3; i++)
        logged(off[i], "false", "option");
    logged("skip_bad", "true", "option");
    logged("log_steps", "true", "option");
    ck_assert_int_eq(run("train --data synthetic --max-steps 1 --no-dropout --out here"), EXIT_OK);
    for (int i = 0; i < 3; i++)
        logged(off[i], i == 2 ? "false" : "true", i == 2 ? "option" : "default");
    logged("log_steps", "false", "default");
}
END_TEST

/* 4000 images. */
START_TEST(a_batch_may_be_smaller)
{
    static char text[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --batch 150 --max-steps 30 --out here"), EXIT_OK);
    logged("batch", "150", "option");
    says(events("here/log.jsonl", "epoch", text), "\"epoch\":1,"); /* after 27 steps */
    refuses("train --data synthetic --batch 201 --max-steps 1", EXIT_USAGE);
    says(errors, "train: --batch: 201: expected at most 200, which this program's memory was "
                 "planned for; more need `batch` in the recipe and a new program");
    refuses("train --resume here --batch 100", EXIT_USAGE);
    says(errors, "\n  --batch 150: here 100\n");
    ck_assert_int_eq(run("train --resume here --max-steps 31"), EXIT_OK);
    logged("batch", "150", "checkpoint");
}
END_TEST

START_TEST(a_schedule_brings_what_is_usual)
{
    ck_assert_int_eq(run("train --data synthetic --schedule cosine --max-steps 1 --out here"),
                     EXIT_OK);
    logged("final_div", "10000", "recipe");
    const struct world world = {.environment = {{"TINY_MODEL", "recipe"}}};
    ck_assert_int_eq(run_words(&world, "train --data synthetic --schedule onecycle --warmup 0.5 "
                                       "--max-steps 1 --out here"),
                     EXIT_OK);
    logged("warmup", "0.5", "option");
    logged("start_div", "25", "default");
    logged("final_div", "10000", "default");
    refuses("train --data synthetic --schedule step --step-epochs 3", EXIT_USAGE);
    says(errors, "train: --schedule step without --step-gamma: expected both");
}
END_TEST

START_TEST(an_option_without_effect_is_refused)
{
    refuses("train --data synthetic --step-gamma 0.5", EXIT_USAGE);
    says(errors, "train: --step-gamma has no effect with schedule onecycle: expected none");
    refuses("train --data synthetic --schedule cosine --warmup 0.5", EXIT_USAGE);
    says(errors, "train: --warmup has no effect with schedule cosine: expected none");
    refuses("train --data synthetic --no-augment --flip random", EXIT_USAGE);
    says(errors, "train: --flip has no effect with --no-augment: expected none");
    refuses("train --data synthetic --crop 0 --flip none --cutout 0 --plain-epochs 1", EXIT_USAGE);
    says(errors, "train: --plain-epochs has no effect with images as they are in all epochs: "
                 "expected none");
    static const char *const augmentations[] = {
        "--crop 1",   "--flip random",    "--flip-vertical on", "--cutout 1",
        "--rotate 1", "--brightness 0.1", "--contrast 0.1",     "--mixup 0.1"};
    for (size_t i = 0; i < sizeof augmentations / sizeof augmentations[0]; i++) {
        char words[200];
        snprintf(words, sizeof words,
                 "train --data synthetic --max-steps 1 --out here%s%s%s --plain-epochs 1 %s",
                 i == 0 ? "" : " --crop 0", i == 1 ? "" : " --flip none",
                 i == 3 ? "" : " --cutout 0", augmentations[i]);
        ck_assert_msg(run(words) == EXIT_OK, "%s: %s", words, errors);
    }
    refuses("train --data synthetic --momentum 1", EXIT_USAGE);
    says(errors, "train: --momentum: 1 is out of range: expected from 0, below 1");
}
END_TEST

START_TEST(who_goes_on_keeps_the_settings)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --crop 2 --out here"), EXIT_OK);
    refuses("train --resume here --momentum 0.5 --no-augment", EXIT_USAGE);
    says(errors, "here/last.safetensors: of another training: expected one of the same layers, "
                 "kernels, images and settings (");
    says(errors, "\n  --momentum 0.9: here 0.5\n  --augment on: here off\n");
    refuses("train --resume here --schedule cosine --crop 3 --seed 2", EXIT_USAGE);
    says(errors, "\n  --seed 1: here 2\n  --schedule onecycle: here cosine\n  --crop 2: here 3\n");
    ck_assert_int_eq(run("train --resume here --crop 2 --epochs 3 --lr 0.2 --max-steps 3"),
                     EXIT_OK);
    logged("crop", "2", "option");
    logged("momentum", "0.9", "checkpoint");
    ck_assert_int_eq(run("train --resume here --resume-anyway --momentum 0.5 --max-steps 4"),
                     EXIT_OK);
    says(errors, "going on with another training:\n  --momentum 0.9: here 0.5\n");
}
END_TEST

/* What the optimizer keeps comes back to the bit, and what a plateau has seen. */
START_TEST(every_optimizer_goes_on)
{
    static const char *const options[] = {
        "--optimizer adam --lr 0.001",
        "--optimizer adamw --lr 0.001 --clip 0.5 --decay-norm 0 --schedule cosine",
        "--optimizer lion --lr 0.0001 --rate-bias 16",
        "--optimizer muon --lr 0.02 --others-lr 0.003 --warmup-epochs 0.25 --schedule linear",
        "--optimizer muon --lr 0.1 --others-lr 0.003 --others sgd --renormalize on",
        "--schedule plateau --patience 0 --step-gamma 0.25 --epochs 5",
        "--ema 0.9 --ema-start 0.1 --ema-batches 3 --mixup 0.4 --rotate 10 --contrast 0.3",
        "--mixup 0.4 --epochs 3 --plain-epochs 2",
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const int last = i == 5 ? 85 : 23, part = i == 5 ? 65 : 22;
        char words[300];
        snprintf(words, sizeof words, "train --data synthetic --max-steps %d --out whole %s", last,
                 options[i]);
        ck_assert_msg(run(words) == EXIT_OK, "%s: %s", options[i], errors);
        snprintf(words, sizeof words, "train --data synthetic --max-steps %d --out here %s", part,
                 options[i]);
        ck_assert_int_eq(run(words), EXIT_OK);
        snprintf(words, sizeof words, "train --resume here --max-steps %d", last);
        ck_assert_int_eq(run(words), EXIT_OK);
        same_bytes("whole/last.safetensors", "here/last.safetensors");
    }
    refuses("train --resume here --optimizer lion --lr 0.1", EXIT_USAGE);
    says(errors, "\n  --optimizer sgd: here lion\n");
    refuses("train --resume here --resume-anyway --optimizer adamw --lr 0.1", EXIT_DATA);
    says(errors, "tensor \"optim.exp_avg_sq.norm1.weight\" is missing");
}
END_TEST

/* What is evaluated and saved as the best model is the average, under the names of a model. */
START_TEST(the_average_is_the_model)
{
    static char text[OUTPUT_SIZE];
    char part[64];
    for (int estimates = 0; estimates < 2; estimates++) {
        ck_assert_int_eq(run(estimates ? "train --data synthetic --epochs 1 --ema 0.97 --out here "
                                         "--ema-batches 2"
                                       : "train --data synthetic --epochs 1 --ema 0.97 --out here"),
                         EXIT_OK);
        logged("ema", "0.97", "option");
        const char *acc = strstr(events("here/log.jsonl", "epoch", text), "\"test_acc\":");
        ck_assert_ptr_nonnull(acc);
        ck_assert_int_eq(run("eval --data synthetic --model here/best.safetensors"), EXIT_OK);
        snprintf(part, sizeof part, "%.2f", strtod(acc + 11, NULL));
        says(output, part);
        ck_assert_int_eq(run("eval --data synthetic --model here/last.safetensors"), EXIT_OK);
        ck_assert_msg(strstr(output, part) == NULL, "the parameters are as good as the average");
    }
    refuses("train --data synthetic --ema-start 0.5", EXIT_USAGE);
    says(errors, "train: --ema-start has no effect with ema 0: expected none");
}
END_TEST

/* Images in an IDX file, 24 x 40 pixels, of 12 classes. */
static void put_idx(const char *name, int rank, const uint8_t *shape, size_t count)
{
    char path[2 * PATH_SIZE];
    uint8_t bytes[16] = {0, 0, 8, (uint8_t)rank};
    for (int i = 0; i < rank; i++)
        bytes[7 + 4 * i] = shape[i];
    put_path(path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fwrite(bytes, 1, (size_t)(4 + 4 * rank), file);
    for (size_t i = 0; i < count; i++)
        fputc(rank == 1 ? (int)(i % 12) : (int)(i * 7 % 251), file);
    ck_assert_int_eq(fclose(file), 0);
}

enum { COUNT = 24, PIXELS = 24 * 40 };

/* Writes the folder digits, in MNIST's files. */
static void put_digits(void)
{
    static const char *const parts[] = {"train", "t10k"};
    const uint8_t shape[] = {COUNT, 24, 40};
    char path[2 * PATH_SIZE], name[60];
    put_path(path, "digits");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "digits/%s-images-idx3-ubyte", parts[i]);
        put_idx(name, 3, shape, (size_t)COUNT * PIXELS);
        snprintf(name, sizeof name, "digits/%s-labels-idx1-ubyte", parts[i]);
        put_idx(name, 1, shape, COUNT);
    }
}

/* --labels and --layout are kept with the model, so that eval asks for neither. */
START_TEST(how_images_are_read_goes_with_the_model)
{
    const struct world grey = {.environment = {{"TINY_MODEL", "grey"}}};
    char path[2 * PATH_SIZE];
    put_digits();
    ck_assert_msg(run_words(&grey, "train --data digits --labels plain --batch 12 --epochs 1 --out "
                                   "here") == EXIT_OK,
                  "%s", errors);
    logged("labels", "\"plain\"", "option");
    says(output, "digits");
    struct safetensors file = {0};
    struct err err = {0};
    put_path(path, "here/best.safetensors");
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert_ptr_nonnull(safetensors_meta(&file, "labels"));
    ck_assert_str_eq(safetensors_meta(&file, "labels"), "plain");
    ck_assert_ptr_null(safetensors_meta(&file, "layout"));
    safetensors_close(&file);
    ck_assert_msg(run_words(&grey, "eval --data digits --model here") == EXIT_OK, "%s", errors);
    ck_assert_int_eq(run_words(&grey, "eval --data digits --model here --labels letters"),
                     EXIT_USAGE);
    says(errors, "--labels letters: digits: expected what is there: plain");

    static uint8_t pixels[COUNT * PIXELS], labels[COUNT];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7 % 251);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 12);
    const struct safetensor tensors[] = {
        {"train.images", SAFETENSORS_U8, 4, {COUNT, 24, 40, 1}, pixels},
        {"train.labels", SAFETENSORS_U8, 1, {COUNT}, labels},
        {"test.images", SAFETENSORS_U8, 4, {COUNT, 24, 40, 1}, pixels},
        {"test.labels", SAFETENSORS_U8, 1, {COUNT}, labels},
    };
    put_path(path, "x.safetensors");
    ck_assert_msg(safetensors_save(path, NULL, tensors, 4, NULL, 0, &err), "%s", err.message);
    ck_assert_msg(run_words(&grey, "train --data x.safetensors --layout nhwc --batch 12 --epochs 1 "
                                   "--out other --backend generic") == EXIT_OK,
                  "%s", errors);
    put_path(path, "other/best.safetensors");
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    ck_assert_ptr_nonnull(safetensors_meta(&file, "layout"));
    ck_assert_str_eq(safetensors_meta(&file, "layout"), "nhwc");
    safetensors_close(&file);
    ck_assert_msg(run_words(&grey, "eval --data x.safetensors --model other --backend generic") ==
                      EXIT_OK,
                  "%s", errors);
    ck_assert_int_eq(run_words(&grey, "eval --data x.safetensors --model other --layout none"),
                     EXIT_OK);
    ck_assert_int_eq(run_words(&grey, "eval --data digits --model other"), EXIT_USAGE);
    says(errors, "--layout nhwc: digits is no array: expected none");
}
END_TEST

START_TEST(an_optimizer_brings_what_is_usual)
{
    refuses("train --data synthetic --optimizer adamw", EXIT_USAGE);
    says(errors, "train: --optimizer adamw without --lr: expected both");
    refuses("train --data synthetic --optimizer muon --lr 0.02", EXIT_USAGE);
    says(errors, "train: --optimizer muon without --others-lr: expected both");
    refuses("train --data synthetic --beta1 0.5", EXIT_USAGE);
    says(errors, "train: --beta1 has no effect with optimizer sgd: expected none");
    refuses("train --data synthetic --optimizer muon --lr 1 --others-lr 1 --others sgd --eps 1",
            EXIT_USAGE);
    says(errors, "train: --eps has no effect with others sgd: expected none");
    refuses("train --data synthetic --schedule multistep --step-gamma 0.1 --milestones 4,2",
            EXIT_USAGE);
    says(errors, "train: --milestones: '4,2': expected at most 16 epochs that rise");
    ck_assert_int_eq(run("train --data synthetic --optimizer adamw --lr 0.001 --beta1 0.8 "
                         "--schedule multistep --step-gamma 0.1 --milestones 4,7 --max-steps 1 "
                         "--out here"),
                     EXIT_OK);
    logged("optimizer", "\"adamw\"", "option");
    logged("beta1", "0.8", "option");
    logged("beta2", "0.999", "default");
    logged("weight_decay", "0.01", "default");
    logged("milestones", "\"4,7\"", "option");
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("typed");
    TCase *all = tcase_create("typed");
    tcase_add_checked_fixture(all, make_folder, remove_folder);
    tcase_set_timeout(all, 240);
    tcase_add_test(all, an_option_does_what_the_recipe_does);
    tcase_add_test(all, every_augmentation_reaches_the_images);
    tcase_add_test(all, the_last_epochs_see_images_as_they_are);
    tcase_add_test(all, words_alone_are_switches);
    tcase_add_test(all, a_batch_may_be_smaller);
    tcase_add_test(all, a_schedule_brings_what_is_usual);
    tcase_add_test(all, an_option_without_effect_is_refused);
    tcase_add_test(all, who_goes_on_keeps_the_settings);
    tcase_add_test(all, every_optimizer_goes_on);
    tcase_add_test(all, the_average_is_the_model);
    tcase_add_test(all, how_images_are_read_goes_with_the_model);
    tcase_add_test(all, an_optimizer_brings_what_is_usual);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
