/* lines.h - text for people, in lines that fit the terminal.
 *
 *     lines_print(stdout, "SYNTHETIC ", "normalised by mean %.4f, as the options say", mean);
 *
 * On a terminal a line that is wider is broken between words. Elsewhere, in a file or a pipe, or on
 * a terminal of unknown width, it stays as it is: programs read it. Tables and prose go this way;
 * commands that are to be copied do not. gen/host/lines.h is its sibling.
 */
#ifndef BURIN_LINES_H
#define BURIN_LINES_H

#include <stdarg.h>
#include <stdio.h>

#include "sys/err.h"

enum { LINES_COLUMNS = 80 }; /* of what is no terminal, or does not say how wide it is */

/* The columns of the terminal behind a stream, or LINES_COLUMNS. */
int lines_columns(FILE *out);

/* Prints words from `column` on, where the cursor is, in lines shorter than `columns` that begin
 * at the column `start`. A word that is wider has a line of its own. Ends the last line. */
void lines_words(FILE *out, const char *words, int column, int start, int columns);

/* Prints a text and ends its last line: what ends with a newline has an empty line behind it.
 * `mark` stands at the beginning of each line; what does not fit goes on four columns further in
 * than its line. */
void lines_print(FILE *out, const char *mark, const char *fmt, ...) BURIN_PRINTF(3, 4);
void lines_vprint(FILE *out, const char *mark, const char *fmt, va_list args);

#endif
