/* err.c - the first message stays: it is the cause, and what follows are its consequences. */
#include "sys/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ASCII's control characters, and in UTF-8 those from U+0080 to U+009F. */
static void mask_controls(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        bool high = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if ((*at < 0x20 && *at != '\n') || *at == 0x7f || high)
            *at = '?';
        if (high)
            *++at = '?';
    }
}

/* Returns false when err holds an earlier error and nothing may be written. */
static bool fill(struct err *err, enum exit_code code, const char *fmt, va_list args)
{
    assert(code != EXIT_OK);
    if (err->code != EXIT_OK)
        return false;
    err->code = code;
    if (vsnprintf(err->message, sizeof err->message, fmt, args) < 0)
        snprintf(err->message, sizeof err->message, "%s", fmt);
    mask_controls(err->message);
    return true;
}

bool err_set(struct err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, EXIT_FAILED, fmt, args);
    va_end(args);
    return false;
}

bool err_set_code(struct err *err, enum exit_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, fmt, args);
    va_end(args);
    return false;
}

bool err_set_errno(struct err *err, int errno_value, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool filled = fill(err, EXIT_FAILED, fmt, args);
    va_end(args);
    if (filled) {
        char reason[128];
        if (strerror_r(errno_value, reason, sizeof reason) != 0)
            snprintf(reason, sizeof reason, "error %d", errno_value);
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s", reason);
    }
    return false;
}
