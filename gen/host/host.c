/* host.c - the Lua state behind burin and everything it may ask of the machine.
 *
 * Two kinds of Lua run here. Our own modules are trusted but strict: reading or assigning an
 * undefined global is an error. A network description is not trusted: it runs in an environment
 * that network.lua fills, as text only, with a budget of steps, of processor time and of memory,
 * with the methods of strings cut down to what that environment offers, and in a process of its
 * own.
 *
 * The global table `host`, for trusted modules; the first seven are in files.c, in_child is in
 * child.c, the last three are in description.c:
 *
 *     host.source(name)                  text of "gen/x.lua", "templates/x.c.tpl", or nil, message,
 *                                        and whether there is none
 *     host.template(name)                text of templates/<name>; it must exist
 *     host.read_file(path [, most [, from]])   text, at most so many bytes, from that byte on; or
 *                                        nil, message, and whether there is none
 *     host.write_if_changed(path, text)  "written" or "unchanged", or nil, message
 *     host.embedded()                    the names that host.source knows, in their order
 *     host.make_folder(path [, new])     true, or nil, message, and whether something is there;
 *                                        makes those above it, too; new: alone, and it must not be
 *                                        there
 *     host.print(text)                   true, or nil, message; writes to standard output
 *     host.show(text)                    the same of a text for people, broken where a terminal
 *                                        ends
 *     host.native_isa()                  "avx512", "avx2" or "c"
 *     host.in_child(f, ...)              the text that f(...) returns, from a process of its own;
 *                                        or nil, "time" | "size" | "crash" | "system", words
 *     host.json(text)                    tables, or nil, message; json.c
 *     host.png(planes, c, h, w)          a PNG file as base64; picture.c
 *     host.gnuplot(script)               what gnuplot prints, or nil, message; gnuplot.c
 *     host.sha256(text, ...)             the digest of texts, in hexadecimal; digest.c
 *     host.standardize, fold, pack, float_rows   weights of trained models; pack.c
 *     host.usage()                       the commands and options of burin; usage_table.h
 *     host.cpu_id()                      the processor, fit for a file name: "amd-25-17"
 *     host.load_description(text, chunk_name, env)   runner, or nil, message; see below
 *     host.limit_work(file [, mib])      from here to the end of the call our own work has a
 *                                        budget of time and memory; beyond it `file` is rejected
 *     host.located(f)                    g, where g(...) calls f(line, outer, ...) with the line of
 *                                        the description that called g, and that of its main part
 *                                        from which it came there, both 0 where there is none
 *
 * A runner takes no arguments and returns true and what the description returned, or false and
 * a message that starts with `file:line: `.
 *
 * Errors leave a call in one of two forms: a table { kind = "rejected" | "failed" | "usage",
 * messages = { ... } } is the user's or the world's fault and reads as it is; anything else is a
 * bug of ours and gets a traceback.
 */
#include "host.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "child.h"
#include "description.h"
#include "digest.h"
#include "files.h"
#include "gnuplot.h"
#include "host_state.h"
#include "json.h"
#include "pack.h"
#include "picture.h"
#include "usage_table.h"

#define MIB ((size_t)1 << 20)

enum { DEFAULT_MEMORY_MIB = 512 };

/* The one place where Lua gets memory: growth beyond the limit fails, shrinking never does. */
static void *allocate(void *user, void *block, size_t old_size, size_t new_size)
{
    struct host *host = user;
    if (block == NULL)
        old_size = 0; /* then it is the type of the object */
    if (new_size == 0) {
        free(block);
        host->used -= old_size;
        return NULL;
    }
    if (new_size > old_size) {
        size_t growth = new_size - old_size;
        if (host->used > host->limit || growth > host->limit - host->used)
            return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved != NULL)
        host->used = host->used - old_size + new_size;
    return moved;
}

/* -- Modules ----------------------------------------------------------------------------------- */

/* The best instruction set that this processor and its system can run. */
static int native_isa(lua_State *L)
{
    const char *isa = "c";
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        isa = "avx512";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa = "avx2";
#endif
    lua_pushstring(L, isa);
    return 1;
}

#if defined(__x86_64__)
/* Vendor, family and model as CPUID tells them: "amd-25-17". */
static int cpu_id(lua_State *L)
{
    enum { VENDOR_SIZE = 12 };
    unsigned signature, ebx, ecx, edx, vendor[3];
    char name[VENDOR_SIZE + 1] = "", word[VENDOR_SIZE + 1] = "";
    if (!__get_cpuid(0, &signature, &vendor[0], &vendor[2], &vendor[1]) ||
        !__get_cpuid(1, &signature, &ebx, &ecx, &edx)) {
        lua_pushliteral(L, "other");
        return 1;
    }
    memcpy(name, vendor, VENDOR_SIZE);
    for (size_t i = 0, n = 0; name[i] != '\0'; i++)
        if (isalnum((unsigned char)name[i]))
            word[n++] = (char)tolower((unsigned char)name[i]);
    const char *known = strcmp(name, "AuthenticAMD") == 0   ? "amd"
                        : strcmp(name, "GenuineIntel") == 0 ? "intel"
                                                            : word;
    unsigned family = signature >> 8 & 15, model = signature >> 4 & 15;
    if (family == 6 || family == 15) /* the extended model counts */
        model += (signature >> 16 & 15) << 4;
    if (family == 15)
        family += signature >> 20 & 255;
    lua_pushfstring(L, "%s-%d-%d", known, (int)family, (int)model);
    return 1;
}
#else
static int cpu_id(lua_State *L)
{
    lua_pushliteral(L, "other");
    return 1;
}
#endif

static const char modules_key[] = "burin.modules";

/* require(name): gen/<name>.lua, run once. */
static int require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, modules_key);
    int kind = lua_getfield(L, -1, name);
    if (kind == LUA_TBOOLEAN)
        return luaL_error(L, "module '%s' requires itself", name);
    if (kind != LUA_TNIL)
        return 1;
    lua_pop(L, 1);

    const char *file = lua_pushfstring(L, "gen/%s.lua", name);
    const char *chunk = lua_pushfstring(L, "@%s", file);
    int problem = files_push_source(L, host_of(L)->gen_dir, file);
    if (problem != 0)
        return luaL_error(L, "module '%s': %s: %s", name, file, strerror(problem));
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (luaL_loadbufferx(L, text, size, chunk, "t") != LUA_OK)
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_setfield(L, 2, name);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1))
        return luaL_error(L, "module '%s' returned nothing", name);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

static int undefined_global(lua_State *L)
{
    return luaL_error(L, "undefined global '%s'", luaL_tolstring(L, 2, NULL));
}

static int new_global(lua_State *L)
{
    return luaL_error(L, "assignment to undefined global '%s'", luaL_tolstring(L, 2, NULL));
}

/* -- The state --------------------------------------------------------------------------------- */

static int set_up(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_DBLIBNAME, luaopen_debug},
    };
    static const luaL_Reg functions[] = {
        {"native_isa", native_isa}, {"cpu_id", cpu_id},
        {"json", json_read},        {"png", picture_png},
        {"gnuplot", gnuplot_run},   {"sha256", digest_sha256},
        {"usage", usage_table},     {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    luaL_newlib(L, functions);
    files_add_functions(L, host_of(L)->gen_dir);
    description_add_functions(L);
    child_add_functions(L);
    pack_add_functions(L);
    lua_setglobal(L, "host");
    lua_pushcfunction(L, require);
    lua_setglobal(L, "require");

    /* Scripts reach files only through `host`. */
    lua_pushnil(L);
    lua_setglobal(L, "dofile");
    lua_pushnil(L);
    lua_setglobal(L, "loadfile");

    lua_pushglobaltable(L);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, undefined_global);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, new_global);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    return 0;
}

struct host *host_open(const struct host_options *options)
{
    struct host *host = calloc(1, sizeof *host);
    if (host == NULL)
        return NULL;
    host->gen_dir = options->gen_dir;
    host->limit = options->memory_limit != 0 ? options->memory_limit : DEFAULT_MEMORY_MIB * MIB;
    host->description_steps =
        options->description_steps != 0 ? options->description_steps : DESCRIPTION_STEPS;
    host->description_seconds =
        options->description_seconds != 0 ? options->description_seconds : DESCRIPTION_SECONDS;
    host->child_seconds = options->child_seconds != 0 ? options->child_seconds : CHILD_SECONDS;
    host->work_seconds = options->work_seconds > 0 ? options->work_seconds : WORK_SECONDS;
    host->lua = lua_newstate(allocate, host);
    if (host->lua != NULL) {
        *(struct host **)lua_getextraspace(host->lua) = host;
        lua_pushcfunction(host->lua, set_up);
        if (lua_pcall(host->lua, 0, 0, 0) == LUA_OK)
            return host;
    }
    host_close(host);
    return NULL;
}

void host_close(struct host *host)
{
    if (host == NULL)
        return;
    if (host->lua != NULL)
        lua_close(host->lua);
    free(host->message);
    free(host);
}

struct lua_State *host_lua(struct host *host)
{
    return host->lua;
}

const char *host_message(const struct host *host)
{
    return host->message != NULL ? host->message : "out of memory";
}

/* -- Calls ------------------------------------------------------------------------------------- */

int host_explain_error(lua_State *L)
{
    if (lua_istable(L, 1))
        return 1;
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* { kind, messages } on the stack becomes one text, a line a message; raises on anything else. */
static int join_messages(lua_State *L)
{
    lua_settop(L, 1);
    lua_getfield(L, 1, "kind");
    lua_getfield(L, 1, "messages"); /* 3 */
    if (!lua_istable(L, 3))
        return luaL_error(L, "an error with a table that has no messages");
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 3);
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&buffer, '\n');
        if (lua_rawgeti(L, 3, i) != LUA_TSTRING)
            return luaL_error(L, "an error whose messages are no strings");
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    lua_pushvalue(L, 2);
    return 2;
}

/* Takes the error value from the stack and keeps its message. */
static enum host_status keep_error(struct host *host)
{
    lua_State *L = host->lua;
    int base = lua_gettop(L) - 1;
    enum host_status status = HOST_FAILED;
    if (lua_istable(L, -1)) {
        lua_pushcfunction(L, join_messages);
        lua_insert(L, -2);
        if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
            const char *kind = lua_isstring(L, -1) ? lua_tostring(L, -1) : "";
            if (strcmp(kind, "rejected") == 0)
                status = HOST_REJECTED;
            else if (strcmp(kind, "usage") == 0)
                status = HOST_USAGE;
            lua_pop(L, 1);
        }
    }
    free(host->message);
    const char *text = lua_tostring(L, -1); /* a string already: it cannot raise */
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    host->message = text != NULL ? malloc(size) : NULL;
    if (host->message != NULL)
        memcpy(host->message, text, size);
    lua_settop(L, base);
    return status;
}

/* Memory ended while a description was planned: says so without any of Lua's. */
static enum host_status keep_exhaustion(struct host *host)
{
    static const char format[] =
        "%s:1: the network needs too much memory to plan: expected at most %d MiB";
    size_t size = strlen(host->work) + sizeof format + 16;
    free(host->message);
    host->message = malloc(size);
    if (host->message != NULL)
        snprintf(host->message, size, format, host->work, host->work_mib);
    lua_pop(host->lua, 1);
    return HOST_REJECTED;
}

enum host_status host_pcall(struct host *host, int arguments, int results)
{
    lua_State *L = host->lua;
    int base = lua_gettop(L) - arguments; /* index of the function */
    lua_pushcfunction(L, host_explain_error);
    lua_insert(L, base);
    int status = lua_pcall(L, arguments, results, base);
    lua_remove(L, base);
    bool exhausted = status == LUA_ERRMEM && host->work != NULL;
    enum host_status ended = exhausted ? keep_exhaustion(host) : HOST_OK;
    description_end_work(L);
    return status == LUA_OK || exhausted ? ended : keep_error(host);
}

enum host_status host_load(struct host *host, const char *name, const char *text, size_t size)
{
    lua_State *L = host->lua;
    lua_pushfstring(L, "@%s", name);
    int status = luaL_loadbufferx(L, text, size, lua_tostring(L, -1), "t");
    lua_remove(L, -2);
    return status == LUA_OK ? HOST_OK : keep_error(host);
}

struct call {
    const char *module, *function;
    const struct host_argument *arguments;
    size_t count;
};

static int perform_call(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushstring(L, call->module);
    lua_call(L, 1, 1);
    if (lua_getfield(L, -1, call->function) != LUA_TFUNCTION)
        return luaL_error(L, "%s.%s is no function", call->module, call->function);
    lua_newtable(L);
    for (size_t i = 0; i < call->count; i++) {
        if (call->arguments[i].value == NULL)
            continue;
        lua_pushstring(L, call->arguments[i].value);
        lua_setfield(L, -2, call->arguments[i].name);
    }
    lua_call(L, 1, 0);
    return 0;
}

enum host_status host_call(struct host *host, const char *module, const char *function,
                           const struct host_argument *arguments, size_t count)
{
    struct call call = {module, function, arguments, count};
    lua_pushcfunction(host->lua, perform_call); /* a light function: no allocation, no error */
    lua_pushlightuserdata(host->lua, &call);
    return host_pcall(host, 1, 0);
}
