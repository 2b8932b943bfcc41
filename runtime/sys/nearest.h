/* nearest.h - what a misspelt word was meant to be.
 *
 *     char hint[NEAREST_HINT];
 *     nearest_hint(hint, "tran", names, count);          " (did you mean train?)", or ""
 */
#ifndef BURIN_NEAREST_H
#define BURIN_NEAREST_H

/* The one of `count` words that `word` is at most two mistakes away from, the first of the nearest
 * ones, or NULL. A mistake is a letter changed, left out or put in, or two neighbours that changed
 * places; a word has to keep more than half of its letters. */
const char *nearest_word(const char *word, const char *const *words, int count);

enum { NEAREST_HINT = 64 };

/* What a message adds behind `word`, which is none of `words`. */
void nearest_hint(char hint[NEAREST_HINT], const char *word, const char *const *words, int count);

#endif
