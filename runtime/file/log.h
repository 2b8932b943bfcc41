/* log.h - what a training run leaves to be read by programs: log.jsonl and log.csv.
 *
 *     struct log log = {0};
 *     if (!log_open(&log, folder, &resumed, kind, &err)) ...
 *     log_event(&log, cJSON_CreateObject(), "start", &err);
 *     log_epoch(&log, &epoch, &err);
 *     log_close(&log, &err);
 *
 * In a new run resumed is NULL.
 *
 * log.jsonl has one object a line, each with "event": start, step and probe (only when asked for),
 * epoch, interrupt, end. log.csv has a header and one row an epoch. Every line is written through
 * to the file before the call returns. With synthetic data every object has "data":"SYNTHETIC".
 *
 * Opening for a resumed run cuts off what was logged after the checkpoint, so that the log of an
 * interrupted and resumed run holds the same epochs and steps as that of an uninterrupted one.
 */
#ifndef BURIN_LOG_H
#define BURIN_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sys/err.h"

struct cJSON;

/* What the figures are of. */
struct log_kind {
    const char *format; /* of the data, for log.csv: "cifar10"; outlives the log */
    bool synthetic;
    bool validates; /* "val_loss" and "val_acc", of images held out, in place of "test_..." */
};

struct log {
    FILE *jsonl, *csv;
    char *jsonl_path, *csv_path;
    struct log_kind kind;
};

/* Where a resumed run continues: whole epochs and steps of the checkpoint. */
struct log_position {
    int64_t epochs, steps;
};

struct log_epoch {
    int epoch;                    /* counted from 1 */
    float lr;                     /* of the epoch's last step */
    double train_loss, train_acc; /* accuracies in percent */
    double test_loss, test_acc;   /* or of what was held out */
    double seconds, images_per_s; /* of the training part, in this process */
};

/* Opens both files in a folder that exists: empty, or cut at the position. */
bool log_open(struct log *log, const char *folder, const struct log_position *resumed,
              struct log_kind kind, struct err *err);

/* Closes; an error that the system reports late is reported here. Accepts a zeroed struct. */
bool log_close(struct log *log, struct err *err);

/* Writes fields, an object whose first member becomes "event": name, and frees it. NULL counts as
 * out of memory. */
bool log_event(struct log *log, struct cJSON *fields, const char *name, struct err *err);

/* One event and one row. */
bool log_epoch(struct log *log, const struct log_epoch *epoch, struct err *err);

/* {"event":"step","step":n,"loss":x}, steps counted from 1. */
bool log_step(struct log *log, int64_t step, double loss, struct err *err);

#endif
