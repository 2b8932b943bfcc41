/* outfile.h - a file that appears whole or not at all.
 *
 *     struct outfile out = {0};
 *     bool ok = outfile_open(&out, path, &err) && outfile_write(&out, data, bytes, &err) &&
 *               outfile_commit(&out, NULL, &err);
 *     outfile_close(&out);                  (after a failure removes the temporary file)
 *
 * The bytes go to "<path>.tmp" in the same folder; commit makes them durable and renames the file
 * over path, so that a full disk, a crash or a power cut leaves the old file or the new one.
 */
#ifndef BURIN_OUTFILE_H
#define BURIN_OUTFILE_H

#include "sys/err.h"

#include <stddef.h>
#include <stdio.h>

struct outfile {
    FILE *file;
    char *path; /* the final name */
    char *temp; /* where the bytes are until commit; NULL when there is nothing to remove */
};

/* Starts a new temporary file; one that an earlier crash left is replaced. */
bool outfile_open(struct outfile *out, const char *path, struct err *err);

bool outfile_write(struct outfile *out, const void *data, size_t bytes, struct err *err);

/* Flushes, fsyncs, closes and renames, then fsyncs the folder. With `kept`, a path on the same file
 * system, the file that was at the final name stays under that one, in place of what was there. */
bool outfile_commit(struct outfile *out, const char *kept, struct err *err);

/* Frees; without a successful commit before, removes the temporary file. Accepts a zeroed struct.
 */
void outfile_close(struct outfile *out);

/* Creates a folder and every missing parent of it. */
bool outfile_make_folder(const char *path, struct err *err);

/* Makes the names in a folder durable: after a power cut they are what they are now. */
bool outfile_sync_folder(const char *folder, struct err *err);

#endif
