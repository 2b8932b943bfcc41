/* examine.h - what a trained network makes of each test image, for reports: eval.json and
 * eval_images.bin in a folder.
 *
 * eval.json is one object:
 *
 *     model, norm, file, images, loss, acc        as `eval` prints them
 *     classes                                     names
 *     labels, predictions, confidences            [images]; confidence: softmax of the prediction
 *     pictures: {shape: [c,h,w], below, indices}  wrong images whose pixels are in eval_images.bin,
 *                                                 in this order, [c][h][w] bytes each: all that are
 *                                                 wrong among the first `below`
 *     batches: {images, sizes, acc, running_acc}  accuracy on the first images with statistics of
 *                                                 batches of these sizes, and as evaluated
 *     independence: {images, deviation, training, evaluation}
 *                                                 one image of a batch is replaced: for each other
 *                                                 image, how far its logits move (root mean square
 *                                                 over the classes) in either mode, and how many
 *                                                 predictions change: {changes, flips}. deviation
 *                                                 is that of the logits themselves
 *
 *     maps                                        of the first test image in a batch: maps.h
 *
 * With synthetic data there is also "data":"SYNTHETIC".
 */
#ifndef BURIN_EXAMINE_H
#define BURIN_EXAMINE_H

#include "data/augment.h"
#include "data/data.h"
#include "inspect/evaluate.h"
#include "run.h"

struct examination {
    const char *folder; /* exists */
    const char *file;   /* of the model */
    const struct data *test;
    const struct augment *augment;        /* none, but the normalisation */
    const char *const *class_names;       /* [classes] */
    const float *logits;                  /* [images][classes] of the test set */
    const struct evaluate_result *result; /* of the test set */
};

/* run evaluates; its store holds the model. */
bool examine_write(const struct examination *examination, struct run *run, struct err *err);

#endif
