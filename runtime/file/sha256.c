/* sha256.c - see sha256.h. */
#include "file/sha256.h"

#include <openssl/evp.h>

void sha256_start(struct sha256 *sum)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    *sum = (struct sha256){.context = context, .ok = ok};
}

void sha256_add(struct sha256 *sum, const void *bytes, size_t count)
{
    sum->ok = sum->ok && EVP_DigestUpdate(sum->context, bytes, count) == 1;
}

bool sha256_finish(struct sha256 *sum, char hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    bool ok = sum->ok && EVP_DigestFinal_ex(sum->context, digest, &size) == 1;
    for (unsigned int i = 0; ok && i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[ok ? 2 * size : 0] = '\0';
    EVP_MD_CTX_free(sum->context);
    *sum = (struct sha256){.ok = false};
    return ok;
}
