/* fuzz_description.c - any text as a network description.
 *
 * It is accepted, or rejected with lines of printable text that each name file and line. Nothing
 * else may come of it: no crash, no bug of ours (which would have a traceback), no message that
 * sends control characters to the user's terminal. One host serves many inputs, so that what one
 * description leaves behind would trip up the next.
 */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "fuzz.h"
#include "host.h"

#define FILE_NAME "fuzz.lua"

static const char script[] = "local graph <const> = require('graph')\n"
                             "local network <const> = require('network')\n"
                             "return function(text)\n"
                             "    graph.build(network.read(text, '" FILE_NAME "', 'bn'))\n"
                             "end\n";

/* A host whose stack holds the function of the script; opened once. */
static struct host *opened(void)
{
    static struct host *host;
    if (host != NULL)
        return host;
    host = host_open(&(struct host_options){.gen_dir = NULL});
    FUZZ_CHECK(host != NULL, "no host");
    FUZZ_CHECK(host_load(host, "fuzz", script, sizeof script - 1) == HOST_OK &&
                   host_pcall(host, 0, 1) == HOST_OK,
               "%s", host_message(host));
    return host;
}

static void check_message(const char *message)
{
    const char *line = message;
    while (line != NULL) {
        const char *end = strchr(line, '\n');
        size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
        FUZZ_CHECK(strncmp(line, FILE_NAME ":", sizeof FILE_NAME) == 0 &&
                       isdigit((unsigned char)line[sizeof FILE_NAME]),
                   "no file and line: %s", message);
        for (size_t i = 0; i < length; i++)
            FUZZ_CHECK(line[i] >= ' ' && line[i] <= '~', "not printable: %s", message);
        line = end != NULL ? end + 1 : NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host *host = opened();
    lua_State *L = host_lua(host);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data, size);
    enum host_status status = host_pcall(host, 1, 0);
    FUZZ_CHECK(status == HOST_OK || status == HOST_REJECTED, "%s", host_message(host));
    if (status == HOST_REJECTED)
        check_message(host_message(host));
    FUZZ_CHECK(lua_gettop(L) == 1, "values left on the stack");
    lua_gc(L, LUA_GCCOLLECT);
    return 0;
}
