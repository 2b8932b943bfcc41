/* fuzz_description.c - any text as a network description.
 *
 * It is accepted, or rejected with lines of printable text that each name file and line; and in
 * every sixteenth case, what is accepted becomes a program. Nothing else may come of it: no crash,
 * no bug of ours (which would have a traceback), no message that sends control characters to the
 * user's terminal. A process for each input would be too slow, so both sides of the answer run in
 * this one. One host serves many inputs, so that what one description leaves behind would trip up
 * the next.
 *
 * The compiler's instrumentation sees only C; a hook counts the lines of our Lua for the fuzzer.
 */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "fuzz.h"
#include "host.h"

#define FILE_NAME "fuzz.lua"

enum { STEPS = 100000 };

static const char script[] =
    "local answer <const>, emit <const> = require('answer'), require('emit')\n"
    "local evaluate <const>, graph <const> = require('evaluate'), require('graph')\n"
    "local network <const>, twin <const> = require('network'), require('twin')\n"
    "local norms <const> = { 'bn', 'gn', 'ln', 'in', 'none' }\n"
    "local file <const> = '" FILE_NAME "'\n"
    "return function(text)\n"
    "    local left <const> = evaluate.answer(text, file)\n"
    "    local message <const> = answer.read(left)\n"
    "    assert(not message or not message:find(': gen/%l+%.lua:%d+:'), message)\n"
    "    local norm <const> = norms[#text % #norms + 1]\n"
    "    local top <const> = evaluate.result(left, file)\n"
    "    local built <const> = graph.build(network.check(top, file, norm))\n"
    "    if #text % 16 == 0 then\n"
    "        local options <const> = { network = file, norm = norm, isa = 'c',\n"
    "            algorithm = 'auto', unroll = 'tile' }\n"
    "        twin.text(built, options)\n"
    "        emit.program(built, options)\n"
    "    end\n"
    "end\n";

/* libFuzzer reads this section as it does the counters that the compiler put in. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[1 << 14];

static void count_line(lua_State *L, lua_Debug *frame)
{
    lua_getinfo(L, "S", frame);
    unsigned hash = (unsigned)frame->currentline;
    for (const char *p = frame->short_src; *p != '\0'; p++)
        hash = hash * 31 + (unsigned char)*p;
    uint8_t *counter = &lines[hash % sizeof lines];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
}

/* A host whose stack holds the function of the script; opened once. */
static struct host *opened(void)
{
    static struct host *host;
    if (host != NULL)
        return host;
    host = host_open(&(struct host_options){.description_steps = STEPS});
    FUZZ_CHECK(host != NULL, "no host");
    FUZZ_CHECK(host_load(host, "fuzz", script, sizeof script - 1) == HOST_OK &&
                   host_pcall(host, 0, 1) == HOST_OK,
               "%s", host_message(host));
    lua_sethook(host_lua(host), count_line, LUA_MASKLINE, 0);
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
    return 0;
}
