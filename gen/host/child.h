/* child.h - the part of the global table `host` that computes in a process of its own. */
#ifndef BURIN_CHILD_H
#define BURIN_CHILD_H

struct lua_State;

enum { CHILD_SECONDS = 120 }; /* for one process: a busy machine gives little time */

/* Adds in_child to the table on top of the stack; host.c says what it does. */
void child_add_functions(struct lua_State *L);

#endif
