/* loader.c - a monitor with two slots.
 *
 * One mutex guards the counters. The thread fills slot `made % 2` when an epoch is under way, has
 * batches left, and the slot is not the one the consumer holds; the consumer holds slot
 * `(taken - 1) % 2`. The filling itself happens outside the mutex, marked by `filling`, and
 * whoever wants to change the epoch waits for that mark to go, which takes well under a
 * millisecond. So a slot is never written while somebody reads it.
 */
#include "data/loader.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/mixup.h"
#include "rng.h"
#include "sys/clock.h"

enum { SLOTS = 2, ALIGNMENT = 64 };

struct slot {
    struct batch batch;
    float *images;
    uint8_t *labels, *others; /* others, part and room: with mixup alone */
    uint32_t *samples;
    float *part, *room;
};

struct loader {
    const struct data *data;
    struct loader_settings settings;
    struct augment plain; /* no augmentation */
    uint32_t *order;      /* [data->count] of this epoch */
    struct slot slot[SLOTS];
    double waited;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* whenever one of these changes */
    bool stop;
    bool running; /* an epoch is under way */
    bool filling; /* the thread works on slot made % SLOTS */
    uint32_t epoch;
    int made;     /* steps prepared in this epoch, counting those before first_step */
    int taken;    /* steps handed out, likewise */
    int released; /* steps the consumer is done with, likewise */
};

/* -- What a batch is --------------------------------------------------------------------------- */

void loader_shuffle(uint32_t *order, int n, uint64_t seed, uint32_t epoch)
{
    /* Fisher and Yates, from the end (Knuth, The Art of Computer Programming 2, 3.4.2 P). */
    uint64_t key = rng_key(seed, epoch, 0, RNG_SHUFFLE);
    for (int i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (int i = n - 1; i > 0; i--) {
        uint32_t j = rng_below(key, (uint32_t)i, (uint32_t)i + 1);
        uint32_t sample = order[i];
        order[i] = order[j];
        order[j] = sample;
    }
}

static bool is_plain(const struct loader_settings *settings, uint32_t epoch)
{
    return settings->plain_from > 0 && epoch >= settings->plain_from;
}

/* Mixes each image with the next one. */
static void mix(const struct loader *loader, struct slot *slot)
{
    struct batch *batch = &slot->batch;
    for (int i = 0; i < batch->n; i++) {
        slot->others[i] = slot->labels[(i + 1) % batch->n];
        slot->part[i] =
            mixup_part((double)loader->settings.mixup, batch->seed, batch->epoch, slot->samples[i]);
    }
    mixup_images(slot->images, data_pixels(loader->data), slot->part, batch->n, slot->room);
    batch->others = slot->others;
    batch->part = slot->part;
}

/* The images of a batch of n that this process needs. */
static struct span own_images(const struct loader_settings *settings, int n)
{
    if (settings->part.last < 2 || settings->mixup > 0)
        return (struct span){0, n};
    return run_divide_images(n, settings->chunk, settings->part.first, settings->part.last);
}

static void prepare(const struct loader *loader, struct slot *slot, uint32_t epoch, int step,
                    bool complete)
{
    const struct data *data = loader->data;
    const struct loader_settings *settings = &loader->settings;
    const bool plain = is_plain(settings, epoch);
    const size_t image = data_pixels(data);
    const int first = step * settings->batch;
    const int left = data->count - first;
    const int n = left < settings->batch ? left : settings->batch;
    const struct span own = complete ? (struct span){0, n} : own_images(settings, n);

    for (int i = 0; i < n; i++) {
        uint32_t sample = loader->order[first + i];
        slot->samples[i] = sample;
        slot->labels[i] = data->labels[sample];
        if (own.first <= i && i < own.last)
            augment_image(slot->images + (size_t)i * image, data->images[sample],
                          plain ? &loader->plain : &settings->augment, settings->seed, epoch,
                          sample);
    }
    slot->batch = (struct batch){.n = n,
                                 .images = slot->images,
                                 .labels = slot->labels,
                                 .samples = slot->samples,
                                 .seed = settings->seed,
                                 .epoch = epoch};
    if (settings->mixup > 0 && !plain)
        mix(loader, slot);
}

/* -- The thread -------------------------------------------------------------------------------- */

static bool may_fill(const struct loader *loader)
{
    return loader->running && loader->made < loader_steps(loader) &&
           loader->made - loader->released < SLOTS;
}

static void *fill_slots(void *argument)
{
    struct loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stop) {
        if (!may_fill(loader)) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        loader->filling = true;
        int step = loader->made;
        uint32_t epoch = loader->epoch;
        pthread_mutex_unlock(&loader->mutex);

        prepare(loader, &loader->slot[step % SLOTS], epoch, step, false);

        pthread_mutex_lock(&loader->mutex);
        loader->filling = false;
        loader->made++;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* -- Opening and closing ----------------------------------------------------------------------- */

static bool open_mixup(struct slot *slot, size_t batch, size_t pixels)
{
    slot->others = malloc(batch);
    slot->part = malloc(batch * sizeof *slot->part);
    slot->room = malloc(pixels * sizeof *slot->room);
    return slot->others != NULL && slot->part != NULL && slot->room != NULL;
}

static bool open_slots(struct loader *loader)
{
    const struct data *data = loader->data;
    const struct loader *lender = loader->settings.lender;
    const size_t batch = (size_t)loader->settings.batch;
    size_t bytes = batch * data_pixels(data) * sizeof(float);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &loader->slot[i];
        slot->images = lender != NULL ? lender->slot[i].images : aligned_alloc(ALIGNMENT, bytes);
        slot->labels = malloc(batch);
        slot->samples = malloc(batch * sizeof *slot->samples);
        if (!slot->images || !slot->labels || !slot->samples)
            return false;
        if (loader->settings.mixup > 0 && !open_mixup(slot, batch, data_pixels(data)))
            return false;
    }
    loader->order = malloc((size_t)data->count * sizeof *loader->order);
    return loader->order;
}

static void free_loader(struct loader *loader)
{
    for (int i = 0; i < SLOTS; i++) {
        if (loader->settings.lender == NULL)
            free(loader->slot[i].images);
        free(loader->slot[i].labels);
        free(loader->slot[i].samples);
        free(loader->slot[i].others);
        free(loader->slot[i].part);
        free(loader->slot[i].room);
    }
    free(loader->order);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    free(loader);
}

bool loader_open(struct loader **loader_out, const struct data *data,
                 const struct loader_settings *settings, struct err *err)
{
    assert(settings->batch >= 1 && data->count >= 1);
    const struct form *form = &settings->augment.form;
    assert(form->c == data->c && form->h == data->h && form->w == data->w &&
           form->type == data->type);
    assert(settings->lender == NULL || settings->lender->settings.batch == settings->batch);
    *loader_out = NULL;
    struct loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return err_set_errno(err, ENOMEM, "cannot prepare batches of %d images", settings->batch);
    loader->data = data;
    loader->settings = *settings;
    augment_init(&loader->plain, &settings->augment.stats, data);
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    if (!open_slots(loader)) {
        free_loader(loader);
        return err_set_errno(err, ENOMEM, "cannot prepare batches of %d images", settings->batch);
    }
    int failed = pthread_create(&loader->thread, NULL, fill_slots, loader);
    if (failed) {
        free_loader(loader);
        return err_set_errno(err, failed, "cannot start the thread that prepares batches");
    }
    *loader_out = loader;
    return true;
}

void loader_close(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->mutex);
    loader->stop = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    pthread_join(loader->thread, NULL);
    free_loader(loader);
}

/* -- The consumer ------------------------------------------------------------------------------ */

int loader_steps(const struct loader *loader)
{
    return (loader->data->count + loader->settings.batch - 1) / loader->settings.batch;
}

void loader_start_epoch(struct loader *loader, uint32_t epoch, int first_step)
{
    assert(first_step >= 0);
    assert(loader->settings.lender == NULL || !may_fill(loader->settings.lender));
    const int count = loader->data->count;
    pthread_mutex_lock(&loader->mutex);
    loader->running = false;
    while (loader->filling)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    if (loader->settings.shuffle) {
        loader_shuffle(loader->order, count, loader->settings.seed, epoch);
    } else {
        for (int i = 0; i < count; i++)
            loader->order[i] = (uint32_t)i;
    }
    loader->epoch = epoch;
    loader->made = loader->taken = loader->released = first_step;
    loader->running = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
}

const struct batch *loader_next(struct loader *loader)
{
    const struct batch *batch = NULL;
    pthread_mutex_lock(&loader->mutex);
    loader->released = loader->taken;
    pthread_cond_broadcast(&loader->changed);
    if (loader->running && loader->taken < loader_steps(loader)) {
        double start = clock_seconds();
        while (loader->made == loader->taken)
            pthread_cond_wait(&loader->changed, &loader->mutex);
        loader->waited += clock_seconds() - start;
        batch = &loader->slot[loader->taken % SLOTS].batch;
        loader->taken++;
    }
    pthread_mutex_unlock(&loader->mutex);
    return batch;
}

void loader_complete(struct loader *loader)
{
    const int step = loader->taken - 1;
    assert(step >= 0);
    prepare(loader, &loader->slot[step % SLOTS], loader->epoch, step, true);
}

double loader_waited(const struct loader *loader)
{
    return loader->waited;
}
