/* evaluate.c - batches in order; sums in double in that order, so the figures depend on nothing
 * else.
 */
#include "inspect/evaluate.h"

#include <assert.h>

bool evaluate(struct run *run, struct loader *loader, float *logits, int64_t most,
              struct evaluate_result *result)
{
    const int classes = run->model->classes;
    assert(classes <= DATA_MAX_CLASSES);
    *result = (struct evaluate_result){.images = 0};
    int64_t correct = 0;
    loader_start_epoch(loader, 1, 0);
    const struct batch *batch;
    while ((batch = loader_next(loader)) != NULL) {
        if (run_interrupted(run) != 0)
            return false;
        float *rows = logits == NULL || result->images >= most
                          ? NULL
                          : logits + (size_t)result->images * (size_t)classes;
        struct step_result step = run_eval(run, batch, rows);
        result->loss += step.loss * batch->n;
        result->images += batch->n;
        correct += step.correct;
        for (int i = 0; rows != NULL && i < batch->n; i++) {
            const float *row = rows + (size_t)i * (size_t)classes;
            int best = 0; /* the first of the largest, as the backends count */
            for (int k = 1; k < classes; k++)
                best = row[k] > row[best] ? k : best;
            result->class_images[batch->labels[i]]++;
            result->class_correct[batch->labels[i]] += best == batch->labels[i];
        }
    }
    result->loss /= (double)result->images;
    result->acc = 100.0 * (double)correct / (double)result->images;
    return true;
}
