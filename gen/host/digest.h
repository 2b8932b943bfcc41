/* digest.h - the part of the global table `host` that makes digests. */
#ifndef BURIN_DIGEST_H
#define BURIN_DIGEST_H

struct lua_State;

/* host.sha256(text, ...): the SHA-256 digest of all texts, one after another, in 64 lower-case
 * hexadecimal digits. */
int digest_sha256(struct lua_State *L);

#endif
