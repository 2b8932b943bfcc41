/* predict_meet.c - a gather for the news of a batch, one for the messages of what is wrong in it.
 */
#include "train/predict_meet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/sha256.h"
#include "train/alike.h"
#include "train/spread.h"

/* The images of the batch that a rank reads: those that it computes, or all by the first rank. */
static struct span images_of(const struct prediction *p, int rank)
{
    if (p->ranks == NULL || (p->from_root && rank == 0))
        return (struct span){0, p->slot_count};
    if (p->from_root)
        return (struct span){0, 0};
    return run_divide_images(p->slot_count, run_chunk_images(p->model), rank, p->ranks->count);
}

struct span predict_meet_own(const struct prediction *p)
{
    return images_of(p, p->ranks == NULL ? 0 : p->ranks->me);
}

size_t predict_meet_floats(const struct model *model)
{
    return (size_t)model->c * (size_t)model->h * (size_t)model->w;
}

/* -- A batch ----------------------------------------------------------------------------------- */

/* At most: news and a message of every image, and the rest of a line of every rank. */
size_t predict_meet_bytes(const struct model *model)
{
    struct err message;
    return (size_t)model->recipe->batch * (sizeof(struct predict_news) + sizeof message.message) +
           (size_t)RANKS_MAX * RANKS_LINE;
}

/* All ranks get what each has put into `out`; bytes[r] is how much. */
static void gather(struct prediction *p, const size_t bytes[RANKS_MAX])
{
    int lines[RANKS_MAX];
    for (int r = 0; r < p->ranks->count; r++)
        lines[r] = ranks_lines(bytes[r]);
    ranks_gather(p->ranks, p->out, p->in, lines);
}

static void meet_news(struct prediction *p)
{
    size_t bytes[RANKS_MAX];
    const struct span own = predict_meet_own(p);
    for (int r = 0; r < p->ranks->count; r++) {
        const struct span images = images_of(p, r);
        bytes[r] = (size_t)(images.last - images.first) * sizeof(struct predict_news);
    }
    for (int i = own.first; i < own.last; i++) {
        const struct predict_slot *slot = &p->slots[i];
        const bool good = slot->err.code == EXIT_OK;
        const struct predict_news news = {good ? 0 : (int32_t)strlen(slot->err.message) + 1,
                                          slot->picture.notes};
        memcpy(p->out + (size_t)(i - own.first) * sizeof news, &news, sizeof news);
    }
    gather(p, bytes);
    const char *from = p->in;
    for (int r = 0; r < p->ranks->count; from += ranks_lines(bytes[r]) * RANKS_LINE, r++) {
        const struct span images = images_of(p, r);
        for (int i = images.first; i < images.last; i++)
            memcpy(&p->news[i], from + (size_t)(i - images.first) * sizeof(struct predict_news),
                   sizeof(struct predict_news));
    }
}

/* The messages of images that have no answer: mostly there are none. */
static void meet_messages(struct prediction *p)
{
    size_t bytes[RANKS_MAX] = {0}, used = 0;
    const struct span own = predict_meet_own(p);
    for (int r = 0; r < p->ranks->count; r++) {
        const struct span images = images_of(p, r);
        for (int i = images.first; i < images.last; i++)
            bytes[r] += (size_t)p->news[i].bad;
    }
    for (int i = own.first; i < own.last; i++) {
        memcpy(p->out + used, p->slots[i].err.message, (size_t)p->news[i].bad);
        used += (size_t)p->news[i].bad;
    }
    gather(p, bytes);
    const char *from = p->in;
    for (int r = 0; r < p->ranks->count; from += ranks_lines(bytes[r]) * RANKS_LINE, r++) {
        const struct span images = images_of(p, r);
        const char *message = from;
        for (int i = images.first; i < images.last; message += p->news[i].bad, i++) {
            if (p->news[i].bad > 0 && r != p->ranks->me)
                err_set_code(&p->slots[i].err, EXIT_DATA, "%s", message);
        }
    }
}

/* What the ranks have found in their images is known to all. */
bool predict_meet(struct prediction *p, struct err *err)
{
    if (p->ranks == NULL)
        return true;
    meet_news(p);
    if (!ranks_well(p->ranks, err))
        return false;
    meet_messages(p);
    for (int i = 0; i < p->slot_count; i++)
        p->slots[i].picture.notes = p->news[i].notes;
    const size_t floats = (size_t)p->slot_count * predict_meet_floats(p->model);
    return ranks_well(p->ranks, err) &&
           (!p->from_root || spread_bytes(p->images, floats * sizeof(float), p->ranks, err));
}

/* -- Before the first batch -------------------------------------------------------------------- */

/* The names of the images that the first rank has found, one after another with their ends. */
bool predict_meet_paths(struct prediction *p, struct err *err)
{
    size_t size = 0, at = 0;
    for (int i = 0; i < p->paths.count; i++)
        size += strlen(p->paths.at[i]) + 1;
    if (!spread_bytes(&size, sizeof size, p->ranks, err))
        return false;
    char *names = malloc(size + 1); /* a folder may have none */
    for (int i = 0; names != NULL && i < p->paths.count; at += strlen(p->paths.at[i]) + 1, i++)
        strcpy(names + at, p->paths.at[i]);
    bool ok = names != NULL || err_set_errno(err, ENOMEM, "names of images");
    ok = ranks_agree(p->ranks, ok, err) && spread_bytes(names, size, p->ranks, err);
    for (at = 0; ok && !ranks_writes(p->ranks) && at < size; at += strlen(names + at) + 1)
        ok = picture_paths_append(&p->paths, names + at, err);
    free(names);
    return ranks_agree(p->ranks, ok, err);
}

/* All ranks need the same images by the same names, and the same model. */
bool predict_meet_alike(const struct prediction *p, struct err *err)
{
    char digest[SHA256_HEX_SIZE];
    struct sha256 sum;
    if (p->ranks == NULL)
        return true;
    sha256_start(&sum);
    for (int i = 0; i < p->paths.count; i++)
        sha256_add(&sum, p->paths.at[i], strlen(p->paths.at[i]) + 1);
    return (sha256_finish(&sum, digest) ||
            err_set_errno(err, ENOMEM, "digest of the names of images")) &&
           ranks_compare(p->ranks, "images", digest, err) && alike_model(p->ranks, &p->run, err);
}
