/* trainer.c - from the command line to a training that is ready to go.
 *
 * The order: options, checkpoint, data, memory and threads, folder, log. Each can fail; the first
 * five leave the disk as it was, so a misspelt option or a foreign checkpoint never disturbs the
 * run that lies in the folder.
 */
#include "train/trainer.h"

#include <cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/normalise.h"
#include "file/foreign.h"
#include "file/model_file.h"
#include "inspect/samples.h"
#include "program.h"
#include "ref/generic.h"
#include "sys/finite.h"
#include "train/alike.h"
#include "train/meet.h"
#include "train/spread.h"
#include "train/typed.h"

/* -- Options ----------------------------------------------------------------------------------- */

/* What a checkpoint says: its settings, its folder, and that it saw synthetic data. */
static bool apply_checkpoint(struct trainer *t, struct err *err)
{
    struct settings *s = &t->settings;
    const struct safetensors *file = &t->from.file;
    if (!checkpoint_fits(file, t->model, err))
        return false;
    if (checkpoint_is_model(file))
        return err_set_code(err, EXIT_DATA,
                            "%s: a model, without the state of its training: expected a "
                            "checkpoint, as %s of the same run (--init begins a new training from "
                            "a model)",
                            file->path, RUNDIR_LAST);
    if (!settings_from_file(s, file, err))
        return false;
    if (s->recipe.batch > t->model->recipe->batch)
        return err_set_code(err, EXIT_DATA,
                            "%s: trained with batch %d: expected at most %d, this program's",
                            file->path, s->recipe.batch, t->model->recipe->batch);
    if (!settings_set(s, SETTING_OUT, t->from.folder, SETTINGS_CHECKPOINT, "train: folder", err))
        return false;
    const char *data = safetensors_meta(file, "data");
    if (data != NULL && strcmp(data, DATASET_SYNTHETIC) == 0)
        return settings_set(s, SETTING_DATA, DATASET_SYNTHETIC, SETTINGS_CHECKPOINT, "data", err);
    return true;
}

static bool check_batch(const struct trainer *t, struct err *err)
{
    int batch = t->settings.recipe.batch, most = t->model->recipe->batch;
    return batch <= most ||
           err_set_code(err, EXIT_USAGE,
                        "train: --batch: %d: expected at most %d, which this program's memory was "
                        "planned for; more need `batch` in the recipe and a new program",
                        batch, most);
}

static bool resolve(struct trainer *t, const struct typed *given, struct err *err)
{
    const struct typed typed = *given;
    t->quiet = typed.quiet;
    t->profiles = typed.profile;
    t->pins = typed.pin;
    t->anyway = typed.anyway;
    t->from_root = typed.from_root && t->ranks != NULL;
    settings_init(&t->settings, t->model);
    if (t->ranks != NULL)
        t->settings.threads = ranks_threads(t->ranks, t->settings.threads);
    t->resumed = typed.text[SETTING_RESUME] != NULL;
    /* A throw-away pass: wrong options are told before the checkpoint is read, but for those whose
     * sense depends on it. */
    struct settings scratch = t->settings;
    if (!(t->resumed ? settings_values : settings_options)(&scratch, typed.text, err))
        return false;
    if (typed.text[SETTING_PARTIAL] != NULL && typed.text[SETTING_INIT] == NULL)
        return err_set_code(err, EXIT_USAGE, "train: --partial without --init: expected both");
    if (t->anyway && !t->resumed)
        return err_set_code(err, EXIT_USAGE,
                            "train: --resume-anyway without --resume: expected both");
    if (t->resumed && typed.text[SETTING_INIT] != NULL)
        return err_set_code(err, EXIT_USAGE,
                            "train: --init and --resume: expected one of them, a checkpoint "
                            "brings its parameters");
    if (t->resumed && !(resume_open(&t->from, scratch.resume, err) && apply_checkpoint(t, err)))
        return false;
    t->saved = t->settings;
    return settings_options(&t->settings, typed.text, err) && check_batch(t, err);
}

/* -- Data -------------------------------------------------------------------------------------- */

/* Fills settings.data with the folder, and where it was found. */
static bool find_data(struct settings *s, struct err *err)
{
    char dir[DATA_PATH_SIZE];
    bool chosen = s->data[0] != '\0';
    bool environment = false;
    if (!dataset_find(dir, chosen ? s->data : NULL, &environment, err))
        return false;
    enum settings_source source = chosen        ? s->source[SETTING_DATA]
                                  : environment ? SETTINGS_ENVIRONMENT
                                                : SETTINGS_DEFAULT;
    return settings_set(s, SETTING_DATA, dir, source, "data", err);
}

/* From 1; 0 where no epoch is plain. */
static uint32_t first_plain_epoch(const struct recipe *recipe)
{
    const int varied = recipe->epochs - recipe->plain_epochs;
    return recipe->plain_epochs == 0 ? 0 : varied > 0 ? (uint32_t)varied + 1 : 1;
}

static bool open_loaders(struct trainer *t, struct err *err)
{
    const struct settings *s = &t->settings;
    const int side = t->train.h < t->train.w ? t->train.h : t->train.w;
    if (s->augment && s->recipe.crop >= side)
        return err_set_code(
            err, EXIT_DATA,
            "train: a crop of %d pixels: expected less than the side of the images, "
            "%d",
            s->recipe.crop, side);
    struct loader_settings test = {.batch = s->recipe.batch, .seed = (uint64_t)s->seed};
    if (t->ranks != NULL) {
        test.part = (struct span){t->ranks->me, t->ranks->count};
        test.chunk = run_chunk_images(t->model);
    }
    augment_init(&test.augment, &t->stats, &t->train);
    struct loader_settings train = test;
    train.shuffle = s->shuffle;
    if (s->augment) {
        train.augment.crop = s->recipe.crop;
        train.augment.crop_border = s->recipe.crop_border;
        train.augment.flip = s->recipe.flip;
        train.augment.flip_vertical = s->recipe.flip_vertical;
        train.augment.cutout = s->recipe.cutout;
        train.augment.rotate = s->recipe.rotate;
        train.augment.brightness = s->recipe.brightness;
        train.augment.contrast = s->recipe.contrast;
        train.mixup = s->recipe.mixup;
        train.plain_from = first_plain_epoch(&s->recipe);
    }
    if (!loader_open(&t->train_loader, &t->train, &train, err))
        return false;
    test.lender = t->train_loader; /* a test follows a whole epoch */
    return loader_open(&t->test_loader, &t->test, &test, err);
}

/* The images that share a mean with the fewest others, where n images go through a batch norm. */
static int fewest_images(const struct layer *norm, int n)
{
    if (norm->ghost == 0 || n <= norm->ghost)
        return n;
    return n % norm->ghost > 0 ? n % norm->ghost : norm->ghost;
}

/* A batch norm makes zero of a channel that has one value in a batch, and nothing is learned of it.
 * The generator has seen to the batch of the recipe; here is the last one of an epoch, or all of
 * them where --batch says 1. */
static bool check_last_batch(const struct trainer *t, struct err *err)
{
    int batch = t->settings.recipe.batch, images = t->train.count;
    int last = images % batch > 0 ? images % batch : batch; /* all others are whole */
    for (int i = 0; i < t->model->layer_count; i++) {
        const struct layer *l = &t->model->layers[i];
        if (l->op == LAYER_NORM && l->norm == NORM_BATCH && l->h * l->w == 1 &&
            fewest_images(l, last) == 1)
            return err_set_code(err, t->settings.validate > 0 ? EXIT_USAGE : EXIT_DATA,
                                "train: %d images in batches of %d: the last batch leaves %s one "
                                "value a channel: expected two or more%s",
                                images, batch, l->name,
                                t->settings.validate > 0 ? ", with another --validate" : "");
    }
    return true;
}

/* One part of the data set, which with --data-from-root the first rank alone reads. */
static bool open_part(struct trainer *t, struct data *data, enum data_part part, struct err *err)
{
    const struct settings *s = &t->settings;
    const struct data_options options = {.resize = s->resize,
                                         .skip_bad = s->skip_bad,
                                         .labels = s->labels[0] != '\0' ? s->labels : NULL,
                                         .layout = s->layout[0] != '\0' ? s->layout : NULL};
    const bool reads = !t->from_root || ranks_writes(t->ranks);
    bool ok = !reads || dataset_open(data, s->data, part, &options, t->model, err);
    return t->from_root ? spread_data(data, t->ranks, ok, err) : ok;
}

static bool open_data(struct trainer *t, struct err *err)
{
    struct settings *s = &t->settings;
    const bool reads = !t->from_root || ranks_writes(t->ranks);
    const bool found = !reads || find_data(s, err);
    if (!(t->from_root ? ranks_agree(t->ranks, found, err) : found) ||
        !open_part(t, &t->train, DATA_TRAIN, err))
        return false;
    if (s->validate > 0) {
        struct err wrong = {0};
        if (!data_hold_out(&t->train, s->validate, &t->test, &wrong))
            return err_set_code(err, wrong.code, "train: --validate: %s", wrong.message);
    } else if (!open_part(t, &t->test, DATA_TEST, err) ||
               !dataset_alike(&t->train, t->test.type, err)) {
        return false;
    }
    t->stats = data_statistics(&t->train);
    return check_last_batch(t, err) && open_loaders(t, err);
}

/* -- Metadata ---------------------------------------------------------------------------------- */

static void add_meta(struct trainer *t, const char *key, const char *value)
{
    char *text = t->meta_text[t->meta_count];
    if (value != text)
        snprintf(text, TRAINER_META_SIZE, "%s", value);
    t->metas[t->meta_count++] = (struct safetensors_meta){key, text};
}

/* ["airplane","automobile",...]: any name can stand in it. */
static bool add_classes(struct trainer *t)
{
    cJSON *names =
        cJSON_CreateStringArray((const char *const *)t->train.class_names, t->train.classes);
    char *text = cJSON_PrintUnformatted(names);
    if (text != NULL)
        add_meta(t, "classes", text);
    cJSON_free(text);
    cJSON_Delete(names);
    return text != NULL;
}

static bool make_metas(struct trainer *t, struct err *err)
{
    t->meta_text = calloc(TRAINER_META_MAX, sizeof t->meta_text[0]);
    if (t->meta_text == NULL)
        return err_set_errno(err, ENOMEM, "metadata");
    add_meta(t, "format", "pt"); /* what PyTorch's readers look for */
    add_meta(t, "program", "burin " BURIN_VERSION);
    add_meta(t, "network", t->model->name);
    add_meta(t, "norm", t->model->norm);
    add_meta(t, "isa", t->model->isa);
    add_meta(t, "data", t->train.format);
    if (t->model->description != NULL) /* constant, and longer than the others */
        t->metas[t->meta_count++] = (struct safetensors_meta){"description", t->model->description};
    if (t->train.synthetic)
        add_meta(t, "warning", "SYNTHETIC");
    if (t->settings.labels[0] != '\0')
        add_meta(t, "labels", t->settings.labels);
    if (t->settings.layout[0] != '\0')
        add_meta(t, "layout", t->settings.layout);
    if (!add_classes(t))
        return err_set_errno(err, ENOMEM, "metadata");
    const struct data_stats *stats = &t->stats;
    char numbers[DATA_MAX_CHANNELS * 32];
    add_meta(t, "mean", normalise_text(stats->mean, stats->channels, numbers, sizeof numbers));
    add_meta(t, "std", normalise_text(stats->std, stats->channels, numbers, sizeof numbers));
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        if (settings_saved(&t->settings, key))
            add_meta(
                t, settings_name(key),
                settings_text(&t->settings, key, t->meta_text[t->meta_count], SETTINGS_TEXT_SIZE));
    }
    return true;
}

/* What a checkpoint of this training says of its origin; a model alone has none. */
static bool add_origin(struct trainer *t, struct err *err)
{
    if (!origin_open(&t->origin, t->model, &t->settings, &t->train, &t->test, err))
        return false;
    t->model_meta_count = t->meta_count;
    for (int i = 0; i < ORIGIN_METAS; i++)
        t->metas[t->meta_count++] = t->origin.metas[i];
    return true;
}

/* The checkpoint must be of this very training, unless the user wants it all the same. A backend
 * that was chosen on the command line is a wish, too. */
static bool check_origin(struct trainer *t, const struct safetensors *file, struct err *err)
{
    char differences[ORIGIN_DIFFERENCES_SIZE];
    bool chosen = t->settings.source[SETTING_BACKEND] == SETTINGS_OPTION;
    origin_compare(&t->origin, file, !chosen, differences);
    settings_differences(&t->saved, &t->settings, differences, sizeof differences);
    if (differences[0] == '\0')
        return true;
    if (!t->anyway)
        return err_set_code(
            err, EXIT_USAGE,
            "%s: of another training: expected one of the same layers, kernels, "
            "images and settings (--init starts from its parameters, --resume-anyway goes on "
            "all the same):%s",
            file->path, differences);
    snprintf(t->changed, sizeof t->changed, "%s: going on with another training:%s", file->path,
             differences);
    return true;
}

/* -- Opening ----------------------------------------------------------------------------------- */

static bool load_init(struct trainer *t, struct err *err)
{
    struct safetensors file = {0};
    char path[RUNDIR_PATH_SIZE];
    bool ok = model_file_find(path, t->settings.init, err) && safetensors_open(&file, path, err) &&
              foreign_adapt(&file, t->model, t->adopted, err);
    if (t->settings.partial)
        ok = ok && foreign_load(&file, &t->run, t->adopted, err);
    else
        ok = ok && checkpoint_fits(&file, t->model, err) &&
             checkpoint_load_params(&file, &t->run, err);
    safetensors_close(&file);
    return ok;
}

/* Nothing seen yet, unless a checkpoint of the same schedule has been loaded. */
static void start_plateau(struct trainer *t)
{
    const bool wanted = t->settings.recipe.schedule == LR_PLATEAU;
    if (!wanted || !t->counters.has_plateau)
        t->counters.plateau = (struct plateau){.best = -1.0};
    t->counters.has_plateau = wanted;
}

static bool open_run(struct trainer *t, struct err *err)
{
    const struct safetensors *checkpoint = &t->from.file;
    const struct settings *s = &t->settings;
    const struct backend *backend =
        s->backend == BACKEND_GENERIC ? &generic_backend : t->model->backend;
    t->before = malloc(t->model->param_floats * sizeof t->before[0]);
    t->logits = malloc((size_t)(SAMPLES_MOST + s->recipe.batch) * (size_t)t->model->classes *
                       sizeof t->logits[0]);
    if (t->before == NULL || t->logits == NULL)
        return err_set_errno(err, ENOMEM, "parameters");
    if (!run_open(&t->run, t->model, backend, s->threads, err) ||
        !run_recipe(&t->run, &s->recipe, err) ||
        !average_open(&t->average, &t->run, &s->recipe, err))
        return false;
    if (!meet_open(&t->run, t->ranks, err))
        return false;
    const int before = t->ranks != NULL && !t->ranks->bound ? t->ranks->here_me : 0;
    if (t->pins && !team_pin_behind(t->run.team, before, err))
        return false;
    if (t->profiles && !profile_open(&t->profile, t->model, s->threads, err))
        return false;
    t->run.profile = t->profiles ? &t->profile : NULL;
    t->run.dropout = s->dropout;
    run_init_params(&t->run, (uint64_t)s->seed);
    int steps = loader_steps(t->train_loader);
    t->counters = (struct checkpoint_counters){.steps_per_epoch = steps, .best_acc = -1.0};
    start_plateau(t);
    if (!t->resumed)
        return s->init[0] == '\0' || load_init(t, err);
    if (!check_origin(t, checkpoint, err) ||
        !checkpoint_load(checkpoint, &t->run, &t->counters, err))
        return false;
    start_plateau(t);
    return t->counters.steps_per_epoch == steps ||
           err_set_code(err, EXIT_DATA, "%s: %lld steps an epoch: expected %d with this data",
                        checkpoint->path, (long long)t->counters.steps_per_epoch, steps);
}

/* Looks at the training set as it is, on the generic kernels. */
static bool open_probe(struct trainer *t, struct err *err)
{
    const struct settings *s = &t->settings;
    struct augment augment;
    augment_init(&augment, &t->stats, &t->train);
    int64_t steps = t->counters.steps_per_epoch * s->recipe.epochs;
    if (s->max_steps > 0 && s->max_steps < steps)
        steps = s->max_steps;
    const bool chosen = s->probe == SETTINGS_AUTO;
    const int64_t every = chosen ? probe_spacing(steps) : s->probe;
    struct probe_settings settings = {.model = t->model,
                                      .data = &t->train,
                                      .augment = &augment,
                                      .every = every,
                                      .images = chosen ? PROBE_FEW_IMAGES : s->recipe.batch,
                                      .threads = s->threads,
                                      .label_smoothing = s->recipe.label_smoothing,
                                      .lr = s->recipe.lr};
    return every == 0 || !ranks_writes(t->ranks) || probe_open(&t->probe, &settings, err);
}

/* Whether the training goes on in the folder that it was in. */
static bool goes_on_in_place(const struct trainer *t)
{
    struct stat from, out;
    return t->resumed && stat(t->from.folder, &from) == 0 && stat(t->settings.out, &out) == 0 &&
           from.st_dev == out.st_dev && from.st_ino == out.st_ino;
}

/* What is in another folder than that of the checkpoint is another run, and makes room for this
 * one. */
static bool open_files(struct trainer *t, struct err *err)
{
    bool in_place = goes_on_in_place(t);
    t->keeps_previous = t->from.fell_back;
    struct log_position position = {t->counters.epoch, t->counters.step};
    return rundir_open(&t->dir, t->settings.out, !in_place, err) &&
           log_open(
               &t->log, t->settings.out, in_place ? &position : NULL,
               (struct log_kind){t->train.format, t->train.synthetic, t->settings.validate > 0},
               err);
}

/* -- With other ranks -------------------------------------------------------------------------- */

/* Everything but the files that are written. */
static bool prepare(struct trainer *t, struct err *err)
{
    return open_data(t, err) && make_metas(t, err) && add_origin(t, err) && open_run(t, err) &&
           open_probe(t, err);
}

/* Ranks agree three times: on who reads images, when each has what there is to read, and when the
 * first can write. */
static bool open_all(struct trainer *t, const struct typed *typed, bool ok, struct err *err)
{
    ok = ok && resolve(t, typed, err);
    if (!ranks_agree(t->ranks, ok, err) || !alike_reading(t->ranks, t->from_root, err))
        return false;
    ok = prepare(t, err);
    if (!ranks_agree(t->ranks, ok, err) || !alike_check(t, err))
        return false;
    ok = !ranks_writes(t->ranks) || open_files(t, err);
    return ranks_agree(t->ranks, ok, err);
}

bool trainer_open(struct trainer *trainer, const struct model *model, const char *program, int argc,
                  char **argv, struct err *err)
{
    struct typed typed;
    *trainer = (struct trainer){.model = model, .program = program};
    bool ok = typed_parse(&typed, argc, argv, err);
    if (ok && typed.help) {
        typed_help(model, program);
        trainer->done = true;
        return true;
    }
    trainer->ranks_typed = ok ? typed.ranks : 1;
    const enum ranks_role role =
        ranks_start(&trainer->ranks, (int)trainer->ranks_typed, model_most_chunks(model), err);
    trainer->done = role == RANKS_DONE;
    ok = trainer->done ? err->code == EXIT_OK
                       : role == RANKS_WORK && open_all(trainer, &typed, ok, err);
    safetensors_close(&trainer->from.file);
    if (ok)
        progress_init(&trainer->bar, stderr, trainer->quiet || !ranks_writes(trainer->ranks));
    else
        trainer_close(trainer);
    return ok;
}

bool trainer_agreed(struct trainer *trainer, enum exit_code code)
{
    ranks_agreed(trainer->ranks, code);
    return false;
}

void trainer_close(struct trainer *trainer)
{
    struct err late = {0}; /* whoever wants to know of a late error has closed the log before */
    log_close(&trainer->log, &late);
    rundir_close(&trainer->dir);
    probe_close(trainer->probe);
    average_close(&trainer->average);
    run_close(&trainer->run);
    profile_close(&trainer->profile);
    free(trainer->before);
    free(trainer->logits);
    resume_close(&trainer->from);
    loader_close(trainer->test_loader);
    loader_close(trainer->train_loader);
    data_close(&trainer->train);
    data_close(&trainer->test);
    free(trainer->meta_text);
    origin_close(&trainer->origin);
    *trainer = (struct trainer){0};
}

/* -- Saving ------------------------------------------------------------------------------------ */

/* The first tensor that is not finite, or NULL. */
static const char *find_not_finite(const struct run *run, const char **what)
{
    const struct model *model = run->model;
    const struct store *store = &run->store;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        *what = "parameter";
        if (!finite_all(store->param + param->offset, param->count))
            return param->name;
        *what = "optimizer's state of";
        const char *names[RUN_KEPT];
        float *kept[RUN_KEPT];
        for (int k = run_kept(run, i, names, kept) - 1; k >= 0; k--) {
            if (!finite_all(kept[k], param->count))
                return param->name;
        }
    }
    *what = "statistics";
    for (int i = 0; i < model->state_count; i++) {
        if (!finite_all(store->state + model->states[i].offset, model->states[i].count))
            return model->states[i].name;
    }
    return NULL;
}

/* Refuses to save what no training could go on from, which all ranks see. */
static bool check_finite(struct trainer *trainer, struct err *err)
{
    const char *what = NULL;
    const char *tensor = find_not_finite(&trainer->run, &what);
    return tensor == NULL || trainer_agreed(trainer, EXIT_DIVERGED) ||
           err_set_code(err, EXIT_DIVERGED,
                        "diverged in epoch %lld, step %lld: the %s %s is not finite; the "
                        "checkpoints stay as they were. A lower --lr may help.",
                        (long long)trainer->counters.epoch + 1, (long long)trainer->counters.step,
                        what, tensor);
}

/* Ranks bring together what each keeps for its own parameters, and the first one saves.
 * A newest checkpoint that was found damaged must not take the place of the good one before it. */
bool trainer_save_last(struct trainer *trainer, struct err *err)
{
    char path[RUNDIR_PATH_SIZE], kept[RUNDIR_PATH_SIZE];
    rundir_path(&trainer->dir, RUNDIR_LAST, path, sizeof path);
    rundir_path(&trainer->dir, RUNDIR_PREVIOUS, kept, sizeof kept);
    meet_optimizer(&trainer->run);
    if (!check_finite(trainer, err))
        return false;
    if (!ranks_writes(trainer->ranks))
        return true;
    if (!checkpoint_save(path, trainer->keeps_previous ? NULL : kept, &trainer->run,
                         &trainer->counters, trainer->metas, trainer->meta_count, err))
        return false;
    trainer->keeps_previous = false;
    return true;
}

/* Samples of another model than the best one would be worse than none: they go before that is
 * saved, and are written after it. A frozen network takes bytes, so images of floats have none. */
bool trainer_save_best(struct trainer *trainer, struct err *err)
{
    char path[RUNDIR_PATH_SIZE], samples[RUNDIR_PATH_SIZE];
    rundir_path(&trainer->dir, RUNDIR_BEST, path, sizeof path);
    rundir_path(&trainer->dir, RUNDIR_SAMPLES, samples, sizeof samples);
    if (!check_finite(trainer, err))
        return false;
    if (!ranks_writes(trainer->ranks))
        return true;
    if (unlink(samples) != 0 && errno != ENOENT)
        return err_set_errno(err, errno, "%s: cannot be removed", samples);
    average_enter(&trainer->average, &trainer->run);
    bool saved =
        checkpoint_save_model(path, &trainer->run, trainer->metas, trainer->model_meta_count, err);
    average_leave(&trainer->average, &trainer->run);
    return saved && (trainer->test.type != DATA_BYTES ||
                     samples_save(samples, trainer->model, &trainer->test, trainer->logits, err));
}
