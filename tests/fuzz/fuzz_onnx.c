/* fuzz_onnx.c - any bytes as an ONNX file.
 *
 * It becomes a description and weights, or is refused with lines of printable text that each name
 * the file. Nothing else may come of it: no crash, no bug of ours (which would have a traceback),
 * no file that is asked for. What is accepted is a description that means a network with just these
 * weights; to see that without a process for each input, both sides of its answer run in this one.
 */
#include <string.h>

#include <lua.h>

#include "fuzz.h"
#include "fuzz_host.h"

#define FILE_NAME "fuzz.onnx"

static const char script[] =
    "local answer <const>, evaluate <const> = require('language/answer'), "
    "require('language/evaluate')\n"
    "local export <const>, import <const> = require('onnx/export'), require('onnx/import')\n"
    "local graph <const>, network <const> = require('language/graph'), "
    "require('language/network')\n"
    "host.read_file = function() error('a file is asked for') end\n"
    "return function(bytes)\n"
    "    local made <const> = import.convert(bytes, { file = '" FILE_NAME "', name = 'fuzz' })\n"
    "    local left <const> = evaluate.answer(made.text, 'fuzz.lua')\n"
    "    assert(not answer.read(left), answer.read(left))\n"
    "    local good <const>, built <const> = pcall(function()\n"
    "        return graph.build(network.check(evaluate.result(left, 'fuzz.lua'), 'fuzz.lua', "
    "'bn'))\n"
    "    end)\n"
    "    if not good then\n"
    "        assert(built.kind == 'rejected' and (built.messages[1]:find('it has no parameters')\n"
    "            or built.messages[1]:find('with it the network has')), built.messages[1])\n"
    "        return\n"
    "    end\n"
    "    local file <const> = { tensors = {}, names = {} }\n"
    "    for i, tensor in ipairs(made.tensors) do\n"
    "        file.tensors[tensor.name], file.names[i] = tensor, tensor.name\n"
    "    end\n"
    "    local differences <const> = export.differences(built, file)\n"
    "    assert(#differences == 0, differences[1])\n"
    "end\n";

static void check_message(const char *message)
{
    const char *line = message;
    while (line != NULL) {
        const char *end = strchr(line, '\n');
        size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
        FUZZ_CHECK(strncmp(line, FILE_NAME ":", sizeof FILE_NAME) == 0, "no file: %s", message);
        for (size_t i = 0; i < length; i++)
            FUZZ_CHECK(line[i] >= ' ' && line[i] <= '~', "not printable: %s", message);
        line = end != NULL ? end + 1 : NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host *host = fuzz_host(&(struct host_options){.memory_limit = 0}, script);
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
