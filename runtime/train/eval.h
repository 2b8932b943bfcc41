/* eval.h - loss and accuracy over a whole data set, and the command that prints them.
 *
 *     struct eval_result result;
 *     eval_run(&run, loader, NULL, &result);
 */
#ifndef BURIN_EVAL_H
#define BURIN_EVAL_H

#include "data/data.h"
#include "data/loader.h"
#include "run.h"

struct eval_result {
    double loss; /* mean, without label smoothing */
    double acc;  /* percent */
    int64_t images;
    int64_t class_images[DATA_CLASSES]; /* these two only when logits were given */
    int64_t class_correct[DATA_CLASSES];
};

/* Evaluates all batches of a loader that neither shuffles nor augments. logits is room for
 * those of all of them, [images][classes], or NULL. False when a signal came before the end
 * (interrupt.h). */
bool eval_run(struct run *run, struct loader *loader, float *logits, struct eval_result *result);

/* The command `eval`. argv[0] is its name. */
bool eval_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err);

#endif
