/* lines.h - text for people, in lines that fit the terminal.
 *
 * On a terminal a line that is wider is broken between words. Elsewhere, in a file or a pipe, or on
 * a terminal of unknown width, it stays as it is: programs read it. runtime/sys/lines.h is its
 * sibling.
 */
#ifndef BURIN_LINES_H
#define BURIN_LINES_H

#include <stdio.h>

enum { LINES_COLUMNS = 80 }; /* of what is no terminal, or does not say how wide it is */

/* The columns of the terminal behind a stream, or LINES_COLUMNS. */
int lines_columns(FILE *out);

/* Prints words from `column` on, where the cursor is, in lines shorter than `columns` that begin
 * at the column `start`. A word that is wider has a line of its own. Ends the last line. */
void lines_words(FILE *out, const char *words, int column, int start, int columns);

/* Prints a text and ends its last line, if no newline does. What does not fit goes on four columns
 * further in than its line. The stream says whether it could be written. */
void lines_print(FILE *out, const char *text);

#endif
