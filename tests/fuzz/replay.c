/* replay.c - runs a fuzz target on files instead of on what a fuzzer makes up.
 *
 *     fuzz_description tests/fuzz/corpus/description      every file of a folder, in sorted order
 *     fuzz_description finding                            one file
 *
 * Each input stands in a block of exactly its size, so that a sanitizer sees the first byte read
 * behind it. An input that cannot be read, or a folder without any, is a failure: a test that runs
 * nothing must not pass.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int runs;

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    uint8_t *input = size >= 0 ? malloc(size > 0 ? (size_t)size : 1) : NULL;
    bool ok = input != NULL && fseek(file, 0, SEEK_SET) == 0 &&
              fread(input, 1, (size_t)size, file) == (size_t)size;
    if (ok) {
        LLVMFuzzerTestOneInput(input, (size_t)size);
        runs++;
    } else {
        fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
    }
    free(input);
    if (file != NULL)
        fclose(file);
    return ok;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run_path(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return run_file(path);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int length = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        ok = length < (int)sizeof name && run_file(name) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++)
        ok = run_path(argv[i]) && ok;
    printf("%d inputs\n", runs);
    return ok && runs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
