/* sha256.h - the SHA-256 digest (FIPS 180-4), as sha256sum prints it.
 *
 *     struct sha256 sum;
 *     sha256_start(&sum);
 *     sha256_add(&sum, bytes, count);          (any number of times)
 *     if (!sha256_finish(&sum, hex)) ...       (frees)
 *
 * The library needs memory for it, so any of these can fail; the failure is told at the end.
 */
#ifndef BURIN_SHA256_H
#define BURIN_SHA256_H

#include <stdbool.h>
#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };

struct sha256 {
    void *context;
    bool ok;
};

void sha256_start(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *bytes, size_t count);

/* Writes 64 lower-case hexadecimal digits and a terminating zero; false when memory ran out. */
bool sha256_finish(struct sha256 *sum, char hex[SHA256_HEX_SIZE]);

#endif
