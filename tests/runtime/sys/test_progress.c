/* test_progress.c - the bar on a pseudo-terminal, byte by byte, and nothing anywhere else. */
#define _GNU_SOURCE /* broken_lines.h */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broken_lines.h"

#include "sys/lines.h"
#include "sys/progress.h"

#define END "\033[K"

static void setup(void)
{
    terminal_open();
    setenv("TERM", "xterm", 1);
}

START_TEST(the_bar_fills)
{
    struct progress bar;
    progress_init(&bar, terminal_out, false);
    progress_clear(&bar);
    terminal_shows("");
    progress_show(&bar, "epoch 1/2", 1, 4, "loss 1.5");
    terminal_shows("\repoch 1/2 [######------------------] 1/4 loss 1.5" END);
    bar.drawn -= 1.0;
    progress_show(&bar, "t", 4, 4, "");
    terminal_shows("\rt [########################] 4/4 " END);
    bar.drawn -= 1.0;
    progress_show(&bar, "t", 0, 0, "");
    terminal_shows("\rt [------------------------] 0/0 " END);
    progress_clear(&bar);
    terminal_shows("\r" END);
    progress_clear(&bar);
    terminal_shows("");
}
END_TEST

/* Ten times a second, but at once where the line is empty. */
START_TEST(it_is_not_drawn_too_often)
{
    struct progress bar;
    progress_init(&bar, terminal_out, false);
    progress_show(&bar, "t", 1, 24, "");
    terminal_shows("\rt [#-----------------------] 1/24 " END);
    bar.drawn += 60.0; /* not on any machine are they so far apart */
    progress_show(&bar, "t", 2, 24, "");
    terminal_shows("");
    progress_clear(&bar);
    progress_show(&bar, "t", 3, 24, "");
    terminal_shows("\r" END "\rt [###---------------------] 3/24 " END);
}
END_TEST

/* The last column stays free. */
START_TEST(it_fits_the_terminal)
{
    char text[300], expected[400];
    struct progress bar;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    progress_init(&bar, terminal_out, false);
    progress_show(&bar, text, 1, 2, "");
    snprintf(expected, sizeof expected, "\r%.79s" END, text);
    terminal_shows(expected);
    bar.drawn -= 1.0;
    terminal_columns(21);
    progress_show(&bar, text, 1, 2, "");
    snprintf(expected, sizeof expected, "\r%.20s" END, text);
    terminal_shows(expected);
}
END_TEST

/* A narrow one takes cells from the bar before it cuts the text. */
START_TEST(the_bar_makes_room)
{
    struct progress bar;
    progress_init(&bar, terminal_out, false);
    terminal_columns(32); /* 20 of text, 3 around the bar, 8 of it, and the last */
    progress_show(&bar, "epoch", 1, 4, "1 min left");
    terminal_shows("\repoch [##------] 1/4 1 min left" END);
    bar.drawn -= 1.0;
    terminal_columns(28);
    progress_show(&bar, "epoch", 1, 4, "1 min left");
    terminal_shows("\repoch [#---] 1/4 1 min left" END);
    bar.drawn -= 1.0;
    terminal_columns(27); /* no room for four cells */
    progress_show(&bar, "epoch", 1, 4, "1 min left");
    terminal_shows("\repoch 1/4 1 min left" END);
    bar.drawn -= 1.0;
    terminal_columns(15);
    progress_show(&bar, "epoch", 1, 4, "1 min left");
    terminal_shows("\repoch 1/4 1 mi" END);
}
END_TEST

START_TEST(elsewhere_nothing_is_written)
{
    struct progress bar;
    char text[10] = "";
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            setenv("TERM", "dumb", 1);
        if (i == 3)
            unsetenv("TERM");
        progress_init(&bar, i == 0 ? file : terminal_out, i == 1);
        progress_show(&bar, "t", 1, 2, "");
        progress_clear(&bar);
        terminal_shows("");
    }
    rewind(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text, file), 0);
    fclose(file);
}
END_TEST

static void print_plain(const char *text)
{
    lines_print(terminal_out, "", "%s", text);
}

static void print_marked(const char *text)
{
    lines_print(terminal_out, "# ", "%s", text);
}

START_TEST(lines_break_where_the_terminal_ends)
{
    check_broken_lines("", print_plain, lines_columns);
    check_broken_lines("# ", print_marked, lines_columns);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("progress");
    TCase *tests = tcase_create("progress");
    tcase_add_checked_fixture(tests, setup, terminal_close);
    tcase_add_test(tests, the_bar_fills);
    tcase_add_test(tests, it_is_not_drawn_too_often);
    tcase_add_test(tests, it_fits_the_terminal);
    tcase_add_test(tests, the_bar_makes_room);
    tcase_add_test(tests, elsewhere_nothing_is_written);
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, lines_break_where_the_terminal_ends);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
