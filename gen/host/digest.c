/* digest.c - libcrypto computes. Lua raises errors by jumping away: arguments are looked at before
 * anything is owned.
 */
#include "digest.h"

#include <stdbool.h>

#include <openssl/evp.h>

#include <lauxlib.h>
#include <lua.h>

int digest_sha256(lua_State *L)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++)
        luaL_checktype(L, i, LUA_TSTRING);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (int i = 1; ok && i <= count; i++) {
        size_t length;
        const char *text = lua_tolstring(L, i, &length); /* a string already: it cannot raise */
        ok = EVP_DigestUpdate(context, text, length) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, digest, &size) == 1;
    EVP_MD_CTX_free(context);
    if (!ok)
        return luaL_error(L, "sha256: out of memory");
    for (unsigned i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    lua_pushlstring(L, hex, (size_t)2 * size);
    return 1;
}
