/* meet.h - one training made by several processes: what they give each other in a step.
 *
 *     run_open(&run, ...), run_recipe(&run, ...);
 *     if (!meet_open(&run, ranks, &err)) ...      (with ranks NULL nothing changes)
 *     ... run_train, run_eval ...                 (on every rank, with the same batches)
 *     meet_optimizer(&run);                       (before a checkpoint is saved)
 *     run_close(&run);                            (closes it)
 *
 * A rank owns a span of the chunks of a batch, of which it makes all sums, and the parameters from
 * some offset to another, which it moves. Sums of batch norm go to all ranks, a piece of each
 * chunk. Sums of gradients go to the owner of the parameter, as the largest nodes of tree_sum's
 * tree that the sender's chunks make up; the owner finishes the tree. New parameters go to all, and
 * with them losses, hits, and whether to stop. What the optimizer keeps stays with the owner.
 *
 * So the bits are those of one process. What stands in the blocks of other ranks' chunks besides
 * what they gave is of no meaning, and never read.
 */
#ifndef BURIN_MEET_H
#define BURIN_MEET_H

#include "ranks/ranks.h"
#include "run.h"
#include "weights.h"

/* Between run_recipe and the first step. Owned by the run. */
bool meet_open(struct run *run, struct ranks *ranks, struct err *err);

/* Accepts NULL. */
void meet_close(struct meet *meet);

/* From here on this process makes its steps alone. */
void meet_leave(struct run *run);

/* Brings what the optimizer keeps of every parameter to every rank. Does nothing alone. */
void meet_optimizer(struct run *run);

/* -- For a step -------------------------------------------------------------------------------- */

/* The gradients of the chunks of this process, as weights_update is given them. */
struct gradients {
    const struct weight *weights; /* or NULL */
    int count;
    const real *chunks;
    size_t stride;
    int parts; /* chunks of the batch */
};

/* By every thread: makes the sums over this process's chunks and sends them to the owners of the
 * parameters. Afterwards meet_gradient sums those of one parameter that this process owns: out is
 * as the kernels lay it out. */
void meet_gradients(struct run *run, int rank, const struct gradients *gradients);
void meet_gradient(const struct run *run, const struct gradients *gradients, int weight, real *out);

/* By every thread: run->squares of all parameters, from their owners. Alone it is the barrier
 * behind the threads' own. */
void meet_squares(struct run *run, int rank);

/* By every thread: the new parameters from their owners, and the news of all ranks. */
void meet_parameters(struct run *run, int rank);

/* After an evaluation, by the calling thread alone: losses, hits, logits. */
void meet_evaluation(struct run *run);

bool meet_gradients_finite(const struct meet *meet);
int meet_signal(const struct meet *meet);

#endif
