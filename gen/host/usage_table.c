/* usage_table.c - the tables of usage.c for Lua, which makes of them what shells complete. */
#include "usage_table.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "usage.h"

static void set_text(lua_State *L, const char *key, const char *text)
{
    lua_pushstring(L, text); /* nil for NULL */
    lua_setfield(L, -2, key);
}

/* Pushes the names of the commands that have one of these bits. */
static void push_commands(lua_State *L, unsigned bits)
{
    lua_newtable(L);
    for (int i = 0, count = 0; i < usage_command_count; i++) {
        if ((usage_commands[i].bit & bits) != 0) {
            lua_pushstring(L, usage_commands[i].name);
            lua_rawseti(L, -2, ++count);
        }
    }
}

/* Pushes the values that an option may have, without those that are any number. */
static void push_choices(lua_State *L, const char *const *choices)
{
    lua_newtable(L);
    for (int i = 0, count = 0; i < USAGE_CHOICES && choices[i] != NULL; i++) {
        if (strchr(choices[i], ' ') == NULL) {
            lua_pushstring(L, choices[i]);
            lua_rawseti(L, -2, ++count);
        }
    }
}

int usage_table(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    for (int i = 0; i < usage_command_count; i++) {
        lua_newtable(L);
        set_text(L, "name", usage_commands[i].name);
        set_text(L, "help", usage_commands[i].help);
        set_text(L, "operand", usage_commands[i].operand);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "commands");
    lua_newtable(L);
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct usage_option *option = &usage_options[id];
        lua_newtable(L);
        set_text(L, "name", option->name);
        set_text(L, "value", option->value);
        set_text(L, "help", option->help);
        push_commands(L, option->commands);
        lua_setfield(L, -2, "commands");
        push_choices(L, option->choices);
        lua_setfield(L, -2, "choices");
        lua_rawseti(L, -2, id + 1);
    }
    lua_setfield(L, -2, "options");
    return 1;
}
