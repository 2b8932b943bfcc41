/* test_child.c - the limits of the process that descriptions run in, and a system that fails around
 * it. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "host.h"
#include "sanitized.h"

static struct host *host;

static void open_host(void)
{
    host = host_open(&(struct host_options){.memory_limit = (size_t)4 << 30});
    ck_assert_ptr_nonnull(host);
}

static void close_host(void)
{
    host_close(host);
}

/* A host whose limits are short enough to be met. */
static void open_impatient_host(void)
{
    host = host_open(&(struct host_options){
        .description_steps = LONG_MAX, .description_seconds = 1, .child_seconds = 1});
    ck_assert_ptr_nonnull(host);
}

/* Calls host.in_child with a function of C; what it returns is on the stack. */
static enum host_status call_in_child(lua_CFunction function)
{
    lua_State *L = host_lua(host);
    lua_settop(L, 0);
    lua_getglobal(L, "host");
    lua_getfield(L, -1, "in_child");
    lua_remove(L, 1);
    lua_pushcfunction(L, function);
    return host_pcall(host, 1, 3);
}

/* The function returns this text. */
static void expect_text(lua_CFunction function, const char *text)
{
    ck_assert_msg(call_in_child(function) == HOST_OK, "%s", host_message(host));
    const char *got = lua_tostring(host_lua(host), 1);
    ck_assert_msg(got != NULL, "%s: %s", lua_tostring(host_lua(host), 2),
                  lua_tostring(host_lua(host), 3));
    ck_assert_str_eq(got, text);
}

/* The process of the function ends in this way. */
static void expect_end(lua_CFunction function, const char *kind, const char *words)
{
    ck_assert_msg(call_in_child(function) == HOST_OK, "%s", host_message(host));
    ck_assert(lua_isnil(host_lua(host), 1));
    ck_assert_str_eq(lua_tostring(host_lua(host), 2), kind);
    ck_assert_str_eq(lua_tostring(host_lua(host), 3), words);
}

/* -- A system that fails ----------------------------------------------------------------------- */

/* The at-th call of this name, in this process or in its child, returns -1 with this error; 0 where
 * there is none. */
static struct broken {
    const char *call;
    int at, problem;
} broken;

static bool breaks(const char *call)
{
    if (broken.call == NULL || strcmp(broken.call, call) != 0 || --broken.at != 0)
        return false;
    errno = broken.problem;
    return true;
}

/* The child may open and write files after all: in a build that counts, its counts. */
static bool may_write;
static const struct rlimit no_core = {0, 0};

static bool spared(int resource)
{
    return may_write && (resource == RLIMIT_FSIZE || resource == RLIMIT_NOFILE);
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        if (breaks(#name))                                                                         \
            return broken.problem == 0 ? 0 : (type)-1;                                             \
        return __real_##name arguments;                                                            \
    }
WRAP(pid_t, fork, (void), ())
WRAP(int, poll, (struct pollfd * fds, nfds_t count, int most), (fds, count, most))
WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
WRAP(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
WRAP(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
WRAP(int, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit), (resource, limit))
WRAP(int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit),
     (spared(resource) ? RLIMIT_CORE : resource, spared(resource) ? &no_core : limit))

/* A file that is not there, or with the error 0 one that is empty. */
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (!breaks("fopen"))
        return __real_fopen(path, mode);
    return broken.problem == 0 ? __real_fopen("/dev/null", mode) : NULL;
}

static int touches_files(lua_State *L)
{
    int fresh = open("/dev/null", O_RDONLY);
    lua_pushfstring(L, "%s", fresh < 0 && errno == EMFILE ? "no file" : "a file");
    lua_pushfstring(L, "%s, %s", lua_tostring(L, -1),
                    write(STDOUT_FILENO, "x", 1) < 0 && write(STDERR_FILENO, "x", 1) < 0
                        ? "no terminal"
                        : "a terminal");
    return 1;
}

static void describe_limit(lua_State *L, const char *name, int resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0)
        lua_pushfstring(L, "%s %d %d ", name, (int)limit.rlim_cur, (int)limit.rlim_max);
}

static int tells_core(lua_State *L)
{
    describe_limit(L, "core", RLIMIT_CORE);
    return 1;
}

static int tells_limits(lua_State *L)
{
    describe_limit(L, "cpu", RLIMIT_CPU);
    describe_limit(L, "file", RLIMIT_FSIZE);
    describe_limit(L, "core", RLIMIT_CORE);
    describe_limit(L, "open", RLIMIT_NOFILE);
    describe_limit(L, "processes", RLIMIT_NPROC);
    lua_concat(L, 5);
    return 1;
}

/* Root may start any number of processes, so the child becomes another user first. */
static int starts_a_process(lua_State *L)
{
    if (geteuid() == 0 && setuid(65534) != 0)
        return luaL_error(L, "setuid failed");
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    lua_pushstring(L, pid < 0 && errno == EAGAIN ? "no process" : "a process");
    return 1;
}

static int counts_open_files(lua_State *L)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    lua_pushfstring(L, "%d", count);
    return 1;
}

static void sleep_for(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    while (nanosleep(&left, &left) != 0)
        ck_assert_int_eq(errno, EINTR);
}

static int sleeps(lua_State *L)
{
    sleep_for(0.3);
    lua_pushstring(L, "awake");
    return 1;
}

static _Noreturn int never_answers(lua_State *L)
{
    (void)L;
    for (;;)
        pause();
}

/* Processor time that no hook sees. */
static _Noreturn int burns(lua_State *L)
{
    (void)L;
    for (volatile unsigned i = 0;; i++) {
    }
}

/* As much as an answer may be, and one byte more: a pipe takes 64 KiB at a time. */
static int fills_the_answer(lua_State *L)
{
    static char text[(4 << 20) - 2];
    memset(text, 'x', sizeof text);
    lua_pushlstring(L, text, sizeof text);
    return 1;
}

static int overfills_the_answer(lua_State *L)
{
    fills_the_answer(L);
    lua_pushliteral(L, "x");
    lua_concat(L, 2);
    return 1;
}

static int takes_memory(lua_State *L)
{
    void *small = mmap(NULL, (size_t)100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *large = mmap(NULL, (size_t)513 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lua_pushfstring(L, "%s, %s", small != MAP_FAILED ? "100" : "none",
                    large != MAP_FAILED ? "513" : "none");
    return 1;
}

static int tells_memory(lua_State *L)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0)
        lua_pushfstring(L, "%d", (int)(limit.rlim_max >> 20));
    return 1;
}

/* The only file that is open is that of the answer. */
static _Noreturn int says_a_word_and_waits(lua_State *L)
{
    for (int fd = 0; fd < 1024; fd++) {
        if (write(fd, "=word", 5) == 5)
            never_answers(L);
    }
    _exit(1);
}

static int is_killed_for_time(lua_State *L)
{
    (void)L;
    raise(SIGXCPU);
    return 0;
}

static int aborts(lua_State *L)
{
    (void)L;
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    return 0;
}

static int leaves(lua_State *L)
{
    (void)L;
    _exit(0);
}

static int floods(lua_State *L)
{
    luaL_Buffer buffer;
    memset(luaL_buffinitsize(L, &buffer, 5 << 20), 'x', 5 << 20);
    luaL_pushresultsize(&buffer, 5 << 20);
    return 1;
}

static int returns_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static int has_a_bug(lua_State *L)
{
    return luaL_error(L, "a bug\033[2J");
}

START_TEST(child_can_only_compute)
{
    expect_text(touches_files, "no file, no terminal");
    expect_text(tells_limits, "cpu 12 13 file 0 0 core 0 0 open 0 0 processes 0 0 ");
    expect_text(takes_memory, "100, none");
    expect_text(starts_a_process, "no process");
    expect_text(returns_nothing, "");
}
END_TEST

/* A limit of the caller that is lower stays. */
START_TEST(child_has_no_more_than_its_caller)
{
    ck_assert_int_eq(setrlimit(RLIMIT_CPU, &(struct rlimit){500, 500}), 0);
    expect_text(tells_limits, "cpu 12 13 file 0 0 core 0 0 open 0 0 processes 0 0 ");
    host_close(host);
    host = host_open(&(struct host_options){.description_seconds = 499});
    expect_text(tells_limits, "cpu 500 500 file 0 0 core 0 0 open 0 0 processes 0 0 ");
    may_write = true;
    expect_text(tells_core, "core 0 0 ");
    may_write = false;
}
END_TEST

/* What the caller has open stays with the caller: the pipe of the answer is all that a child has.
 */
START_TEST(child_inherits_no_file)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int last = limit.rlim_cur < 1024 ? (int)limit.rlim_cur - 1 : 1023;
    int low = open("/dev/null", O_WRONLY), high = dup2(low, last);
    ck_assert(low >= 0 && high == last);
    expect_text(counts_open_files, "1");
    close(low);
    close(high);
}
END_TEST

START_TEST(answers_have_a_largest_size)
{
    ck_assert_int_eq(call_in_child(fills_the_answer), HOST_OK);
    size_t size = 0;
    const char *text = lua_tolstring(host_lua(host), 1, &size);
    ck_assert(text != NULL && text[0] == 'x' && text[size - 1] == 'x');
    ck_assert_uint_eq(size, (4 << 20) - 2);
    expect_end(overfills_the_answer, "size", "");
}
END_TEST

static void ignore(int number)
{
    (void)number;
}

static void wake_often(void)
{
    const struct itimerval often = {{0, 5000}, {0, 5000}};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = ignore}, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

/* A timer of the caller goes off all the time. */
START_TEST(signals_do_not_end_the_wait)
{
    const struct itimerval never = {{0, 0}, {0, 0}};
    wake_often();
    expect_text(sleeps, "awake");
    setitimer(ITIMER_REAL, &never, NULL);
}
END_TEST

START_TEST(child_that_never_answers_is_killed)
{
    expect_end(never_answers, "time", strsignal(SIGKILL));
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    wake_often();
    expect_end(never_answers, "time", strsignal(SIGKILL));
}
END_TEST

/* A limit of processor time holds although the caller ignores its signal. */
START_TEST(child_that_computes_for_ever_is_killed)
{
    host_close(host);
    host = host_open(&(struct host_options){.description_seconds = 1});
    signal(SIGXCPU, SIG_IGN);
    expect_end(burns, "time", strsignal(SIGXCPU));
    signal(SIGXCPU, SIG_DFL);
}
END_TEST

/* Steps without end, but not processor time; what catches errors does not help. */
START_TEST(a_description_has_a_deadline)
{
    static const char script[] =
        "local env = { string = {}, pcall = pcall }\n"
        "local text = 'while true do pcall(function() while true do end end) end'\n"
        "local ok, message = host.load_description(text, '@a.lua', env)()\n"
        "assert(not ok and message == 'a.lua:1: the description runs too long: expected at most '\n"
        "    .. '50 million steps and 1 seconds', message)\n";
    ck_assert_int_eq(host_load(host, "test", script, strlen(script)), HOST_OK);
    ck_assert_msg(host_pcall(host, 0, 0) == HOST_OK, "%s", host_message(host));
}
END_TEST

START_TEST(child_that_dies_is_told)
{
    expect_end(is_killed_for_time, "time", strsignal(SIGXCPU));
    expect_end(aborts, "crash", strsignal(SIGABRT));
    expect_end(leaves, "crash", "no answer");
    expect_end(floods, "size", "");
    ck_assert_int_eq(call_in_child(has_a_bug), HOST_FAILED);
    ck_assert_int_eq(strncmp(host_message(host), "a bug?[2J\nstack traceback:", 26), 0);
}
END_TEST

/* Neither a pipe can be made nor the end of the child be told: the words are those of the system.
 */
START_TEST(a_system_that_fails_is_told)
{
    struct rlimit was;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, was.rlim_max}), 0);
    expect_end(tells_limits, "system", strerror(EMFILE));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    signal(SIGCHLD, SIG_IGN);
    expect_end(tells_limits, "system", strerror(ECHILD));
    signal(SIGCHLD, SIG_DFL);
}
END_TEST

/* Each call that fails is told, and nothing is left of what was begun; what was interrupted is done
 * again. */
START_TEST(every_call_may_fail)
{
    enum { LIMITS = 6 };
    static const struct {
        struct broken broken;
        const char *kind; /* NULL: the answer comes */
    } cases[] = {
        {{"fork", 1, EAGAIN}, "system"}, {{"poll", 1, EINTR}, NULL},
        {{"read", 1, EINTR}, NULL},      {{"waitpid", 1, EINTR}, NULL},
        {{"write", 1, EINTR}, NULL},     {{"write", 2, EINTR}, NULL},
        {{"write", 2, 0}, NULL}, /* nothing was written yet */
        {{"write", 1, EPIPE}, "crash"},  {{"write", 2, EPIPE}, "crash"},
    };
    const int before = dup(STDIN_FILENO);
    close(before);
    may_write = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        broken = cases[i].broken;
        if (cases[i].kind == NULL)
            expect_text(tells_core, "core 0 0 ");
        else
            expect_end(tells_core, cases[i].kind, i == 0 ? strerror(EAGAIN) : "no answer");
    }
    for (int at = 1; at <= LIMITS; at++) {
        broken = (struct broken){"getrlimit", at, EINVAL};
        expect_end(tells_core, "system", "setrlimit failed");
        broken = (struct broken){"setrlimit", at, EPERM};
        expect_end(tells_core, "system", "setrlimit failed");
    }
    broken.call = NULL;
    expect_text(returns_nothing, "");
    ck_assert_int_eq(call_in_child(has_a_bug), HOST_FAILED);
    may_write = false;
    const int after = dup(STDIN_FILENO);
    close(after);
    ck_assert_int_eq(after, before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* What cannot be heard of is ended. */
START_TEST(a_child_that_cannot_be_heard_is_killed)
{
    broken = (struct broken){"poll", 1, ENOMEM};
    expect_end(never_answers, "time", strsignal(SIGKILL));
    broken = (struct broken){"read", 1, EIO};
    expect_end(says_a_word_and_waits, "time", strsignal(SIGKILL));
}
END_TEST

/* A system that does not say how much memory a process has: the limit holds for all of it. */
START_TEST(without_its_size_a_process_has_less_memory)
{
    if (SANITIZED) /* whose shadow has more than the limit */
        return;
    may_write = true;
    for (int i = 0; i < 2; i++) {
        broken = (struct broken){"fopen", 1, i == 0 ? ENOENT : 0};
        expect_text(tells_memory, "512");
    }
    broken.call = NULL;
    may_write = false;
}
END_TEST

/* Neither processes nor open files are left, however the child ended. */
START_TEST(children_leave_nothing)
{
    int before = dup(STDIN_FILENO);
    close(before);
    for (int i = 0; i < 20; i++) {
        call_in_child(floods);
        call_in_child(leaves);
        call_in_child(tells_limits);
    }
    int after = dup(STDIN_FILENO);
    close(after);
    ck_assert_int_eq(after, before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("child");
    TCase *process = tcase_create("process");
    tcase_add_checked_fixture(process, open_host, close_host);
    tcase_set_timeout(process, 60);
    tcase_add_test(process, child_can_only_compute);
    tcase_add_test(process, child_has_no_more_than_its_caller);
    tcase_add_test(process, child_that_dies_is_told);
    tcase_add_test(process, a_system_that_fails_is_told);
    tcase_add_test(process, every_call_may_fail);
    tcase_add_test(process, a_child_that_cannot_be_heard_is_killed);
    tcase_add_test(process, without_its_size_a_process_has_less_memory);
    tcase_add_test(process, children_leave_nothing);
    tcase_add_test(process, child_inherits_no_file);
    tcase_add_test(process, answers_have_a_largest_size);
    tcase_add_test(process, signals_do_not_end_the_wait);
    suite_add_tcase(suite, process);
    TCase *deadlines = tcase_create("deadlines");
    tcase_add_checked_fixture(deadlines, open_impatient_host, close_host);
    tcase_set_timeout(deadlines, 60);
    tcase_add_test(deadlines, child_that_never_answers_is_killed);
    tcase_add_test(deadlines, child_that_computes_for_ever_is_killed);
    tcase_add_test(deadlines, a_description_has_a_deadline);
    suite_add_tcase(suite, deadlines);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
