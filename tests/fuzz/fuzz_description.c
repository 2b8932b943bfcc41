/* fuzz_description.c - any text as a network description.
 *
 * It is accepted, or rejected with lines of printable text that each name file and line; and in
 * every sixteenth case, what is accepted becomes a program. Nothing else may come of it: no crash,
 * no bug of ours (which would have a traceback), no message that sends control characters to the
 * user's terminal. A process for each input would be too slow, so both sides of the answer run in
 * this one. One host serves many inputs, so that what one description leaves behind would trip up
 * the next.
 */
#include <ctype.h>
#include <string.h>

#include <lua.h>

#include "fuzz.h"
#include "fuzz_host.h"

#define FILE_NAME "fuzz.lua"

enum { STEPS = 100000 };

static const char script[] =
    "local answer <const>, emit <const> = require('language/answer'), require('emit/program')\n"
    "local evaluate <const>, graph <const> = require('language/evaluate'), "
    "require('language/graph')\n"
    "local network <const>, twin <const> = require('language/network'), require('language/twin')\n"
    "local norms <const> = { 'bn', 'gn', 'ln', 'in', 'cn', 'rms', 'none' }\n"
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
    struct host *host = fuzz_host(&(struct host_options){.description_steps = STEPS}, script);
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
