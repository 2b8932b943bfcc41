/* run.h - one network being trained or evaluated: its numbers, its memory and its threads.
 *
 *     struct run run;
 *     if (!run_open(&run, &model, model.backend, threads, &err)) ...
 *     run_init_params(&run, seed);           (or fill run.store from a file, then run_pack)
 *     if (!run_recipe(&run, &recipe, &err)) ...            (then run.optim.lr and .step each step)
 *     struct step_result r = run_train(&run, &batch);
 *     run_close(&run);
 *
 * The run owns its store, its arenas and its team of threads. Backends read batch, optim and the
 * flags, write store, loss and correct, and never touch the rest.
 */
#ifndef BURIN_RUN_H
#define BURIN_RUN_H

#include "export.h"
#include "inspect/profile.h"
#include "model.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/team.h"
#include "train/optim.h"

/* The images of one step. */
struct batch {
    int n;                   /* 1 .. recipe.batch */
    const real *images;      /* [n][c][h][w], normalised */
    const uint8_t *labels;   /* [n] */
    const uint8_t *others;   /* [n], label of what is mixed into an image; NULL: nothing is */
    const real *part;        /* [n], what an image has of itself, 1/2 .. 1; NULL: all */
    const uint32_t *samples; /* [n], index of each image in its data set: the key of its dropout */
    uint64_t seed;
    uint32_t epoch; /* counted from 1 */
};

/* Every learned or tracked number, in the canonical layout. */
struct store {
    real *param;     /* [param_floats] */
    real *grad;      /* [param_floats], of the last step, without weight decay */
    real *momentum;  /* [param_floats]; with optimizers but SGD and Muon the average gradient */
    real *state;     /* [state_floats] */
    int64_t batches; /* training steps seen by the running statistics (num_batches_tracked) */
    real *square;    /* [param_floats], the average of squared gradients; NULL where none is kept */
    real *ema,
        *ema_state; /* averages of param and state over the steps; NULL where there are none */
    real *seen;     /* [param_floats], standardized weights as kernels see them; NULL: none are */
};

/* From first on, up to last, which is no part of it. */
struct span {
    int first, last;
};

struct step_result {
    double loss; /* mean over the batch */
    int correct; /* images whose largest logit is the label's */
};

/* Who looks at a step while it is made, on one thread: watch.h. */
struct run;
struct watch {
    /* The calls to come are for n images of this chunk and micro-batch. */
    void (*micro_batch)(struct watch *watch, int chunk, int micro_batch, int image, int n);
    /* What belongs to a slot of the profile has just been computed. */
    void (*computed)(struct watch *watch, const struct run *run, int slot);
};

struct meet;

struct run {
    const struct model *model;
    const struct backend *backend;
    struct team *team;
    struct store store;
    struct optim optim;
    enum param_kind *kinds; /* [param_count]; NULL before run_recipe */
    double *squares;        /* [param_count], sums over their gradients; likewise */
    bool *frozen;           /* [param_count]: those that stay as they are; NULL: none */
    bool dropout;           /* false turns every dropout layer off in training */
    real label_smoothing;
    struct meet *meet;       /* the processes that make the steps with this one (meet.h), or NULL */
    struct span part;        /* then this one is `first` of `last`; zeros: it is alone */
    struct profile *profile; /* where run_train notes times, or NULL */
    struct watch *watch;     /* who is told what has been computed, or NULL */
    const struct batch *batch;
    real *logits; /* eval: [n][classes] or NULL */
    real *shared; /* arenas, see struct backend */
    real *thread[TEAM_MAX_THREADS];
    real *matrices[TEAM_MAX_THREADS]; /* scratch of Muon */
    double loss[MODEL_MOST_CHUNKS];   /* sum over the images of each chunk */
    int correct[MODEL_MOST_CHUNKS];
};

/* Allocates for batches of at most recipe.batch images and starts the team. */
bool run_open(struct run *run, const struct model *model, const struct backend *backend,
              int threads, struct err *err);
void run_close(struct run *run);

/* Fills run->optim and label_smoothing, and allocates what the optimizer keeps, zeroed. Once, after
 * run_open; without it the optimizer is SGD, with the numbers that run->optim is given. */
bool run_recipe(struct run *run, const struct recipe *recipe, struct err *err);

/* What the optimizer keeps of parameter i: the names, as PyTorch has them, and the floats, [count]
 * each. Returns how many there are. */
enum { RUN_KEPT = 2 };
int run_kept(const struct run *run, int i, const char *names[RUN_KEPT], real *values[RUN_KEPT]);

/* Fills store.param and store.state with initial values of this seed and packs. */
void run_init_params(struct run *run, uint64_t seed);

/* Calls backend->pack on every rank. */
void run_pack(struct run *run);

/* Takes a step's parameters and statistics into their averages: ema += (1 - part) (param - ema), or
 * with part 0 begins anew (torch.optim.swa_utils.get_ema_multi_avg_fn, use_buffers). */
void run_average(struct run *run, real part);

/* Exchanges parameters and statistics with their averages, if there are any; run_pack is the
 * caller's. */
void run_exchange_average(struct run *run);

/* One training step: updates the store. Dropout, label smoothing and optim are taken from the run.
 */
struct step_result run_train(struct run *run, const struct batch *batch);

/* Whether all gradients of the last step are finite, those of other processes with them. */
bool run_gradients_finite(const struct run *run);

/* A signal that asks the training to stop, or 0: the same for all processes after the same step. */
int run_interrupted(const struct run *run);

/* Loss (without label smoothing) and hits in evaluation mode; logits [n][classes] or NULL. */
struct step_result run_eval(struct run *run, const struct batch *batch, real *logits);

/* -- For backends ------------------------------------------------------------------------------ */

/* Whether parameter i stays as it is. */
static inline bool run_is_frozen(const struct run *run, int i)
{
    return run->frozen != NULL && run->frozen[i];
}

/* Images a chunk of the model's batch: batch / most chunks, rounded up. */
static inline int run_chunk_images(const struct model *model)
{
    const int chunks = model_most_chunks(model);
    return (model->recipe->batch + chunks - 1) / chunks;
}

/* Chunks that this batch fills, the last one perhaps only in part. */
static inline int run_chunks(const struct run *run)
{
    int images = run_chunk_images(run->model);
    return (run->batch->n + images - 1) / images;
}

/* The images of one chunk of the batch. */
static inline struct span run_chunk(const struct run *run, int chunk)
{
    int images = run_chunk_images(run->model);
    int first = chunk * images;
    int last = first + images;
    return (struct span){first, last < run->batch->n ? last : run->batch->n};
}

/* Part `part` of `parts` of a span, the parts contiguous and as equal as they can be. */
static inline struct span run_divide(struct span whole, int part, int parts)
{
    const long count = whole.last - whole.first;
    return (struct span){whole.first + (int)(count * part / parts),
                         whole.first + (int)(count * (part + 1) / parts)};
}

/* The same of n images, cut between two chunks of so many. */
static inline struct span run_divide_images(int n, int chunk, int part, int parts)
{
    const struct span chunks = run_divide((struct span){0, (n + chunk - 1) / chunk}, part, parts);
    const int last = chunks.last * chunk;
    return (struct span){chunks.first * chunk, last < n ? last : n};
}

/* The chunks of the batch that are this process's: all, where it is alone. */
static inline struct span run_own_chunks(const struct run *run)
{
    const struct span all = {0, run_chunks(run)};
    return run->part.last > 1 ? run_divide(all, run->part.first, run->part.last) : all;
}

/* Those that are this thread's. */
static inline struct span run_thread_chunks(const struct run *run, int rank)
{
    return run_divide(run_own_chunks(run), rank, team_threads(run->team));
}

/* The place where all images of a batch meet: waits for every thread, and then brings from the
 * other processes, where there are any, what they have made of their chunks. Each chunk has
 * `pieces` pieces of `floats` floats, which lie `stride` floats apart, those of chunk 0 from
 * `parts` on. */
void run_meet(struct run *run, int rank, real *parts, int pieces, size_t stride, size_t floats)
    BURIN_EXPORT(run_meet);

/* Gives the time since this rank's last call to a slot of the profile, if there is one, and tells
 * who watches that what belongs to the slot has been computed. */
static inline void run_count(const struct run *run, int rank, int slot)
{
    if (run->profile != NULL)
        profile_count(run->profile, rank, slot, clock_seconds());
    if (run->watch != NULL)
        run->watch->computed(run->watch, run, slot);
}

/* Tells who watches, if anyone does, which images come next. */
static inline void run_micro_batch(const struct run *run, int chunk, int micro_batch, int image,
                                   int n)
{
    if (run->watch != NULL)
        run->watch->micro_batch(run->watch, chunk, micro_batch, image, n);
}

/* out[i] = sum over `parts` vectors part[p * stride + i], added up by a binary tree whose shape
 * depends on `parts` alone: neighbours first, then pairs of pairs. parts is 1 .. MODEL_MOST_CHUNKS.
 */
void tree_sum(real *restrict out, const real *restrict part, size_t stride, int parts, size_t n);

/* The same tree in pieces. A node is the sum of the vectors of a span; tree_nodes finds the nodes
 * of the tree over `parts` vectors that make up a span of them, the largest there are: each is
 * tree_sum of its vectors. Returns how many. tree_finish makes the whole sum of the nodes of all
 * spans, in order. */
struct tree_node {
    struct span span;
    const real *sum; /* [n] */
};
int tree_nodes(struct span span, int parts, struct tree_node nodes[MODEL_MOST_CHUNKS]);
void tree_finish(real *restrict out, const struct tree_node *nodes, int count, int parts, size_t n);

#endif
