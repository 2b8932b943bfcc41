/* eval.c - the test images are normalised as the training's were (data/normalise.h), which the
 * command says, and go through the network in order (inspect/evaluate.h).
 */
#include "train/eval.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/normalise.h"
#include "file/checkpoint.h"
#include "file/foreign.h"
#include "file/model_file.h"
#include "file/outfile.h"
#include "file/sha256.h"
#include "inspect/evaluate.h"
#include "inspect/examine.h"
#include "inspect/samples.h"
#include "ranks/ranks.h"
#include "ref/generic.h"
#include "sys/interrupt.h"
#include "sys/lines.h"
#include "sys/options.h"
#include "train/alike.h"
#include "train/meet.h"
#include "train/settings.h"
#include "train/spread.h"

struct evaluation {
    const char *model_option, *data_option, *resize, *labels, *layout, *backend, *mean, *std, *out,
        *samples;
    bool skip_bad, from_root;
    struct ranks *ranks; /* that evaluate together, or NULL; the first of them speaks and writes */
    int64_t ranks_wanted;
    char model_file[RUNDIR_PATH_SIZE], said[FOREIGN_SAID_SIZE];
    int64_t threads;
    struct safetensors file;
    struct data test;
    struct normalisation normalisation;
    struct augment augment;
    struct run run;
    struct loader *loader;
    float *logits;
};

static enum resize resize_of(const char *word)
{
    return word == NULL ? RESIZE_NONE : strcmp(word, "fit") == 0 ? RESIZE_FIT : RESIZE_CROP;
}

/* What an option says, else the model's file; none: nothing, whatever the file says. */
static const char *option_or_file(const struct evaluation *e, const char *option, const char *key)
{
    const char *word = option != NULL ? option : safetensors_meta(&e->file, key);
    return word != NULL && strcmp(word, "none") == 0 ? NULL : word;
}

static bool read_images(struct evaluation *e, const struct model *model, struct err *err)
{
    char name[DATA_PATH_SIZE];
    bool environment;
    const struct data_options options = {.resize = resize_of(e->resize),
                                         .skip_bad = e->skip_bad,
                                         .labels = option_or_file(e, e->labels, "labels"),
                                         .layout = option_or_file(e, e->layout, "layout")};
    const char *data = safetensors_meta(&e->file, "data");
    bool synthetic = data != NULL && strcmp(data, DATASET_SYNTHETIC) == 0;
    const char *option = e->data_option;
    if (option == NULL && synthetic)
        option = DATASET_SYNTHETIC;
    if (!dataset_find(name, option, &environment, err) ||
        !dataset_open(&e->test, name, DATA_TEST, &options, model, err))
        return false;
    return normalise_choose(&e->normalisation, e->mean, e->std, &e->file, model, name, &options,
                            e->test.type, err);
}

/* Images and how they are normalised, of this rank's own or of the first one's. */
static bool open_images(struct evaluation *e, const struct model *model, struct err *err)
{
    const bool reads = !e->from_root || ranks_writes(e->ranks);
    const bool ok = !reads || read_images(e, model, err);
    return e->from_root
               ? spread_data(&e->test, e->ranks, ok, err) &&
                     spread_bytes(&e->normalisation, sizeof e->normalisation, e->ranks, err)
               : ok;
}

static bool open_model(struct evaluation *e, const struct model *model, struct err *err)
{
    return model_file_find(e->model_file, e->model_option, err) &&
           safetensors_open(&e->file, e->model_file, err) &&
           foreign_adapt(&e->file, model, e->said, err) && checkpoint_fits(&e->file, model, err);
}

/* After open_model. */
static bool open_evaluation(struct evaluation *e, const struct model *model, struct err *err)
{
    if (!open_images(e, model, err))
        return false;
    const struct backend *backend =
        strcmp(e->backend, "generic") == 0 ? &generic_backend : model->backend;
    struct loader_settings settings = {.batch = model->recipe->batch};
    augment_init(&settings.augment, &e->normalisation.stats, &e->test);
    e->augment = settings.augment;
    if (e->ranks != NULL) {
        settings.part = (struct span){e->ranks->me, e->ranks->count};
        settings.chunk = run_chunk_images(model);
    }
    if (!run_open(&e->run, model, backend, (int)e->threads, err) ||
        !meet_open(&e->run, e->ranks, err) || !loader_open(&e->loader, &e->test, &settings, err) ||
        !checkpoint_load_model(&e->file, &e->run, err))
        return false;
    e->logits = malloc((size_t)e->test.count * (size_t)model->classes * sizeof(float));
    return e->logits != NULL || err_set_errno(err, ENOMEM, "logits");
}

static void close_evaluation(struct evaluation *e)
{
    free(e->logits);
    loader_close(e->loader);
    run_close(&e->run);
    data_close(&e->test);
    safetensors_close(&e->file);
}

static bool write_details(struct evaluation *e, const struct evaluate_result *result,
                          struct err *err)
{
    struct examination examination = {.folder = e->out,
                                      .file = e->model_file,
                                      .test = &e->test,
                                      .augment = &e->augment,
                                      .class_names = (const char *const *)e->test.class_names,
                                      .logits = e->logits,
                                      .result = result};
    return e->out == NULL ||
           (outfile_make_folder(e->out, err) && examine_write(&examination, &e->run, err));
}

enum { STATISTICS_SIZE = 2 * DATA_MAX_CHANNELS * 16 };

/* "mean 0.5 0.5 0.5, deviation 0.2 0.2 0.2" */
static const char *statistics_text(const struct data_stats *stats, char text[STATISTICS_SIZE])
{
    const double *const values[] = {stats->mean, stats->std};
    size_t used = (size_t)snprintf(text, STATISTICS_SIZE, "mean");
    for (int i = 0; i < 2 * stats->channels && used < STATISTICS_SIZE; i++) {
        const int c = i % stats->channels;
        used +=
            (size_t)snprintf(text + used, STATISTICS_SIZE - used, "%s %.4f",
                             i > 0 && c == 0 ? ", deviation" : "", values[i / stats->channels][c]);
    }
    return text;
}

static void print_normalisation(const struct evaluation *e, const char *mark)
{
    static const char *const sources[] = {
        [NORMALISE_OPTIONS] = "as the options say",
        [NORMALISE_FILE] = "as the model's file says",
        [NORMALISE_DATA] = "as the training set has them: nobody said what the model expects",
    };
    char text[STATISTICS_SIZE];
    lines_print(stdout, mark, "normalised by %s, %s",
                statistics_text(&e->normalisation.stats, text), sources[e->normalisation.source]);
    struct data_stats images = data_statistics(&e->test);
    if (!normalise_suits(&e->normalisation, &images))
        lines_print(stdout, mark, "these images have other ones: %s",
                    statistics_text(&images, text));
}

static bool evaluate_images(struct evaluation *e, struct evaluate_result *result, struct err *err)
{
    if (evaluate(&e->run, e->loader, e->logits, e->test.count, result))
        return ranks_well(e->ranks, err);
    ranks_agreed(e->ranks, EXIT_INTERRUPTED);
    return interrupt_check_signal(run_interrupted(&e->run), "not all images were evaluated", err);
}

/* A model whose numbers are finite can still end in logits that are not. */
static bool check_result(struct evaluation *e, const struct evaluate_result *result,
                         struct err *err)
{
    if (isfinite(result->loss))
        return true;
    ranks_agreed(e->ranks, EXIT_DIVERGED);
    return err_set_code(err, EXIT_DIVERGED,
                        "%s: the test loss is not finite, and its accuracy would mean nothing: "
                        "expected the model of a training that has not diverged",
                        e->model_file);
}

static void print_result(const struct evaluation *e, const struct evaluate_result *result)
{
    const char *mark = e->test.synthetic ? "SYNTHETIC " : "";
    lines_print(stdout, mark, "%s: %lld test images of %s", e->model_file,
                (long long)result->images, e->test.source);
    print_normalisation(e, mark);
    printf("%stest loss %.4f, accuracy %.2f %%\n", mark, result->loss, result->acc);
    for (int k = 0; k < e->test.classes; k++) {
        double images = (double)result->class_images[k];
        printf("%s  %-12s %6.2f %%\n", mark, e->test.class_names[k],
               images > 0.0 ? 100.0 * (double)result->class_correct[k] / images : 0.0);
    }
}

/* What one process says for all. */
static bool tell(struct evaluation *e, const struct model *model,
                 const struct evaluate_result *result, struct err *err)
{
    print_result(e, result);
    return write_details(e, result, err) &&
           (e->samples == NULL || samples_save(e->samples, model, &e->test, e->logits, err));
}

static bool evaluate_all(struct evaluation *e, const struct model *model, const char *program,
                         struct err *err)
{
    struct evaluate_result result;
    bool opened = open_model(e, model, err);
    e->from_root = e->from_root && e->ranks != NULL;
    if (!ranks_agree(e->ranks, opened, err) || !alike_reading(e->ranks, e->from_root, err))
        return false;
    opened = open_evaluation(e, model, err);
    if (!ranks_agree(e->ranks, opened, err) || !alike_model(e->ranks, &e->run, err) ||
        !(e->ranks == NULL || ranks_compare(e->ranks, "test images", e->test.digest, err)))
        return false;
    interrupt_install();
    bool ok = evaluate_images(e, &result, err) && check_result(e, &result, err);
    meet_leave(&e->run);
    if (ok && ranks_writes(e->ranks))
        ok = tell(e, model, &result, err);
    interrupt_restore();
    if (!ranks_writes(e->ranks))
        return ok;
    if (e->said[0] != '\0')
        lines_print(stderr, "", "%s: note: %s: %s", program, e->model_file, e->said);
    if (e->test.note[0] != '\0')
        lines_print(stderr, "", "%s: note: %s: %s", program, e->test.source, e->test.note);
    if (e->test.warning[0] != '\0')
        lines_print(stderr, "", "%s: warning: %s", program, e->test.warning);
    return ok;
}

/* Sets e from the command line, and *answered where that asks for help, which is printed. */
static bool read_options(struct evaluation *e, bool *answered, const char *program, int argc,
                         char **argv, struct err *err)
{
    const struct option_spec specs[] = {
        {"ranks", "N", "so many processes on this machine; no influence on results", OPTION_INT,
         &e->ranks_wanted, 1, RANKS_MAX},
        {"model", "RUN|FILE", "folder of a run, or safetensors file: also a state_dict of PyTorch",
         OPTION_TEXT, &e->model_option, 0, 0},
        {"data", "PATH|synthetic", "file or folder of images, or the built-in synthetic set",
         OPTION_TEXT, &e->data_option, 0, 0},
        {"resize", "fit|crop", "of images of another size: all of it, or its middle", OPTION_CHOICE,
         &e->resize, 0, 0},
        {"skip-bad", NULL, "leave out images that cannot be read, and count them", OPTION_ON,
         &e->skip_bad, 0, 0},
        {"data-from-root", NULL,
         "the first rank alone reads the images and gives them to the others", OPTION_ON,
         &e->from_root, 0, 0},
        {"labels", "NAME|none", "which labels of the data, default: as in training", OPTION_TEXT,
         &e->labels, 0, 0},
        {"layout", "nhwc|nchw|none", "of arrays, default: as in training", OPTION_TEXT, &e->layout,
         0, 0},
        {"threads", "N", "default: the processors, at most one a chunk", OPTION_INT, &e->threads, 1,
         TEAM_MAX_THREADS},
        {"backend", "generated|generic", "this program's own kernels, or the reference ones",
         OPTION_CHOICE, &e->backend, 0, 0},
        {"mean", "A,B,C", "of the images the model was trained on, pixels from 0 to 1", OPTION_TEXT,
         &e->mean, 0, 0},
        {"std", "A,B,C", "their deviation; default: what the model's file says", OPTION_TEXT,
         &e->std, 0, 0},
        {"out", "DIR", "also write eval.json and eval_images.bin there, for `burin report`",
         OPTION_TEXT, &e->out, 0, 0},
        {"samples", "FILE", "also write 16 images and their logits, for `burin freeze`",
         OPTION_TEXT, &e->samples, 0, 0},
    };
    const int count = (int)(sizeof specs / sizeof specs[0]);
    uint64_t given = 0;
    if (!options_parse(specs, count, argc, argv, &given, err))
        return false;
    if (given >> OPTIONS_HELP & 1) {
        lines_print(stdout, "",
                    "usage: %s eval --model RUN|FILE [options]\n\n"
                    "Prints loss and accuracy on the test set, and the accuracy of each class.\n",
                    program);
        options_help(stdout, specs, count);
        *answered = true;
        return true;
    }
    if (e->model_option == NULL)
        return err_set_code(err, EXIT_USAGE, "eval: no --model: expected --model RUN|FILE");
    return true;
}

bool eval_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err)
{
    struct settings defaults;
    settings_init(&defaults, model);
    struct evaluation e = {.backend = "generated", .ranks_wanted = 1};
    bool answered = false;
    if (!read_options(&e, &answered, program, argc, argv, err))
        return false;
    if (answered)
        return true;
    bool ok = false;
    switch (ranks_start(&e.ranks, (int)e.ranks_wanted, model_most_chunks(model), err)) {
    case RANKS_FAILED:
        break;
    case RANKS_DONE:
        ok = err->code == EXIT_OK;
        break;
    case RANKS_WORK:
        if (e.threads == 0)
            e.threads =
                e.ranks == NULL ? defaults.threads : ranks_threads(e.ranks, defaults.threads);
        ok = evaluate_all(&e, model, program, err);
        close_evaluation(&e);
        break;
    }
    return ok;
}
