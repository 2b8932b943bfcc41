/* err.h - one error message and the exit code it deserves.
 *
 * Functions that the world can make fail return bool and take a struct err last:
 *
 *     struct err err = {0};
 *     if (!format_open(&data, &request, &err))
 *         ...                               (err.message says what, where and what was expected)
 *
 *     return err_set(err, "%s: expected %zu bytes, got %zu", path, want, got);
 *
 * Names and values in a message may come out of a file that somebody else wrote, so control
 * characters other than the end of a line are shown as '?': no file talks to the user's terminal.
 *
 * The first error wins: a later err_set on a filled struct keeps the earlier message, because the
 * first failure is the cause and the later ones are its consequences. Only main prints and exits.
 */
#ifndef BURIN_ERR_H
#define BURIN_ERR_H

#include <stdbool.h>

/* The exit codes of every program; others script against them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,       /* the world failed: disk, memory, files */
    EXIT_USAGE = 2,        /* a wrong option or argument */
    EXIT_DATA = 3,         /* data set or model file missing or corrupt */
    EXIT_DIVERGED = 4,     /* loss or gradients are not finite */
    EXIT_REJECTED = 5,     /* a network description was rejected */
    EXIT_INTERRUPTED = 130 /* SIGINT, SIGTERM or SIGHUP */
};

struct err {
    enum exit_code code; /* EXIT_OK while nothing failed */
    char message[1024];
};

#if defined(__GNUC__)
#define BURIN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define BURIN_PRINTF(fmt, args)
#endif

/* Fills err with code EXIT_FAILED and the message. Returns false, so that it can be returned. */
bool err_set(struct err *err, const char *fmt, ...) BURIN_PRINTF(2, 3);

/* The same with a chosen exit code. */
bool err_set_code(struct err *err, enum exit_code code, const char *fmt, ...) BURIN_PRINTF(3, 4);

/* The same, with ": " and the text of errno_value appended. */
bool err_set_errno(struct err *err, int errno_value, const char *fmt, ...) BURIN_PRINTF(3, 4);

#endif
