/* clock.c - POSIX clocks. */
#include "sys/clock.h"

#include <time.h>

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *clock_stamp(char *buffer, size_t size)
{
    time_t now = time(NULL);
    struct tm utc;
    buffer[0] = '\0';
    if (gmtime_r(&now, &utc))
        strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return buffer;
}
