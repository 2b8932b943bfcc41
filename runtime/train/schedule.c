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

float schedule_lr(const struct recipe *recipe, int epochs, int steps_per_epoch, int64_t step)
{
    assert(epochs > 0 && steps_per_epoch > 0 && step >= 0);
    double peak = (double)recipe->lr;
    double total = (double)epochs * (double)steps_per_epoch;
    double lr = peak;
    switch (recipe->schedule) {
    case LR_CONSTANT:
        break;
    case LR_STEP: {
        int64_t epoch = step / steps_per_epoch;
        int64_t drops = recipe->step_epochs > 0 ? epoch / recipe->step_epochs : 0;
        lr = peak * pow((double)recipe->step_gamma, (double)drops);
        break;
    }
    case LR_ONECYCLE:
        lr = onecycle(recipe, total, (double)step);
        break;
    case LR_COSINE:
        lr =
            total > 1.0 ? half_cosine(peak, last_rate(recipe), (double)step / (total - 1.0)) : peak;
        break;
    }
    return (float)lr;
}

const char *schedule_name(enum lr_schedule schedule)
{
    static const char *const names[] = {
        [LR_CONSTANT] = "constant",
        [LR_STEP] = "step",
        [LR_ONECYCLE] = "onecycle",
        [LR_COSINE] = "cosine",
    };
    return names[schedule];
}
