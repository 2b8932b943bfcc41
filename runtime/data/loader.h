/* loader.h - batches of an epoch, prepared by a thread while the last one is computed.
 *
 *     struct loader *loader = NULL;
 *     if (!loader_open(&loader, &data, &settings, &err)) ...
 *     for (uint32_t epoch = 1; epoch <= epochs; epoch++) {
 *         loader_start_epoch(loader, epoch, 0);
 *         for (const struct batch *batch; (batch = loader_next(loader));)
 *             run_train(&run, batch);
 *     }
 *     loader_close(loader);
 *
 * The loader owns the batches; one is valid until the next call for this loader. It borrows data,
 * which must outlive it. The batches are a pure function of (settings, epoch, step). All functions
 * are for one thread.
 */
#ifndef BURIN_LOADER_H
#define BURIN_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/augment.h"
#include "data/data.h"
#include "run.h"
#include "sys/err.h"

struct loader;

struct loader_settings {
    int batch; /* images of a batch; the last of an epoch may have fewer */
    uint64_t seed;
    bool shuffle;           /* else the order of the data */
    struct augment augment; /* copied; its shape is the data's */
    float mixup;            /* parameter of mixup.h, 0 none */
    uint32_t plain_from;    /* the epoch from which images are as they are, 0 none */
    /* Images of chunks that are another process's are not made: this is process part.first of
     * part.last, and a chunk has so many images. Zeros, or mixup, which mixes images of two chunks: all are
     * made. */
    struct span part;
    int chunk;
    /* NULL, or a loader of images and batches as large that lends its memory. It is closed after
     * this one, and no batch of it is in use, nor any being made, while this one has an epoch. */
    const struct loader *lender;
};

/* Allocates and starts the thread, which waits for the first epoch. */
bool loader_open(struct loader **loader, const struct data *data,
                 const struct loader_settings *settings, struct err *err);

/* Stops the thread at once, also in the middle of an epoch. Accepts NULL. */
void loader_close(struct loader *loader);

/* Batches of an epoch. */
int loader_steps(const struct loader *loader);

/* Begins an epoch, counted from 1, at a step, counted from 0; leaves any epoch under way. */
void loader_start_epoch(struct loader *loader, uint32_t epoch, int first_step);

/* The next batch, or NULL at the end of the epoch. */
const struct batch *loader_next(struct loader *loader);

/* Makes the images of other processes, too, of the batch that loader_next has returned. */
void loader_complete(struct loader *loader);

/* Seconds that loader_next spent waiting for the thread, since loader_open. */
double loader_waited(const struct loader *loader);

/* Fills order with the samples 0 .. n-1 in the order of this epoch. */
void loader_shuffle(uint32_t *order, int n, uint64_t seed, uint32_t epoch);

#endif
