/* bench_exchange.c - what a step does with the gradients of its chunks, beside MPI_Allreduce.
 *
 *     mpirun -n RANKS build/bench_exchange FLOATS CHUNKS ROUNDS
 *
 * In a fixed order: the nodes of each rank's chunks, Alltoallv, the rest of the tree by the owner
 * of a slice, Allgatherv. Beside it: the sum of each rank's chunks, and one MPI_Allreduce with
 * MPI_SUM, whose order is the library's. Both in turns; rank 0 prints the two medians in
 * microseconds. Before that the first is checked: its bits are those of tree_sum over all chunks.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranks/launched.h"
#include "ranks/ranks.h"
#include "run.h"

enum { LINE_FLOATS = RANKS_LINE / (int)sizeof(float), MOST_ROUNDS = 100000 };

/* Slice r of the vector, `slice` floats, belongs to rank r, which gets of each rank its nodes. */
struct exchange {
    struct ranks ranks;
    int chunks;
    size_t floats, slice; /* floats: of all slices */
    float *parts;         /* [chunks][floats], of which a rank reads its own */
    float *out, *in, *sum, *whole;
    struct tree_node nodes[MODEL_MOST_CHUNKS];
    int first_node[RANKS_MAX + 1];
    int out_lines[RANKS_MAX], in_lines[RANKS_MAX], slice_lines[RANKS_MAX];
};

static struct span chunks_of(const struct exchange *x, int rank)
{
    return run_divide((struct span){0, x->chunks}, rank, x->ranks.count);
}

static void plan(struct exchange *x)
{
    const int count = x->ranks.count, me = x->ranks.me;
    for (int r = 0; r < count; r++)
        x->first_node[r + 1] =
            x->first_node[r] + tree_nodes(chunks_of(x, r), x->chunks, x->nodes + x->first_node[r]);
    for (int r = 0; r < count; r++) {
        const int mine = x->first_node[me + 1] - x->first_node[me];
        const int its = x->first_node[r + 1] - x->first_node[r];
        x->slice_lines[r] = (int)(x->slice / LINE_FLOATS);
        x->out_lines[r] = mine * x->slice_lines[r];
        x->in_lines[r] = its * x->slice_lines[r];
    }
}

/* The sum of all chunks into `whole`, on every rank. */
static void in_order(struct exchange *x)
{
    const int count = x->ranks.count, me = x->ranks.me;
    float *out = x->out;
    for (int r = 0; r < count; r++)
        for (int k = x->first_node[me]; k < x->first_node[me + 1]; k++, out += x->slice) {
            const struct span node = x->nodes[k].span;
            tree_sum(out, x->parts + (size_t)node.first * x->floats + (size_t)r * x->slice,
                     x->floats, node.last - node.first, x->slice);
        }
    ranks_exchange(&x->ranks, x->out, x->out_lines, x->in, x->in_lines);
    for (int k = 0; k < x->first_node[count]; k++)
        x->nodes[k].sum = x->in + (size_t)k * x->slice;
    tree_finish(x->sum, x->nodes, x->first_node[count], x->chunks, x->slice);
    ranks_gather(&x->ranks, x->sum, x->whole, x->slice_lines);
}

static void in_any_order(struct exchange *x)
{
    const struct span own = chunks_of(x, x->ranks.me);
    tree_sum(x->out, x->parts + (size_t)own.first * x->floats, x->floats, own.last - own.first,
             x->floats);
    MPI_Allreduce(x->out, x->whole, (int)x->floats, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static double seconds_of(struct exchange *x, void (*work)(struct exchange *x))
{
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    work(x);
    return MPI_Wtime() - start;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_microseconds(double *seconds, int count)
{
    qsort(seconds, (size_t)count, sizeof seconds[0], compare);
    printf("%.1f %.1f ", 1e6 * seconds[count / 2], 1e6 * seconds[0]);
}

/* Numbers whose sum depends on the order. */
static bool fill(struct exchange *x)
{
    const size_t all = (size_t)x->chunks * x->floats;
    x->parts = malloc(all * sizeof(float));
    x->out = malloc(all * sizeof(float)); /* at most a node for each chunk */
    x->in = malloc(all * sizeof(float));
    x->sum = malloc(x->slice * sizeof(float));
    x->whole = malloc(x->floats * sizeof(float));
    if (!x->parts || !x->out || !x->in || !x->sum || !x->whole)
        return false;
    for (size_t i = 0; i < all; i++)
        x->parts[i] = (float)((i * 2654435761U >> 7 & 0xFFFF) + 1) / 3.0F;
    return true;
}

static bool same_bits(struct exchange *x)
{
    in_order(x);
    tree_sum(x->out, x->parts, x->floats, x->chunks, x->floats);
    return memcmp(x->out, x->whole, x->floats * sizeof(float)) == 0;
}

static long number(const char *text, long most)
{
    char *end;
    const long value = strtol(text, &end, 10);
    return *end == '\0' && value >= 1 && value <= most ? value : 0;
}

static int run(struct exchange *x, int rounds)
{
    double *ordered = calloc((size_t)rounds, sizeof(double));
    double *any = calloc((size_t)rounds, sizeof(double));
    int code = EXIT_FAILURE;
    if (!fill(x) || ordered == NULL || any == NULL)
        fprintf(stderr, "bench_exchange: no memory for %zu floats\n", x->floats);
    else if (!same_bits(x))
        fprintf(stderr, "bench_exchange: rank %d: other bits than tree_sum\n", x->ranks.me);
    else {
        for (int i = 0; i < rounds; i++) {
            ordered[i] = seconds_of(x, in_order);
            any[i] = seconds_of(x, in_any_order);
        }
        if (x->ranks.me == 0) {
            print_microseconds(ordered, rounds);
            print_microseconds(any, rounds);
            printf("%s\n", x->ranks.back_end.name);
        }
        code = EXIT_SUCCESS;
    }
    free(ordered);
    free(any);
    free(x->parts);
    free(x->out);
    free(x->in);
    free(x->sum);
    free(x->whole);
    return code;
}

launched_function burin_mpi_start;

int main(int argc, char **argv)
{
    static struct exchange x;
    struct err err = {0};
    const long floats = argc == 4 ? number(argv[1], 1L << 28) : 0;
    const long chunks = argc == 4 ? number(argv[2], MODEL_MOST_CHUNKS) : 0;
    const long rounds = argc == 4 ? number(argv[3], MOST_ROUNDS) : 0;
    if (floats == 0 || chunks == 0 || rounds == 0) {
        fprintf(stderr, "usage: mpirun -n RANKS bench_exchange FLOATS CHUNKS ROUNDS\n");
        return 2;
    }
    if (!burin_mpi_start(&x.ranks, &err)) {
        fprintf(stderr, "bench_exchange: %s\n", err.message);
        return EXIT_FAILURE;
    }
    const size_t lines = (size_t)floats / LINE_FLOATS + 1, count = (size_t)x.ranks.count;
    x.chunks = (int)chunks;
    x.slice = (lines + count - 1) / count * LINE_FLOATS;
    x.floats = x.slice * count;
    if (x.ranks.count > x.chunks) {
        fprintf(stderr, "bench_exchange: %d ranks: expected at most %ld, one a chunk\n",
                x.ranks.count, chunks);
        x.ranks.back_end.abort(x.ranks.state, 2);
    }
    plan(&x);
    const int code = run(&x, (int)rounds);
    x.ranks.back_end.close(x.ranks.state);
    return code;
}
