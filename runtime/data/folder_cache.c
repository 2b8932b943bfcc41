/* folder_cache.c - a head of text, the labels, the images one after another.
 *
 * The head, filled up with zeros to HEAD_BYTES:
 *
 *     burin images 1
 *     key <digest of what they follow from>
 *     images <how many> <digest of labels and images>
 *     note <what was converted>
 *     sum <digest of the lines above>
 *
 * Two processes that write at the same time can mix their files; the digests are there for that,
 * too.
 */
#include "data/folder_cache.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/infile.h"
#include "file/outfile.h"

enum { HEAD_BYTES = 4096, NOTE_BYTES = 2048 };

/* The text of the head but for the sum, and then with it. */
static bool make_head(char head[HEAD_BYTES], const char *key, int count, const char *digest,
                      const char *note)
{
    char sum[SHA256_HEX_SIZE];
    struct sha256 sha;
    memset(head, 0, HEAD_BYTES);
    int length = snprintf(head, HEAD_BYTES, "burin images 1\nkey %s\nimages %d %s\nnote %.*s\n",
                          key, count, digest, NOTE_BYTES, note);
    sha256_start(&sha);
    sha256_add(&sha, head, (size_t)length);
    if (!sha256_finish(&sha, sum))
        return false;
    snprintf(head + length, HEAD_BYTES - (size_t)length, "sum %s\n", sum);
    return true;
}

/* Reads the head of a file of `count` images and makes it again: what is not the same was not
 * written so. */
static bool read_head(FILE *file, const char *key, int count, char digest[SHA256_HEX_SIZE],
                      char *note, size_t note_size)
{
    static const char before_note[] = "\nnote ";
    char head[HEAD_BYTES + 1], again[HEAD_BYTES], text[NOTE_BYTES + 1] = "", start[200];
    const size_t digits = SHA256_HEX_SIZE - 1;
    if (fread(head, 1, HEAD_BYTES, file) != HEAD_BYTES)
        return false;
    head[HEAD_BYTES] = '\0';
    int length = snprintf(start, sizeof start, "burin images 1\nkey %s\nimages %d ", key, count);
    if (memcmp(head, start, (size_t)length) != 0)
        return false;
    memcpy(digest, head + length, digits);
    digest[digits] = '\0';
    const char *at = head + length + digits + strlen(before_note);
    const size_t size = strcspn(at, "\n");
    if (size > NOTE_BYTES || size >= note_size)
        return false;
    memcpy(text, at, size);
    if (!make_head(again, key, count, digest, text) || memcmp(head, again, HEAD_BYTES) != 0)
        return false;
    memcpy(note, text, size + 1);
    return true;
}

/* Labels that no class has would be read as memory of others. */
static bool check_labels(const struct data *data)
{
    for (int i = 0; i < data->count; i++) {
        if (data->labels[i] >= data->classes)
            return false;
    }
    return true;
}

bool folder_cache_digest(struct data *data)
{
    struct sha256 sha;
    sha256_start(&sha);
    sha256_add(&sha, data->labels, (size_t)data->count);
    for (int i = 0; i < data->count; i++)
        sha256_add(&sha, data->images[i], data_pixels(data));
    return sha256_finish(&sha, data->digest);
}

static void forget_images(struct data *data)
{
    free(data->labels);
    free(data->images);
    data->labels = NULL;
    data->images = NULL;
    data->count = 0;
    data->digest[0] = '\0';
}

bool folder_cache_read(struct data *data, const char *path, const char key[SHA256_HEX_SIZE],
                       char *note, size_t note_size)
{
    FILE *file = infile_open(path, "rb");
    if (file == NULL)
        return false;
    char digest[SHA256_HEX_SIZE];
    struct stat info = {.st_size = 0};
    const uint64_t image = 1 + (uint64_t)data_pixels(data);
    bool ok = fstat(fileno(file), &info) == 0 && info.st_size > HEAD_BYTES;
    const uint64_t rest = ok ? (uint64_t)info.st_size - HEAD_BYTES : 0;
    const int count = rest / image < INT_MAX ? (int)(rest / image) : 0;
    ok = count > 0 && rest % image == 0 && read_head(file, key, count, digest, note, note_size);
    if (ok) {
        const size_t bytes = (size_t)count * data_pixels(data);
        uint8_t *pixels = data_plain(data, count);
        ok = pixels != NULL && fread(data->labels, 1, (size_t)count, file) == (size_t)count &&
             fread(pixels, 1, bytes, file) == bytes && folder_cache_digest(data) &&
             strcmp(data->digest, digest) == 0 && check_labels(data);
        if (!ok)
            forget_images(data);
    }
    fclose(file);
    if (!ok)
        note[0] = '\0';
    return ok;
}

bool folder_cache_write(const struct data *data, const char *path, const char key[SHA256_HEX_SIZE],
                        const char *note, struct err *err)
{
    char head[HEAD_BYTES];
    struct outfile out = {0};
    if (!make_head(head, key, data->count, data->digest, note))
        return err_set(err, "%s: no digest", path);
    bool ok = outfile_open(&out, path, err) && outfile_write(&out, head, sizeof head, err) &&
              outfile_write(&out, data->labels, (size_t)data->count, err);
    for (int i = 0; ok && i < data->count; i++)
        ok = outfile_write(&out, data->images[i], data_pixels(data), err);
    ok = ok && outfile_commit(&out, NULL, err);
    outfile_close(&out);
    return ok;
}
