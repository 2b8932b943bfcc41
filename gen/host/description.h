/* description.h - the part of the global table `host` that runs network descriptions.
 *
 * A description is not trusted. Two walls stand around it: within Lua it has an environment that
 * network.lua fills, no bytecode, and a budget of steps, processor time and memory (description.c);
 * and all of that happens in a process of its own that can open no file (child.c). What it returns
 * is checked and planned in our own process, which has a budget, too: limit_work.
 */
#ifndef BURIN_DESCRIPTION_H
#define BURIN_DESCRIPTION_H

struct lua_State;

/* What a description may use. */
enum {
    DESCRIPTION_MEMORY_MIB = 64,
    DESCRIPTION_STEPS = 50000000,
    DESCRIPTION_SECONDS = 10, /* of processor time */
};

/* What our own checks and plans of a description may use. A network of a thousand layers takes a
 * few seconds and about half of the memory. */
enum {
    WORK_MEMORY_MIB = 256,
    WORK_SECONDS = 20, /* of processor time */
};

/* Adds load_description, located and limit_work to the table on top of the stack; host.c lists what
 * they do. */
void description_add_functions(struct lua_State *L);

/* Ends what limit_work began, if anything. */
void description_end_work(struct lua_State *L);

/* The processor time of this process, in seconds. */
double description_cpu_seconds(void);

/* Grants what limit_work began so many seconds more, if anything. */
void description_grant(struct lua_State *L, double seconds);

#endif
