/* lines.c - a line is broken at the last blanks that fit; what stood around the blank stays as it
 * is. Widths are those of characters, not of their bytes. The last column stays free: some
 * terminals go to the next line as soon as it is written. */
#include "lines.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FURTHER = 4 }; /* columns that the rest of a broken line is further in */

/* 0 where it is no terminal, or one that does not say how wide it is. */
static int terminal_columns(FILE *out)
{
    struct winsize size;
    return isatty(fileno(out)) != 0 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int lines_columns(FILE *out)
{
    const int columns = terminal_columns(out);
    return columns > 0 ? columns : LINES_COLUMNS;
}

/* The columns of so many bytes of UTF-8. */
static int width_of(const char *text, size_t bytes)
{
    int width = 0;
    for (size_t i = 0; i < bytes; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

void lines_words(FILE *out, const char *words, int column, int start, int columns)
{
    for (words += strspn(words, " "); *words != '\0'; words += strspn(words, " ")) {
        const size_t bytes = strcspn(words, " ");
        const int width = width_of(words, bytes);
        if (column > start && column + 1 + width >= columns) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s", column < start ? start - column : column > start, "");
        fprintf(out, "%.*s", (int)bytes, words);
        column += width;
        words += bytes;
    }
    fputc('\n', out);
}

/* The bytes of a line in front of the blanks at which it is broken: the most cells of a table,
 * which two blanks part, that fit into so many columns and fill half of them; or words; or one
 * word. */
static size_t part_of(const char *line, size_t bytes, int room)
{
    size_t part = 0, cells = 0;
    for (size_t end = 0; end < bytes;) {
        end += strspn(line + end, " ");
        end += strcspn(line + end, " \n");
        if (part > 0 && width_of(line, end) >= room)
            return cells > 0 ? cells : part;
        part = end;
        if (strncmp(line + end, "  ", 2) == 0 && 2 * width_of(line, end) > room)
            cells = end;
    }
    return part;
}

static void print_line(FILE *out, const char *line, size_t bytes, int columns)
{
    const int indent = (int)strspn(line, " ") + FURTHER;
    int further = 0;
    for (;;) {
        const size_t part = columns > 0 ? part_of(line, bytes, columns - further) : bytes;
        fprintf(out, "%*s%.*s\n", further, "", (int)part, line);
        line += part;
        bytes -= part;
        const size_t blanks = strspn(line, " ");
        if (blanks >= bytes)
            return;
        line += blanks;
        bytes -= blanks;
        further = indent;
    }
}

void lines_print(FILE *out, const char *text)
{
    const int columns = terminal_columns(out);
    while (*text != '\0') {
        const size_t bytes = strcspn(text, "\n");
        print_line(out, text, bytes, columns);
        text += bytes + (text[bytes] == '\n');
    }
}
