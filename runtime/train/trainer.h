/* trainer.h - everything one training holds, opened in an order in which nothing is touched on disk
 * before all that can be wrong has been looked at.
 *
 *     struct trainer trainer = {0};
 *     bool ok = trainer_open(&trainer, &model, program, argc, argv, &err);
 *     ... train.c ...
 *     trainer_close(&trainer);
 */
#ifndef BURIN_TRAINER_H
#define BURIN_TRAINER_H

#include "data/data.h"
#include "data/loader.h"
#include "file/checkpoint.h"
#include "file/foreign.h"
#include "file/log.h"
#include "file/rundir.h"
#include "inspect/probe.h"
#include "ranks/ranks.h"
#include "run.h"
#include "sys/progress.h"
#include "train/average.h"
#include "train/origin.h"
#include "train/resume.h"
#include "train/settings.h"

enum {
    TRAINER_META_MAX = 96,
    TRAINER_META_SIZE = DATA_NAMES_SIZE + 384 /* the names of the classes are the longest text */
};

struct trainer {
    const struct model *model;
    const char *program; /* argv[0], for the commands that are printed */
    struct settings settings;
    struct settings saved; /* resumed: those of the checkpoint, before options */
    bool quiet;
    bool profiles;       /* prints the profile at the end */
    bool pins;           /* each thread stays on a processor of its own */
    bool done;           /* nothing is open, and nothing is left to do: --help was answered, or
                            other processes have made the training */
    bool from_root;      /* the first rank alone reads images */
    bool anyway;         /* resumes though it is another training */
    bool resumed;        /* counters and store come from a checkpoint */
    struct resume from;  /* its file is closed */
    bool keeps_previous; /* the newest checkpoint was found damaged */
    float *before;       /* the parameters before the step under way, for diagnose.h */
    float *logits;       /* of the first images that were evaluated, for samples.h */

    struct ranks *ranks; /* those that train together, or NULL; the first of them writes */
    int64_t ranks_typed; /* --ranks */

    struct data train;
    struct data test; /* what is evaluated: the test set, or with --validate what was held out */
    struct data_stats stats;
    struct loader *train_loader, *test_loader;
    struct run run;
    struct average average;
    struct profile profile; /* of the run, if asked for */
    struct probe *probe;    /* NULL without --probe */
    struct rundir dir;
    struct log log;
    struct progress bar;
    struct checkpoint_counters counters;

    struct safetensors_meta metas[TRAINER_META_MAX]; /* of every checkpoint of this training */
    char (*meta_text)[TRAINER_META_SIZE];
    size_t meta_count;
    size_t model_meta_count;         /* the first so many go with a model, too */
    struct origin origin;            /* owns the others */
    char adopted[FOREIGN_SAID_SIZE]; /* what was made of the file of --init */
    char changed[RUNDIR_PATH_SIZE + ORIGIN_DIFFERENCES_SIZE + 64]; /* what `anyway` let pass */
};

/* Reads the options of `train` (argv[0] is the command's name), resolves the settings, opens data,
 * folder, run and log. On failure everything is closed again. */
bool trainer_open(struct trainer *trainer, const struct model *model, const char *program, int argc,
                  char **argv, struct err *err);
void trainer_close(struct trainer *trainer);

/* Ends a training that all ranks end by themselves, with this code. Returns false. */
bool trainer_agreed(struct trainer *trainer, enum exit_code code);

/* Saves the state in the run's folder as the newest checkpoint, or the model, of average parameters
 * where there are any, as the best one, with the samples of its evaluation. Both
 * refuse to save numbers that are not finite, with EXIT_DIVERGED, so that a checkpoint is always
 * one to go on from. The newest leaves the one before it as RUNDIR_PREVIOUS. */
bool trainer_save_last(struct trainer *trainer, struct err *err);
bool trainer_save_best(struct trainer *trainer, struct err *err);

#endif
