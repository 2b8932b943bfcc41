/* update.h - from the gradients of a step to its new parameters: which parameter moves by which
 * rule.
 *
 *     run_recipe(&run, &recipe, &err);             (once: memory for what the optimizer keeps)
 *     ... on every rank, in a region of the team, its own gradients in store.grad:
 *     for (each parameter i with update_is_mine(run, rank, i)) update_measure(run, i);
 *     team_barrier(run->team);                     (only if update_clips)
 *     ... update_clip(run, i); update_param(run, rank, i);
 *
 * A parameter is moved as a whole by one rank. Sums over parameters are made in their order, so
 * results do not depend on the number of ranks.
 */
#ifndef BURIN_UPDATE_H
#define BURIN_UPDATE_H

#include "run.h"

/* Whether this rank moves parameter i: ranks get about the same number of floats each. Of several
 * processes (meet.h) one does, the owner, which does not depend on threads. */
bool update_is_mine(const struct run *run, int rank, int i);
int update_owner(const struct run *run, int i);

/* Whether this rank packs parameter i, where that is not done by who moves it. */
bool update_packs(const struct run *run, int rank, int i);

/* The rule of parameter i: with Muon that of the others for all but weights of two or more
 * dimensions (the head, norms and biases are others). */
enum optimizer update_rule(const struct run *run, int i);

/* Clipping by the norm of all gradients together (torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov
 * and Bengio, arXiv:1211.5063): whether it is on; the sum of the squares of parameter i; and, when
 * those of all parameters are known, gradient i times min(1, clip / (norm + 1e-6)). */
bool update_clips(const struct run *run);
void update_measure(struct run *run, int i);
void update_clip(struct run *run, int i);

/* Moves parameter i. */
void update_param(struct run *run, int rank, int i);

#endif
