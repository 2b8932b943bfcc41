/* faults.c - every function looks whether it is its turn, and otherwise does what it always does.
 *
 * A call that fails leaves the world as a real one may: half of a write is made, a file that cannot
 * be closed without an error is closed all the same.
 *
 * What a power cut would cost is kept as two facts: the files written since their last fsync, and
 * the renames since the last fsync of a folder.
 */
#include "faults.h"

#include <archive.h>
#include <cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <png.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

/* name, and the error it fails with; from fopen on those that reach files, before which a process
 * may be killed */
#define CALLS(X)                                                                                   \
    X(malloc, ENOMEM)                                                                              \
    X(calloc, ENOMEM)                                                                              \
    X(aligned_alloc, ENOMEM)                                                                       \
    X(strdup, ENOMEM)                                                                              \
    X(strndup, ENOMEM)                                                                             \
    X(realloc, ENOMEM)                                                                             \
    X(getline, ENOMEM)                                                                             \
    X(mmap, ENOMEM)                                                                                \
    X(EVP_MD_CTX_new, ENOMEM)                                                                      \
    X(EVP_DigestInit_ex, ENOMEM)                                                                   \
    X(EVP_DigestUpdate, ENOMEM)                                                                    \
    X(EVP_DigestFinal_ex, ENOMEM)                                                                  \
    X(pthread_create, EAGAIN)                                                                      \
    X(dup, EMFILE)                                                                                 \
    X(gzdopen, ENOMEM)                                                                             \
    X(zip_fopen_index, ENOMEM)                                                                     \
    X(zip_fread, EIO)                                                                              \
    X(archive_read_new, ENOMEM)                                                                    \
    X(archive_read_support_filter_gzip, ENOMEM)                                                    \
    X(archive_read_support_format_tar, ENOMEM)                                                     \
    X(archive_read_open_FILE, ENOMEM)                                                              \
    X(png_create_read_struct, ENOMEM)                                                              \
    X(png_create_info_struct, ENOMEM)                                                              \
    X(stat, EIO)                                                                                   \
    X(lstat, EIO)                                                                                  \
    X(scandir, ENOMEM)                                                                             \
    X(opendir, EMFILE)                                                                             \
    X(readdir, EIO)                                                                                \
    X(fread, EIO)                                                                                  \
    X(fseeko, EIO)                                                                                 \
    X(fstat, EIO)                                                                                  \
    X(fwrite, ENOSPC)                                                                              \
    X(fdopen, ENOMEM)                                                                              \
    X(fopen, EMFILE)                                                                               \
    X(open, EMFILE)                                                                                \
    X(fflush, ENOSPC)                                                                              \
    X(fsync, EIO)                                                                                  \
    X(fclose, EIO)                                                                                 \
    X(close, EIO)                                                                                  \
    X(rename, EIO)                                                                                 \
    X(link, EPERM)                                                                                 \
    X(unlink, EIO)                                                                                 \
    X(mkdir, ENOSPC)                                                                               \
    X(rmdir, EIO)                                                                                  \
    X(ftruncate, EIO)

#define NAME(name, error) #name,
#define INDEX(name, error) CALL_##name,
#define ERROR(name, error) error,

enum call { CALLS(INDEX) CALL_COUNT };
const char *const faults_names[] = {CALLS(NAME) NULL};
static const int errors[] = {CALLS(ERROR)};

int __real_fstat(int fd, struct stat *info);
int __real_lstat(const char *path, struct stat *info);

static atomic_bool armed;
static enum faults_mode chosen;
static atomic_long count, turn, memory, files, calls[CALL_COUNT];
static atomic_int first = -1;

/* -- Places ------------------------------------------------------------------------------------ */

/* The stacks that were seen since faults_arm, as hashes; 0 is a free entry. */
enum { PLACES = 1 << 14, FRAMES = 24 };
static uint64_t places[PLACES];
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a over the return addresses (Fowler, Noll and Vo). */
static uint64_t hash_of_stack(void)
{
    void *frames[FRAMES];
    int depth = backtrace(frames, FRAMES);
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < depth; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
    return hash | 1;
}

/* Whether this is the first call of a place. */
static bool is_new_place(void)
{
    const uint64_t hash = hash_of_stack();
    size_t i = hash >> 1 & (PLACES - 1);
    pthread_mutex_lock(&places_lock);
    while (places[i] != 0 && places[i] != hash)
        i = (i + 1) & (PLACES - 1);
    const bool is_new = places[i] == 0;
    places[i] = hash;
    pthread_mutex_unlock(&places_lock);
    return is_new;
}

/* Whether this call is to fail; then errno is set. */
static bool fails(enum call call)
{
    atomic_fetch_add(&calls[call], 1);
    if (!armed || turn == 0 || (chosen == FAULTS_KILL && call < CALL_fopen) ||
        (chosen == FAULTS_PLACE && (count >= turn || !is_new_place())))
        return false;
    long n = atomic_fetch_add(&count, 1) + 1;
    if (n != turn && !(chosen == FAULTS_FOREVER && n > turn))
        return false;
    if (chosen == FAULTS_KILL)
        raise(SIGKILL);
    int none = -1;
    atomic_compare_exchange_strong(&first, &none, (int)call);
    errno = errors[call];
    return true;
}

/* -- Power ------------------------------------------------------------------------------------- */

/* The written files that no fsync followed, by inode. */
static ino_t written[64];
static int written_count;
static long early, unsynced;

static ino_t inode_of(int fd, bool *folder)
{
    struct stat info;
    bool ok = __real_fstat(fd, &info) == 0;
    *folder = ok && S_ISDIR(info.st_mode);
    return ok ? info.st_ino : 0;
}

static int find_written(ino_t inode)
{
    int i = 0;
    while (i < written_count && written[i] != inode)
        i++;
    return i;
}

static void note_write(int fd)
{
    bool folder;
    ino_t inode = inode_of(fd, &folder);
    if (armed && inode != 0 && find_written(inode) == written_count && written_count < 64)
        written[written_count++] = inode;
}

static void note_fsync(int fd)
{
    bool folder;
    int i = find_written(inode_of(fd, &folder));
    if (folder)
        unsynced = 0;
    else if (i < written_count)
        written[i] = written[--written_count];
}

static void note_rename(const char *from)
{
    struct stat info;
    if (armed && __real_lstat(from, &info) == 0)
        early += find_written(info.st_ino) < written_count;
    unsynced += armed;
}

/* -- Control ----------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void __wrap_free(void *block);

void faults_arm(long n, enum faults_mode how)
{
    cJSON_Hooks hooks = {__wrap_malloc, __wrap_free};
    cJSON_InitHooks(&hooks);
    void *frame;
    backtrace(&frame, 1); /* the first call allocates */
    memset(places, 0, sizeof places);
    count = 0;
    memory = 0;
    files = 0;
    first = -1;
    turn = n;
    chosen = how;
    written_count = 0;
    early = 0;
    unsynced = 0;
    armed = true;
}

struct faults_report faults_disarm(void)
{
    armed = false;
    return (struct faults_report){.failed = first >= 0,
                                  .call = first >= 0 ? faults_names[first] : "none",
                                  .memory = memory,
                                  .files = files,
                                  .early = early,
                                  .unsynced = unsynced};
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

static DIR *opened_folder(DIR *folder)
{
    files += armed && folder != NULL;
    return folder;
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
WRAP(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED, )
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, )
WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * context, const EVP_MD *type, ENGINE *engine),
     (context, type, engine), 0, )
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * context, unsigned char *out, unsigned int *size),
     (context, out, size), 0, )
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *data, size_t size),
     (context, data, size), 0, )
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument),
     (thread, attributes, start, argument), errno, )
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, opened_file)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, )
WRAP(int, fflush, (FILE * file), (file), EOF, )
WRAP(int, link, (const char *from, const char *to), (from, to), -1, )
WRAP(int, unlink, (const char *path), (path), -1, )
WRAP(int, mkdir, (const char *path, mode_t bits), (path, bits), -1, )
WRAP(int, rmdir, (const char *path), (path), -1, )
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1, )
WRAP(int, fseeko, (FILE * file, off_t at, int whence), (file, at, whence), -1, )
WRAP(int, fstat, (int fd, struct stat *info), (fd, info), -1, )
WRAP(int, stat, (const char *path, struct stat *info), (path, info), -1, )
WRAP(int, lstat, (const char *path, struct stat *info), (path, info), -1, )
WRAP(int, dup, (int fd), (fd), -1, opened)
WRAP(DIR *, opendir, (const char *path), (path), NULL, opened_folder)
WRAP(struct dirent *, readdir, (DIR * folder), (folder), NULL, )
WRAP(gzFile, gzdopen, (int fd, const char *mode), (fd, mode), NULL, )
WRAP(zip_file_t *, zip_fopen_index, (zip_t * zip, zip_uint64_t i, zip_flags_t flags),
     (zip, i, flags), NULL, )
WRAP(zip_int64_t, zip_fread, (zip_file_t * file, void *to, zip_uint64_t size), (file, to, size),
     -1, )
WRAP(struct archive *, archive_read_new, (void), (), NULL, )
WRAP(int, archive_read_support_filter_gzip, (struct archive * archive), (archive), ARCHIVE_FATAL, )
WRAP(int, archive_read_support_format_tar, (struct archive * archive), (archive), ARCHIVE_FATAL, )
WRAP(int, archive_read_open_FILE, (struct archive * archive, FILE *file), (archive, file),
     ARCHIVE_FATAL, )
WRAP(png_structp, png_create_read_struct,
     (png_const_charp version, png_voidp told, png_error_ptr error, png_error_ptr warning),
     (version, told, error, warning), NULL, )
WRAP(png_infop, png_create_info_struct, (png_const_structrp png), (png), NULL, )

/* What is not lost by a crash of the machine is not tried here, and it takes most of the time. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (fails(CALL_fsync))
        return -1;
    note_fsync(fd);
    return 0;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (fails(CALL_rename))
        return -1;
    note_rename(from);
    return __real_rename(from, to);
}

/* A block that is larger now, or a new one. */
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    if (fails(CALL_realloc))
        return NULL;
    return block == NULL ? counted(__real_malloc(size)) : __real_realloc(block, size);
}

int __real_scandir(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *),
                   int (*order)(const struct dirent **, const struct dirent **));
int __wrap_scandir(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *),
                   int (*order)(const struct dirent **, const struct dirent **));
int __wrap_scandir(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *),
                   int (*order)(const struct dirent **, const struct dirent **))
{
    if (fails(CALL_scandir))
        return -1;
    int found = __real_scandir(path, entries, wanted, order);
    memory += armed && found >= 0 ? found + 1 : 0; /* the list and each entry */
    return found;
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

/* The stream keeps the error, as after one of the C library's: writing to it is one, as it is only
 * open to be read. */
size_t __real_fread(void *data, size_t size, size_t n, FILE *file);
size_t __wrap_fread(void *data, size_t size, size_t n, FILE *file);
size_t __wrap_fread(void *data, size_t size, size_t n, FILE *file)
{
    if (!fails(CALL_fread))
        return __real_fread(data, size, n, file);
    __real_fwrite("", 1, 1, file);
    errno = EIO;
    return 0;
}

size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *file);
size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *file)
{
    bool failed = fails(CALL_fwrite);
    note_write(fileno(file));
    if (!failed)
        return __real_fwrite(data, size, n, file);
    size_t half = __real_fwrite(data, size, n / 2, file);
    errno = ENOSPC;
    return half;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t bits = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        bits = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return fails(CALL_open) ? -1 : opened(__real_open(path, flags, bits));
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    /* Nothing is lost with a file that was only read from. */
    bool written_to = (fcntl(fileno(file), F_GETFL) & O_ACCMODE) != O_RDONLY;
    bool failed = written_to && fails(CALL_fclose);
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

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder);
int __wrap_closedir(DIR *folder)
{
    files -= armed;
    return __real_closedir(folder);
}

/* It closes the file that dup opened. */
int __real_gzclose(gzFile stream);
int __wrap_gzclose(gzFile stream);
int __wrap_gzclose(gzFile stream)
{
    files -= armed;
    return __real_gzclose(stream);
}
