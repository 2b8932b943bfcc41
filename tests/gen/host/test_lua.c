/* test_lua.c - runs the Lua tests of tests/ in the generator's own Lua.
 *
 *     test_lua [ROOM ...]        those of these folders of tests/gen; of all folders without one
 *
 * Every file test_*.lua, in whatever folder, returns { name = function }. Each function becomes one
 * Check test and gets a host of its own, on the scripts of the source tree, so that no test sees
 * another's state. The file's chunk gets the table of harness.lua as its argument. Files and names
 * run in sorted order.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include <check.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "host.h"

/* The folder of the tests; without it they run from the root of the source tree. */
#ifndef TEST_DIR
#define TEST_DIR "tests"
#endif

enum { WHY_SIZE = 4096 };

/* One test function of one file. A file that cannot be loaded, or holds no tests, has one entry
 * without a function, which fails with the reason. */
struct entry {
    char *file; /* "tests/gen/plan/test_x.lua" */
    char *function;
};

static struct entry *entries;
static int entry_count;

static void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "test_lua: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static char *copy(const char *text)
{
    return strcpy(checked(malloc(strlen(text) + 1)), text);
}

static void add_entry(const char *file, const char *function)
{
    entries = checked(realloc(entries, ((size_t)entry_count + 1) * sizeof *entries));
    entries[entry_count].file = copy(file);
    entries[entry_count].function = function != NULL ? copy(function) : NULL;
    entry_count++;
}

static int compare_functions(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return strcmp(left->function, right->function);
}

/* Runs the file "tests/..." with the value on top of the stack as its argument, which its
 * result replaces. On failure the reason goes into why. */
static bool run_file(struct host *host, const char *file, char *why, size_t room)
{
    lua_State *L = host_lua(host);
    lua_getglobal(L, "host");
    lua_getfield(L, -1, "read_file");
    lua_remove(L, -2);
    lua_pushfstring(L, "%s/%s", TEST_DIR, strchr(file, '/') + 1);
    if (host_pcall(host, 1, 2) == HOST_OK) { /* the text, nil or nil, the reason */
        size_t size = 0;
        const char *text = lua_tolstring(L, -2, &size);
        if (text == NULL) {
            snprintf(why, room, "%s", lua_tostring(L, -1));
            return false;
        }
        if (host_load(host, file, text, size) == HOST_OK) {
            lua_pushvalue(L, -4);
            if (host_pcall(host, 1, 1) == HOST_OK) {
                lua_replace(L, -4);
                lua_pop(L, 2);
                return true;
            }
        }
    }
    snprintf(why, room, "%s", host_message(host));
    return false;
}

/* Opens a host and leaves the table of tests of the file on its stack. Returns NULL after writing
 * the reason into why. */
static struct host *load_tests(const char *file, char *why, size_t room)
{
    struct host *host = host_open(&(struct host_options){.gen_dir = TEST_DIR "/../gen"});
    if (host == NULL) {
        snprintf(why, room, "out of memory");
        return NULL;
    }
    lua_State *L = host_lua(host);
    lua_pushstring(L, TEST_DIR);
    if (run_file(host, "tests/support/harness.lua", why, room) && run_file(host, file, why, room)) {
        if (lua_istable(L, -1))
            return host;
        snprintf(why, room, "%s: returns a %s: expected a table of functions", file,
                 luaL_typename(L, -1));
    }
    host_close(host);
    return NULL;
}

/* Adds an entry for each function of the file. */
static void list_tests(const char *file)
{
    char why[WHY_SIZE];
    struct host *host = load_tests(file, why, sizeof why);
    int first = entry_count;
    if (host != NULL) {
        lua_State *L = host_lua(host);
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
            if (lua_type(L, -2) == LUA_TSTRING)
                add_entry(file, lua_tostring(L, -2));
    }
    host_close(host);
    if (entry_count == first)
        add_entry(file, NULL);
    else
        qsort(entries + first, (size_t)(entry_count - first), sizeof *entries, compare_functions);
}

START_TEST(lua_function)
{
    const struct entry *entry = &entries[_i];
    char why[WHY_SIZE];
    struct host *host = load_tests(entry->file, why, sizeof why);
    if (host == NULL)
        ck_abort_msg("%s", why);
    if (entry->function == NULL)
        ck_abort_msg("%s: holds no tests", entry->file);
    lua_getfield(host_lua(host), -1, entry->function);
    bool ok = host_pcall(host, 0, 0) == HOST_OK;
    if (!ok)
        snprintf(why, sizeof why, "%s", host_message(host));
    host_close(host);
    if (!ok)
        ck_abort_msg("%s: %s", entry->function, why);
}
END_TEST

/* The files, as "tests/gen/plan/test_x.lua". */
static char **files;
static size_t file_count;

static int take_file(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    const char *name = path + where->base;
    size_t length = strlen(name);
    if (type == FTW_F && strncmp(name, "test_", 5) == 0 && length > 9 &&
        strcmp(name + length - 4, ".lua") == 0) {
        const char *inside = path + strlen(TEST_DIR);
        size_t room = strlen(inside) + sizeof "tests";
        files = checked(realloc(files, (file_count + 1) * sizeof *files));
        files[file_count] = checked(malloc(room));
        snprintf(files[file_count++], room, "tests%s", inside);
    }
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the files under a folder to `files`. Without any, the test would pass for one that ran. */
static void take_folder(const char *folder)
{
    size_t before = file_count;
    if (nftw(folder, take_file, 16, FTW_PHYS) != 0 || file_count == before) {
        fprintf(stderr, "test_lua: %s: no test_*.lua in this folder\n", folder);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    if (argc == 1)
        take_folder(TEST_DIR);
    for (int i = 1; i < argc; i++) {
        char folder[FILENAME_MAX];
        snprintf(folder, sizeof folder, "%s/gen/%s", TEST_DIR, argv[i]);
        take_folder(folder);
    }
    qsort(files, file_count, sizeof *files, compare_files);
    Suite *suite = suite_create("lua");
    for (size_t i = 0; i < file_count; i++) {
        int first = entry_count;
        list_tests(files[i]);
        TCase *tcase = tcase_create(entries[first].file); /* Check keeps the pointer */
        tcase_set_timeout(tcase, 240);
        tcase_add_loop_test(tcase, lua_function, first, entry_count);
        suite_add_tcase(suite, tcase);
        free(files[i]);
    }
    free(files);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (int i = 0; i < entry_count; i++) {
        free(entries[i].file);
        free(entries[i].function);
    }
    free(entries);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
