/* update.c - the numbers of one parameter in one step. */
#include "train/update.h"

#include <math.h>

#include "train/muon.h"

/* The offset times the number of processes, of which the whole part says the owner and the rest how
 * far behind the owner's first float the parameter is. */
static size_t place_of(const struct run *run, int i)
{
    const int processes = run->part.last > 1 ? run->part.last : 1;
    return run->model->params[i].offset * (size_t)processes;
}

int update_owner(const struct run *run, int i)
{
    return (int)(place_of(run, i) / run->model->param_floats);
}

bool update_is_mine(const struct run *run, int rank, int i)
{
    const size_t floats = run->model->param_floats, threads = (size_t)team_threads(run->team);
    const size_t place = place_of(run, i);
    return (int)(place / floats) == run->part.first &&
           (int)(place % floats * threads / floats) == rank;
}

bool update_packs(const struct run *run, int rank, int i)
{
    const size_t threads = (size_t)team_threads(run->team);
    return (int)(run->model->params[i].offset * threads / run->model->param_floats) == rank;
}

static enum param_kind kind_of(const struct run *run, int i)
{
    return run->kinds == NULL ? PARAM_WEIGHT : run->kinds[i];
}

enum optimizer update_rule(const struct run *run, int i)
{
    if (run->optim.kind != OPTIMIZER_MUON ||
        (kind_of(run, i) == PARAM_WEIGHT && run->model->params[i].rank >= 2))
        return run->optim.kind;
    return run->optim.others;
}

/* -- Clipping ---------------------------------------------------------------------------------- */

bool update_clips(const struct run *run)
{
    return run->optim.clip > 0;
}

void update_measure(struct run *run, int i)
{
    const struct param *param = &run->model->params[i];
    const real *grad = run->store.grad + param->offset;
    double sum = 0;
    for (size_t k = 0; k < param->count; k++)
        sum += (double)grad[k] * (double)grad[k];
    run->squares[i] = sum;
}

void update_clip(struct run *run, int i)
{
    const struct param *param = &run->model->params[i];
    real *grad = run->store.grad + param->offset;
    double sum = 0;
    for (int k = 0; k < run->model->param_count; k++)
        sum += run->squares[k];
    const double factor = (double)run->optim.clip / (sqrt(sum) + 1e-6);
    const real scale = factor < 1 ? (real)factor : 1; /* a norm that is no number stays one */
    for (size_t k = 0; k < param->count; k++)
        grad[k] *= scale;
}

/* -- Moving ------------------------------------------------------------------------------------ */

void update_param(struct run *run, int rank, int i)
{
    const struct param *param = &run->model->params[i];
    const struct optim *optim = &run->optim;
    const struct store *s = &run->store;
    const enum optimizer rule = update_rule(run, i);
    struct optim_part part = {
        .param = s->param + param->offset,
        .first = s->momentum + param->offset,
        .second = s->square == NULL ? NULL : s->square + param->offset,
        .grad = s->grad + param->offset,
        .n = param->count,
        .lr = rule == optim->kind ? optim->lr : optim->lr * optim->others_rate,
        .weight_decay = param->decays ? optim->weight_decay : 0,
    };
    if (optim->factors) {
        part.lr *= optim->rate[kind_of(run, i)];
        part.weight_decay *= optim->decay[kind_of(run, i)];
    }
    if (rule != OPTIMIZER_MUON) {
        optim_update(optim, rule, &part);
        return;
    }
    const size_t rows = (size_t)param->shape[0];
    muon_update(optim, &part, rows, param->count / rows, run->matrices[rank]);
}
