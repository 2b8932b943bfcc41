/* test_host.c - the Lua host: strictness, limits, the kinds of errors, and what it does to files.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "host.h"

/* -- A host and a folder a test ---------------------------------------------------------------- */

static struct host *host;
static char folder[256];

static void open_all(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_host.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    host = host_open(&(struct host_options){.gen_dir = NULL});
    ck_assert_ptr_nonnull(host);
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Tests leave files and folders of these names only. */
static void close_all(void)
{
    static const char *const names[] = {"a.txt",           "link",      "gen/main.lua", "gen",
                                        "templates/a.tpl", "templates", "locked"};
    host_close(host);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove(in_folder(names[i]));
    ck_assert_int_eq(rmdir(folder), 0); /* fails when anything else was left behind */
}

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void expect_file(const char *name, const char *text)
{
    char got[256] = "";
    FILE *file = fopen(in_folder(name), "r");
    ck_assert_ptr_nonnull(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(got, text);
}

/* Runs a trusted chunk called gen/t.lua with the folder as its argument. */
static enum host_status run_script(const char *text)
{
    enum host_status status = host_load(host, "gen/t.lua", text, strlen(text));
    if (status != HOST_OK)
        return status;
    lua_pushstring(host_lua(host), folder);
    return host_pcall(host, 1, 0);
}

static void expect_ok(const char *text)
{
    enum host_status status = run_script(text);
    ck_assert_msg(status == HOST_OK, "%s", host_message(host));
    ck_assert_int_eq(lua_gettop(host_lua(host)), 0);
}

/* The script ends with this status and a message that starts like this. */
static void expect_error(const char *text, enum host_status status, const char *message)
{
    ck_assert_int_eq(run_script(text), status);
    ck_assert_msg(strncmp(host_message(host), message, strlen(message)) == 0, "expected %s, got %s",
                  message, host_message(host));
    ck_assert_int_eq(lua_gettop(host_lua(host)), 0);
}

/* -- Modules ----------------------------------------------------------------------------------- */

START_TEST(globals_are_strict)
{
    expect_error("x = 1", HOST_FAILED, "gen/t.lua:1: assignment to undefined global 'x'\nstack ");
    expect_error("\nreturn y", HOST_FAILED, "gen/t.lua:2: undefined global 'y'\nstack traceback:");
    expect_ok(
        "for _, name in ipairs { 'io', 'os', 'package', 'dofile', 'loadfile', 'coroutine' } do\n"
        "    assert(rawget(_G, name) == nil, name)\n"
        "end");
}
END_TEST

START_TEST(modules_are_embedded)
{
    expect_ok("assert(require('language/layers') == require('language/layers'))\n"
              "assert(host.source('gen/language/layers.lua'):find('layers.kinds', 1, true))\n"
              "local text, problem, absent = host.source('gen/none.lua')\n"
              "assert(not text and absent and problem == 'gen/none.lua: cannot be read: No such "
              "file or '\n"
              "    .. 'directory', problem)");
    expect_error("require('none')", HOST_FAILED,
                 "gen/t.lua:1: module 'none': gen/none.lua: No such file or directory");
    expect_error("host.template('none.tpl')", HOST_FAILED,
                 "gen/t.lua:1: templates/none.tpl: cannot be read: No such file or directory");
}
END_TEST

START_TEST(gen_dir_comes_before_embedded)
{
    char gen_dir[512];
    snprintf(gen_dir, sizeof gen_dir, "%s", in_folder("gen"));
    ck_assert_int_eq(mkdir(gen_dir, 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("templates"), 0777), 0);
    put_file("gen/main.lua",
             "return { hello = function(t) error(t.who .. host.template('a.tpl') .. #t) end,\n"
             "         again = function() return require('main') end }\n");
    put_file("templates/a.tpl", "text");
    host_close(host);
    host = host_open(&(struct host_options){.gen_dir = gen_dir});
    ck_assert_ptr_nonnull(host);
    const struct host_argument arguments[] = {{"who", "me "}, {"absent", NULL}};
    ck_assert_int_eq(host_call(host, "main", "hello", arguments, 2), HOST_FAILED);
    ck_assert_msg(strncmp(host_message(host), "gen/main.lua:1: me text0\nstack", 30) == 0, "%s",
                  host_message(host));
    ck_assert_int_eq(host_call(host, "main", "again", arguments, 2), HOST_OK);
    ck_assert_int_eq(host_call(host, "main", "none", arguments, 2), HOST_FAILED);
    ck_assert_ptr_nonnull(strstr(host_message(host), "main.none is no function"));
    ck_assert_int_eq(host_call(host, "layers", "text", arguments, 2), HOST_FAILED);

    put_file("gen/main.lua", "require('main') return {}");
    host_close(host);
    host = host_open(&(struct host_options){.gen_dir = gen_dir});
    ck_assert_int_eq(host_call(host, "main", "hello", NULL, 0), HOST_FAILED);
    ck_assert_msg(
        strncmp(host_message(host), "gen/main.lua:1: module 'main' requires itself", 45) == 0, "%s",
        host_message(host));
}
END_TEST

/* -- Errors ------------------------------------------------------------------------------------ */

START_TEST(errors_have_kinds)
{
    expect_error("error({ kind = 'rejected', messages = { 'a:1: x', 'a:2: y' } })", HOST_REJECTED,
                 "a:1: x\na:2: y");
    expect_error("error({ kind = 'failed', messages = { 'disk full' } })", HOST_FAILED,
                 "disk full");
    expect_error("error({ kind = 'usage', messages = { 'no' } })", HOST_USAGE, "no");
    expect_error("error({})", HOST_FAILED, "an error with a table that has no messages");
    expect_error("error({ messages = { {} } })", HOST_FAILED,
                 "an error whose messages are no strings");
    expect_error("error()", HOST_FAILED, "nil\nstack traceback:");
    expect_error("local x = = 1", HOST_FAILED, "gen/t.lua:1: unexpected symbol near '='");
    expect_error("\033Lua", HOST_FAILED, "attempt to load a binary chunk");
}
END_TEST

/* Nothing catches the end of the budget, and the call after it has none. */
START_TEST(work_has_a_budget_of_time)
{
    host_close(host);
    host = host_open(&(struct host_options){.work_seconds = 0.25});
    ck_assert_ptr_nonnull(host);
    expect_ok("local n = 0 for i = 1, 40000000 do n = n + 1 end");
    expect_error("host.limit_work('d/a.lua')\n"
                 "while true do pcall(function() while true do end end) end",
                 HOST_REJECTED,
                 "d/a.lua:1: the network takes too long to plan: expected at most 0.25 seconds of "
                 "processor time");
    expect_ok("local n = 0 for i = 1, 40000000 do n = n + 1 end");
    expect_ok("host.limit_work('a.lua')");
}
END_TEST

/* Weights are data: how long they take says nothing of a description. */
START_TEST(work_on_weights_is_outside_the_budget)
{
    host_close(host);
    host = host_open(&(struct host_options){.work_seconds = 0.05});
    ck_assert_ptr_nonnull(host);
    expect_ok("host.limit_work('a.lua')\n"
              "local floats = string.pack('<f', 1 / 3):rep(1 << 14)\n"
              "for i = 1, 100 do host.float_rows(floats, 92) end\n"
              "for i = 1, 30000 do end");
}
END_TEST

START_TEST(work_has_a_budget_of_memory)
{
    static const char takes[] = "local t = {}\n"
                                "for i = 1, %d do t[i] = ('x'):rep(1 << 20) .. i end";
    char text[200], limited[300];
    snprintf(text, sizeof text, takes, 300);
    expect_ok(text);
    snprintf(limited, sizeof limited, "collectgarbage() host.limit_work('a.lua') %s", text);
    expect_error(limited, HOST_REJECTED,
                 "a.lua:1: the network needs too much memory to plan: expected at most 256 MiB");
    expect_ok(text);
    snprintf(text, sizeof text, takes, 200);
    snprintf(limited, sizeof limited, "collectgarbage() host.limit_work('a.lua') %s", text);
    expect_ok(limited);
}
END_TEST

/* Every command that reads a network has the budget before it reads. */
START_TEST(commands_limit_their_work)
{
    expect_ok("local limited\n"
              "host.limit_work = function(file) limited = file end\n"
              "require('language/network').read = function() error('read') end\n"
              "local main = require('main')\n"
              "for _, command in ipairs({ 'gen', 'plan', 'twin' }) do\n"
              "    limited = nil\n"
              "    local ok, why = pcall(main[command], { network = 's8', norm = 'bn' })\n"
              "    assert(not ok and why:find('read$') and limited == 'gen/nets/s8.lua', command)\n"
              "end");
}
END_TEST

START_TEST(memory_has_a_limit)
{
    host_close(host);
    host = host_open(&(struct host_options){.memory_limit = 4 << 20});
    ck_assert_ptr_nonnull(host);
    expect_error("local t = {} while true do t = { t } end", HOST_FAILED, "not enough memory");
    expect_ok("local t = ('x'):rep(1000)");
    ck_assert_ptr_null(host_open(&(struct host_options){.memory_limit = 1000}));
}
END_TEST

/* The limit of a description ends with it, as do its hook and its cut-down strings. */
START_TEST(descriptions_leave_no_trace)
{
    expect_ok(
        "local env = { string = {}, assert = assert }\n"
        "local big = [[local x = 'xxxxxxxx' while true do x = x .. x end]]\n"
        "local run = host.load_description(big, '@a.lua', env)\n"
        "for _ = 1, 3 do\n"
        "    local ok, message = run()\n"
        "    assert(not ok and message == 'a.lua:1: the description needs too much memory: '\n"
        "        .. 'expected at most 64 MiB', message)\n"
        "end\n"
        "assert(#('x'):rep(100 << 20) == 100 << 20)\n"
        "local n = 0\n"
        "for i = 1, 60000000 do n = n + 1 end\n");
}
END_TEST

START_TEST(descriptions_return_and_fail)
{
    expect_ok(
        "local env = { string = {}, error = error }\n"
        "local function run(text, file)\n"
        "    return host.load_description(text, '@' .. (file or 'a.lua'), env)\n"
        "end\n"
        "local ok, x, y = run('return 1, 2')()\n"
        "assert(ok and x == 1 and y == 2)\n"
        "local long = ('d/'):rep(100) .. 'a.lua'\n"
        "local ok, message = run('\\n\\nerror(\"why\")', long)()\n"
        "assert(not ok and message == long .. ':3: why', message)\n"
        "local none, message = run('\\nx x', long)\n"
        "assert(none == nil and message == long .. \":2: syntax error near 'x'\", message)\n"
        "local ok, message = run('(\"x\"):rep(3)')()\n"
        "assert(message == \"a.lua:1: attempt to call a nil value (method 'rep')\", message)");
}
END_TEST

START_TEST(located_says_the_line)
{
    expect_ok("local lines = {}\n"
              "local env = { string = {} }\n"
              "local outers = {}\n"
              "env.mark = host.located(function(line, outer, x)\n"
              "    lines[x], outers[x] = line, outer return x, line end)\n"
              "local text = 'local function f() return mark(1) end\\nf()\\n'\n"
              "    .. 'local a, b = mark(2)\\nreturn mark(b)'\n"
              "local ok, a, b = host.load_description(text, '@a.lua', env)()\n"
              "assert(ok and a == 3 and b == 4, a)\n"
              "assert(lines[1] == 1 and lines[2] == 3 and lines[3] == 4)\n"
              "assert(outers[1] == 2 and outers[2] == 3 and outers[3] == 4)\n"
              "assert(select(2, env.mark(9)) == 0)");
}
END_TEST

/* -- Files ------------------------------------------------------------------------------------- */

START_TEST(files_are_written_when_they_change)
{
    expect_ok("assert(host.write_if_changed(... .. '/a.txt', 'one') == 'written')");
    expect_file("a.txt", "one");
    struct stat before, after;
    ck_assert_int_eq(stat(in_folder("a.txt"), &before), 0);
    expect_ok("assert(host.write_if_changed(... .. '/a.txt', 'one') == 'unchanged')");
    ck_assert_int_eq(stat(in_folder("a.txt"), &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    expect_ok("assert(host.write_if_changed(... .. '/a.txt', 'on') == 'written')\n"
              "assert(host.write_if_changed(... .. '/a.txt', 'two\\0') == 'written')\n"
              "assert(host.read_file(... .. '/a.txt') == 'two\\0')\n"
              "assert(host.read_file(... .. '/a.txt', 2) == 'tw')\n"
              "assert(host.read_file(... .. '/a.txt', 0) == '')");
    mode_t mask = umask(0);
    umask(mask);
    ck_assert_int_eq(stat(in_folder("a.txt"), &after), 0);
    ck_assert_uint_eq(after.st_mode & 0777, 0666 & ~mask);
}
END_TEST

START_TEST(files_that_cannot_be_written_stay)
{
    expect_ok(
        "local ok, problem = host.write_if_changed(... .. '/none/a.txt', 'one')\n"
        "assert(not ok and problem == ... .. '/none/a.txt: cannot be written: No such file '\n"
        "    .. 'or directory', problem)");
    expect_ok(
        "local ok, problem = host.write_if_changed(..., 'one')\n"
        "assert(not ok and problem == ... .. ': cannot be written: it is not a regular file',\n"
        "    problem)");
    ck_assert_int_eq(symlink("a.txt", in_folder("link")), 0);
    expect_ok("local ok, problem = host.write_if_changed(... .. '/link', 'one')\n"
              "assert(not ok and problem:find('it is not a regular file', 1, true))");
    if (geteuid() == 0)
        return; /* nothing is locked for root */
    put_file("a.txt", "old");
    ck_assert_int_eq(chmod(folder, 0555), 0);
    expect_ok("local ok, problem = host.write_if_changed(... .. '/a.txt', 'new')\n"
              "assert(not ok and problem:find('Permission denied', 1, true))");
    ck_assert_int_eq(chmod(folder, 0755), 0);
    expect_file("a.txt", "old");
}
END_TEST

/* A write that fails half way, as on a full disk, leaves the old file and nothing else. */
START_TEST(files_half_written_vanish)
{
    struct rlimit old;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    put_file("a.txt", "old");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8, old.rlim_max}), 0);
    enum host_status status = run_script(
        "local ok, problem = host.write_if_changed(... .. '/a.txt', 'longer than the limit')\n"
        "assert(not ok and problem == ... .. '/a.txt: cannot be written: File too large')");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_int_eq(status, HOST_OK);
    expect_file("a.txt", "old");
}
END_TEST

/* The calls between an old file and a new one: an n-th one fails or kills. */
static struct {
    int calls, at; /* at 0: none */
    bool kills;
    char names[100];
} faults;

static bool passes(const char *name)
{
    if (faults.at == 0)
        return true;
    strcat(strcat(faults.names, " "), name);
    if (++faults.calls != faults.at)
        return true;
    if (faults.kills)
        raise(SIGKILL);
    errno = EIO;
    return false;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return passes(#name) ? __real_##name arguments : -1;                                       \
    }
WRAP(ftruncate, (int fd, off_t length), (fd, length))
WRAP(fsync, (int fd), (fd))
WRAP(rename, (const char *from, const char *to), (from, to))

/* A file that is a pipe by the time at which it is opened: it was looked at before. */
static bool becomes_pipe;

int __real_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status)
{
    return __real_stat(becomes_pipe ? BURIN_PATH : path, status);
}

static enum host_status write_with_fault(int at, bool kills)
{
    faults.calls = 0;
    faults.at = at;
    faults.kills = kills;
    faults.names[0] = '\0';
    enum host_status status =
        run_script("local ok, problem = host.write_if_changed(... .. '/a.txt', 'new')\n"
                   "assert(ok, problem)");
    faults.at = 0;
    return status;
}

/* Whatever fails, there is the old file or the new one, and nothing else. */
START_TEST(files_are_written_whole_or_not_at_all)
{
    enum { CALLS = 4 };
    for (int at = 1; at <= CALLS + 1; at++) {
        put_file("a.txt", "old");
        enum host_status status = write_with_fault(at, false);
        ck_assert_int_eq(status, at <= CALLS ? HOST_FAILED : HOST_OK);
        expect_file("a.txt", at < CALLS ? "old" : "new"); /* the last one: its name is not synced */
        ck_assert_int_ne(access(in_folder("a.txt.tmp"), F_OK), 0);
    }
    ck_assert_str_eq(faults.names, " ftruncate fsync rename fsync");
}
END_TEST

/* The same of a process that is killed; what it leaves is gone with the next file. */
START_TEST(files_outlive_a_kill)
{
    enum { CALLS = 4 };
    for (int at = 1; at <= CALLS; at++) {
        put_file("a.txt", "old");
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            _exit(write_with_fault(at, true) == HOST_OK ? 0 : 1);
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect_file("a.txt", at < CALLS ? "old" : "new");
        expect_ok("assert(host.write_if_changed(... .. '/a.txt', 'newer') == 'written')");
        expect_file("a.txt", "newer");
        ck_assert_int_ne(access(in_folder("a.txt.tmp"), F_OK), 0);
    }
}
END_TEST

/* Two at once: each waits for the other, and the file is one of theirs. */
START_TEST(files_are_written_by_one_at_a_time)
{
    enum { WRITERS = 4, TIMES = 50 };
    for (int i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid > 0)
            continue;
        for (int k = 0; k < TIMES; k++) {
            char script[200];
            snprintf(script, sizeof script,
                     "assert(host.write_if_changed(... .. '/a.txt', ('%d'):rep(%d)))", i,
                     100000 + k);
            if (run_script(script) != HOST_OK) {
                fprintf(stderr, "%s\n", host_message(host));
                _exit(1);
            }
        }
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
        expect_ok("local text = host.read_file(... .. '/a.txt')\n"
                  "assert(#text >= 100000 and text == text:sub(1, 1):rep(#text))");
    }
    ck_assert_int_ne(access(in_folder("a.txt.tmp"), F_OK), 0);
}
END_TEST

START_TEST(pipes_are_not_waited_for)
{
    char path[300];
    snprintf(path, sizeof path, "%s/pipe", folder);
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    for (int late = 0; late < 2; late++) {
        becomes_pipe = late == 1;
        expect_ok(
            "local text, problem = host.read_file(... .. '/pipe')\n"
            "assert(not text and problem == ... .. '/pipe: cannot be read: it is not a regular '\n"
            "    .. 'file', problem)");
    }
    becomes_pipe = false;
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* The value of a line "key : value" of a file, or "". */
static void find_value(const char *path, const char *key, char value[64])
{
    char line[256];
    FILE *file = fopen(path, "r");
    value[0] = '\0';
    while (file != NULL && value[0] == '\0' && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), " : %63s", value);
    if (file != NULL)
        fclose(file);
}

/* As Linux knows it. Of vendors there are more than the two that it knows by name. */
START_TEST(the_processor_has_its_name)
{
    const char *cpuinfo = "/proc/cpuinfo";
    char vendor[64], family[64], model[64], text[400];
    find_value(cpuinfo, "vendor_id\t", vendor);
    find_value(cpuinfo, "cpu family\t", family);
    find_value(cpuinfo, "model\t", model);
    const char *known = strcmp(vendor, "AuthenticAMD") == 0   ? "amd"
                        : strcmp(vendor, "GenuineIntel") == 0 ? "intel"
                                                              : "";
    snprintf(text, sizeof text, "local id = host.cpu_id()\nassert(id == '%s-%s-%s', id)", known,
             family, model);
    expect_ok(known[0] != '\0' ? text : "assert(host.cpu_id():find('^%w+') and true)");
}
END_TEST

START_TEST(files_that_cannot_be_read_say_why)
{
    expect_ok("local text, problem = host.read_file(...)\n"
              "assert(not text and problem == ... .. ': cannot be read: Is a directory', problem)\n"
              "text, problem = host.read_file(... .. '/none')\n"
              "assert(not text and problem == ... .. '/none: cannot be read: No such file or '\n"
              "    .. 'directory', problem)");
}
END_TEST

START_TEST(native_isa_is_one_of_three)
{
    expect_ok("assert(({ avx512 = 1, avx2 = 1, c = 1 })[host.native_isa()])");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *tcase = tcase_create("host");
    tcase_add_checked_fixture(tcase, open_all, close_all);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, globals_are_strict);
    tcase_add_test(tcase, modules_are_embedded);
    tcase_add_test(tcase, gen_dir_comes_before_embedded);
    tcase_add_test(tcase, errors_have_kinds);
    tcase_add_test(tcase, memory_has_a_limit);
    tcase_add_test(tcase, work_has_a_budget_of_time);
    tcase_add_test(tcase, work_on_weights_is_outside_the_budget);
    tcase_add_test(tcase, work_has_a_budget_of_memory);
    tcase_add_test(tcase, commands_limit_their_work);
    tcase_add_test(tcase, descriptions_leave_no_trace);
    tcase_add_test(tcase, descriptions_return_and_fail);
    tcase_add_test(tcase, located_says_the_line);
    tcase_add_test(tcase, files_are_written_when_they_change);
    tcase_add_test(tcase, files_that_cannot_be_written_stay);
    tcase_add_test(tcase, files_half_written_vanish);
    tcase_add_test(tcase, files_are_written_whole_or_not_at_all);
    tcase_add_test(tcase, files_outlive_a_kill);
    tcase_add_test(tcase, files_are_written_by_one_at_a_time);
    tcase_add_test(tcase, files_that_cannot_be_read_say_why);
    tcase_add_test(tcase, pipes_are_not_waited_for);
    tcase_add_test(tcase, the_processor_has_its_name);
    tcase_add_test(tcase, native_isa_is_one_of_three);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
