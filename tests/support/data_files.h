/* data_files.h - data sets of a few images, made by the libraries that others make them with. */
#ifndef BURIN_DATA_FILES_H
#define BURIN_DATA_FILES_H

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

static char files_folder[400];

static inline void files_make(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(files_folder, sizeof files_folder, "%s/burin-files-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(files_folder));
}

static inline int files_remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)kind, (void)at;
    return remove(path);
}

static inline void files_remove(void)
{
    ck_assert_int_eq(nftw(files_folder, files_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline const char *files_path(const char *name)
{
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", files_folder, name);
    return path;
}

static inline void files_put(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(files_path(name), "wb");
    ck_assert(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static inline void files_put_gz(const char *name, const void *bytes, size_t size)
{
    gzFile file = gzopen(files_path(name), "wb");
    ck_assert(file != NULL && gzwrite(file, bytes, (unsigned)size) == (int)size);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* An IDX file: its rank, its shape, and the bytes. Returns how many there are of all. */
static inline size_t files_idx(uint8_t *out, int rank, const int *shape, const uint8_t *elements)
{
    uint8_t *at = out;
    size_t count = 1;
    const uint8_t head[] = {0, 0, 8, (uint8_t)rank};
    memcpy(at, head, sizeof head);
    at += sizeof head;
    for (int i = 0; i < rank; i++) {
        for (int k = 24; k >= 0; k -= 8)
            *at++ = (uint8_t)(shape[i] >> k);
        count *= (size_t)shape[i];
    }
    memcpy(at, elements, count);
    return (size_t)(at - out) + count;
}

/* A .npy file as NumPy writes it, with a header of this dictionary. Returns its size. */
static inline size_t files_npy(uint8_t *out, const char *dictionary, const void *bytes, size_t size)
{
    enum { MAGIC = 10, ALIGN = 64 };
    size_t length = strlen(dictionary) + 1;
    length += (ALIGN - (MAGIC + length) % ALIGN) % ALIGN;
    memcpy(out, "\x93NUMPY\x01\x00", MAGIC - 2);
    out[8] = (uint8_t)(length & 255);
    out[9] = (uint8_t)(length >> 8);
    memset(out + MAGIC, ' ', length);
    memcpy(out + MAGIC, dictionary, strlen(dictionary));
    out[MAGIC + length - 1] = '\n';
    memcpy(out + MAGIC + length, bytes, size);
    return MAGIC + length + size;
}

struct files_entry {
    const char *name;
    const void *bytes;
    size_t size;
};

static inline void files_put_zip(const char *name, const struct files_entry *entries, int count,
                                 int method)
{
    int code = 0;
    zip_t *zip = zip_open(files_path(name), ZIP_CREATE | ZIP_TRUNCATE, &code);
    ck_assert_ptr_nonnull(zip);
    for (int i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(zip, entries[i].bytes, entries[i].size, 0);
        zip_int64_t at = zip_file_add(zip, entries[i].name, source, ZIP_FL_ENC_UTF_8);
        ck_assert_int_ge(at, 0);
        ck_assert_int_eq(zip_set_file_compression(zip, (zip_uint64_t)at, method, 0), 0);
    }
    ck_assert_int_eq(zip_close(zip), 0);
}

static inline void files_put_tar(const char *name, const struct files_entry *entries, int count)
{
    struct archive *tar = archive_write_new();
    archive_write_add_filter_gzip(tar);
    archive_write_set_format_ustar(tar);
    ck_assert_int_eq(archive_write_open_filename(tar, files_path(name)), ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, entries[i].name);
        archive_entry_set_size(entry, (la_int64_t)entries[i].size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        ck_assert_int_eq(archive_write_header(tar, entry), ARCHIVE_OK);
        ck_assert_int_eq((int)archive_write_data(tar, entries[i].bytes, entries[i].size),
                         (int)entries[i].size);
        archive_entry_free(entry);
    }
    ck_assert_int_eq(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
}

#endif
