/* usage_table.h - host.usage(): the commands and options of burin as Lua tables.
 *
 *     { commands = { { name, help, operand } }, options = { { name, value, help, commands, choices
 * } } }
 *
 * The texts are those of usage.h; commands and choices of an option are lists of names.
 */
#ifndef BURIN_USAGE_TABLE_H
#define BURIN_USAGE_TABLE_H

struct lua_State;

int usage_table(struct lua_State *L);

#endif
