/* host_state.h - what the files of the host share: the state behind `struct host`. */
#ifndef BURIN_HOST_STATE_H
#define BURIN_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

struct host {
    lua_State *lua;
    const char *gen_dir;
    char *message;      /* from malloc, or NULL */
    size_t used, limit; /* bytes that Lua holds, and may hold */
    long description_steps;
    int description_seconds, child_seconds;
    /* The description that runs now; chunk is NULL while none does. */
    const char *chunk; /* "@file" */
    long steps_left;
    double cpu_deadline;
    bool exhausted;
    /* The file whose description is checked and planned within a budget, or NULL. */
    const char *work;
    double work_seconds, work_deadline;
    size_t limit_before;
    int work_mib;
};

static inline struct host *host_of(lua_State *L)
{
    return *(struct host **)lua_getextraspace(L);
}

/* Message handler of our own code: a bug gets a traceback, an error of the user's stays. */
int host_explain_error(lua_State *L);

#endif
