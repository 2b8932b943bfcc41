/* fuzz_folder.h - a folder in memory where there is one, for targets that read files by name. */
#ifndef BURIN_FUZZ_FOLDER_H
#define BURIN_FUZZ_FOLDER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

enum { FUZZ_PATH_SIZE = 1024 };

static char fuzz_folder[FUZZ_PATH_SIZE / 2];

static inline void remove_fuzz_folder(void)
{
    static const char *const names[] = {"last.safetensors",
                                        "previous.safetensors",
                                        "log.jsonl",
                                        "log.csv",
                                        "test_batch.bin",
                                        "SHA256SUMS",
                                        "x.npz",
                                        "x.safetensors",
                                        "x.tar.gz",
                                        "train-images-idx3-ubyte",
                                        "train-labels-idx1-ubyte",
                                        "train-images-idx3-ubyte.gz",
                                        "train-labels-idx1-ubyte.gz",
                                        "emnist-letters-train-images-idx3-ubyte",
                                        "emnist-letters-train-labels-idx1-ubyte",
                                        "emnist-letters-train-images-idx3-ubyte.gz",
                                        "emnist-letters-train-labels-idx1-ubyte.gz"};
    char path[FUZZ_PATH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_folder, names[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

/* The path of a name in the folder, which is made when it is first asked for and removed when the
 * process ends. */
static inline const char *fuzz_path(const char *name, char path[FUZZ_PATH_SIZE])
{
    if (fuzz_folder[0] == '\0') {
        const char *base = getenv("TMPDIR");
        base = base != NULL ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/fuzz.XXXXXX", base);
        FUZZ_CHECK(mkdtemp(fuzz_folder) != NULL, "no folder in %s", base);
        atexit(remove_fuzz_folder);
    }
    snprintf(path, FUZZ_PATH_SIZE, "%s/%s", fuzz_folder, name);
    return path;
}

/* Writes a file that the code under test may replace by another one. */
static inline void fuzz_put(const char *name, const void *bytes, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    int fd = open(fuzz_path(name, path), O_WRONLY | O_CREAT, 0600);
    bool ok = fd >= 0 && write(fd, bytes, size) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0;
    FUZZ_CHECK(ok && close(fd) == 0, "%s: cannot write %zu bytes", path, size);
}

/* Writes a file that stays open, in *fd, which is below zero at first: to look its name up and to
 * get pages anew takes longer than to write what most inputs have. */
static inline void fuzz_keep(int *fd, const char *name, const void *bytes, size_t size)
{
    char path[FUZZ_PATH_SIZE];
    if (*fd < 0)
        *fd = open(fuzz_path(name, path), O_RDWR | O_CREAT, 0600);
    FUZZ_CHECK(*fd >= 0 && pwrite(*fd, bytes, size, 0) == (ssize_t)size &&
                   ftruncate(*fd, (off_t)size) == 0,
               "%s: cannot write %zu bytes", name, size);
}

#endif
