/* files.c - reading sources and files, writing files whole or not at all.
 *
 * A file is written beside its old self, synced and renamed over it, so that nobody ever sees half
 * of it, and a failure, a kill or a power cut leaves the old one; a file whose text would not
 * change is not touched, so that builds see when nothing is new. Lua raises "not enough memory" by
 * jumping away: no file is open and nothing is owned where it may.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "host.h"
#include "lines.h"

/* -- Files ------------------------------------------------------------------------------------- */

/* Pushes nil and "path: what: text of the errno"; returns their number. */
static int fail_errno(lua_State *L, const char *path, const char *what, int errno_value)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s: %s", path, what,
                    errno_value == EINVAL ? "it is not a regular file" : strerror(errno_value));
    return 2;
}

/* Reads at most `room` bytes of a regular file from byte `from` on, and returns 0 or the errno.
 * What was looked at before may be something else by now: a pipe that nobody writes to is not
 * waited for.
 */
static int read_regular(const char *path, off_t from, char *text, size_t room, size_t *size)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    struct stat status;
    int problem = fstat(fd, &status) != 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
    while (problem == 0 && *size < room) {
        ssize_t got = pread(fd, text + *size, room - *size, from + (off_t)*size);
        if (got == 0)
            break;
        if (got > 0)
            *size += (size_t)got;
        else if (errno != EINTR)
            problem = errno;
    }
    close(fd); /* only read from: nothing can be lost */
    return problem;
}

/* Pushes the text of a regular file from byte `from` on, of a longer one `most` bytes, and returns
 * 0; or pushes nothing and returns the errno. Nothing is open or owned while Lua may raise "not
 * enough memory". */
static int push_part(lua_State *L, const char *path, size_t most, off_t from)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    size_t left = from < status.st_size ? (size_t)(status.st_size - from) : 0;
    size_t room = left < most ? left : most;
    char *text = lua_newuserdatauv(L, room + 1, 0);
    size_t size = 0;
    int problem = read_regular(path, from, text, room, &size);
    if (problem == 0)
        lua_pushlstring(L, text, size);
    lua_remove(L, problem == 0 ? -2 : -1);
    return problem;
}

static int push_file(lua_State *L, const char *path, size_t most)
{
    return push_part(L, path, most, 0);
}

static int read_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    lua_Integer most = luaL_optinteger(L, 2, LUA_MAXINTEGER);
    lua_Integer from = luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, most >= 0, 2, "expected a number of bytes");
    luaL_argcheck(L, from >= 0, 3, "expected a position");
    int problem = push_part(L, path, (size_t)most, (off_t)from);
    if (problem == 0)
        return 1;
    fail_errno(L, path, "cannot be read", problem);
    lua_pushboolean(L, problem == ENOENT);
    return 3;
}

/* Opens the file that becomes path, empty and locked: what a killed process has left of it is
 * replaced, and of two who write the same file at once the second waits. Returns 0 or the errno. */
static int open_temporary(const char *temporary, int *out)
{
    for (;;) {
        int fd = open(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
        if (fd < 0)
            return errno;
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
            ; /* on a file system without locks, go on without */
        struct stat mine, there;
        int problem = fstat(fd, &mine) != 0 ? errno : S_ISREG(mine.st_mode) ? 0 : EINVAL;
        /* The one before may have renamed it meanwhile. */
        bool still = problem == 0 && lstat(temporary, &there) == 0 && there.st_ino == mine.st_ino &&
                     there.st_dev == mine.st_dev;
        if (still && ftruncate(fd, 0) == 0) {
            *out = fd;
            return 0;
        }
        if (still) {
            problem = errno;
            unlink(temporary);
        }
        close(fd);
        if (problem != 0)
            return problem;
    }
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written >= 0) {
            text += written;
            size -= (size_t)written;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* Makes the name of a file durable. Some file systems have no fsync for folders and say EINVAL. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char *folder = slash == NULL ? strdup(".") : strndup(path, length);
    if (folder == NULL)
        return ENOMEM;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int problem = fd < 0 || (fsync(fd) != 0 && errno != EINVAL) ? errno : 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return problem;
}

/* Writes all of text to a file beside path, makes it durable, and renames it over path. Returns 0
 * or the errno; then nothing is left behind, and before the rename the old file is as it was. */
static int replace_file(const char *path, const char *temporary, const char *text, size_t size)
{
    int fd = -1;
    int problem = open_temporary(temporary, &fd);
    if (problem != 0)
        return problem;
    problem = write_all(fd, text, size);
    if (problem == 0 && (fsync(fd) != 0 || rename(temporary, path) != 0))
        problem = errno;
    if (problem != 0)
        unlink(temporary);
    close(fd); /* unlocks; all is on the disk already */
    return problem != 0 ? problem : sync_folder_of(path);
}

static int write_if_changed(lua_State *L)
{
    size_t size;
    const char *path = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &size);
    struct stat status;
    if (lstat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode)) { /* a rename would replace the link or device itself */
            lua_pushnil(L);
            lua_pushfstring(L, "%s: cannot be written: it is not a regular file", path);
            return 2;
        }
        int problem = push_file(L, path, size + 1); /* one more makes a longer file differ */
        if (problem == 0 && lua_compare(L, -1, 2, LUA_OPEQ)) {
            lua_pushliteral(L, "unchanged");
            return 1;
        }
    }
    size_t length = strlen(path);
    char *temporary = lua_newuserdatauv(L, length + sizeof ".tmp", 0);
    memcpy(temporary, path, length);
    memcpy(temporary + length, ".tmp", sizeof ".tmp");
    int problem = replace_file(path, temporary, text, size);
    if (problem != 0)
        return fail_errno(L, path, "cannot be written", problem);
    lua_pushliteral(L, "written");
    return 1;
}

/* Makes a folder and those above it that are not there. Returns 0 or the errno. */
static int make_folders(char *path)
{
    struct stat status;
    if (mkdir(path, 0777) == 0)
        return 0;
    int problem = errno;
    if (problem == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return 0;
    char *slash = strrchr(path, '/');
    if (problem != ENOENT || slash == NULL || slash == path)
        return problem;
    *slash = '\0';
    problem = make_folders(path);
    *slash = '/';
    return problem != 0 ? problem : mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

static int make_folder(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    int problem;
    if (lua_toboolean(L, 2)) {
        problem = mkdir(path, 0777) == 0 ? 0 : errno;
    } else {
        size_t size = strlen(path) + 1;
        problem = make_folders(memcpy(lua_newuserdatauv(L, size, 0), path, size));
    }
    if (problem != 0) {
        fail_errno(L, path, "cannot be made", problem);
        lua_pushboolean(L, problem == EEXIST);
        return 3;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int print_text(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0)
        return fail_errno(L, "standard output", "cannot be written", errno);
    lua_pushboolean(L, 1);
    return 1;
}

/* Of a text for people. */
static int show_text(lua_State *L)
{
    lines_print(stdout, luaL_checkstring(L, 1));
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return fail_errno(L, "standard output", "cannot be written", errno);
    lua_pushboolean(L, 1);
    return 1;
}

/* -- Sources ----------------------------------------------------------------------------------- */

int files_push_source(lua_State *L, const char *gen_dir, const char *name)
{
    if (gen_dir != NULL) {
        if (strncmp(name, "gen/", 4) == 0)
            lua_pushfstring(L, "%s/%s", gen_dir, name + 4);
        else
            lua_pushfstring(L, "%s/../%s", gen_dir, name);
        int problem = push_file(L, lua_tostring(L, -1), SIZE_MAX);
        lua_remove(L, problem == 0 ? -2 : -1);
        return problem;
    }
    for (size_t i = 0; i < embedded_count; i++) {
        if (strcmp(embedded_files[i].name, name) == 0) {
            lua_pushlstring(L, embedded_files[i].text, embedded_files[i].size);
            return 0;
        }
    }
    return ENOENT;
}

static int embedded(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < embedded_count; i++) {
        lua_pushstring(L, embedded_files[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* Both take gen_dir as their upvalue. */
static int source(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    int problem = files_push_source(L, lua_touserdata(L, lua_upvalueindex(1)), name);
    if (problem == 0)
        return 1;
    fail_errno(L, name, "cannot be read", problem);
    lua_pushboolean(L, problem == ENOENT);
    return 3;
}

static int template(lua_State *L)
{
    const char *name = lua_pushfstring(L, "templates/%s", luaL_checkstring(L, 1));
    int problem = files_push_source(L, lua_touserdata(L, lua_upvalueindex(1)), name);
    if (problem != 0)
        return luaL_error(L, "%s: cannot be read: %s", name, strerror(problem));
    return 1;
}

void files_add_functions(lua_State *L, const char *gen_dir)
{
    static const luaL_Reg functions[] = {
        {"source", source},
        {"embedded", embedded},
        {"template", template},
        {"read_file", read_file},
        {"write_if_changed", write_if_changed},
        {"print", print_text},
        {"show", show_text},
        {"make_folder", make_folder},
        {NULL, NULL},
    };
    lua_pushlightuserdata(L, (void *)gen_dir); /* only ever read as const again */
    luaL_setfuncs(L, functions, 1);
}
