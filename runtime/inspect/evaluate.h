/* evaluate.h - loss and accuracy over a whole set of images.
 *
 *     struct evaluate_result result;
 *     evaluate(&run, loader, NULL, 0, &result);
 */
#ifndef BURIN_EVALUATE_H
#define BURIN_EVALUATE_H

#include "data/data.h"
#include "data/loader.h"
#include "run.h"

struct evaluate_result {
    double loss; /* mean, without label smoothing */
    double acc;  /* percent */
    int64_t images;
    int64_t class_images[DATA_MAX_CLASSES]; /* these two of the images whose logits were given */
    int64_t class_correct[DATA_MAX_CLASSES];
};

/* Evaluates all batches of a loader that neither shuffles nor augments. logits gets those of the
 * first batches up to image `most`, [images][classes]: it has room for `most` images and the rest
 * of a batch, or is NULL. False when a signal came before the end (sys/interrupt.h). */
bool evaluate(struct run *run, struct loader *loader, float *logits, int64_t most,
              struct evaluate_result *result);

#endif
