/* pseudo_terminal.h - a terminal whose screen is read back.
 *
 *     terminal_open();
 *     terminal_columns(80);
 *     fputs("text", terminal_out);
 *     terminal_shows("text");
 *     terminal_close();
 *
 * _GNU_SOURCE has to be defined before any header.
 */
#ifndef BURIN_PSEUDO_TERMINAL_H
#define BURIN_PSEUDO_TERMINAL_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static FILE *terminal_out; /* what is written to it */
static int terminal_screen;

/* Its width; 0: it does not say. */
static inline void terminal_columns(unsigned short columns)
{
    const struct winsize size = {.ws_row = 24, .ws_col = columns};
    ck_assert_int_eq(ioctl(terminal_screen, TIOCSWINSZ, &size), 0);
}

static inline void terminal_open(void)
{
    struct termios raw;
    terminal_screen = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(terminal_screen >= 0 && grantpt(terminal_screen) == 0 &&
              unlockpt(terminal_screen) == 0);
    terminal_out = fopen(ptsname(terminal_screen), "w");
    ck_assert_ptr_nonnull(terminal_out);
    ck_assert_int_eq(tcgetattr(fileno(terminal_out), &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(fileno(terminal_out), TCSANOW, &raw), 0);
    terminal_columns(0);
}

/* What was written since the last call. It comes in pieces, so that a mark is written behind it. */
static inline void terminal_shows(const char *expected)
{
    enum { MARK = '\1' };
    char got[1000];
    size_t size = 0;
    ck_assert(fputc(MARK, terminal_out) == MARK && fflush(terminal_out) == 0);
    do {
        ck_assert_uint_lt(size, sizeof got);
        const ssize_t more = read(terminal_screen, got + size, sizeof got - size);
        ck_assert_int_gt(more, 0);
        size += (size_t)more;
    } while (got[size - 1] != MARK);
    got[size - 1] = '\0';
    ck_assert_str_eq(got, expected);
}

static inline void terminal_close(void)
{
    fclose(terminal_out);
    close(terminal_screen);
}

#endif
