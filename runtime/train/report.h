/* report.h - what a training says: on the terminal for people, in the log for programs.
 *
 *     report_start, then report_epoch after each epoch, then report_end, which says why it ended.
 *
 * On standard output every line of a training on synthetic data begins with SYNTHETIC.
 */
#ifndef BURIN_REPORT_H
#define BURIN_REPORT_H

#include "inspect/evaluate.h"
#include "train/trainer.h"

/* Why a training ended. */
enum report_reason { REPORT_FINISHED, REPORT_MAX_STEPS, REPORT_INTERRUPTED, REPORT_DIVERGED };

/* The network, the table of settings and the head of the epochs' table; the event `start`. */
bool report_start(struct trainer *trainer, struct err *err);

/* One line; the events `epoch` and its row. */
bool report_epoch(struct trainer *trainer, const struct log_epoch *epoch, struct err *err);

/* The event `training_set`: {step, images, loss, acc} of training images that were evaluated as the
 * test images are; step as in a look that no step follows. */
bool report_training(struct trainer *trainer, const struct evaluate_result *result,
                     struct err *err);

/* What a second Ctrl-C says: that the state of now was saved, or that nothing was. */
void report_saved(const struct trainer *trainer, bool saved);

/* The event `interrupt`, before the state is saved. */
bool report_interrupt(struct trainer *trainer, int signal_number, struct err *err);

/* The last lines, with the command that goes on where there is more to do; the event `end`. */
bool report_end(struct trainer *trainer, enum report_reason reason, struct err *err);

/* The progress bar during an epoch; loss is its running mean. */
void report_progress(struct trainer *trainer, int done, double loss, double images_per_s);

#endif
