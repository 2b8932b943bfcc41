/* fuzz_report.c - any text as the log of a run, and any text as its evaluation.
 *
 * The input is log.jsonl, and behind a zero byte eval.json. A page comes of them, or one printable
 * line that names the file. Nothing else may: no crash, no bug of ours (which would have a
 * traceback). gnuplot would take too long, so what it would be told is looked at instead: all its
 * numbers are finite. Of pictures there are as many bytes as are asked for, up to a limit.
 */
#include "fuzz_host.h"

static const char script[] =
    "local page <const> = require('report/page')\n"
    "local files <const> = {}\n"
    "rawset(host, 'gnuplot', function(text)\n"
    "    assert(not text:find('%f[%w]nan%f[%W]') and not text:find('%f[%w]inf%f[%W]'), text)\n"
    "    return '<g id=\"gnuplot_canvas\">\\n</g>\\n</svg>'\n"
    "end)\n"
    "rawset(host, 'read_file', function(path, most, from)\n"
    "    if path == 'a/eval_images.bin' then\n"
    "        return ('x'):rep(math.min(most - 1, 65536))\n"
    "    elseif not files[path] then\n"
    "        return nil, 'a/: none', true\n"
    "    end\n"
    "    return files[path]:sub((from or 0) + 1, (from or 0) + most)\n"
    "end)\n"
    "return function(text)\n"
    "    local log <const>, evaluation <const> = text:match('^(%Z*)%z?(.*)$')\n"
    "    files['a/log.jsonl'] = log\n"
    "    files['a/eval.json'] = evaluation ~= '' and evaluation or nil\n"
    "    local ok <const>, problem <const> = pcall(page.text, { 'a' })\n"
    "    if not ok then\n"
    "        assert(type(problem) == 'table' and problem.kind == 'failed', problem)\n"
    "        assert(#problem.messages == 1 and problem.messages[1]:find('^a/[ -~]*$'),\n"
    "            problem.messages[1])\n"
    "    end\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host *host = fuzz_host(&(struct host_options){.gen_dir = NULL}, script);
    lua_State *L = host_lua(host);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data, size);
    FUZZ_CHECK(host_pcall(host, 1, 0) == HOST_OK, "%s", host_message(host));
    FUZZ_CHECK(lua_gettop(L) == 1, "values left on the stack");
    return 0;
}
