/* clock.h - time that passes, and time of day. */
#ifndef BURIN_CLOCK_H
#define BURIN_CLOCK_H

#include "export.h"

#include <stddef.h>

enum { CLOCK_STAMP_SIZE = 24 };

/* Seconds since some fixed moment; never goes back. */
double clock_seconds(void) BURIN_EXPORT(clock_seconds);

/* The time of day in UTC, as ISO 8601 writes it: "2024-02-29T12:00:00Z". Returns buffer, which has
 * at least CLOCK_STAMP_SIZE bytes. */
const char *clock_stamp(char *buffer, size_t size);

#endif
