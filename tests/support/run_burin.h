/* run_burin.h - runs the generator as a user does.
 *
 *     expect("gen --norm batch s8", 2, "burin: ...\n");
 *     snprintf(folder, ...);
 *     expect("gen F/net.lua", 5, "...\n");    F/ at the start of a word is the folder
 */
#ifndef BURIN_RUN_BURIN_H
#define BURIN_RUN_BURIN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The executable; without it the tests run from the root of the source tree. */
#ifndef BURIN_PATH
#define BURIN_PATH "build/burin"
#endif

enum { OUTPUT_SIZE = 1 << 16 };

static char folder[256];         /* what F/ stands for */
static char output[OUTPUT_SIZE]; /* of the last run: stdout and stderr, up to OUTPUT_SIZE - 1 */

/* Runs burin with words of arguments; F/ at the start of a word stands for the folder. Returns its
 * exit code. */
static inline int burin(const char *arguments)
{
    char words[1024], paths[8][512];
    char *argv[16] = {(char[]){BURIN_PATH}};
    int argc = 1, path_count = 0;
    snprintf(words, sizeof words, "%s", arguments);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        ck_assert_int_lt(argc, 15);
        if (strncmp(word, "F/", 2) == 0) {
            snprintf(paths[path_count], sizeof paths[0], "%s/%s", folder, word + 2);
            word = paths[path_count++];
        }
        argv[argc++] = word;
    }
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (dup2(pipes[1], STDOUT_FILENO) >= 0 && dup2(pipes[1], STDERR_FILENO) >= 0)
            execv(BURIN_PATH, argv);
        _exit(127);
    }
    close(pipes[1]);
    size_t size = 0;
    char overflow[4096];
    for (;;) {
        size_t room = sizeof output - 1 - size;
        ssize_t got = room > 0 ? read(pipes[0], output + size, room)
                               : read(pipes[0], overflow, sizeof overflow);
        if (got <= 0)
            break;
        size += room > 0 ? (size_t)got : 0;
    }
    output[size] = '\0';
    close(pipes[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "killed by a signal: %s", output);
    return WEXITSTATUS(status);
}

/* The run ends with this code and prints exactly this. */
static inline void expect(const char *arguments, int code, const char *text)
{
    ck_assert_int_eq(burin(arguments), code);
    ck_assert_str_eq(output, text);
}

/* The run ends with this code and prints this somewhere. */
static inline void expect_part(const char *arguments, int code, const char *part)
{
    ck_assert_int_eq(burin(arguments), code);
    ck_assert_msg(strstr(output, part) != NULL, "expected %s in: %.2000s", part, output);
}

#endif
