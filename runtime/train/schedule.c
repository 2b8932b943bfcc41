/* schedule.c - closed forms of the learning-rate schedules.
 *
 * Everything is computed in double from the step number alone and rounded to float once.
 */
#include "train/schedule.h"

#include <assert.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

/* Half a cosine from a (at part 0) to b (at part 1). */
static double half_cosine(double a, double b, double part)
{
    if (part <= 0.0)
        return a;
    if (part >= 1.0)
        return b;
    return b + (a - b) * 0.5 * (1.0 + cos(pi * part));
}

static double last_rate(const struct recipe *recipe)
{
    double div = (double)recipe->final_div;
    return div > 0.0 ? (double)recipe->lr / div : 0.0;
}

static double onecycle(const struct recipe *recipe, double total, double step)
{
    double peak = (double)recipe->lr;
    double first = recipe->start_div > 0.0f ? peak / (double)recipe->start_div : 0.0;
    /* The place of the peak, between steps as a rule. A warmup of less than a step puts it before
     * the first one. */
    double top = (double)recipe->warmup * total - 1.0;
    double end = total - 1.0;
    if (step < top)
        return half_cosine(first, peak, step / top);
    return end > top ? half_cosine(peak, last_rate(recipe), (step - top) / (end - top)) : peak;
}

/* Drops at milestones up to this epoch. */
static int64_t drops_until(const struct recipe *recipe, int64_t epoch)
{
    int64_t drops = 0;
    while (drops < RECIPE_MILESTONES && recipe->milestones[drops] > 0 &&
           recipe->milestones[drops] <= epoch)
        drops++;
    return drops;
}

static double dropped(const struct recipe *recipe, int64_t drops)
{
    return (double)recipe->lr * pow((double)recipe->step_gamma, (double)drops);
}

int64_t schedule_warmup(const struct recipe *recipe, int epochs, int steps_per_epoch)
{
    const double total = (double)epochs * (double)steps_per_epoch;
    const double steps = floor((double)recipe->warmup_epochs * (double)steps_per_epoch + 0.5);
    return recipe->schedule == LR_ONECYCLE ? 0 : (int64_t)(steps < total ? steps : total);
}

float schedule_lr(const struct recipe *recipe, int epochs, int steps_per_epoch, int64_t drops,
                  int64_t step)
{
    assert(epochs > 0 && steps_per_epoch > 0 && step >= 0);
    const int64_t warmup = schedule_warmup(recipe, epochs, steps_per_epoch);
    const double peak = (double)recipe->lr;
    if (step < warmup) {
        const double first = peak / (double)recipe->warmup_div;
        return (float)(first + (peak - first) * ((double)step / (double)warmup));
    }
    step -= warmup;
    const double total = (double)epochs * (double)steps_per_epoch - (double)warmup;
    const double part = total > 1.0 ? (double)step / (total - 1.0) : 0.0;
    const int64_t epoch = step / steps_per_epoch;
    double lr = peak;
    switch (recipe->schedule) {
    case LR_CONSTANT:
        break;
    case LR_STEP:
        lr = dropped(recipe, recipe->step_epochs > 0 ? epoch / recipe->step_epochs : 0);
        break;
    case LR_MULTISTEP:
        lr = dropped(recipe, drops_until(recipe, epoch));
        break;
    case LR_EXPONENTIAL:
        lr = dropped(recipe, epoch);
        break;
    case LR_PLATEAU:
        lr = dropped(recipe, drops);
        break;
    case LR_LINEAR:
        lr = part < 1.0 ? peak + (last_rate(recipe) - peak) * part : last_rate(recipe);
        break;
    case LR_ONECYCLE:
        lr = onecycle(recipe, total, (double)step);
        break;
    case LR_COSINE:
        lr = half_cosine(peak, last_rate(recipe), part);
        break;
    }
    return (float)lr;
}

void schedule_plateau(const struct recipe *recipe, struct plateau *plateau, double loss)
{
    const double least_fall = 1e-4;
    if (plateau->best < 0.0 || loss < plateau->best * (1.0 - least_fall)) {
        plateau->best = loss;
        plateau->bad = 0;
    } else if (++plateau->bad > recipe->patience) {
        plateau->bad = 0;
        plateau->drops++;
    }
}
