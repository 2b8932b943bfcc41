/* gnuplot.c - runs gnuplot with a script and takes what it prints.
 *
 * Script, output and messages go by way of three temporary files without names: unlike pipes they
 * hold any amount, so that neither side ever waits for the other.
 */
#include "gnuplot.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

extern char **environ;

enum { SCRIPT, OUTPUT, MESSAGES, FILES };

static bool open_files(FILE *files[FILES], const char *script, size_t size)
{
    for (int i = 0; i < FILES; i++) {
        files[i] = tmpfile();
        if (files[i] == NULL)
            return false;
    }
    return fwrite(script, 1, size, files[SCRIPT]) == size && fflush(files[SCRIPT]) == 0 &&
           lseek(fileno(files[SCRIPT]), 0, SEEK_SET) == 0;
}

/* 0 when gnuplot ran and was content, its exit code, or -1 with errno when it did not run. */
static int run(FILE *files[FILES])
{
    char *const words[] = {(char[]){"gnuplot"}, (char[]){"--default-settings"}, (char[]){"-"},
                           NULL};
    posix_spawn_file_actions_t actions;
    errno = posix_spawn_file_actions_init(&actions);
    if (errno != 0)
        return -1;
    int problem = 0;
    for (int i = 0; problem == 0 && i < FILES; i++)
        problem = posix_spawn_file_actions_adddup2(&actions, fileno(files[i]), i);
    pid_t child = 0;
    if (problem == 0)
        problem = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    while (problem == 0 && waitpid(child, &status, 0) < 0)
        problem = errno == EINTR ? 0 : errno;
    errno = problem;
    return problem != 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The whole file, from malloc with a zero behind it; NULL without memory or when it cannot be
 * read. */
static char *read_all(FILE *file, size_t *size)
{
    if (fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long length = ftell(file);
    rewind(file);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    *size = text == NULL ? 0 : fread(text, 1, (size_t)length, file);
    if (text != NULL)
        text[*size] = '\0';
    return text;
}

/* Lua raises by jumping away: it pushes from here, where freeing comes first or never. */
static int push_text(lua_State *L)
{
    lua_pushlstring(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2));
    return 1;
}

int gnuplot_run(lua_State *L)
{
    size_t size, length = 0;
    const char *script = luaL_checklstring(L, 1, &size);
    FILE *files[FILES] = {NULL};
    int code = open_files(files, script, size) ? run(files) : -1;
    int problem = errno;
    char *text = code < 0 ? NULL : read_all(files[code == 0 ? OUTPUT : MESSAGES], &length);
    for (int i = 0; i < FILES; i++)
        if (files[i] != NULL)
            fclose(files[i]);

    lua_settop(L, 0);
    lua_pushcfunction(L, push_text);
    lua_pushlightuserdata(L, text);
    lua_pushinteger(L, (lua_Integer)length);
    int status = text == NULL ? LUA_OK : lua_pcall(L, 2, 1, 0);
    free(text);
    if (status != LUA_OK)
        return lua_error(L);
    if (code == 0 && text != NULL)
        return 1;
    lua_pushnil(L);
    if (code > 0 && text != NULL)
        lua_pushfstring(L, "gnuplot: ended with %d: %s", code, lua_tostring(L, 1));
    else
        lua_pushfstring(L, "gnuplot: cannot be run: %s: expected the program gnuplot on the PATH",
                        strerror(problem));
    return 2;
}
