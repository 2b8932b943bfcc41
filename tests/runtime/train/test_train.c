/* test_train.c - whole trainings: their files and lines, and that one which was stopped and went on
 * ends with the very bytes of one that was not. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "file/safetensors.h"
#include "tiny_program.h"

/* -- Training ---------------------------------------------------------------------------------- */

START_TEST(training_writes_everything)
{
    char text[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --threads 2 --seed 7"), EXIT_OK);
    ck_assert_str_eq(errors, ""); /* no bar where there is no terminal */
    says(output, "SYNTHETIC network tiny, norm bn, 528 parameters, c on ");
    says(output, "SYNTHETIC seed              7             option\n");
    says(output, "SYNTHETIC lr                0.1           recipe\n");
    says(output, "SYNTHETIC out               runs/tiny_bn  default\n");
    says(output, "SYNTHETIC finished 2 epochs");
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1)
        ck_assert_msg(*line == '\n' || strncmp(line, "SYNTHETIC ", 10) == 0, "unmarked line: %s",
                      line);

    says(events("runs/tiny_bn/log.jsonl", "start", text),
         "\"seed\":{\"value\":7,\"source\":\"option\"}");
    says(text, "\"lr\":{\"value\":0.1,\"source\":\"recipe\"}");
    says(text, "\"data\":\"SYNTHETIC\"");
    says(events("runs/tiny_bn/log.jsonl", "epoch", text),
         "{\"event\":\"epoch\",\"epoch\":1,\"lr\":");
    says(text, "\"epoch\":2,");
    says(events("runs/tiny_bn/log.jsonl", "end", text), "\"reason\":\"finished\"");
    read_text("runs/tiny_bn/log.csv", text);
    ck_assert_int_eq(strncmp(text, "epoch,lr,train_loss,", 20), 0);
    says(text, ",SYNTHETIC\n2,");

    ck_assert_int_eq(run("eval --model runs/tiny_bn/last.safetensors --threads 1"), EXIT_OK);
    says(output, "SYNTHETIC test loss ");
    says(output, "SYNTHETIC   checker ");
    ck_assert_int_eq(run("eval --model runs/tiny_bn --samples samples --threads 1"), EXIT_OK);
    same_bytes("runs/tiny_bn/samples.safetensors", "samples");

    struct safetensors file = {0};
    struct err err = {0};
    snprintf(text, sizeof text, "%s/runs/tiny_bn/best.safetensors", folder);
    ck_assert_msg(safetensors_open(&file, text, &err), "%s", err.message);
    ck_assert_str_eq(safetensors_meta(&file, "warning"), "SYNTHETIC");
    ck_assert_str_eq(safetensors_meta(&file, "network"), "tiny");
    ck_assert_ptr_nonnull(safetensors_find(&file, "norm1.num_batches_tracked"));
    ck_assert_ptr_null(safetensors_find(&file, "optim.momentum.fc.weight"));
    ck_assert_uint_eq(file.count, TINY_PARAMS + TINY_STATES + 1);
    ck_assert_str_eq(safetensors_meta(&file, "classes"),
                     "[\"level\",\"upright\",\"slanting\",\"checker\",\"disc\",\"ring\",\"cross\","
                     "\"triangle\",\"gradient\",\"blobs\"]");
    safetensors_close(&file);
}
END_TEST

/* The synthetic set follows the network; everything that is written follows the set. */
START_TEST(other_images_train_too)
{
    char text[OUTPUT_SIZE];
    const struct world grey = {.environment = {{"TINY_MODEL", "grey"}}};
    ck_assert_int_eq(run_words(&grey, "train --data synthetic --out a --epochs 1 --probe 10"),
                     EXIT_OK);
    says(output, "SYNTHETIC 4000 training and 1000 test images");
    struct safetensors file = {0};
    struct err err = {0};
    snprintf(text, sizeof text, "%s/a/best.safetensors", folder);
    ck_assert_msg(safetensors_open(&file, text, &err), "%s", err.message);
    const char *classes = safetensors_meta(&file, "classes");
    says(classes, "[\"level-level\",\"level-upright\",");
    says(classes, "\"upright-level\",\"upright-upright\"]");
    ck_assert_ptr_null(strchr(safetensors_meta(&file, "mean"), ' ')); /* one number */
    safetensors_close(&file);

    ck_assert_int_eq(run_words(&grey, "eval --model a/best.safetensors --out b"), EXIT_OK);
    says(output, "SYNTHETIC   level-blobs ");
    says(output, "SYNTHETIC   upright-upright ");
    says(output, "SYNTHETIC normalised by mean 0.");
    read_text("b/eval.json", text);
    cJSON *json = cJSON_Parse(text);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "classes")), 12);
    const cJSON *pictures = cJSON_GetObjectItem(json, "pictures");
    const int shape[] = {1, 24, 40};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(pictures, "shape"), i)->valueint,
                         shape[i]);
    cJSON_Delete(json);

    ck_assert_int_eq(
        run_words(&grey, "eval --model a/best.safetensors --mean .5,.5,.5 --std .2,.2,.2"),
        EXIT_USAGE);
    says(errors, "mean '.5,.5,.5': expected 1 number for pixels from 0 to 1");
}
END_TEST

START_TEST(quiet_prints_the_result_only)
{
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --quiet"), EXIT_OK);
    ck_assert_ptr_eq(strchr(output, '\n'), strrchr(output, '\n'));
    says(output, "SYNTHETIC best test accuracy ");
    ck_assert_str_eq(errors, "");
}
END_TEST

/* The generic kernels count no time: all of their time is left over. */
START_TEST(profile_is_printed_at_the_end)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 2 --profile"), EXIT_OK);
    says(output, "train --resume runs/tiny_bn/last.safetensors --profile\n");
    says(output, "\n\nSYNTHETIC ms a step ");
    says(output, "\nSYNTHETIC not accounted for ");
    const char *last = strstr(output, "\nSYNTHETIC whole step ");
    ck_assert_ptr_nonnull(last);
    says(last, " 100.0\n");
    ck_assert_ptr_eq(strchr(last + 1, '\n') + 1, output + strlen(output));
    ck_assert_int_eq(run("train --data synthetic --max-steps 2"), EXIT_OK);
    ck_assert_ptr_null(strstr(output, "whole step"));
    /* No step is left to take, so there is nothing to print. */
    ck_assert_int_eq(run("train --data synthetic --epochs 1"), EXIT_OK);
    ck_assert_int_eq(run("train --resume runs/tiny_bn/last.safetensors --profile"), EXIT_OK);
    ck_assert_ptr_null(strstr(output, "whole step"));
}
END_TEST

START_TEST(a_new_run_keeps_the_one_before)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
    copy("here/last.safetensors", "kept");
    ck_assert_int_eq(run("train --data synthetic --max-steps 4 --out here"), EXIT_OK);
    says(output, "the run that was in here is now in here/previous\n"
                 "SYNTHETIC it stopped at step 3; to go on with it:\n"
                 "SYNTHETIC   tiny train --resume here/previous\n");
    ck_assert_msg(exists("here/previous/log.jsonl") && exists("here/last.safetensors"), "moved");
    same_bytes("kept", "here/previous/last.safetensors");
    ck_assert_int_eq(run("train --resume here --epochs 1"), EXIT_OK);
    ck_assert_int_eq(run("train --data synthetic --max-steps 4 --out here"), EXIT_OK);
    says(output, "the run that was in here is now in here/previous\n");
    ck_assert_ptr_null(strstr(output, "it stopped")); /* it was finished */
}
END_TEST

/* What no epoch's line tells is told at the end, and what to do with a model. */
START_TEST(the_end_says_where_it_is_and_what_is_next)
{
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --out here"), EXIT_OK);
    const char *part = strstr(output, "SYNTHETIC epoch 1 so far: 3 of ");
    ck_assert_msg(part != NULL, "%s", output);
    says(part, " steps, train loss ");
    ck_assert_ptr_null(strstr(output, "next:"));
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out its"), EXIT_OK);
    ck_assert_ptr_null(strstr(output, "so far"));
    says(output, "SYNTHETIC next:\n"
                 "SYNTHETIC   tiny eval --model its --data synthetic\n"
                 "SYNTHETIC   tiny predict --model its IMAGE...\n"
                 "SYNTHETIC   burin report its\n");
    ck_assert_int_eq(run("eval --model its --data synthetic"), EXIT_OK);
}
END_TEST

START_TEST(init_takes_parameters_only)
{
    char text[OUTPUT_SIZE], other[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out a"), EXIT_OK);
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --seed 5 --out b "
                         "--init a/last.safetensors"),
                     EXIT_OK);
    says(output, "SYNTHETIC init              a/last.safetensors  option");
    events("a/log.jsonl", "epoch", text);
    events("b/log.jsonl", "epoch", other);
    ck_assert_str_ne(text, other);
    says(events("b/log.jsonl", "start", text), "\"step\":0,");
    const struct world renamed = {.environment = {{"TINY_MODEL", "renamed"}}};
    ck_assert_int_eq(run_words(&renamed, "train --data synthetic --init a/last.safetensors"),
                     EXIT_DATA);
    says(errors, "a/last.safetensors: made by network tiny with norm bn: expected other with norm");
}
END_TEST

/* What the best epoch leaves is a model: to evaluate and to begin with, not to go on from. */
START_TEST(best_is_a_model)
{
    char text[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --out here"), EXIT_OK);
    ck_assert_int_eq(run("eval --model here/last.safetensors"), EXIT_OK);
    snprintf(text, sizeof text, "%s", strstr(output, "SYNTHETIC test loss"));
    ck_assert_int_eq(run("eval --model here/best.safetensors"), EXIT_OK);
    says(output, text); /* the only epoch is the best */
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --init here/best.safetensors --out a"),
                     EXIT_OK);
    events("a/log.jsonl", "epoch", text);
    ck_assert_int_eq(run("train --data synthetic --epochs 1 --init here --out b"), EXIT_OK);
    ck_assert_str_eq(events("b/log.jsonl", "epoch", output), text);
    refuses("train --data synthetic --init .", EXIT_DATA);
    says(errors, ".: no model in this folder: expected that of a run");
    refuses("train --resume here/best.safetensors", EXIT_DATA);
    says(errors, "here/best.safetensors: a model, without the state of its training: expected a "
                 "checkpoint, as last.safetensors of the same run (--init begins a new training");
}
END_TEST

/* -- Stopping and going on --------------------------------------------------------------------- */

/* The uninterrupted run that others are compared with. */
static void run_whole(void)
{
    ck_assert_int_eq(run("train --data synthetic --seed 3 --log-steps --threads 2 --out whole"),
                     EXIT_OK);
}

static void same_training(const char *out)
{
    static const char *const kinds[] = {"step", "epoch"};
    static char mine[OUTPUT_SIZE], whole[OUTPUT_SIZE], name[PATH_SIZE];
    snprintf(name, sizeof name, "%s/log.jsonl", out);
    for (int i = 0; i < 2; i++)
        ck_assert_str_eq(events(name, kinds[i], mine), events("whole/log.jsonl", kinds[i], whole));
    snprintf(name, sizeof name, "%s/last.safetensors", out);
    same_bytes(name, "whole/last.safetensors");
    snprintf(name, sizeof name, "%s/best.safetensors", out);
    same_bytes(name, "whole/best.safetensors");
}

START_TEST(an_interrupted_run_ends_the_same)
{
    static const struct {
        const char *sent, *name;
    } signals[] = {
        {"1 2 1", "SIGINT"},    {"13 15 1", "SIGTERM"}, {"20 2 1", "SIGINT"},
        {"21 15 1", "SIGTERM"}, {"30 1 1", "SIGHUP"},   {"39 2 1", "SIGINT"},
    };
    char words[PATH_SIZE], log[32], out[16], text[OUTPUT_SIZE];
    run_whole();
    for (int i = 0; i < 6; i++) {
        const struct world world = {.environment = {{"TINY_SIGNALS", signals[i].sent}}};
        snprintf(out, sizeof out, "part%d", i);
        snprintf(words, sizeof words, "train --data synthetic --seed 3 --log-steps --out %s", out);
        ck_assert_int_eq(run_words(&world, words), EXIT_INTERRUPTED);
        ck_assert_str_eq(errors, "");
        snprintf(words, sizeof words,
                 "SYNTHETIC   tiny train --resume %s/last.safetensors "
                 "--log-steps\n",
                 out);
        says(output, words);
        snprintf(words, sizeof words, "\"signal\":\"%s\"", signals[i].name);
        snprintf(log, sizeof log, "%s/log.jsonl", out);
        says(events(log, "interrupt", text), words);
        says(events(log, "end", text), "\"reason\":\"interrupted\"");
        snprintf(words, sizeof words, "train --resume %s/last.safetensors --log-steps --threads 1",
                 out);
        ck_assert_int_eq(run(words), EXIT_OK);
        says(output, "SYNTHETIC seed              3                       checkpoint");
        says(output, "SYNTHETIC data              synthetic               checkpoint");
        same_training(out);
    }
}
END_TEST

/* A signal that comes while an epoch is evaluated: its steps are done, its figures are not. */
START_TEST(an_interrupted_evaluation_is_made_again)
{
    const struct world world = {.environment = {{"TINY_EVAL_SIGNAL", "2 1"}}};
    run_whole();
    ck_assert_int_eq(
        run_words(&world, "train --data synthetic --seed 3 --log-steps --threads 2 --out it's"),
        EXIT_INTERRUPTED);
    ck_assert_str_eq(errors, "");
    says(output, "tiny train --resume 'it'\\''s/last.safetensors' ");
    ck_assert(!exists("it's/best.safetensors"));
    ck_assert_int_eq(run("train --resume it's --log-steps"), EXIT_OK);
    same_training("it's");
}
END_TEST

/* Where a thread runs has no influence on what it computes. */
START_TEST(pinned_threads_train_the_same)
{
    run_whole();
    ck_assert_int_eq(
        run("train --data synthetic --seed 3 --log-steps --threads 1 --pin --max-steps 9 "
            "--out part"),
        EXIT_OK);
    says(output, "train --resume part/last.safetensors --threads 1 --log-steps --pin\n");
    ck_assert_int_eq(run("train --resume part --log-steps --threads 1 --pin"), EXIT_OK);
    same_training("part");
    ck_assert_int_eq(run("train --data synthetic --threads 200 --pin --out none"), EXIT_USAGE);
    says(errors, "--pin: 200 threads on ");
}
END_TEST

START_TEST(max_steps_stops_and_goes_on)
{
    char text[OUTPUT_SIZE];
    run_whole();
    ck_assert_int_eq(run("train --data synthetic --seed 3 --log-steps --max-steps 7 --out part"),
                     EXIT_OK);
    says(events("part/log.jsonl", "end", text), "\"reason\":\"max_steps\"");
    says(output, "stopped at step 7; to go on:");
    ck_assert_int_eq(run("train --resume part/last.safetensors --log-steps --max-steps 20"),
                     EXIT_OK);
    says(events("part/log.jsonl", "end", text), "\"step\":20");
    ck_assert_int_eq(run("train --resume part/last.safetensors --log-steps"), EXIT_OK);
    same_training("part");
    ck_assert_int_eq(run("train --resume part/last.safetensors --log-steps"), EXIT_OK);
    same_training("part"); /* nothing was left to do */
}
END_TEST

/* Each epoch is another process, on one thread more. */
START_TEST(stopping_after_every_epoch_changes_nothing)
{
    enum { EPOCHS = 8 };
    char words[PATH_SIZE], text[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --epochs 8 --log-steps --threads 2 --out whole"),
                     EXIT_OK);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        snprintf(words, sizeof words, "train %s --log-steps --max-steps %d --threads %d",
                 epoch == 1 ? "--data synthetic --epochs 8 --out part" : "--resume part",
                 epoch * TINY_STEPS, epoch);
        ck_assert_int_eq(run(words), EXIT_OK);
        ck_assert_str_eq(errors, "");
        snprintf(words, sizeof words, "\"epoch\":%d,\"step\":%d,", epoch, epoch * TINY_STEPS);
        says(events("part/log.jsonl", "end", text), words);
    }
    same_training("part");
}
END_TEST

/* Training images are evaluated in place of the test set, resumed as well, and the names say so. */
START_TEST(held_out_images_are_evaluated)
{
    char text[OUTPUT_SIZE], other[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --validate 500 --epochs 2 --out whole"), EXIT_OK);
    says(output, "SYNTHETIC 3500 training and 500 held-out images");
    says(output, "best held-out accuracy ");
    says(events("whole/log.jsonl", "start", text), "\"val_images\":500,");
    says(events("whole/log.jsonl", "epoch", text), "\"val_acc\":");
    ck_assert_ptr_null(strstr(text, "test_"));
    ck_assert_int_eq(
        run("train --data synthetic --validate 500 --epochs 2 --max-steps 20 --out part"), EXIT_OK);
    ck_assert_int_eq(run("train --resume part"), EXIT_OK);
    says(output, "SYNTHETIC validate          500 ");
    ck_assert_str_eq(events("part/log.jsonl", "epoch", other), text);
    same_bytes("part/best.safetensors", "whole/best.safetensors");
    ck_assert_int_eq(run("train --data synthetic --validate 4000 --out none"), EXIT_USAGE);
    says(errors, "train: --validate: 4000 held out of 4000 training images: expected 1 to 3999");
    ck_assert_int_eq(run("train --data synthetic --validate -1 --out none"), EXIT_USAGE);
}
END_TEST

/* 4000 images in batches of 200, ghosts of 50. With 4 x 4 pixels any number of images will do. */
START_TEST(a_last_batch_of_one_value_is_refused)
{
    const struct world pixel = {.environment = {{"TINY_MODEL", "pixel"}}};
    const struct world ghosts = {.environment = {{"TINY_MODEL", "ghosts"}}};
    static const char refused[] =
        " images in batches of 200: the last batch leaves norm1 one value a channel: expected two "
        "or more, with another --validate";
    const struct {
        const struct world *world;
        int held_out;
        bool good;
    } cases[] = {
        {&pixel, 199, false}, {&pixel, 3999, false}, {&pixel, 198, true},   {&pixel, 149, true},
        {&pixel, 200, true},  {&ghosts, 149, false}, {&ghosts, 199, false}, {&ghosts, 148, true},
        {&ghosts, 150, true}, {&ghosts, 3951, true}, {NULL, 199, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[120], message[240];
        snprintf(words, sizeof words, "train --data synthetic --validate %d --max-steps 1 --out d",
                 cases[i].held_out);
        snprintf(message, sizeof message, "train: %d%s", 4000 - cases[i].held_out, refused);
        int code = cases[i].world == NULL ? run(words) : run_words(cases[i].world, words);
        ck_assert_msg(code == (cases[i].good ? EXIT_OK : EXIT_USAGE), "%s: %d: %s", words, code,
                      errors);
        if (!cases[i].good)
            says(errors, message);
    }
}
END_TEST

START_TEST(an_older_checkpoint_cuts_the_log)
{
    run_whole();
    ck_assert_int_eq(run("train --data synthetic --seed 3 --log-steps --max-steps 5 --out part"),
                     EXIT_OK);
    copy("part/last.safetensors", "part/old.safetensors");
    ck_assert_int_eq(run("train --resume part/old.safetensors --log-steps --max-steps 25"),
                     EXIT_OK);
    ck_assert_int_eq(run("train --resume part/old.safetensors --log-steps"), EXIT_OK);
    same_training("part");
}
END_TEST

START_TEST(a_second_signal_ends_at_once)
{
    const struct world world = {.environment = {{"TINY_SIGNALS", "4 15 2"}}};
    ck_assert_int_eq(run_words(&world, "train --data synthetic --out here"), 1000 + SIGTERM);
    ck_assert_msg(!exists("here/last.safetensors"), "saved in spite of the second signal");
    ck_assert_str_eq(errors, "\ntiny: stopped at once; nothing is saved\n");
    const struct world later = {.environment = {{"TINY_SIGNALS", "25 15 2"}}};
    char message[120];
    ck_assert_int_eq(run_words(&later, "train --data synthetic --out there"), 1000 + SIGTERM);
    snprintf(message, sizeof message,
             "\ntiny: stopped at once; step %d is saved: there/last.safetensors\n", TINY_STEPS);
    ck_assert_str_eq(errors, message);
    ck_assert(exists("there/last.safetensors"));
}
END_TEST

START_TEST(divergence_keeps_the_checkpoint)
{
    char text[OUTPUT_SIZE];
    ck_assert_int_eq(run("train --data synthetic --max-steps 3 --no-augment --out here"), EXIT_OK);
    copy("here/last.safetensors", "kept");
    ck_assert_int_eq(run("train --resume here/last.safetensors --lr 1e6"), EXIT_DIVERGED);
    says(errors, "tiny: diverged in epoch 1, step ");
    says(errors, ": the loss is ");
    says(events("here/log.jsonl", "end", text), "\"reason\":\"diverged\"");
    same_bytes("kept", "here/last.safetensors");
}
END_TEST

/* Each poison makes another tensor the first that is not finite. */
START_TEST(the_first_tensor_that_is_not_finite_is_named)
{
    static const struct {
        const char *poison, *message;
    } cases[] = {
        {"23 fc.bias inf", "the loss is not finite: the parameter fc.bias was not finite before"},
        {"23 fc.weight nan", "the parameter fc.weight was not finite before the step"},
        {"23 norm1.weight 3e38",
         "the loss is not finite: layer norm1: its output is infinite first, for image "},
        {"23 fc.weight 3e38", "the loss is not finite: layer fc: its output is "},
        {"23 norm1.weight 0 norm1.bias 0 fc.weight 0 fc.weight:16 3e38 fc.bias:1 -100",
         "the gradient is not finite: layer norm1: the gradient of norm1."},
    };
    char text[OUTPUT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct world world = {.environment = {{"TINY_POISON", cases[i].poison}}};
        ck_assert_int_eq(run("train --data synthetic --max-steps 22 --out here"), EXIT_OK);
        copy("here/last.safetensors", "kept");
        copy("here/previous.safetensors", "kept before");
        ck_assert_int_eq(run_words(&world, "train --resume here"), EXIT_DIVERGED);
        says(errors, "tiny: diverged in epoch 2, step 24: the ");
        says(errors, cases[i].message);
        says(errors, "; the checkpoints stay as they were. A lower --lr may help.");
        says(events("here/log.jsonl", "end", text), "\"reason\":\"diverged\"");
        same_bytes("kept", "here/last.safetensors");
        same_bytes("kept before", "here/previous.safetensors");
    }
}
END_TEST

/* Poison in the last step of an epoch: no step comes after it, but a checkpoint would. */
START_TEST(numbers_that_are_not_finite_are_not_saved)
{
    static const char *const cases[][2] = {
        {"22 norm1.bias inf", "step 22: the parameter norm1.bias is not finite"},
        {"22 norm1.running_var nan", "step 22: the statistics norm1.running_var is not finite"},
    };
    for (int i = 0; i < 2; i++) {
        const struct world world = {.environment = {{"TINY_POISON", cases[i][0]}}};
        ck_assert_int_eq(run("train --data synthetic --max-steps 21 --out here"), EXIT_OK);
        copy("here/last.safetensors", "kept");
        ck_assert_int_eq(run_words(&world, "train --resume here --max-steps 22"), EXIT_DIVERGED);
        says(errors, cases[i][1]);
        says(errors, "; the checkpoints stay");
        same_bytes("kept", "here/last.safetensors");
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (getenv("TINY_PROGRAM") != NULL)
        return tiny_program(argc, argv);
    Suite *suite = suite_create("train");
    TCase *training = tcase_create("training");
    tcase_add_checked_fixture(training, make_folder, remove_folder);
    tcase_set_timeout(training, 240);
    tcase_add_test(training, training_writes_everything);
    tcase_add_test(training, other_images_train_too);
    tcase_add_test(training, quiet_prints_the_result_only);
    tcase_add_test(training, profile_is_printed_at_the_end);
    tcase_add_test(training, a_new_run_keeps_the_one_before);
    tcase_add_test(training, the_end_says_where_it_is_and_what_is_next);
    tcase_add_test(training, best_is_a_model);
    tcase_add_test(training, init_takes_parameters_only);
    tcase_add_test(training, an_interrupted_run_ends_the_same);
    tcase_add_test(training, an_interrupted_evaluation_is_made_again);
    tcase_add_test(training, pinned_threads_train_the_same);
    tcase_add_test(training, max_steps_stops_and_goes_on);
    tcase_add_test(training, stopping_after_every_epoch_changes_nothing);
    tcase_add_test(training, held_out_images_are_evaluated);
    tcase_add_test(training, a_last_batch_of_one_value_is_refused);
    tcase_add_test(training, an_older_checkpoint_cuts_the_log);
    tcase_add_test(training, a_second_signal_ends_at_once);
    tcase_add_test(training, divergence_keeps_the_checkpoint);
    tcase_add_test(training, the_first_tensor_that_is_not_finite_is_named);
    tcase_add_test(training, numbers_that_are_not_finite_are_not_saved);
    suite_add_tcase(suite, training);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
