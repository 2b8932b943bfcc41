/* fuzz_host.h - the host that a target of Lua code runs its inputs in.
 *
 * The compiler's instrumentation sees only C; a hook counts what our Lua does for the fuzzer.
 */
#ifndef BURIN_FUZZ_HOST_H
#define BURIN_FUZZ_HOST_H

#include <string.h>

#include <lua.h>

#include "fuzz.h"
#include "host.h"

/* libFuzzer reads this section as it does the counters that the compiler put in. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t moves[1 << 15];
static int line_before;

/* Counts the move from the line before to this one. Two numbers of lines tell it from nearly all
 * others; to ask for the name of the file took longer than to run the line. */
FUZZ_UNWATCHED static void count_move(lua_State *L, lua_Debug *frame)
{
    (void)L;
    const unsigned hash = (unsigned)line_before * 1021 + (unsigned)frame->currentline;
    uint8_t *counter = &moves[hash % sizeof moves];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
    line_before = frame->currentline;
}

/* A host whose stack holds the function that the script returns; opened once. */
static struct host *fuzz_host(const struct host_options *options, const char *script)
{
    static struct host *host;
    line_before = 0;
    if (host != NULL)
        return host;
    host = host_open(options);
    FUZZ_CHECK(host != NULL, "no host");
    FUZZ_CHECK(host_load(host, "fuzz", script, strlen(script)) == HOST_OK &&
                   host_pcall(host, 0, 1) == HOST_OK,
               "%s", host_message(host));
    lua_sethook(host_lua(host), count_move, LUA_MASKLINE, 0);
    return host;
}

#endif
