/* faults.c - every function looks whether it is its turn, and otherwise does what it always does.
 *
 * A call that fails leaves the world as a real one may: half of a write is made, a file that cannot
 * be closed without an error is closed all the same.
 */
#include "faults.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* name, and the error it fails with */
#define CALLS(X)                                                                                   \
    X(malloc, ENOMEM)                                                                              \
    X(calloc, ENOMEM)                                                                              \
    X(aligned_alloc, ENOMEM)                                                                       \
    X(strdup, ENOMEM)                                                                              \
    X(strndup, ENOMEM)                                                                             \
    X(getline, ENOMEM)                                                                             \
    X(EVP_MD_CTX_new, ENOMEM)                                                                      \
    X(EVP_DigestUpdate, ENOMEM)                                                                    \
    X(pthread_create, EAGAIN)                                                                      \
    X(fopen, EMFILE)                                                                               \
    X(open, EMFILE)                                                                                \
    X(fread, EIO)                                                                                  \
    X(fwrite, ENOSPC)                                                                              \
    X(fflush, ENOSPC)                                                                              \
    X(fsync, EIO)                                                                                  \
    X(fclose, EIO)                                                                                 \
    X(close, EIO)                                                                                  \
    X(rename, EIO)                                                                                 \
    X(link, EPERM)                                                                                 \
    X(unlink, EIO)                                                                                 \
    X(mkdir, ENOSPC)                                                                               \
    X(ftruncate, EIO)                                                                              \
    X(fseeko, EIO)                                                                                 \
    X(fstat, EIO)

#define NAME(name, error) #name,
#define INDEX(name, error) CALL_##name,
#define ERROR(name, error) error,

enum call { CALLS(INDEX) CALL_COUNT };
const char *const faults_names[] = {CALLS(NAME) NULL};
static const int errors[] = {CALLS(ERROR)};

static atomic_bool armed, forever;
static atomic_long count, turn, memory, files, calls[CALL_COUNT];
static atomic_int first = -1;

/* Whether this call is to fail; then errno is set. */
static bool fails(enum call call)
{
    atomic_fetch_add(&calls[call], 1);
    if (!armed || turn == 0)
        return false;
    long n = atomic_fetch_add(&count, 1) + 1;
    if (n != turn && !(forever && n > turn))
        return false;
    int none = -1;
    atomic_compare_exchange_strong(&first, &none, (int)call);
    errno = errors[call];
    return true;
}

/* -- Control ----------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void __wrap_free(void *block);

void faults_arm(long n, bool always)
{
    cJSON_Hooks hooks = {__wrap_malloc, __wrap_free};
    cJSON_InitHooks(&hooks);
    count = 0;
    memory = 0;
    files = 0;
    first = -1;
    turn = n;
    forever = always;
    armed = true;
}

struct faults_report faults_disarm(void)
{
    armed = false;
    return (struct faults_report){first >= 0, first >= 0 ? faults_names[first] : "none", memory,
                                  files};
}

long faults_calls(const char *name)
{
    for (int i = 0; i < CALL_COUNT; i++) {
        if (strcmp(faults_names[i], name) == 0)
            return calls[i];
    }
    return 0;
}

/* -- Memory ------------------------------------------------------------------------------------ */

static void *counted(void *block)
{
    memory += armed && block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails(CALL_malloc) ? NULL : counted(__real_malloc(size));
}

void __wrap_free(void *block)
{
    memory -= armed && block != NULL;
    __real_free(block);
}

/* -- The others -------------------------------------------------------------------------------- */

/* A function that returns what it makes, NULL or `failure` where it fails. */
#define WRAP(type, name, parameters, arguments, failure, result)                                   \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(CALL_##name) ? (failure) : result(__real_##name arguments);                   \
    }

static FILE *opened_file(FILE *file)
{
    files += armed && file != NULL;
    return file;
}

static int opened(int fd)
{
    files += armed && fd >= 0;
    return fd;
}

WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL, counted)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL, counted)
WRAP(char *, strdup, (const char *text), (text), NULL, counted)
WRAP(char *, strndup, (const char *text, size_t n), (text, n), NULL, counted)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, )
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *data, size_t size),
     (context, data, size), 0, )
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument),
     (thread, attributes, start, argument), errno, )
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, opened_file)
WRAP(size_t, fread, (void *data, size_t size, size_t n, FILE *file), (data, size, n, file), 0, )
WRAP(int, fflush, (FILE * file), (file), EOF, )
WRAP(int, rename, (const char *from, const char *to), (from, to), -1, )
WRAP(int, link, (const char *from, const char *to), (from, to), -1, )
WRAP(int, unlink, (const char *path), (path), -1, )
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, )
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1, )
WRAP(int, fseeko, (FILE * file, off_t at, int whence), (file, at, whence), -1, )
WRAP(int, fstat, (int fd, struct stat *info), (fd, info), -1, )

/* What is not lost by a crash of the machine is not tried here, and it takes most of the time. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return fails(CALL_fsync) ? -1 : 0;
}

ssize_t __real_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
    if (fails(CALL_getline))
        return -1;
    bool had = *line != NULL;
    ssize_t length = __real_getline(line, size, file);
    if (!had)
        counted(*line);
    return length;
}

size_t __real_fwrite(const void *data, size_t size, size_t n, FILE *file);
size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *file);
size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *file)
{
    if (!fails(CALL_fwrite))
        return __real_fwrite(data, size, n, file);
    size_t half = __real_fwrite(data, size, n / 2, file);
    errno = ENOSPC;
    return half;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return fails(CALL_open) ? -1 : opened(__real_open(path, flags, mode));
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    bool failed = fails(CALL_fclose);
    files -= armed;
    int result = __real_fclose(file);
    if (failed)
        errno = EIO;
    return failed ? EOF : result;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool failed = fails(CALL_close);
    files -= armed;
    int result = __real_close(fd);
    if (failed)
        errno = EIO;
    return failed ? -1 : result;
}
