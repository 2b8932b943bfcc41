/* open_formats.h - a folder with files of one set, what is read of it, and what is said of it.
 *
 *     tcase_add_checked_fixture(tests, start, stop);
 *     ... files_put(...) ...
 *     opens();                          or refuses(EXIT_DATA, "@/name: what is wrong");
 *     shows(0, pixels);
 */
#ifndef BURIN_TESTS_OPEN_FORMATS_H
#define BURIN_TESTS_OPEN_FORMATS_H

#include "data_files.h"

#include "data/format.h"

static struct data_request request;
static struct data data;
static struct err err;

static inline void start(void)
{
    files_make();
    data = (struct data){0};
    err = (struct err){0};
    request = (struct data_request){.path = files_folder};
}

static inline void stop(void)
{
    data_close(&data);
    files_remove();
}

static inline void opens(void)
{
    data_close(&data);
    err = (struct err){0};
    ck_assert_msg(format_open(&data, &request, &err), "%s", err.message);
}

/* The message, where @ is the folder, begins so. */
static inline void refuses(enum exit_code code, const char *message)
{
    data_close(&data);
    err = (struct err){0};
    ck_assert_msg(!format_open(&data, &request, &err), "expected: %s", message);
    ck_assert_int_eq(err.code, code);
    ck_assert_ptr_null(data.images);
    const char *rest = err.message;
    if (message[0] == '@') {
        size_t length = strlen(files_folder);
        ck_assert_msg(strncmp(rest, files_folder, length) == 0, "%s", err.message);
        rest += length;
        message++;
    }
    ck_assert_msg(strncmp(rest, message, strlen(message)) == 0, "%s\nexpected: %s", err.message,
                  message);
}

/* The pixels of image i in planes, whatever way they lie. */
static inline void shows(int i, const uint8_t *expected)
{
    uint8_t picture[256];
    data_picture(&data, i, picture);
    ck_assert_mem_eq(picture, expected, data_pixels(&data));
}

/* Whether the first image lies in a mapped file of this name. */
static inline bool is_mapped(const char *name)
{
    char line[1000];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long first = 0, end = 0, at = data.images != NULL ? (uintptr_t)data.images[0] : 0;
        bool its = sscanf(line, "%lx-%lx", &first, &end) == 2 && first <= at && at < end;
        found = found || (its && strstr(line, name) != NULL);
    }
    fclose(maps);
    return found;
}

#endif
