/* pack.h - the part of the global table `host` that works on the weights of trained models. */
#ifndef BURIN_PACK_H
#define BURIN_PACK_H

struct lua_State;

/* Adds fold, pack and float_rows to the table on top of the stack; pack.c says what they do. */
void pack_add_functions(struct lua_State *L);

#endif
