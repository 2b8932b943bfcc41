/* checkpoint.h - a model, or the whole state of a training, in one safetensors file.
 *
 *     checkpoint_save(path, kept, &run, &counters, metas, meta_count, &err);
 *     checkpoint_save_model(path, &run, metas, meta_count, &err);
 *
 *     struct safetensors file = {0};
 *     safetensors_open(&file, path, &err) && checkpoint_fits(&file, &model, &err) &&
 *         checkpoint_load(&file, &run, &counters, &err);         (to go on training)
 *     checkpoint_load_model(&file, &run, &err);                  (to evaluate)
 *     checkpoint_load_params(&file, &run, &err);                 (to start from)
 *
 * A model is what PyTorch's load_state_dict takes, and no more: the parameters, running_mean and
 * running_var under PyTorch's names and shapes (F32), and num_batches_tracked of every batch norm
 * (I64 scalar). A checkpoint adds what the optimizer keeps, under PyTorch's names, as
 * optim.<what>.<parameter> (F32: momentum, or exp_avg, or this and exp_avg_sq), averages over the
 * steps, where there are any, as ema.<parameter or statistic>, and the counters below as
 * train.<counter> (I64 or F64 scalars). Nothing in it depends on time, threads or folders: two ways
 * to the same step give the same bytes.
 */
#ifndef BURIN_CHECKPOINT_H
#define BURIN_CHECKPOINT_H

#include "file/safetensors.h"
#include "run.h"

/* What the learning rate has seen of the losses, where it drops when they do not (LR_PLATEAU). */
struct plateau {
    double best;   /* the lowest loss; below zero before the first */
    int64_t bad;   /* epochs since then, or since the last drop */
    int64_t drops; /* so far */
};

/* Where a training is. The sums are over the steps already made of the epoch under way, which are
 * step - epoch * steps_per_epoch: all of them when only its evaluation is missing. */
struct checkpoint_counters {
    int64_t epoch; /* epochs completed */
    int64_t step;  /* steps made in all */
    int64_t steps_per_epoch;
    int64_t images;  /* sum over the epoch under way */
    int64_t correct; /* likewise */
    double loss;     /* likewise: sum over the images */
    double best_acc; /* highest test accuracy in percent; -1 before the first epoch */
    int64_t best_epoch;
    struct plateau plateau; /* saved with has_plateau, and found to be there by loading */
    bool has_plateau;
};

/* Writes a checkpoint whole or not at all; the one before it stays as `kept`, unless that is NULL.
 */
bool checkpoint_save(const char *path, const char *kept, const struct run *run,
                     const struct checkpoint_counters *counters,
                     const struct safetensors_meta *metas, size_t meta_count, struct err *err);

/* The same of the model alone, which keeps nothing of the file before it. */
bool checkpoint_save_model(const char *path, const struct run *run,
                           const struct safetensors_meta *metas, size_t meta_count,
                           struct err *err);

/* Whether the file has this model's parameters and statistics, by name, type and shape, and no
 * others; all differences in one message. A file that names its network is checked by name too. */
bool checkpoint_fits(const struct safetensors *file, const struct model *model, struct err *err);

/* Whether a file that fits has nothing of a training. */
bool checkpoint_is_model(const struct safetensors *file);

/* These copy from a file that fits and pack: the parameters only; with running statistics; all.
 * EXIT_DATA, with the tensor, when a number of it is not finite, and from the last one when what
 * only a checkpoint has is missing or contradicts itself. */
bool checkpoint_load_params(const struct safetensors *file, struct run *run, struct err *err);
bool checkpoint_load_model(const struct safetensors *file, struct run *run, struct err *err);
bool checkpoint_load(const struct safetensors *file, struct run *run,
                     struct checkpoint_counters *counters, struct err *err);

/* -- For foreign.c ----------------------------------------------------------------------------- */

/* What a file has of a parameter, without its numbers. */
struct safetensor checkpoint_tensor(const struct param *param);

/* Whether a file of this model, or of a training of it, can have a tensor of this name. */
bool checkpoint_knows(const struct model *model, const char *name);

/* Copies parameter i, whose tensor fits; does not pack. EXIT_DATA where a number is not finite. */
bool checkpoint_load_param(const struct safetensors *file, struct run *run, int i, struct err *err);

#endif
