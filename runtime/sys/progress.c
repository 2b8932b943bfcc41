/* progress.c - carriage return, one line no wider than the terminal, erase to its end. */
#include "sys/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sys/clock.h"

enum { BAR_CELLS = 24, LINE_SIZE = 256, DEFAULT_COLUMNS = 80 };

static const double redraw_seconds = 0.1;

void progress_init(struct progress *bar, FILE *out, bool quiet)
{
    const char *term = getenv("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    *bar = (struct progress){.out = out, .on = !quiet && !dumb && isatty(fileno(out))};
}

static int columns(const struct progress *bar)
{
    struct winsize size;
    if (ioctl(fileno(bar->out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return DEFAULT_COLUMNS;
    return size.ws_col;
}

void progress_show(struct progress *bar, const char *title, int done, int total, const char *text)
{
    double now = bar->on ? clock_seconds() : 0.0;
    if (!bar->on || (bar->visible && now - bar->drawn < redraw_seconds))
        return;
    char cells[BAR_CELLS + 1];
    int full = total > 0 ? (int)((long)BAR_CELLS * done / total) : 0;
    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < full ? '#' : '-';
    cells[BAR_CELLS] = '\0';
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s [%s] %d/%d %s", title, cells, done, total, text);
    /* The last column stays free: some terminals wrap as soon as it is written. */
    fprintf(bar->out, "\r%.*s\033[K", columns(bar) - 1, line);
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
