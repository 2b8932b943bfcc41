/* nearest.c - the edit distance of two words, with neighbours that changed places (optimal string
 * alignment).
 *
 * Row i of the table holds the distances of the first i letters of one word to each beginning of
 * the other; a row needs no more than the two before it.
 */
#include "sys/nearest.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 40, MOST_MISTAKES = 2 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Both words have at most LONGEST letters. */
static int distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 1];
    const int columns = (int)strlen(b);
    for (int j = 0; j <= columns; j++)
        rows[0][j] = j;
    int i = 0;
    for (; a[i] != '\0'; i++) {
        const int *above = rows[i % 3], *before = rows[(i + 2) % 3];
        int *row = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (int j = 0; j < columns; j++) {
            row[j + 1] = least(least(above[j + 1], row[j]) + 1, above[j] + (a[i] != b[j]));
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                row[j + 1] = least(row[j + 1], before[j - 1] + 1);
        }
    }
    return rows[i % 3][columns];
}

const char *nearest_word(const char *word, const char *const *words, int count)
{
    const size_t length = strlen(word);
    const char *nearest = NULL;
    int fewest = MOST_MISTAKES + 1;
    for (int k = 0; k < count && length <= LONGEST; k++) {
        if (strlen(words[k]) > LONGEST)
            continue;
        const int mistakes = distance(word, words[k]);
        if (mistakes < fewest && 2 * (size_t)mistakes < length) {
            fewest = mistakes;
            nearest = words[k];
        }
    }
    return nearest;
}

void nearest_hint(char hint[NEAREST_HINT], const char *word, const char *const *words, int count)
{
    const char *meant = nearest_word(word, words, count);
    hint[0] = '\0';
    if (meant != NULL)
        snprintf(hint, NEAREST_HINT, " (did you mean %s?)", meant);
}
