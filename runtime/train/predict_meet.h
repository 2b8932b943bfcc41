/* predict_meet.h - what goes between ranks that answer together.
 *
 *     if (!predict_meet_paths(&p, &err)) ...        (where the first rank alone reads)
 *     if (!predict_meet_alike(&p, &err)) ...        (once, when all have opened what they need)
 *     ... each rank reads the images predict_meet_own(&p) of a batch
 *     if (!predict_meet(&p, &err)) ...              (then all know of all images)
 *
 * What a rank has to say of its images goes to all, so that all end alike. With --data-from-root
 * the first reads them all, and gives away their names and numbers.
 */
#ifndef BURIN_PREDICT_MEET_H
#define BURIN_PREDICT_MEET_H

#include "data/augment.h"
#include "data/picture.h"
#include "data/picture_paths.h"
#include "data/resize.h"
#include "file/foreign.h"
#include "file/safetensors.h"
#include "inspect/answer.h"
#include "ranks/ranks.h"
#include "run.h"

/* One image of the batch at hand. */
struct predict_slot {
    const char *path;
    struct picture picture;
    struct err err; /* why it has no answer */
};

/* What a rank tells of an image of its own. */
struct predict_news {
    int32_t bad;    /* 0, or the length of its message with its end */
    uint32_t notes; /* of its picture */
};

struct prediction {
    const struct model *model;
    const char *program, *model_option, *resize_option, *backend, *mean, *std;
    int64_t threads, top, ranks_wanted;
    bool json, csv, from_root;
    enum answer_format format;
    enum resize resize;
    struct picture_paths paths;
    struct safetensors file;
    char said[FOREIGN_SAID_SIZE]; /* what was made of it */
    char **names;
    struct augment augment;
    struct run run;
    struct ranks *ranks;        /* that answer together, or NULL; the first of them prints */
    char *out, *in;             /* what goes between them: see predict_meet_bytes */
    struct predict_slot *slots; /* [batch] */
    float *images;              /* [batch][c][h][w]; zeros where there is no image */
    float *logits;              /* [batch][classes] */
    uint8_t *labels;            /* [batch], zeros: nobody knows them */
    uint32_t *samples;          /* [batch], zeros */
    struct predict_news *news;  /* [batch], with other ranks */
    int slot_count;             /* filled of slots */
    int width;                  /* of the longest path */
    int bad, converted[PICTURE_NOTES];
    const char *first_converted[PICTURE_NOTES];
};

/* The images of the batch that this process reads. */
struct span predict_meet_own(const struct prediction *p);

size_t predict_meet_floats(const struct model *model); /* of an image */

/* What goes between ranks at a time, at most, in bytes. */
size_t predict_meet_bytes(const struct model *model);

/* After every rank has read its images of the batch: notes and errors of all are in p->slots, and
 * with --data-from-root the numbers of all in p->images. False where bytes no longer move. True
 * where this process is alone, in which case nothing happens. */
bool predict_meet(struct prediction *p, struct err *err);

/* Gives all ranks the paths that the first has found. */
bool predict_meet_paths(struct prediction *p, struct err *err);

/* Whether all ranks have the same paths and the same model; EXIT_USAGE. */
bool predict_meet_alike(const struct prediction *p, struct err *err);

#endif
