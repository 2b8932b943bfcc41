/* json.h - JSON for scripts: the function host.json. */
#ifndef BURIN_JSON_H
#define BURIN_JSON_H

struct lua_State;

/* json(text): objects and arrays as tables, null as false; or nil and what is wrong with it. */
int json_read(struct lua_State *L);

#endif
