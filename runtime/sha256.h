/* sha256.h - the SHA-256 digest (FIPS 180-4) of a block of memory, as sha256sum prints it. */
#ifndef BURIN_SHA256_H
#define BURIN_SHA256_H

#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };

/* Writes 64 lower-case hexadecimal digits and a terminating zero. */
void sha256_hex(char hex[SHA256_HEX_SIZE], const void *bytes, size_t count);

#endif
