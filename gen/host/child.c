/* child.c - calls a Lua function in a process that can do nothing but compute.
 *
 * The child is a copy of this process, so the function and all it refers to are there, and what it
 * changes is gone when it ends. The system's limits hold in it whatever happens, even if a
 * description should find a way out of Lua: processor time, address space, no file to open, no byte
 * to write to one, no process to start. Its answer comes through a pipe and is never more than a
 * text to us; whoever reads it must check it. The parent waits for a while and then kills.
 */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "description.h"
#include "host_state.h"

enum {
    GRACE_SECONDS = 2,    /* of processor time: the hook of description.c comes first */
    ADDRESS_MIB = 512,    /* beyond what the process has when it starts */
    MAX_ANSWER = 4 << 20, /* bytes */
    MAX_INHERITED = 1024, /* files that may be open, from whoever started burin */
    EXIT_UNLIMITED = 3    /* the child could not limit itself */
};

/* An answer is one of these and a text. */
enum { TAG_RESULT = '=', TAG_BUG = '!' };

/* -- The child --------------------------------------------------------------------------------- */

static bool limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    if (getrlimit(resource, &now) != 0)
        return false;
    if (hard > now.rlim_max)
        hard = now.rlim_max;
    return setrlimit(resource, &(struct rlimit){soft < hard ? soft : hard, hard}) == 0;
}

/* The bytes of address space that this process has; 0 where the system does not say. */
static size_t address_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%zu", &pages) != 1)
        pages = 0;
    fclose(file); /* only read from */
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static bool limit_self(int answer, int cpu_seconds)
{
    size_t space = address_space() + ((size_t)ADDRESS_MIB << 20);
    for (int fd = 0; fd < MAX_INHERITED; fd++)
        if (fd != answer)
            close(fd);
    signal(SIGXCPU, SIG_DFL);
#if defined(RLIMIT_NPROC)
    if (!limit(RLIMIT_NPROC, 0, 0))
        return false;
#endif
    const rlim_t cpu = (rlim_t)cpu_seconds;
    return limit(RLIMIT_CPU, cpu, cpu + 1) && limit(RLIMIT_AS, space, space) &&
           limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_NOFILE, 0, 0);
}

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            _exit(1); /* the parent is gone */
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

/* Calls the function at index 1 with the values above it, and writes what comes of it. */
static _Noreturn void serve(lua_State *L, int answer)
{
    if (!limit_self(answer, host_of(L)->description_seconds + GRACE_SECONDS))
        _exit(EXIT_UNLIMITED);
    lua_pushcfunction(L, host_explain_error);
    lua_insert(L, 1);
    char tag = lua_pcall(L, lua_gettop(L) - 2, 1, 1) == LUA_OK ? TAG_RESULT : TAG_BUG;
    size_t size = 0;
    const char *text = lua_tolstring(L, -1, &size);
    write_all(answer, &tag, 1);
    write_all(answer, text != NULL ? text : "", size);
    _exit(0);
}

/* -- The parent -------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Reads until the child closes its end, the room is full or the time is over; returns the number of
 * bytes. Then the child has ended, or deserves to. */
static size_t read_answer(int fd, char *bytes, size_t room, int most_seconds)
{
    double deadline = seconds() + most_seconds;
    size_t size = 0;
    while (size < room) {
        double left = deadline - seconds();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int count = left > 0 ? poll(&ready, 1, (int)(left * 1000) + 1) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        ssize_t got = count > 0 ? read(fd, bytes + size, room - size) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    return size;
}

/* Pushes nil, the kind and the words of what went wrong; returns their number. */
static int fail(lua_State *L, const char *kind, const char *words)
{
    lua_pushnil(L);
    lua_pushstring(L, kind);
    lua_pushstring(L, words);
    return 3;
}

static int in_child(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    /* Nothing below allocates before the child is gone, so no error leaves it behind. */
    char *bytes = lua_newuserdatauv(L, MAX_ANSWER, 0);
    int ends[2];
    if (pipe(ends) != 0)
        return fail(L, "system", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        lua_pop(L, 1);
        serve(L, ends[1]);
    }
    int problem = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return fail(L, "system", strerror(problem));
    }
    size_t size = read_answer(ends[0], bytes, MAX_ANSWER, host_of(L)->child_seconds);
    close(ends[0]);
    kill(child, SIGKILL); /* too late for one that is ending: its exit code stands */
    int status = 0;
    pid_t waited;
    do
        waited = waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited < 0)
        return fail(L, "system", strerror(errno));
    if (size == MAX_ANSWER)
        return fail(L, "size", "");
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        bool late = number == SIGXCPU || number == SIGKILL;
        return fail(L, late ? "time" : "crash", strsignal(number));
    }
    if (WEXITSTATUS(status) == EXIT_UNLIMITED)
        return fail(L, "system", "setrlimit failed");
    if (WEXITSTATUS(status) != 0 || size == 0)
        return fail(L, "crash", "no answer");
    if (bytes[0] != TAG_RESULT)
        for (size_t i = 1; i < size; i++) /* it may reach a terminal as it is */
            if ((unsigned char)bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t')
                bytes[i] = '?';
    lua_pushlstring(L, bytes + 1, size - 1);
    return bytes[0] == TAG_RESULT ? 1 : lua_error(L);
}

void child_add_functions(lua_State *L)
{
    lua_pushcfunction(L, in_child);
    lua_setfield(L, -2, "in_child");
}
