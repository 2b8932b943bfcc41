/* fuzz_message.h - what every message about a bad file keeps: the file first, the exit code 3, and
 * no character that would do something to the user's terminal. */
#ifndef BURIN_FUZZ_MESSAGE_H
#define BURIN_FUZZ_MESSAGE_H

#include <string.h>

#include "fuzz.h"
#include "sys/err.h"

FUZZ_UNTRACED static inline void check_message(const struct err *err, const char *path)
{
    FUZZ_CHECK(err->code == EXIT_DATA, "exit code %d: %s", (int)err->code, err->message);
    FUZZ_CHECK(strncmp(err->message, path, strlen(path)) == 0, "no file: %s", err->message);
    for (const char *at = err->message; *at != '\0'; at++)
        FUZZ_CHECK((unsigned char)*at >= ' ' || *at == '\n', "a control character: %s",
                   err->message);
}

#endif
