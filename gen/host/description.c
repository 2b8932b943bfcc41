/* description.c - runs a description in an environment and within a budget.
 *
 * The budget of steps and of processor time is looked at by a hook, which nothing in Lua can catch:
 * once it is spent, every further step raises again. Work that one step does inside Lua's own
 * library is not seen by the hook; the child process has the last word there (child.c). Memory is
 * counted by the allocator of host.c.
 */
#include "description.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

#include "host_state.h"

#define MIB ((size_t)1 << 20)

/* Steps between two looks at a budget. */
enum {
    STEPS_A_HOOK = 100,  /* of a description: one may take long */
    STEPS_A_LOOK = 10000 /* of our own */
};

enum { OUTER_LEVELS = 50 }; /* calls in calls that outer_line looks through */

double description_cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The innermost line of the running description that is active, from `level` on; 0 where there
 * is none. C functions do not hide the frame that called them, not even by a tail call. */
static int active_line(lua_State *L, int level)
{
    const char *chunk = host_of(L)->chunk;
    lua_Debug frame;
    for (; chunk != NULL && lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && strcmp(frame.source, chunk) == 0)
            return frame.currentline;
    }
    return 0;
}

/* The outermost line of the running description that is active, among some levels: that of its
 * main part, where functions call no others for long. */
static int outer_line(lua_State *L)
{
    const char *chunk = host_of(L)->chunk;
    int line = 0;
    lua_Debug frame;
    for (int level = 1; chunk != NULL && level < OUTER_LEVELS && lua_getstack(L, level, &frame);
         level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && strcmp(frame.source, chunk) == 0)
            line = frame.currentline;
    }
    return line;
}

/* Replaces the message on top of the stack by one that starts with `file:line: `: Lua writes the
 * file in a short form, or not at all. */
static void place_message(lua_State *L, const char *chunk, int line)
{
    lua_Debug empty;
    if (luaL_loadbufferx(L, "", 0, chunk, "t") != LUA_OK)
        lua_error(L);
    lua_getinfo(L, ">S", &empty);
    const char *message = lua_tostring(L, -1);
    if (message == NULL) {
        lua_pushfstring(L, "%s:%d: error with a %s value: expected a text", chunk + 1, line,
                        luaL_typename(L, -1));
    } else {
        size_t length = strlen(empty.short_src);
        if (strncmp(message, empty.short_src, length) == 0 && message[length] == ':')
            lua_pushfstring(L, "%s%s", chunk + 1, message + length);
        else
            lua_pushfstring(L, "%s:%d: %s", chunk + 1, line, message);
    }
    lua_replace(L, -2);
}

/* Message handler of a description. */
static int describe_error(lua_State *L)
{
    int line = active_line(L, 1);
    lua_settop(L, 1);
    place_message(L, host_of(L)->chunk, line > 0 ? line : 1);
    return 1;
}

/* Once the budget is spent every further step raises, so that no handler can go on. */
static void count_steps(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    struct host *host = host_of(L);
    host->steps_left -= STEPS_A_HOOK;
    if (!host->exhausted && host->steps_left > 0 && description_cpu_seconds() < host->cpu_deadline)
        return;
    host->exhausted = true;
    lua_sethook(L, count_steps, LUA_MASKCOUNT, 1);
    lua_pushfstring(L,
                    "the description runs too long: expected at most %d million steps and %d "
                    "seconds",
                    DESCRIPTION_STEPS / 1000000, host->description_seconds);
    lua_error(L);
}

/* A runner: upvalues are the compiled chunk, the chunk name and the methods that strings have. */
static int run_description(lua_State *L)
{
    struct host *host = host_of(L);
    assert(host->chunk == NULL && "a description cannot run another one");
    lua_settop(L, 0);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index"); /* 3: the methods that strings have in our own modules */
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_setfield(L, 2, "__index");
    size_t limit = host->limit;
    if (limit > host->used && limit - host->used > DESCRIPTION_MEMORY_MIB * MIB)
        host->limit = host->used + DESCRIPTION_MEMORY_MIB * MIB;
    host->chunk = lua_tostring(L, lua_upvalueindex(2));
    host->steps_left = host->description_steps;
    host->cpu_deadline = description_cpu_seconds() + host->description_seconds;
    host->exhausted = false;
    lua_Hook hook = lua_gethook(L); /* one that a fuzz target set, to see lines */
    int mask = lua_gethookmask(L), hook_count = lua_gethookcount(L);
    lua_sethook(L, count_steps, LUA_MASKCOUNT, STEPS_A_HOOK);

    lua_pushcfunction(L, describe_error);
    lua_pushvalue(L, lua_upvalueindex(1));
    int status = lua_pcall(L, 0, LUA_MULTRET, 4);

    lua_sethook(L, hook, mask, hook_count);
    host->limit = limit;
    const char *chunk = host->chunk;
    host->chunk = NULL;
    lua_pushvalue(L, 3);
    lua_setfield(L, 2, "__index");
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        lua_replace(L, 4);
        return lua_gettop(L) - 3;
    }
    lua_pushboolean(L, 0);
    if (status == LUA_ERRMEM)
        lua_pushfstring(L, "%s:1: the description needs too much memory: expected at most %d MiB",
                        chunk + 1, (int)DESCRIPTION_MEMORY_MIB);
    else
        lua_pushvalue(L, 5);
    return 2;
}

/* load_description(text, chunk_name, env): compiles text, never bytecode, to run in env, where
 * strings have the methods env.string. */
static int load_description(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *chunk = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_argcheck(L, chunk[0] == '@', 2, "expected '@' and a file name");
    if (luaL_loadbufferx(L, text, size, chunk, "t") != LUA_OK) {
        place_message(L, chunk, 1);
        lua_pushnil(L);
        lua_rotate(L, -2, 1);
        return 2;
    }
    lua_pushvalue(L, 3);
    lua_setupvalue(L, -2, 1); /* _ENV, the only upvalue of a chunk */
    lua_pushvalue(L, 2);
    lua_getfield(L, 3, "string");
    lua_pushcclosure(L, run_description, 3);
    return 1;
}

static int call_located(lua_State *L)
{
    luaL_checkstack(L, 3, NULL);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushinteger(L, active_line(L, 1));
    lua_pushinteger(L, outer_line(L));
    lua_rotate(L, 1, 3);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int located(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcclosure(L, call_located, 1);
    return 1;
}

/* -- Our own work ------------------------------------------------------------------------------ */

/* As with a description: once the time is spent every further step raises. */
static void check_work(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    struct host *host = host_of(L);
    if (description_cpu_seconds() < host->work_deadline)
        return;
    lua_sethook(L, check_work, LUA_MASKCOUNT, 1);
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%g", host->work_seconds);
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "rejected");
    lua_setfield(L, -2, "kind");
    lua_createtable(L, 1, 0);
    lua_pushfstring(L,
                    "%s:1: the network takes too long to plan: expected at most %s seconds of "
                    "processor time",
                    host->work, seconds);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "messages");
    lua_error(L);
}

/* limit_work(file [, mib]): what follows in this call of the host has a budget. Memory beyond it is
 * an error of memory, which host.c tells. */
static int limit_work(lua_State *L)
{
    struct host *host = host_of(L);
    const char *file = luaL_checkstring(L, 1);
    lua_Integer mib = luaL_optinteger(L, 2, WORK_MEMORY_MIB);
    luaL_argcheck(L, mib > 0 && mib < INT_MAX, 2, "expected MiB");
    assert(host->work == NULL && "a call has one budget");
    lua_pushvalue(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "burin.work"); /* keeps the text */
    host->work = file;
    host->limit_before = host->limit;
    host->work_mib = (int)mib;
    if (host->limit > host->used && host->limit - host->used > (size_t)mib * MIB)
        host->limit = host->used + (size_t)mib * MIB;
    host->work_deadline = description_cpu_seconds() + host->work_seconds;
    lua_sethook(L, check_work, LUA_MASKCOUNT, STEPS_A_LOOK);
    return 0;
}

void description_grant(lua_State *L, double seconds)
{
    host_of(L)->work_deadline += seconds;
}

void description_end_work(lua_State *L)
{
    struct host *host = host_of(L);
    if (host->work == NULL)
        return;
    lua_sethook(L, NULL, 0, 0);
    host->limit = host->limit_before;
    host->work = NULL;
}

void description_add_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load_description", load_description},
        {"located", located},
        {"limit_work", limit_work},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
