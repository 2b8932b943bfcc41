/* folder_cache.h - the decoded images of a folder, kept in one file beside them.
 *
 *     if (!folder_cache_read(&data, path, key, note, sizeof note)) {
 *         ... decode ...
 *         folder_cache_write(&data, path, key, note, &err);
 *     }
 *
 * The key is a digest of all that the images follow from: names, sizes and times of the files, and
 * how they are decoded. A file with another key, or one byte of which has changed, is none.
 */
#ifndef BURIN_FOLDER_CACHE_H
#define BURIN_FOLDER_CACHE_H

#include "data/data.h"

/* Fills data, whose shape and classes are set, and the note. False where there is no such cache, or
 * no memory for it; then data has no images. */
bool folder_cache_read(struct data *data, const char *path, const char key[SHA256_HEX_SIZE],
                       char *note, size_t note_size);

/* Appears whole or not at all. */
bool folder_cache_write(const struct data *data, const char *path, const char key[SHA256_HEX_SIZE],
                        const char *note, struct err *err);

/* Sets data->digest to that of the labels and then of the images, which are plain bytes. */
bool folder_cache_digest(struct data *data);

#endif
