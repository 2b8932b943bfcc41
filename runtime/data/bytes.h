/* bytes.h - a whole file as bytes that last as long as the images of a data set.
 *
 *     const uint8_t *bytes;
 *     size_t size;
 *     if (!bytes_open(data, path, request->map_from, &bytes, &size, &err)) ...
 *
 * A file is read into memory, so that nobody can change it under a training. One that is larger
 * than a quarter of the machine's memory is mapped instead: the system reads a page when a batch
 * first needs it, and may forget it again. Such a file must stay as it is while a training runs.
 */
#ifndef BURIN_BYTES_H
#define BURIN_BYTES_H

#include "data/data.h"

/* The bytes belong to data. map_from: bytes from which on a file is mapped, 0 for a quarter of the
 * memory. EXIT_DATA where it cannot be read. */
bool bytes_open(struct data *data, const char *path, size_t map_from, const uint8_t **bytes,
                size_t *size, struct err *err);

/* Bytes from which on a file is mapped where nobody says another number. */
size_t bytes_limit(void);

/* The same as bytes_open of a .gz file, unpacked. EXIT_DATA also where it is cut or corrupt. */
bool bytes_gunzip(struct data *data, const char *path, const uint8_t **bytes, size_t *size,
                  struct err *err);

/* A small text file, with a zero after it; NULL where there is none, or it has more than most
 * bytes; errno is why it cannot be read, or 0 where it is no such text. Free it with free. */
char *bytes_text(const char *path, size_t most);

/* Little-endian and big-endian numbers, wherever they lie. */
static inline uint32_t bytes_big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#endif
