/* strict_json.h - whether a header is JSON that can be read in one way only.
 *
 *     const char *wrong;
 *     size_t at = strict_json_end(text, length, &wrong);
 *     if (at < length) ...                       (byte `at` is not allowed: expected `wrong`)
 *
 * Parsers differ in what they let pass, and then in what they read: a text that ends at an escaped
 * zero byte, a size with a leading zero, half a surrogate pair. The grammar is that of RFC 8259
 * less what a safetensors header has no use for: its numbers are sizes, digits without sign,
 * leading zero, fraction or exponent; and no text has a zero byte. Keys that occur twice are found
 * by who looks at the entries. Time is proportional to the length, and nothing is allocated.
 *
 * Who reads the text afterwards pays for each value, however short: cJSON about 100 bytes, 40 times
 * the length of "0,". So nothing lies deeper than STRICT_JSON_DEPTH, no array is longer than
 * STRICT_JSON_ARRAY, though a shape of nine sizes is still told apart, and there are no more than
 * STRICT_JSON_VALUES: those of 50,000 tensors.
 */
#ifndef BURIN_STRICT_JSON_H
#define BURIN_STRICT_JSON_H

#include <stddef.h>

enum { STRICT_JSON_DEPTH = 3, STRICT_JSON_ARRAY = 16, STRICT_JSON_VALUES = 1 << 19 };

/* The length when the text is one object with nothing but blanks behind it, and `wrong` is then
 * NULL; else where it stops being one, and what was expected there. */
size_t strict_json_end(const char *text, size_t length, const char **wrong);

#endif
