/* utf8.h - what is text and what is not.
 *
 *     size_t good = utf8_end(text, n);     n, or where the first byte stands that is none
 */
#ifndef BURIN_UTF8_H
#define BURIN_UTF8_H

#include <stddef.h>

/* Offset of the first byte that is no part of UTF-8 text (Unicode 15, table 3-7), or n. */
size_t utf8_end(const void *text, size_t n);

/* Most of the first n bytes of a text that end with a whole character, where byte n stands, too. */
size_t utf8_cut(const char *text, size_t n);

#endif
