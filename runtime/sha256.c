/* sha256.c - see sha256.h. */
#include "sha256.h"

#include <assert.h>
#include <openssl/evp.h>

void sha256_hex(char hex[SHA256_HEX_SIZE], const void *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int made = EVP_Digest(bytes, count, digest, &size, EVP_sha256(), NULL);
    assert(made == 1 && size == (SHA256_HEX_SIZE - 1) / 2);
    (void)made;
    for (unsigned int i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * size] = '\0';
}
