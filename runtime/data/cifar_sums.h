/* cifar_sums.h - whether files of CIFAR-10 are those of the official archive.
 *
 * The archive is published with one MD5, for the whole, and none for the six files. So `make data`
 * checks the archive, unpacks it, and writes beside the files a SHA256SUMS, in the format of
 * sha256sum, whose first line is CIFAR_OFFICIAL_MARK. Reading compares each file with it. Files
 * without it, or that differ from it, are a warning, never an error: they may be what is wanted.
 */
#ifndef BURIN_CIFAR_SUMS_H
#define BURIN_CIFAR_SUMS_H

#include "data/data.h"

/* The text of the folder's SHA256SUMS, empty when there is none or it cannot be read. A list of
 * six files fits many times over; a longer file is cut, and what is missing is warned about. */
struct cifar_sums {
    bool there;
    char text[8192];
};

void cifar_sums_read(struct cifar_sums *sums, const char *dir);

/* Notes in data->warning what keeps this file from being known as official; the first note stays.
 */
void cifar_sums_compare(struct data *data, const struct cifar_sums *sums, const char *name,
                        const char *digest);

/* Notes what keeps all of them from it. */
void cifar_sums_judge(struct data *data, const struct cifar_sums *sums);

#endif
