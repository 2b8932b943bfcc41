/* image_tree.h - a folder with small trees of images, how they are read and what is said of them.
 *
 *     tcase_add_checked_fixture(tests, enter, leave);
 *     make_tree(); put("train/a/4.png", H, W, 50);
 *     struct data train = open_part(DATA_TRAIN);          or refuses(DATA_TRAIN, "@/train: ..");
 *     expect(&train, 4, values, labels);                  `decoded` says how many files were read
 *
 * A suite that includes this wraps picture_read.
 */
#ifndef BURIN_TESTS_IMAGE_TREE_H
#define BURIN_TESTS_IMAGE_TREE_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/folder.h"
#include "picture_files.h"

enum { H = 4, W = 6, PLANE = H * W };

static char root[64]; /* short: it stands in messages */
static int decoded;   /* calls of picture_read */

bool __real_picture_read(struct picture *picture, const char *path, int channels, struct err *err);
bool __wrap_picture_read(struct picture *picture, const char *path, int channels, struct err *err);
bool __wrap_picture_read(struct picture *picture, const char *path, int channels, struct err *err)
{
    __atomic_fetch_add(&decoded, 1, __ATOMIC_RELAXED);
    return __real_picture_read(picture, path, channels, err);
}

/* -- Trees ------------------------------------------------------------------------------------- */

static inline const char *in_root(const char *name)
{
    static char path[2][200];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[0], "%s/%s", root, name);
    return path[which];
}

static inline void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

/* A picture all of whose samples are `value`; a name that ends in g.jpg or .JPG is a JPEG file. */
static inline void put(const char *name, int h, int w, int value)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", root, name);
    make_parents(path);
    uint8_t *samples = malloc((size_t)(h * w) * 3);
    memset(samples, value, (size_t)(h * w) * 3);
    const bool jpeg = strstr(name, ".jp") != NULL || strstr(name, ".JP") != NULL;
    struct png_file png = {.h = h, .w = w, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    struct jpeg_file as_jpeg = {.h = h, .w = w, .space = JCS_RGB, .quality = 100};
    struct bytes bytes = jpeg ? make_jpeg(&as_jpeg, samples) : make_png(&png, samples);
    put_bytes(path, &bytes);
    free(bytes.at);
    free(samples);
}

static inline void put_text(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", root, name);
    make_parents(path);
    struct bytes bytes = {(uint8_t *)(uintptr_t)text, strlen(text)};
    put_bytes(path, &bytes);
}

/* Classes b and a in train, of 10, 20 and 30, and a test of 40. */
static inline void make_tree(void)
{
    put("train/b/1.png", H, W, 30);
    put("train/a/2.png", H, W, 20);
    put("train/a/10.jpeg", H, W, 10);
    put("test/b/x.JPG", H, W, 40);
}

static inline void enter(void)
{
    static const char name[] = "burin-folder-XXXXXX";
    const char *base = getenv("TMPDIR");
    const bool fits = base != NULL && strlen(base) + 1 + sizeof name <= sizeof root;
    snprintf(root, sizeof root, "%s/%s", fits ? base : "/tmp", name);
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static inline void leave(void)
{
    char command[sizeof root + 16];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

/* -- Reading ----------------------------------------------------------------------------------- */

static const struct data_shape shape = {3, H, W, 2};

static inline struct data_request request_of(enum data_part part)
{
    return (struct data_request){.path = root, .part = part, .wanted = &shape};
}

static inline struct data open_request(const struct data_request *request)
{
    struct data data;
    struct err err = {0};
    decoded = 0;
    ck_assert_msg(format_open(&data, request, &err), "%s", err.message);
    ck_assert_str_eq(data.format, "folder");
    return data;
}

static inline struct data open_part(enum data_part part)
{
    struct data_request request = request_of(part);
    return open_request(&request);
}

/* The message, with "@" for the root. */
static inline void refuses_request(const struct data_request *request, const char *message)
{
    char wanted[1200] = "";
    for (; *message != '\0'; message++) {
        size_t used = strlen(wanted);
        if (*message == '@')
            snprintf(wanted + used, sizeof wanted - used, "%s", root);
        else
            snprintf(wanted + used, sizeof wanted - used, "%c", *message);
    }
    struct data data;
    struct err err = {0};
    ck_assert(!format_open(&data, request, &err));
    ck_assert_int_eq(err.code, EXIT_DATA);
    ck_assert_str_eq(err.message, wanted);
}

static inline void refuses(enum data_part part, const char *message)
{
    struct data_request request = request_of(part);
    refuses_request(&request, message);
}

/* Images of one value each, in this order. */
static inline void expect(const struct data *data, int count, const int *values, const int *labels)
{
    ck_assert_int_eq(data->count, count);
    for (int i = 0; i < count; i++) {
        const uint8_t *pixels = data->images[i];
        ck_assert_int_eq(data->labels[i], labels[i]);
        for (int k = 0; k < 3 * PLANE; k++)
            ck_assert_int_eq(pixels[k], values[i]);
    }
}

#endif
