/* profile.h - where the time of training steps goes, by layer and pass, adding up to the whole.
 *
 *     struct profile profile;
 *     if (!profile_open(&profile, &model, threads, &err)) ...
 *     run.profile = &profile;                         (run_train begins and ends the steps)
 *         run_count(run, rank, 12);                     (in a backend, after the call of kernel 12)
 *         run_count(run, rank, profile_place(model, PROFILE_WAIT));           (after a barrier)
 *     profile_print(&profile, stdout, "");
 *     profile_close(&profile);
 *
 * Each count gives the time since the thread's last one to a slot. Slots are the entries of the
 * model's kernel table, which has one for each layer and pass, and then the places below for what
 * is no kernel. So nothing is counted twice, what a backend does between two counts goes to the
 * later one, and what comes after the last count of a step, or on a thread that makes none, is left
 * over: that is a line of its own. With run.profile NULL a count is one comparison.
 */
#ifndef BURIN_PROFILE_H
#define BURIN_PROFILE_H

#include "export.h"
#include "model.h"
#include "sys/err.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum profile_place_kind {
    PROFILE_LOAD,   /* images into the network's layout, memory cleared */
    PROFILE_LOSS,   /* loss and its gradient */
    PROFILE_WAIT,   /* for the other threads at a barrier */
    PROFILE_JOIN,   /* sums over the batch between two phases: batch statistics */
    PROFILE_UPDATE, /* gradients summed, parameters updated and packed */
    PROFILE_RANKS,  /* for the other processes, and for the bytes between them */
    PROFILE_PLACES
};

struct profile {
    const struct model *model;
    int threads;
    struct profile_thread *thread; /* [threads] */
    double begun;                  /* clock of the step under way */
    double seconds;                /* of all steps */
    int64_t steps;
};

/* Starts from zero. */
bool profile_open(struct profile *profile, const struct model *model, int threads, struct err *err);

/* Accepts a zeroed struct. */
void profile_close(struct profile *profile);

/* The slot of a place; that of a kernel is its index in the model's table. */
static inline int profile_place(const struct model *model, enum profile_place_kind place)
{
    assert(place < PROFILE_PLACES);
    return model->kernel_count + (int)place;
}

/* Around a step, by one thread. All clocks are seconds. */
void profile_begin_step(struct profile *profile, double now);
void profile_end_step(struct profile *profile, double now);

/* The thread's clock starts; the time since it started, or since the last count, goes to a slot. */
void profile_start(struct profile *profile, int rank, double now);
void profile_count(struct profile *profile, int rank, int slot, double now)
    BURIN_EXPORT(profile_count);

/* Milliseconds a step, the mean of the threads: of a slot, of what no slot has, of all. */
double profile_ms(const struct profile *profile, int slot);
double profile_rest_ms(const struct profile *profile);
double profile_step_ms(const struct profile *profile);

/* A table, every line begun by a prefix: one line a layer with the times of its passes, then the
 * places, then the rest, then the whole: milliseconds a step and percent of it. A forward kernel
 * that a layer runs once more in the backward pass is in the column "again". Places that took no
 * time are left out. Asserts that a step was made. */
void profile_print(const struct profile *profile, FILE *out, const char *prefix);

#endif
