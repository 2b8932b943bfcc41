/* fuzz_host.h - the host that a target of Lua code runs its inputs in.
 *
 * The compiler's instrumentation sees only C; a hook counts the lines of our Lua for the fuzzer.
 */
#ifndef BURIN_FUZZ_HOST_H
#define BURIN_FUZZ_HOST_H

#include <string.h>

#include <lua.h>

#include "fuzz.h"
#include "host.h"

/* libFuzzer reads this section as it does the counters that the compiler put in. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[1 << 14];

FUZZ_UNWATCHED static void count_line(lua_State *L, lua_Debug *frame)
{
    lua_getinfo(L, "S", frame);
    unsigned hash = (unsigned)frame->currentline;
    for (const char *p = frame->short_src; *p != '\0'; p++)
        hash = hash * 31 + (unsigned char)*p;
    uint8_t *counter = &lines[hash % sizeof lines];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
}

/* A host whose stack holds the function that the script returns; opened once. */
static struct host *fuzz_host(const struct host_options *options, const char *script)
{
    static struct host *host;
    if (host != NULL)
        return host;
    host = host_open(options);
    FUZZ_CHECK(host != NULL, "no host");
    FUZZ_CHECK(host_load(host, "fuzz", script, strlen(script)) == HOST_OK &&
                   host_pcall(host, 0, 1) == HOST_OK,
               "%s", host_message(host));
    lua_sethook(host_lua(host), count_line, LUA_MASKLINE, 0);
    return host;
}

#endif
