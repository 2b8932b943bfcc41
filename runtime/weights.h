/* weights.h - the way of every parameter between a backend's kernels and the canonical vector.
 *
 * A generated program has one row for each parameter: where its gradient stands in the block of a
 * chunk of images, where its packed copies stand, and how to convert. After the backward pass,
 * weights_update turns the chunks' gradients into new parameters and new packed copies in one pass.
 */
#ifndef BURIN_WEIGHTS_H
#define BURIN_WEIGHTS_H

#include "export.h"
#include "run.h"

struct weight {
    int param;              /* index into model->params */
    size_t gradient;        /* offset of its gradient in a chunk's block */
    size_t gradient_floats; /* as the kernels lay it out */
    void (*unpack)(real *canonical, const real *packed); /* NULL: the gradient is canonical */
    bool packed;                                         /* kernels read a copy at `forward` */
    size_t forward;                                      /* offset among the packed weights */
    void (*pack)(real *packed, const real *canonical);   /* NULL: the copy is canonical */
    size_t transposed; /* likewise for the data gradient; no copy when pack_transposed is NULL */
    void (*pack_transposed)(real *packed, const real *canonical);
};

/* Row i of a program's table, complete. weights is NULL where every gradient is canonical, at the
 * parameter's own offset, and nothing is packed. A frozen parameter has no gradient. */
static inline struct weight weights_row(const struct run *run, const struct weight *weights, int i)
{
    const struct param *param = &run->model->params[weights != NULL ? weights[i].param : i];
    struct weight row = {.param = i, .gradient = param->offset};
    if (weights != NULL)
        row = weights[i];
    if (run_is_frozen(run, row.param))
        row.gradient_floats = 0;
    else if (row.unpack == NULL)
        row.gradient_floats = param->count;
    return row;
}

/* What is added to the variance of parameter i where kernels see it standardized, or 0. */
static inline real weights_standardize(const struct run *run, int i)
{
    return run->model->standardize != NULL ? run->model->standardize[i] : 0;
}

/* The weights of parameter i as kernels see them, canonical: its own, or in store.seen, which is
 * made anew, standardized ones. */
const real *weights_seen(const struct run *run, int i);

/* Makes the packed copies of this rank's share of the parameters. */
void weights_pack(const struct run *run, int rank, const struct weight *weights, int count,
                  real *packed) BURIN_EXPORT(weights_pack);

/* For this rank's share of the parameters: sums the gradients of `parts` chunks by tree_sum, the
 * chunks' blocks `stride` floats apart, stores the sum in store.grad, takes a step of run->optim,
 * and packs. With clipping, ranks wait for each other between sums and steps. With other processes
 * (meet.h), the chunks are this one's, and so are the parameters that move; all get all of them,
 * and those of others are packed, too. weights may be NULL (weights_row); scratch holds the largest
 * gradient that is not canonical. */
void weights_update(struct run *run, int rank, const struct weight *weights, int count,
                    const real *chunks, size_t stride, int parts, real *packed, real *scratch)
    BURIN_EXPORT(weights_update);

#endif
