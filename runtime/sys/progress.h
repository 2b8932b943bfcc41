/* progress.h - the bar that shows how far an epoch is, on a terminal only.
 *
 *     struct progress bar;
 *     progress_init(&bar, stderr, quiet);
 *     progress_show(&bar, "epoch 3/20", done, total, "loss 1.234");
 *     progress_clear(&bar);                 (before anything else is printed)
 *
 * The bar is one line that is redrawn at most ten times a second and never wraps. Where the stream
 * is no terminal nothing is written at all.
 */
#ifndef BURIN_PROGRESS_H
#define BURIN_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool on;      /* the stream is a terminal that understands control codes */
    bool visible; /* a bar stands on the line */
    double drawn; /* clock_seconds of the last drawing */
};

void progress_init(struct progress *bar, FILE *out, bool quiet);

/* title [#####-----] done/total text. */
void progress_show(struct progress *bar, const char *title, int done, int total, const char *text);

/* Wipes the line; the next show draws at once. */
void progress_clear(struct progress *bar);

#endif
