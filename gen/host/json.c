/* json.c - cJSON reads, and its tree becomes Lua tables.
 *
 * The tree hangs on a userdata while tables are made of it, because Lua raises "not enough memory"
 * by jumping away.
 */
#include "json.h"

#include <cJSON.h>
#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

static int free_tree(lua_State *L)
{
    cJSON **tree = lua_touserdata(L, 1);
    cJSON_Delete(*tree);
    *tree = NULL;
    return 0;
}

static void push(lua_State *L, const cJSON *item);

static void push_children(lua_State *L, const cJSON *item, bool named)
{
    lua_newtable(L);
    lua_Integer index = 1;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        push(L, child);
        if (named)
            lua_setfield(L, -2, child->string);
        else
            lua_rawseti(L, -2, index++);
    }
}

/* cJSON refuses trees deeper than CJSON_NESTING_LIMIT. */
static void push(lua_State *L, const cJSON *item)
{
    luaL_checkstack(L, 4, "JSON");
    if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        push_children(L, item, cJSON_IsObject(item));
    } else if (cJSON_IsString(item)) {
        lua_pushstring(L, item->valuestring);
    } else if (cJSON_IsNumber(item)) {
        lua_Integer integer = 0;
        if (lua_numbertointeger(item->valuedouble, &integer) &&
            (lua_Number)integer == item->valuedouble)
            lua_pushinteger(L, integer);
        else
            lua_pushnumber(L, item->valuedouble);
    } else {
        lua_pushboolean(L, cJSON_IsTrue(item));
    }
}

int json_read(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    cJSON **tree = lua_newuserdatauv(L, sizeof *tree, 0);
    *tree = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_tree);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    *tree = cJSON_ParseWithLength(text, size);
    if (*tree == NULL) {
        lua_pushnil(L);
        lua_pushliteral(L, "not JSON");
        return 2;
    }
    push(L, *tree);
    cJSON_Delete(*tree);
    *tree = NULL;
    return 1;
}
