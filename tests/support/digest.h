/* digest.h - the SHA-256 digest of one block. */
#ifndef BURIN_TEST_DIGEST_H
#define BURIN_TEST_DIGEST_H

#include "file/sha256.h"

static inline bool digest(char hex[SHA256_HEX_SIZE], const void *bytes, size_t count)
{
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, bytes, count);
    return sha256_finish(&sum, hex);
}

#endif
