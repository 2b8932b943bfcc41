/* broken_lines.h - what lines.h of the runtime and lines.h of the host have in common: how lines of
 * a text are broken where a terminal ends.
 *
 *     check_broken_lines("# ", print, lines_columns);
 *
 * _GNU_SOURCE has to be defined before any header.
 */
#ifndef BURIN_BROKEN_LINES_H
#define BURIN_BROKEN_LINES_H

#include <string.h>

#include "pseudo_terminal.h"

#define WIDE                                                                                       \
    "what is wider than eighty columns stays as it is where nobody knows how wide a terminal is"
#define CELLS "one two three four\n\n  a  bb  ccc"

/* A line that is wider than its terminal goes on further in, as wide as it may be: the last column
 * stays free. One of unknown width breaks none. */
static const struct {
    unsigned short columns; /* beside the mark; 0: unknown */
    const char *text, *shown;
} broken_lines[] = {
    {0, WIDE, WIDE "\n"},
    {91, WIDE, WIDE "\n"},
    {90, WIDE,
     "what is wider than eighty columns stays as it is where nobody knows how wide a terminal\n"
     "    is\n"},
    {80, WIDE,
     "what is wider than eighty columns stays as it is where nobody knows how wide a\n"
     "    terminal is\n"},
    {14, CELLS, "one two three\n    four\n\n  a  bb  ccc\n"},
    {10, CELLS, "one two\n    three\n    four\n\n  a  bb\n      ccc\n"},
};

/* The text with the mark at the beginning of each line. */
static inline void mark_lines(char *marked, size_t size, const char *text, const char *mark)
{
    size_t length = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        length += (size_t)snprintf(marked + length, size - length, "%s%.*s\n", mark,
                                   (int)strcspn(line, "\n"), line);
    ck_assert_uint_lt(length, size);
}

/* print: prints a text to terminal_out, its lines behind `mark`; columns_of: says how wide that is,
 * 80 columns where it is not known. */
static inline void check_broken_lines(const char *mark, void (*print)(const char *text),
                                      int (*columns_of)(FILE *out))
{
    terminal_open();
    for (size_t i = 0; i < sizeof broken_lines / sizeof broken_lines[0]; i++) {
        char expected[500];
        int columns = broken_lines[i].columns;
        columns += columns > 0 ? (int)strlen(mark) : 0;
        terminal_columns((unsigned short)columns);
        ck_assert_int_eq(columns_of(terminal_out), columns > 0 ? columns : 80);
        print(broken_lines[i].text);
        mark_lines(expected, sizeof expected, broken_lines[i].shown, mark);
        terminal_shows(expected);
    }
    terminal_close();
}

#endif
