/* profile.c - adds up the times of slots and prints them.
 *
 * Each thread writes to memory of its own, and the sums are made when they are asked for. A step of
 * s seconds on t threads is s * t seconds of threads; divided by t again, the mean of the threads,
 * all lines add up to what a clock on the wall shows.
 */
#include "inspect/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/lines.h"

struct profile_thread {
    double last;     /* clock of the last count */
    double *seconds; /* [slots] */
};

static int slot_count(const struct profile *profile)
{
    return profile->model->kernel_count + PROFILE_PLACES;
}

bool profile_open(struct profile *profile, const struct model *model, int threads, struct err *err)
{
    *profile = (struct profile){.model = model, .threads = threads};
    size_t slots = (size_t)slot_count(profile);
    profile->thread = calloc((size_t)threads, sizeof *profile->thread);
    for (int rank = 0; profile->thread != NULL && rank < threads; rank++) {
        profile->thread[rank].seconds = calloc(slots, sizeof(double));
        if (profile->thread[rank].seconds == NULL)
            profile_close(profile);
    }
    return profile->thread != NULL || err_set_errno(err, ENOMEM, "profile of %d threads", threads);
}

void profile_close(struct profile *profile)
{
    for (int rank = 0; profile->thread != NULL && rank < profile->threads; rank++)
        free(profile->thread[rank].seconds);
    free(profile->thread);
    profile->thread = NULL;
}

/* -- Measuring --------------------------------------------------------------------------------- */

void profile_begin_step(struct profile *profile, double now)
{
    profile->begun = now;
}

void profile_end_step(struct profile *profile, double now)
{
    profile->seconds += now - profile->begun;
    profile->steps++;
}

void profile_start(struct profile *profile, int rank, double now)
{
    profile->thread[rank].last = now;
}

void profile_count(struct profile *profile, int rank, int slot, double now)
{
    struct profile_thread *thread = &profile->thread[rank];
    assert(slot >= 0 && slot < slot_count(profile));
    thread->seconds[slot] += now - thread->last;
    thread->last = now;
}

/* -- Sums -------------------------------------------------------------------------------------- */

static double ms_a_step(const struct profile *profile, double seconds)
{
    assert(profile->steps > 0);
    return 1e3 * seconds / (double)profile->steps;
}

double profile_ms(const struct profile *profile, int slot)
{
    double seconds = 0;
    for (int rank = 0; rank < profile->threads; rank++)
        seconds += profile->thread[rank].seconds[slot];
    return ms_a_step(profile, seconds / profile->threads);
}

double profile_step_ms(const struct profile *profile)
{
    return ms_a_step(profile, profile->seconds);
}

double profile_rest_ms(const struct profile *profile)
{
    double rest = profile_step_ms(profile);
    for (int slot = 0; slot < slot_count(profile); slot++)
        rest -= profile_ms(profile, slot);
    return rest;
}

/* -- The table --------------------------------------------------------------------------------- */

/* Of a name, five columns and their sum; with the mark of synthetic images and the share behind it
 * a terminal of 80 columns is full. */
#define LINE_FORMAT "%-*s %6s %6s %6s %6s %7s %6s"

enum column { FWD, AGAIN, REDUCE, DATA, WEIGHTS, COLUMNS };

static const char *const column_names[COLUMNS] = {"fwd", "again", "reduce", "data", "weights"};

static const char *const place_names[PROFILE_PLACES] = {
    [PROFILE_LOAD] = "images in",
    [PROFILE_LOSS] = "loss",
    [PROFILE_WAIT] = "waiting for threads",
    [PROFILE_JOIN] = "batch statistics",
    [PROFILE_UPDATE] = "update",
    [PROFILE_RANKS] = "between ranks",
};

/* The first entry of the kernel table with this layer and, unless it is negative, this pass. */
static int first_kernel(const struct model *model, const char *layer, int pass)
{
    int i = 0;
    while (i < model->kernel_count && (strcmp(model->kernels[i].layer, layer) != 0 ||
                                       (pass >= 0 && (int)model->kernels[i].pass != pass)))
        i++;
    return i;
}

static enum column column_of(const struct model *model, int kernel)
{
    const struct kernel *k = &model->kernels[kernel];
    switch (k->pass) {
    case PASS_FWD:
        return first_kernel(model, k->layer, PASS_FWD) == kernel ? FWD : AGAIN;
    case PASS_BWD_REDUCE:
        return REDUCE;
    case PASS_BWD_DATA:
        return DATA;
    case PASS_BWD_WEIGHTS:
        return WEIGHTS;
    }
    return COLUMNS;
}

static int name_width(const struct model *model)
{
    size_t width = strlen(place_names[PROFILE_WAIT]);
    for (int i = 0; i < model->kernel_count; i++)
        if (strlen(model->kernels[i].layer) > width)
            width = strlen(model->kernels[i].layer);
    return (int)width;
}

/* Where the lines of a table go. */
struct table {
    const struct profile *profile;
    FILE *out;
    const char *prefix;
    int width; /* of the names */
};

enum { CELL_SIZE = 32 };

/* Milliseconds in six characters, up to a million. */
static const char *ms_text(char text[CELL_SIZE], double ms)
{
    snprintf(text, CELL_SIZE, "%.*f",
             ms < 99.9995   ? 3
             : ms < 999.995 ? 2
             : ms < 9999.95 ? 1
                            : 0,
             ms);
    return text;
}

/* One line; cells[COLUMNS] is empty where nothing ran. */
static void print_line(const struct table *t, const char *name, const double *cells, double ms)
{
    char text[COLUMNS][CELL_SIZE] = {""}, all[CELL_SIZE];
    for (int i = 0; i < COLUMNS; i++)
        if (cells[i] > 0)
            ms_text(text[i], cells[i]);
    lines_print(t->out, t->prefix, LINE_FORMAT " %5.1f", t->width, name, text[FWD], text[AGAIN],
                text[REDUCE], text[DATA], text[WEIGHTS], ms_text(all, ms),
                100 * ms / profile_step_ms(t->profile));
}

static void print_layer(const struct table *t, const char *layer)
{
    const struct model *model = t->profile->model;
    double cells[COLUMNS] = {0}, total = 0;
    for (int i = 0; i < model->kernel_count; i++) {
        if (strcmp(model->kernels[i].layer, layer) == 0) {
            double ms = profile_ms(t->profile, i);
            cells[column_of(model, i)] += ms;
            total += ms;
        }
    }
    print_line(t, layer, cells, total);
}

void profile_print(const struct profile *profile, FILE *out, const char *prefix)
{
    static const double none[COLUMNS] = {0};
    const struct model *model = profile->model;
    const struct table t = {profile, out, prefix, name_width(model)};
    lines_print(out, prefix, LINE_FORMAT " %5s", t.width, "ms a step", column_names[FWD],
                column_names[AGAIN], column_names[REDUCE], column_names[DATA],
                column_names[WEIGHTS], "all", "%");
    for (int i = 0; i < model->kernel_count; i++)
        if (first_kernel(model, model->kernels[i].layer, -1) == i)
            print_layer(&t, model->kernels[i].layer);
    for (int i = 0; i < PROFILE_PLACES; i++) {
        double ms = profile_ms(profile, profile_place(model, (enum profile_place_kind)i));
        if (ms > 0)
            print_line(&t, place_names[i], none, ms);
    }
    print_line(&t, "not accounted for", none, profile_rest_ms(profile));
    print_line(&t, "whole step", none, profile_step_ms(profile));
}
