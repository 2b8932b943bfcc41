/* predict.c - a batch at a time: all threads decode it, all threads compute it.
 *
 * An image goes the way of eval's: bytes, normalised by augment.c, logits by the same kernels. So
 * its probabilities are the same to the bit, whatever else is in the batch.
 *
 * Several ranks read and compute the images of their own chunks of a batch, as in eval. The first
 * of them prints (predict_meet.h).
 */
#include "train/predict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/augment.h"
#include "data/dataset.h"
#include "data/normalise.h"
#include "file/checkpoint.h"
#include "file/foreign.h"
#include "file/model_file.h"
#include "ref/generic.h"
#include "run.h"
#include "sys/interrupt.h"
#include "sys/lines.h"
#include "sys/options.h"
#include "sys/progress.h"
#include "train/alike.h"
#include "train/meet.h"
#include "train/predict_meet.h"
#include "train/settings.h"

/* -- A batch ----------------------------------------------------------------------------------- */

static bool read_picture(const struct prediction *p, struct predict_slot *slot)
{
    const int channels = p->model->c;
    if (strcmp(slot->path, PICTURE_PATHS_INPUT) != 0)
        return picture_read(&slot->picture, slot->path, channels, &slot->err);
    size_t size = 0;
    uint8_t *bytes = picture_slurp(stdin, "standard input", &size, &slot->err);
    bool ok = bytes != NULL &&
              picture_decode(&slot->picture, bytes, size, channels, "standard input", &slot->err);
    free(bytes);
    return ok;
}

static void read_slot(const struct prediction *p, struct predict_slot *slot)
{
    const int h = p->model->h, w = p->model->w;
    if (!read_picture(p, slot))
        return;
    if (p->resize != RESIZE_NONE)
        resize_picture(&slot->picture, p->resize, h, w, &slot->err);
    else if (slot->picture.h != h || slot->picture.w != w)
        err_set_code(&slot->err, EXIT_DATA,
                     "%s: %d x %d (high, wide): expected %d x %d, or --resize fit or crop",
                     slot->path, slot->picture.h, slot->picture.w, h, w);
}

static void read_share(void *context, int rank)
{
    struct prediction *p = context;
    const struct span own = predict_meet_own(p);
    const size_t floats = predict_meet_floats(p->model);
    for (int i = own.first + rank; i < own.last; i += team_threads(p->run.team)) {
        struct predict_slot *slot = &p->slots[i];
        float *image = p->images + (size_t)i * floats;
        read_slot(p, slot);
        if (slot->err.code == EXIT_OK)
            augment_image(image, slot->picture.pixels, &p->augment, 0, 1, 0);
        else
            memset(image, 0, floats * sizeof *image);
    }
}

/* -- Answers ----------------------------------------------------------------------------------- */

static void count_conversions(struct prediction *p, const struct predict_slot *slot)
{
    for (int bit = 0; bit < PICTURE_NOTES; bit++) {
        if ((slot->picture.notes >> bit & 1) == 0)
            continue;
        if (p->converted[bit]++ == 0)
            p->first_converted[bit] = slot->path;
    }
}

static bool print_slot(struct prediction *p, int at, struct err *err)
{
    const struct predict_slot *slot = &p->slots[at];
    const bool good = slot->err.code == EXIT_OK;
    const struct answer answer = {
        .file = slot->path,
        .problem = good ? NULL : slot->err.message,
        .logits = good ? p->logits + (size_t)at * (size_t)p->model->classes : NULL,
        .classes = p->model->classes,
        .names = (const char *const *)p->names,
        .width = p->width,
    };
    p->bad += good ? 0 : 1;
    if (!ranks_writes(p->ranks))
        return true;
    if (!good) {
        fflush(stdout);
        lines_print(stderr, "", "%s: %s", p->program, slot->err.message);
    }
    return answer_print(stdout, p->format, &answer, (int)p->top) ||
           err_set_errno(err, ENOMEM, "%s", slot->path);
}

static bool predict_batch(struct prediction *p, struct progress *bar, struct err *err)
{
    team_run(p->run.team, read_share, p);
    if (!predict_meet(p, err))
        return false;
    const struct batch batch = {.n = p->slot_count,
                                .images = p->images,
                                .labels = p->labels,
                                .samples = p->samples,
                                .epoch = 1};
    run_eval(&p->run, &batch, p->logits);
    progress_clear(bar);
    bool ok = ranks_well(p->ranks, err);
    for (int i = 0; i < p->slot_count; i++) {
        struct predict_slot *slot = &p->slots[i];
        ok = ok && print_slot(p, i, err);
        if (slot->err.code == EXIT_OK)
            count_conversions(p, slot);
        picture_free(&slot->picture);
        *slot = (struct predict_slot){.path = NULL};
    }
    p->slot_count = 0;
    return ok;
}

/* The signal that has come is the same for all ranks after the same batch. */
static bool go_on(const struct prediction *p, struct err *err)
{
    const int signal = run_interrupted(&p->run);
    if (signal == 0)
        return true;
    ranks_agreed(p->ranks, EXIT_INTERRUPTED);
    return interrupt_check_signal(signal, "not all images have answers", err);
}

/* A signal stops it between two batches, with whole answers. */
static bool predict_all(struct prediction *p, struct err *err)
{
    struct progress bar;
    interrupt_install();
    /* On a terminal the answers show how far it is. */
    progress_init(&bar, stderr, isatty(STDOUT_FILENO) != 0 || !ranks_writes(p->ranks));
    if (ranks_writes(p->ranks))
        answer_print_head(stdout, p->format, (int)p->top);
    bool ok = true;
    for (int i = 0; ok && i < p->paths.count; i++) {
        p->slots[p->slot_count++].path = p->paths.at[i];
        if (p->slot_count < p->model->recipe->batch && i + 1 < p->paths.count)
            continue;
        ok = predict_batch(p, &bar, err);
        progress_show(&bar, "predicting", i + 1, p->paths.count, "");
        ok = ok && (i + 1 == p->paths.count || go_on(p, err));
    }
    progress_clear(&bar);
    interrupt_restore();
    return ok;
}

/* What a person should know of the answers, after them. */
static void print_notes(const struct prediction *p)
{
    const char *data = safetensors_meta(&p->file, "data");
    if (p->said[0] != '\0')
        lines_print(stderr, "", "%s: note: %s: %s", p->program, p->file.path, p->said);
    if (data != NULL && strcmp(data, DATASET_SYNTHETIC) == 0)
        lines_print(stderr, "", "%s: note: the model was trained on the SYNTHETIC images",
                    p->program);
    for (int bit = 0; bit < PICTURE_NOTES; bit++) {
        if (p->converted[bit] > 0)
            lines_print(stderr, "", "%s: note: %d of %d images: %s (first %s)", p->program,
                        p->converted[bit], p->paths.count, picture_note(bit),
                        p->first_converted[bit]);
    }
}

/* -- Opening ----------------------------------------------------------------------------------- */

static bool open_buffers(struct prediction *p, struct err *err)
{
    const struct model *model = p->model;
    const size_t batch = (size_t)model->recipe->batch;
    const size_t floats = predict_meet_floats(model);
    enum { ALIGNMENT = 64 };
    const size_t bytes = (batch * floats * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    p->slots = calloc(batch, sizeof p->slots[0]);
    p->images = aligned_alloc(ALIGNMENT, bytes);
    p->logits = malloc(batch * (size_t)model->classes * sizeof p->logits[0]);
    p->labels = calloc(batch, 1);
    p->samples = calloc(batch, sizeof p->samples[0]);
    p->news = calloc(batch, sizeof p->news[0]);
    p->out = malloc(p->ranks == NULL ? 1 : predict_meet_bytes(model));
    p->in = malloc(p->ranks == NULL ? 1 : predict_meet_bytes(model));
    return (p->slots && p->images && p->logits && p->labels && p->samples && p->news && p->out &&
            p->in) ||
           err_set_errno(err, ENOMEM, "cannot hold %zu images", batch);
}

static bool open_model(struct prediction *p, struct err *err)
{
    const struct model *model = p->model;
    char path[RUNDIR_PATH_SIZE];
    struct normalisation by;
    const struct backend *backend =
        strcmp(p->backend, "generic") == 0 ? &generic_backend : model->backend;
    if (!model_file_find(path, p->model_option, err) || !safetensors_open(&p->file, path, err) ||
        !foreign_adapt(&p->file, model, p->said, err) || !checkpoint_fits(&p->file, model, err) ||
        !normalise_choose(&by, p->mean, p->std, &p->file, model, NULL, NULL, DATA_BYTES, err))
        return false;
    const struct data planes = {
        .c = model->c, .h = model->h, .w = model->w, .strides = data_planes(model->h, model->w)};
    augment_init(&p->augment, &by.stats, &planes);
    p->names = model_file_classes(&p->file, model->classes, err);
    return p->names != NULL && run_open(&p->run, model, backend, (int)p->threads, err) &&
           meet_open(&p->run, p->ranks, err) && checkpoint_load_model(&p->file, &p->run, err);
}

static bool open_paths(struct prediction *p, int count, char **arguments, struct err *err)
{
    for (int i = 0; i < count; i++) {
        if (p->ranks != NULL && !p->from_root && strcmp(arguments[i], PICTURE_PATHS_INPUT) == 0)
            return err_set_code(err, EXIT_USAGE,
                                "predict: -: standard input is of one process: expected files or "
                                "folders where several ranks read them, or --data-from-root");
        if (!picture_paths_add(&p->paths, arguments[i], err))
            return false;
    }
    for (int i = 0; i < p->paths.count; i++) {
        const int length = (int)strlen(p->paths.at[i]), most = 60;
        p->width = length > p->width && length <= most ? length : p->width;
    }
    return true;
}

static bool check(struct prediction *p, int count, struct err *err)
{
    const struct model *model = p->model;
    if (p->model_option == NULL)
        return err_set_code(err, EXIT_USAGE, "predict: no --model: expected --model RUN|FILE");
    if (count == 0)
        return err_set_code(err, EXIT_USAGE,
                            "predict: no image: expected files, folders or - (standard input)");
    if (p->json && p->csv)
        return err_set_code(err, EXIT_USAGE, "predict: --json and --csv: expected one of them");
    p->format = p->json ? ANSWER_JSON : p->csv ? ANSWER_CSV : ANSWER_TABLE;
    p->top = p->top < model->classes ? p->top : model->classes;
    if (p->resize_option != NULL)
        p->resize =
            strcmp(p->resize_option, resize_name(RESIZE_FIT)) == 0 ? RESIZE_FIT : RESIZE_CROP;
    return model->c == 1 || model->c == 3 ||
           err_set_code(err, EXIT_DATA,
                        "predict: network %s takes %d channels: expected 1 or 3, which is what "
                        "images in files have",
                        model->name, model->c);
}

static void close_prediction(struct prediction *p)
{
    free(p->slots);
    free(p->images);
    free(p->logits);
    free(p->labels);
    free(p->samples);
    free(p->names);
    free(p->news);
    free(p->out);
    free(p->in);
    run_close(&p->run);
    picture_paths_close(&p->paths);
    safetensors_close(&p->file);
}

/* With whoever there is. */
static bool predict_together(struct prediction *p, int count, char **arguments, struct err *err)
{
    if (p->threads == 0) {
        struct settings defaults;
        settings_init(&defaults, p->model);
        p->threads =
            p->ranks == NULL ? defaults.threads : ranks_threads(p->ranks, (int)defaults.threads);
    }
    p->from_root = p->from_root && p->ranks != NULL;
    const bool reads = !p->from_root || ranks_writes(p->ranks);
    const bool opened = (!reads || open_paths(p, count, arguments, err)) && open_model(p, err) &&
                        open_buffers(p, err);
    if (!ranks_agree(p->ranks, opened, err) || !alike_reading(p->ranks, p->from_root, err) ||
        (p->from_root && !predict_meet_paths(p, err)) || !predict_meet_alike(p, err) ||
        !predict_all(p, err))
        return false;
    if (ranks_writes(p->ranks))
        print_notes(p);
    if (p->bad == 0)
        return true;
    ranks_agreed(p->ranks, EXIT_DATA);
    return err_set_code(err, EXIT_DATA, "%d of %d images could not be read", p->bad,
                        p->paths.count);
}

bool predict_main(const struct model *model, const char *program, int argc, char **argv,
                  struct err *err)
{
    struct prediction p = {
        .model = model, .program = program, .backend = "generated", .top = 5, .ranks_wanted = 1};
    const struct option_spec specs[] = {
        {"model", "RUN|FILE", "folder of a run, or safetensors file", OPTION_TEXT, &p.model_option,
         0, 0},
        {"top", "N", "classes an image, default 5", OPTION_INT, &p.top, 1, DATA_MAX_CLASSES},
        {"json", NULL, "a JSON object a line for each image", OPTION_ON, &p.json, 0, 0},
        {"csv", NULL, "a row for each image", OPTION_ON, &p.csv, 0, 0},
        {"resize", "fit|crop", "of images of another size: all of it, or its middle", OPTION_CHOICE,
         &p.resize_option, 0, 0},
        {"ranks", "N", "so many processes on this machine; no influence on results", OPTION_INT,
         &p.ranks_wanted, 1, RANKS_MAX},
        {"data-from-root", NULL,
         "the first rank alone reads the images and gives them to the others", OPTION_ON,
         &p.from_root, 0, 0},
        {"threads", "N", "default: the processors, at most one a chunk", OPTION_INT, &p.threads, 1,
         TEAM_MAX_THREADS},
        {"backend", "generated|generic", "this program's own kernels, or the reference ones",
         OPTION_CHOICE, &p.backend, 0, 0},
        {"mean", "A,B,C", "of the images the model was trained on, pixels from 0 to 1", OPTION_TEXT,
         &p.mean, 0, 0},
        {"std", "A,B,C", "their deviation; default: what the model's file says", OPTION_TEXT,
         &p.std, 0, 0},
    };
    const int count = (int)(sizeof specs / sizeof specs[0]);
    uint64_t given = 0;
    int first = argc;
    if (!options_parse_before(specs, count, argc, argv, &given, &first, err))
        return false;
    if (given >> OPTIONS_HELP & 1) {
        lines_print(stdout, "",
                    "usage: %s predict --model RUN|FILE [options] IMAGE|FOLDER|- ...\n\n"
                    "Prints the likeliest classes of PNG and JPEG images; - is standard input.\n",
                    program);
        options_help(stdout, specs, count);
        return true;
    }
    if (!check(&p, argc - first, err))
        return false;
    switch (ranks_start(&p.ranks, (int)p.ranks_wanted, model_most_chunks(model), err)) {
    case RANKS_FAILED:
        return false;
    case RANKS_DONE:
        return err->code == EXIT_OK;
    case RANKS_WORK:
        break;
    }
    const bool ok = predict_together(&p, argc - first, argv + first, err);
    close_prediction(&p);
    return ok;
}
