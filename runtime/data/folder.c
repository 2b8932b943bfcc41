/* folder.c - list, look for the cache, else decode; then judge what came of every file.
 *
 * Each thread decodes every so manieth file into its own place, so what comes out does not depend
 * on their number. Nothing is judged before all files are decoded: a message names the first in the
 * order of the list.
 */
#include "data/folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/folder_cache.h"
#include "data/folder_list.h"
#include "data/picture.h"
#include "data/resize.h"
#include "sys/cpu.h"
#include "sys/progress.h"
#include "sys/team.h"

enum { LISTED = 5, MOST_THREADS = 16 };

/* What came of a file. */
struct outcome {
    char *problem; /* why it cannot be read; NULL where it was */
    int h, w;      /* as it is stored */
    unsigned notes;
    bool fits; /* its place is filled */
};

struct reading {
    const struct data_request *request;
    struct folder_list list;
    struct data *data;
    uint8_t *pixels;          /* [list.count][c][h][w] */
    struct outcome *outcomes; /* [list.count] */
    char key[SHA256_HEX_SIZE];
    char cache[DATA_PATH_SIZE + 64];
    struct team *team;
    struct progress bar;
    atomic_int done;
};

/* -- Decoding ---------------------------------------------------------------------------------- */

/* The path of an image: each of its two parts is shorter than DATA_PATH_SIZE. */
static void join(char out[2 * DATA_PATH_SIZE], const struct folder_list *list, int i)
{
    int length = snprintf(out, 2 * DATA_PATH_SIZE, "%s/%s", list->path, list->files[i].path);
    assert(length < 2 * DATA_PATH_SIZE);
    (void)length;
}

static void decode_file(struct reading *r, int i)
{
    const struct data *data = r->data;
    const size_t bytes = data_pixels(data);
    struct outcome *outcome = &r->outcomes[i];
    struct picture picture = {0};
    struct err err = {0};
    char path[2 * DATA_PATH_SIZE];
    join(path, &r->list, i);
    bool ok = picture_read(&picture, path, data->c, &err);
    outcome->h = picture.h;
    outcome->w = picture.w;
    if (ok && r->request->options.resize != RESIZE_NONE)
        ok = resize_picture(&picture, r->request->options.resize, data->h, data->w, &err);
    outcome->notes = picture.notes;
    outcome->fits = ok && picture.h == data->h && picture.w == data->w;
    if (outcome->fits)
        memcpy(r->pixels + (size_t)i * bytes, picture.pixels, bytes);
    else if (!ok)
        outcome->problem = strdup(err.message);
    picture_free(&picture);
}

static void decode_share(void *context, int rank)
{
    struct reading *r = context;
    const int threads = team_threads(r->team);
    for (int i = rank; i < r->list.count; i += threads) {
        decode_file(r, i);
        const int done = atomic_fetch_add(&r->done, 1) + 1;
        if (rank == 0)
            progress_show(&r->bar, "decoding images", done, r->list.count, "");
    }
}

static bool decode_all(struct reading *r, struct err *err)
{
    const int online = cpu_online(), count = r->list.count;
    const int most = online < MOST_THREADS ? online : MOST_THREADS;
    r->pixels = data_plain(r->data, count);
    r->outcomes = calloc((size_t)count, sizeof r->outcomes[0]);
    if (r->pixels == NULL || r->outcomes == NULL)
        return err_set_errno(err, ENOMEM, "cannot hold the %d images of %s", count, r->list.path);
    if (!team_open(&r->team, most < count ? most : count, err))
        return false;
    progress_init(&r->bar, stderr, false);
    team_run(r->team, decode_share, r);
    progress_clear(&r->bar);
    return true;
}

/* -- Judging ----------------------------------------------------------------------------------- */

/* Appends a line, as long as there is room for whole ones. */
static void add_line(char *text, size_t size, const char *line)
{
    const size_t used = strlen(text);
    if (used + strlen(line) + 2 < size)
        snprintf(text + used, size - used, "\n%s", line);
}

static bool judge_problems(const struct reading *r, struct err *err)
{
    char lines[640] = "";
    int count = 0;
    const char *first = "";
    for (int i = 0; i < r->list.count; i++) {
        const char *problem = r->outcomes[i].problem;
        if (problem == NULL)
            continue;
        first = count == 0 ? problem : first;
        if (count++ < LISTED)
            add_line(lines, sizeof lines, problem);
    }
    if (count == 0)
        return true;
    if (r->request->options.skip_bad) {
        folder_note(r->data->note, sizeof r->data->note,
                    "%d image%s that cannot be read skipped: %.300s%s", count,
                    count == 1 ? "" : "s", first, count == 1 ? "" : " and others");
        return true;
    }
    return err_set_code(err, EXIT_DATA,
                        "%s: %d of %d images cannot be read: expected whole PNG or JPEG files, or "
                        "--skip-bad, which leaves them out:%s",
                        r->list.path, count, r->list.count, lines);
}

/* Where all images have the same size, the description could have it, too. */
static bool judge_sizes(const struct reading *r, struct err *err)
{
    const struct data *data = r->data;
    char lines[400] = "", advice[100] = "";
    int count = 0, read = 0, same = 0;
    const struct outcome *first = NULL;
    for (int i = 0; i < r->list.count; i++) {
        const struct outcome *o = &r->outcomes[i];
        if (o->problem != NULL)
            continue;
        read++;
        if (o->fits)
            continue;
        first = first == NULL ? o : first;
        same += o->h == first->h && o->w == first->w;
        char line[DATA_PATH_SIZE];
        snprintf(line, sizeof line, "  %.200s: %d x %d", r->list.files[i].path, o->h, o->w);
        if (count++ < LISTED)
            add_line(lines, sizeof lines, line);
    }
    if (count == 0)
        return true;
    if (same == read)
        snprintf(advice, sizeof advice, ", or a description with input = { %d, %d, %d }", data->c,
                 first->h, first->w);
    return err_set_code(err, EXIT_DATA,
                        "%s: %d of %d images are not %d x %d (high, wide), which the network "
                        "takes: expected that, or --resize fit or crop, which makes them so%s:%s",
                        r->list.path, count, r->list.count, data->h, data->w, advice, lines);
}

/* Drops what was skipped; a class that has nothing left is an error in a training. */
static bool keep_good(struct reading *r, struct err *err)
{
    struct data *data = r->data;
    int class_images[DATA_MAX_CLASSES] = {0}, kept = 0;
    for (int i = 0; i < r->list.count; i++) {
        if (!r->outcomes[i].fits)
            continue;
        class_images[r->list.files[i].label]++;
        data->labels[kept] = (uint8_t)r->list.files[i].label;
        data->images[kept++] = r->pixels + (size_t)i * data_pixels(data);
    }
    data->count = kept;
    for (int k = 0; r->request->part == DATA_TRAIN && k < data->classes; k++) {
        if (class_images[k] == 0)
            return err_set_code(err, EXIT_DATA, "%s/%s: no image of this class can be read",
                                r->list.path, data->class_names[k]);
    }
    return kept > 0 || err_set_code(err, EXIT_DATA, "%s: no image can be read", r->list.path);
}

static void note_conversions(struct reading *r)
{
    for (int bit = 0; bit < PICTURE_NOTES; bit++) {
        int count = 0, first = 0;
        for (int i = r->list.count - 1; i >= 0; i--) {
            if (r->outcomes[i].fits && r->outcomes[i].notes >> bit & 1) {
                count++;
                first = i;
            }
        }
        if (count > 0)
            folder_note(r->data->note, sizeof r->data->note, "%d of %d images: %s (first %.100s)",
                        count, r->data->count, picture_note(bit), r->list.files[first].path);
    }
}

/* -- The cache --------------------------------------------------------------------------------- */

/* All that the images follow from. */
static bool make_key(struct reading *r, struct err *err)
{
    const struct data *data = r->data;
    char text[200];
    struct sha256 sha;
    int length = snprintf(text, sizeof text, "decoder 1, %d x %d x %d, resize %s, skip %d\n",
                          data->c, data->h, data->w, resize_name(r->request->options.resize),
                          r->request->options.skip_bad);
    sha256_start(&sha);
    sha256_add(&sha, text, (size_t)length);
    for (int i = 0; i < r->list.count; i++) {
        const struct folder_file *f = &r->list.files[i];
        length = snprintf(text, sizeof text, " %d %lld %lld.%lld %lld.%lld\n", f->label,
                          (long long)f->size, (long long)f->changed[0], (long long)f->changed[1],
                          (long long)f->changed[2], (long long)f->changed[3]);
        sha256_add(&sha, f->path, strlen(f->path) + 1);
        sha256_add(&sha, text, (size_t)length);
    }
    snprintf(r->cache, sizeof r->cache, "%s/.burin-%dx%dx%d-%s.cache", r->list.path, data->c,
             data->h, data->w, resize_name(r->request->options.resize));
    return sha256_finish(&sha, r->key) || err_set_errno(err, ENOMEM, "%s: no digest", r->list.path);
}

/* A cache saves time and nothing else: without one the training goes on. */
static void write_cache(struct reading *r)
{
    struct err err = {0};
    if (!folder_cache_write(r->data, r->cache, r->key, r->data->note, &err))
        folder_note(r->data->note, sizeof r->data->note, "decoded anew at every start: %.200s",
                    err.message);
}

static bool read_images(struct reading *r, struct err *err)
{
    struct data *data = r->data;
    if (!make_key(r, err))
        return false;
    if (folder_cache_read(data, r->cache, r->key, data->note, sizeof data->note))
        return true;
    snprintf(data->note, sizeof data->note, "%s", r->list.note);
    if (!decode_all(r, err) || !judge_problems(r, err) || !judge_sizes(r, err) ||
        !keep_good(r, err))
        return false;
    note_conversions(r);
    if (!folder_cache_digest(data))
        return err_set_errno(err, ENOMEM, "%s: no digest", r->list.path);
    write_cache(r);
    return true;
}

/* -- The format -------------------------------------------------------------------------------- */

/* The network's channels and sides; without a network those of the first image, in colour. */
static bool set_shape(struct reading *r, struct err *err)
{
    const struct data_shape *wanted = r->request->wanted;
    struct data *data = r->data;
    data->classes = r->list.class_count;
    if (wanted == NULL) {
        char path[2 * DATA_PATH_SIZE];
        struct picture picture;
        join(path, &r->list, 0);
        if (!picture_read(&picture, path, 3, err))
            return false;
        data->c = picture.c;
        data->h = picture.h;
        data->w = picture.w;
        picture_free(&picture);
        return true;
    }
    data->c = wanted->c;
    data->h = wanted->h;
    data->w = wanted->w;
    if (wanted->c != 1 && wanted->c != 3)
        return err_set_code(err, EXIT_DATA,
                            "%s: the network takes %d channels: expected 1 or 3, which is what "
                            "images in files have",
                            r->list.path, wanted->c);
    return wanted->classes == data->classes ||
           err_set_code(err, EXIT_DATA,
                        "%s: folders of %d classes, %.60s to %.60s, and the network has %d: "
                        "expected as many; a description for these images says: classes = %d",
                        r->list.path, data->classes, r->list.classes[0],
                        r->list.classes[data->classes - 1], wanted->classes, data->classes);
}

/* Whether the first image has another size than the network takes. */
static bool first_differs(const struct reading *r)
{
    const struct data_shape *wanted = r->request->wanted;
    struct picture picture = {0};
    struct err ignored = {0}; /* told when all are read */
    char path[2 * DATA_PATH_SIZE];
    if (wanted == NULL || r->request->options.resize != RESIZE_NONE)
        return false;
    join(path, &r->list, 0);
    if (!picture_read(&picture, path, wanted->c, &ignored))
        return false;
    const bool differs = picture.h != wanted->h || picture.w != wanted->w;
    picture_free(&picture);
    return differs;
}

/* Before anything is made for these images: counts them. Where one does not fit, the others are
 * looked at, too, and it is told of how many. */
static bool look(struct reading *r, struct err *err)
{
    if (first_differs(r))
        return decode_all(r, err) && judge_problems(r, err) && judge_sizes(r, err);
    r->data->count = r->list.count;
    return true;
}

static void close_reading(struct reading *r)
{
    for (int i = 0; r->outcomes != NULL && i < r->list.count; i++)
        free(r->outcomes[i].problem);
    free(r->outcomes);
    team_close(r->team);
    folder_list_close(&r->list);
    free(r);
}

static bool open_part(struct data *data, const struct data_request *request,
                      const struct data_place *place, struct err *err)
{
    (void)place;
    if (!format_one_labels(request, err) || !format_one_layout(request, err))
        return false;
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL)
        return err_set_errno(err, ENOMEM, "%s", request->path);
    r->request = request;
    r->data = data;
    bool ok = folder_list_open(&r->list, request->path, request->part, request->look, err) &&
              set_shape(r, err) &&
              (data_name_classes(data, (const char *const *)r->list.classes) ||
               err_set_errno(err, ENOMEM, "%s", request->path));
    ok = ok && (request->look ? look(r, err) : read_images(r, err));
    close_reading(r);
    return ok;
}

static bool has_images(const char *path)
{
    DIR *folder = opendir(path);
    bool found = false;
    for (const struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;)
        found = entry->d_name[0] != '.' && folder_is_image(entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* Folders of classes have images, here or in train. */
static bool recognises(const struct data_place *place)
{
    bool found = false;
    char path[DATA_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/train", place->path);
    if (place->folder && format_has(place, "train") && folder_is_folder(path))
        return true;
    for (int i = 0; place->folder && !found && i < place->count; i++) {
        int length = snprintf(path, sizeof path, "%s/%s", place->path, place->entries[i]);
        found = length < (int)sizeof path && has_images(path);
    }
    return found;
}

const struct data_format folder_format = {
    .name = "folder",
    .needs = "a folder with train/<class>/*.png, .jpg or .jpeg and test/ or val/ likewise, or with "
             "<class>/ folders alone",
    .recognises = recognises,
    .open = open_part,
};
