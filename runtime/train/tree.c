/* tree.c - sums of a few long vectors, in an order that depends only on how many there are.
 *
 * Level by level each vector is added to its right neighbour, and an odd one out moves up as it
 * is: 5 vectors give ((0 + 1) + (2 + 3)) + 4. A block of each vector at a time goes through all
 * levels, so that the partial sums stay in the first-level cache.
 */
#include "run.h"

#include <assert.h>

enum { TREE_BLOCK = 64, TREE_PAIRS = MODEL_CHUNKS / 2 };

static void sum_block(float *restrict out, const float *restrict part, size_t stride, int parts,
                      size_t n)
{
    float level[TREE_PAIRS][TREE_BLOCK];

    int left = 0;
    for (int p = 0; p < parts; p += 2, left++) {
        const float *a = part + (size_t)p * stride;
        if (p + 1 < parts) {
            const float *b = a + stride;
            for (size_t i = 0; i < n; i++)
                level[left][i] = a[i] + b[i];
        } else {
            for (size_t i = 0; i < n; i++)
                level[left][i] = a[i];
        }
    }
    while (left > 1) {
        int made = 0;
        for (int p = 0; p < left; p += 2, made++) {
            if (p + 1 < left) {
                for (size_t i = 0; i < n; i++)
                    level[made][i] = level[p][i] + level[p + 1][i];
            } else {
                for (size_t i = 0; i < n; i++)
                    level[made][i] = level[p][i];
            }
        }
        left = made;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = level[0][i];
}

void tree_sum(float *restrict out, const float *restrict part, size_t stride, int parts, size_t n)
{
    assert(parts >= 1 && parts <= MODEL_CHUNKS);
    for (size_t first = 0; first < n; first += TREE_BLOCK) {
        size_t block = n - first < TREE_BLOCK ? n - first : TREE_BLOCK;
        sum_block(out + first, part + first, stride, parts, block);
    }
}
