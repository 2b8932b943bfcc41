/* host.h - the Lua side of burin, embedded in C.
 *
 * The generator's scripts and templates run in one Lua 5.4 state that can reach nothing of the
 * machine except through the global table `host` (listed at the head of host.c):
 *
 *     struct host *host = host_open(&(struct host_options){.gen_dir = NULL});
 *     enum host_status status = host_call(host, "main", "gen", arguments, count);
 *     if (status != HOST_OK)
 *         fprintf(stderr, "%s\n", host_message(host));
 *     host_close(host);
 *
 * Scripts come from embedded_files, or from a folder when gen_dir is set. The host owns its Lua
 * state and its message; a message lives until the next call. One host belongs to one thread.
 */
#ifndef BURIN_HOST_H
#define BURIN_HOST_H

#include <stddef.h>

struct lua_State;

/* The scripts and templates compiled into the executable, under names like "gen/main.lua",
 * "gen/nets/s8.lua" and "templates/ops/conv/direct.c.tpl". The build writes the table. */
struct embedded_file {
    const char *name;
    const char *text; /* size bytes; a zero follows, which is not counted */
    size_t size;
};

extern const struct embedded_file embedded_files[];
extern const size_t embedded_count;

/* How a call ended; also the exit code it deserves. */
enum host_status {
    HOST_OK = 0,
    HOST_FAILED = 1,  /* the world failed, or a bug of ours: then the message has a traceback */
    HOST_USAGE = 2,   /* a wrong option or argument */
    HOST_REJECTED = 5 /* the network description is wrong: one line `file:line: ...` an error */
};

struct host_options {
    const char *gen_dir; /* read scripts from here, templates from gen_dir/../templates; or NULL */
    size_t memory_limit; /* bytes that Lua may hold; 0 for 512 MiB */
    long description_steps;  /* steps that a description may take; 0 for 50 million */
    int description_seconds; /* processor time of a description; 0 for 10 */
    int child_seconds;       /* after which host.in_child kills a process; 0 for 120 */
    double work_seconds;     /* processor time that host.limit_work grants; 0 for 20 */
};

struct host;

/* A host with the standard libraries and the table `host`; no script is loaded yet. NULL when
 * memory runs out. */
struct host *host_open(const struct host_options *options);
void host_close(struct host *host);

/* One entry of the table of strings that a script function gets; a NULL value leaves it out. */
struct host_argument {
    const char *name;
    const char *value;
};

/* require(module)[function]({ [name] = value, ... }). Results are dropped. */
enum host_status host_call(struct host *host, const char *module, const char *function,
                           const struct host_argument *arguments, size_t count);

/* What went wrong in the last call that did not return HOST_OK, without a final newline. */
const char *host_message(const struct host *host);

/* -- For tests, which drive the Lua state themselves ------------------------------------------- */

struct lua_State *host_lua(struct host *host);

/* Compiles trusted text and pushes the function. `name` is what messages call it, "gen/x.lua". */
enum host_status host_load(struct host *host, const char *name, const char *text, size_t size);

/* Calls the function below `arguments` values, leaving `results` values; on failure it leaves
 * none and host_message says why. */
enum host_status host_pcall(struct host *host, int arguments, int results);

#endif
