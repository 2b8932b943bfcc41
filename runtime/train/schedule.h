/* schedule.h - the learning rate of every step.
 *
 *     float lr = schedule_lr(&recipe, epochs, steps_per_epoch, drops, step);    (step from 0)
 *
 * It is a pure function of the recipe but for LR_PLATEAU, whose drops follow from the losses of the
 * epochs, so nothing is accumulated from step to step, and a resumed run sees the rates of the
 * uninterrupted one. The recipe's lr is the highest rate of every schedule. The first W steps, of
 * warmup_epochs rounded to whole steps, rise in a line from lr / warmup_div towards lr (PyTorch's
 * LinearLR); then the schedule begins as if it had been the first (SequentialLR), and its epochs
 * count from there. With T the steps that are left of epochs * steps_per_epoch, s counted from W,
 * epoch = s / steps_per_epoch, rounded down:
 *
 *     LR_CONSTANT     lr
 *     LR_STEP         lr * step_gamma ^ (epoch / step_epochs) (PyTorch's StepLR stepped once an
 *                     epoch)
 *     LR_MULTISTEP    lr * step_gamma ^ (milestones <= epoch) (MultiStepLR)
 *     LR_EXPONENTIAL  lr * step_gamma ^ epoch (ExponentialLR)
 *     LR_LINEAR       a line from lr at s = 0 to lr / final_div at s = T - 1 (LinearLR)
 *     LR_COSINE       half a cosine between the same (CosineAnnealingLR)
 *     LR_ONECYCLE     half a cosine from lr / start_div at step 0 up to lr at warmup * T - 1 and
 * one down to lr / final_div at step T - 1 (OneCycleLR, but with final_div counted from the peak).
 * Where warmup * T is less than 1, step 0 is on the way down already; a single step, unless warmup
 * is 1, has the last rate. It has no other warmup. LR_PLATEAU      lr * step_gamma ^ drops
 * (ReduceLROnPlateau)
 *
 * A final_div of zero stands for infinity: the last rate is zero.
 */
#ifndef BURIN_SCHEDULE_H
#define BURIN_SCHEDULE_H

#include "file/checkpoint.h"
#include "model.h"

/* The rate of a step, 0 <= step. Steps past the end keep the last rate of the schedule (those that
 * drop by epochs go on dropping). drops is for LR_PLATEAU alone. */
float schedule_lr(const struct recipe *recipe, int epochs, int steps_per_epoch, int64_t drops,
                  int64_t step);

/* W: the steps before the schedule begins. */
int64_t schedule_warmup(const struct recipe *recipe, int epochs, int steps_per_epoch);

/* Takes the loss of an epoch: more than `patience` epochs in a row that are not lower than the best
 * by a ten-thousandth of it are a drop (ReduceLROnPlateau, mode min, no cooldown). */
void schedule_plateau(const struct recipe *recipe, struct plateau *plateau, double loss);

#endif
