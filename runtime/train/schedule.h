/* schedule.h - the learning rate of every step, a pure function of the recipe.
 *
 *     float lr = schedule_lr(&recipe, epochs, steps_per_epoch, step);     (step counts from 0)
 *
 * Nothing is accumulated from step to step, so a resumed run sees the rates of the uninterrupted
 * one. The recipe's lr is the highest rate of every schedule. With T = epochs * steps_per_epoch:
 *
 *     LR_CONSTANT  lr
 *     LR_STEP      lr * step_gamma ^ (epoch / step_epochs), epoch counting from 0 (PyTorch's StepLR
 *                  stepped once an epoch)
 *     LR_ONECYCLE  a half cosine from lr / start_div at step 0 up to lr at warmup * T - 1 and one
 *                  down to lr / final_div at step T - 1 (PyTorch's OneCycleLR, but with final_div
 *                  counted from the peak). Where warmup * T is less than 1, step 0 is on the way
 *                  down already; a single step, unless warmup is 1, has the last rate.
 *     LR_COSINE    a half cosine from lr at step 0 to lr / final_div at step T - 1
 *
 * A final_div of zero stands for infinity: the last rate is zero.
 */
#ifndef BURIN_SCHEDULE_H
#define BURIN_SCHEDULE_H

#include "model.h"

/* The rate of a step, 0 <= step. Steps past the end keep the last rate of the schedule (LR_STEP
 * goes on dropping). */
float schedule_lr(const struct recipe *recipe, int epochs, int steps_per_epoch, int64_t step);

/* "constant", "step", "onecycle", "cosine". */
const char *schedule_name(enum lr_schedule schedule);

#endif
