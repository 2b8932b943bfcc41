/* progress.c - carriage return, one line no wider than the terminal, erase to its end. */
#include "sys/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/lines.h"

enum { BAR_CELLS = 24, BAR_LEAST = 4, LINE_SIZE = 256 };

static const double redraw_seconds = 0.1;

void progress_init(struct progress *bar, FILE *out, bool quiet)
{
    const char *term = getenv("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    *bar = (struct progress){.out = out, .on = !quiet && !dumb && isatty(fileno(out))};
}

/* The line, whose bar is as short as it must be to leave room for the text; one of a few cells is
 * left out. */
static void write_line(char line[LINE_SIZE], int width, const char *title, int done, int total,
                       const char *text)
{
    const int rest = snprintf(line, LINE_SIZE, "%s %d/%d %s", title, done, total, text);
    const int room = width - rest - (int)strlen("[] ");
    const int cells = room < BAR_CELLS ? room : BAR_CELLS;
    if (cells < BAR_LEAST)
        return;
    const int full = total > 0 ? (int)((long)cells * done / total) : 0;
    char bar[BAR_CELLS + 1] = "";
    for (int i = 0; i < cells; i++)
        bar[i] = i < full ? '#' : '-';
    snprintf(line, LINE_SIZE, "%s [%s] %d/%d %s", title, bar, done, total, text);
}

void progress_show(struct progress *bar, const char *title, int done, int total, const char *text)
{
    double now = bar->on ? clock_seconds() : 0.0;
    if (!bar->on || (bar->visible && now - bar->drawn < redraw_seconds))
        return;
    char line[LINE_SIZE];
    const int width =
        lines_columns(bar->out) - 1; /* some terminals wrap as soon as the last is written */
    write_line(line, width, title, done, total, text);
    fprintf(bar->out, "\r%.*s\033[K", width, line);
    fflush(bar->out);
    bar->visible = true;
    bar->drawn = now;
}

void progress_clear(struct progress *bar)
{
    if (bar->visible) {
        fputs("\r\033[K", bar->out);
        fflush(bar->out);
        bar->visible = false;
    }
}
