/* tree.c - sums of a few long vectors, in an order that depends only on how many there are.
 *
 * Level by level each vector is added to its right neighbour, and an odd one out moves up as it
 * is: 5 vectors give ((0 + 1) + (2 + 3)) + 4. A block of each vector at a time goes through all
 * levels, so that the partial sums stay in the first-level cache.
 */
#include "run.h"

#include <assert.h>

enum { TREE_BLOCK = 64, TREE_PAIRS = MODEL_MOST_CHUNKS / 2 };

static void sum_block(real *restrict out, const real *restrict part, size_t stride, int parts,
                      size_t n)
{
    real level[TREE_PAIRS][TREE_BLOCK];

    int left = 0;
    for (int p = 0; p < parts; p += 2, left++) {
        const real *a = part + (size_t)p * stride;
        if (p + 1 < parts) {
            const real *b = a + stride;
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

/* -- In pieces --------------------------------------------------------------------------------- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

int tree_nodes(struct span span, int parts, struct tree_node nodes[MODEL_MOST_CHUNKS])
{
    int count = 0;
    for (int first = span.first; first < span.last; count++) {
        int width = 1; /* the widest node that begins here and ends within the span */
        while (first % (2 * width) == 0 && least(first + 2 * width, parts) <= span.last &&
               width < parts)
            width *= 2;
        const int last = least(first + width, parts);
        nodes[count] = (struct tree_node){{first, last}, NULL};
        first = last;
    }
    return count;
}

/* Whether two neighbours are the halves of the node of 2 * width vectors. */
static bool are_halves(const struct tree_node *a, const struct tree_node *b, int width, int parts)
{
    return a->span.first % (2 * width) == 0 &&
           b->span.last == least(a->span.first + 2 * width, parts);
}

static void finish_block(real *restrict out, const struct tree_node *nodes, int count, int parts,
                         size_t at, size_t n)
{
    real sums[MODEL_MOST_CHUNKS][TREE_BLOCK];
    struct tree_node left[MODEL_MOST_CHUNKS];
    for (int i = 0; i < count; i++)
        left[i] = (struct tree_node){nodes[i].span, nodes[i].sum + at};
    for (int width = 1; count > 1; width *= 2) {
        int made = 0;
        for (int i = 0; i < count; i++, made++) {
            const struct tree_node a = left[i];
            left[made] = a;
            if (i + 1 == count || !are_halves(&a, &left[i + 1], width, parts))
                continue;
            const struct tree_node b = left[++i];
            real *sum = sums[a.span.first]; /* which is that of a, or of nobody */
            for (size_t k = 0; k < n; k++)
                sum[k] = a.sum[k] + b.sum[k];
            left[made] = (struct tree_node){{a.span.first, b.span.last}, sum};
        }
        count = made;
    }
    for (size_t k = 0; k < n; k++)
        out[k] = left[0].sum[k];
}

void tree_finish(real *restrict out, const struct tree_node *nodes, int count, int parts, size_t n)
{
    assert(count >= 1 && count <= MODEL_MOST_CHUNKS && nodes[count - 1].span.last == parts);
    for (size_t first = 0; first < n; first += TREE_BLOCK) {
        size_t block = n - first < TREE_BLOCK ? n - first : TREE_BLOCK;
        finish_block(out + first, nodes, count, parts, first, block);
    }
}

/* -- At once ----------------------------------------------------------------------------------- */

void tree_sum(real *restrict out, const real *restrict part, size_t stride, int parts, size_t n)
{
    assert(parts >= 1 && parts <= MODEL_MOST_CHUNKS);
    for (size_t first = 0; first < n; first += TREE_BLOCK) {
        size_t block = n - first < TREE_BLOCK ? n - first : TREE_BLOCK;
        sum_block(out + first, part + first, stride, parts, block);
    }
}
