/* infile.h - opens a file to read it, if it is one.
 *
 *     FILE *file = infile_open(path, "rb");
 *     if (file == NULL) ... errno ...
 *     fclose(file);
 *
 * Whatever names a file may name a pipe that nobody writes to, or a device without an end: reading
 * those would never come back. Only regular files are opened, and without waiting.
 */
#ifndef BURIN_INFILE_H
#define BURIN_INFILE_H

#include <stdio.h>

/* fopen for the modes "r", "rb" and "r+". NULL and errno on failure; what is no regular file has
 * EISDIR, or else EINVAL, for which infile_reason has better words. */
FILE *infile_open(const char *path, const char *mode);

/* strerror, but for EINVAL: "not a regular file". */
const char *infile_reason(int errno_value);

#endif
