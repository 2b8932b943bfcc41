/* meet.c - pieces packed into one block, sent, and unpacked.
 *
 * Every exchange is made by the thread that calls run_train, which is thread 0 of the team, while
 * the others wait in the barrier behind it. Blocks grow in the first steps to the size that they
 * need. A failure of the back end is in ranks->err, and a step goes on without the bytes that are
 * missing: its results are not used, as whoever asks for them looks there first.
 */
#include "train/meet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/finite.h"
#include "train/update.h"

/* What a rank tells all others after a step: first this, then of each of its chunks the other. */
struct news {
    int signal;
    int finite; /* whether its gradients are */
};
struct chunk_news {
    double loss;
    int correct;
    int unused;
};
_Static_assert(sizeof(struct news) % _Alignof(struct chunk_news) == 0, "one behind the other");
_Static_assert((int)RANKS_MAX <= (int)MODEL_MOST_CHUNKS, "a chunk for each rank");

enum { LINE_FLOATS = RANKS_LINE / (int)sizeof(real) };

struct block {
    void *bytes;
    size_t size;
};

struct meet {
    struct ranks *ranks;
    struct span owned[RANKS_MAX]; /* parameters of each rank */
    size_t *place;              /* [param_count], of a gradient in what its owner gets of a node */
    size_t gradient[RANKS_MAX]; /* floats that each owner gets of a node, in whole lines */
    struct tree_node nodes[MODEL_MOST_CHUNKS]; /* of all ranks, in order */
    int first_node[RANKS_MAX + 1];             /* of each rank among them */
    int lines_out[RANKS_MAX], lines_in[RANKS_MAX];
    struct block out, in; /* of the exchange under way */
    bool finite;
    int signal;
};

/* -- Memory ------------------------------------------------------------------------------------ */

/* At least so many lines, with nothing of what was in it. NULL without memory, which the ranks then
 * know as an error. */
static void *block_of(struct meet *meet, struct block *block, size_t lines)
{
    const size_t bytes = (lines + 1) * RANKS_LINE;
    if (block->size < bytes) {
        free(block->bytes);
        block->bytes = aligned_alloc(RANKS_LINE, bytes);
        block->size = block->bytes != NULL ? bytes : 0;
        if (block->bytes == NULL)
            err_set_errno(&meet->ranks->err, ENOMEM, "%zu bytes for other ranks", bytes);
        else
            memset(block->bytes, 0, bytes);
    }
    return block->bytes;
}

/* Blocks for what lines_out and lines_in say. False without memory, or after another error. */
static bool make_blocks(struct meet *meet)
{
    size_t out = 0, in = 0;
    for (int r = 0; r < meet->ranks->count; r++) {
        out += (size_t)meet->lines_out[r];
        in += (size_t)meet->lines_in[r];
    }
    return meet->ranks->err.code == EXIT_OK && block_of(meet, &meet->out, out) != NULL &&
           block_of(meet, &meet->in, in) != NULL;
}

/* Where the piece of a rank begins. */
static void *piece_of(const struct block *block, const int *lines, int rank)
{
    size_t before = 0;
    for (int r = 0; r < rank; r++)
        before += (size_t)lines[r];
    return (unsigned char *)block->bytes + before * RANKS_LINE;
}

/* What is in the block `out` goes to all; lines_in says how much each sends. */
static void gather(struct meet *meet)
{
    ranks_gather(meet->ranks, meet->out.bytes, meet->in.bytes, meet->lines_in);
}

/* Blocks for a gather of so many lines. */
static bool begin_gather(struct meet *meet, const size_t bytes[RANKS_MAX])
{
    for (int r = 0; r < meet->ranks->count; r++)
        meet->lines_in[r] = meet->lines_out[r] = ranks_lines(bytes[r]);
    return make_blocks(meet);
}

/* -- Opening ----------------------------------------------------------------------------------- */

bool meet_open(struct run *run, struct ranks *ranks, struct err *err)
{
    const struct model *model = run->model;
    if (ranks == NULL)
        return true;
    struct meet *meet = calloc(1, sizeof *meet);
    if (meet != NULL)
        meet->place = calloc((size_t)model->param_count, sizeof meet->place[0]);
    if (meet == NULL || meet->place == NULL) {
        free(meet);
        return err_set_errno(err, ENOMEM, "what ranks give each other");
    }
    meet->ranks = ranks;
    meet->finite = true;
    run->meet = meet;
    run->part = (struct span){ranks->me, ranks->count};
    for (int i = 0, r = 0; r < ranks->count; r++) {
        meet->owned[r].first = i;
        while (i < model->param_count && update_owner(run, i) == r)
            i++;
        meet->owned[r].last = i;
    }
    assert(meet->owned[ranks->count - 1].last == model->param_count); /* offsets rise */
    return true;
}

void meet_close(struct meet *meet)
{
    if (meet == NULL)
        return;
    free(meet->place);
    free(meet->out.bytes);
    free(meet->in.bytes);
    free(meet);
}

void meet_leave(struct run *run)
{
    meet_close(run->meet);
    run->meet = NULL;
    run->part = (struct span){0, 0};
}

static struct span chunks_of(const struct run *run, int rank)
{
    return run_divide((struct span){0, run_chunks(run)}, rank, run->part.last);
}

/* The floats of the canonical vector from the first parameter of a rank to the end of its last;
 * sets first. */
static size_t owned_floats(const struct run *run, int rank, size_t *first)
{
    const struct span owned = run->meet->owned[rank];
    const struct param *params = run->model->params;
    *first = 0;
    if (owned.first == owned.last)
        return 0;
    *first = params[owned.first].offset;
    return params[owned.last - 1].offset + params[owned.last - 1].count - *first;
}

/* -- Pieces of chunks -------------------------------------------------------------------------- */

static void meet_pieces(struct run *run, real *parts, int pieces, size_t stride, size_t floats)
{
    struct meet *meet = run->meet;
    const int me = meet->ranks->me, count = meet->ranks->count;
    size_t bytes[RANKS_MAX];
    for (int r = 0; r < count; r++) {
        const struct span chunks = chunks_of(run, r);
        bytes[r] = (size_t)(chunks.last - chunks.first) * (size_t)pieces * floats * sizeof(real);
    }
    if (!begin_gather(meet, bytes))
        return;
    const struct span own = chunks_of(run, me);
    real *out = meet->out.bytes;
    for (int i = own.first * pieces; i < own.last * pieces; i++, out += floats)
        memcpy(out, parts + (size_t)i * stride, floats * sizeof *out);
    gather(meet);
    for (int r = 0; r < count; r++) {
        const struct span chunks = chunks_of(run, r);
        const real *in = piece_of(&meet->in, meet->lines_in, r);
        for (int i = chunks.first * pieces; r != me && i < chunks.last * pieces; i++, in += floats)
            memcpy(parts + (size_t)i * stride, in, floats * sizeof *in);
    }
}

void run_meet(struct run *run, int rank, real *parts, int pieces, size_t stride, size_t floats)
{
    team_barrier(run->team);
    if (run->meet == NULL)
        return;
    run_count(run, rank, profile_place(run->model, PROFILE_WAIT));
    if (rank == 0)
        meet_pieces(run, parts, pieces, stride, floats);
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_RANKS));
}

/* -- Gradients --------------------------------------------------------------------------------- */

/* The nodes of all ranks, and what each owner gets of one: the gradients of its parameters, one
 * after another. */
static bool plan_gradients(struct run *run, const struct gradients *g)
{
    struct meet *meet = run->meet;
    const int me = meet->ranks->me, count = meet->ranks->count;
    for (int r = 0; r < count; r++) {
        meet->first_node[r + 1] =
            meet->first_node[r] +
            tree_nodes(chunks_of(run, r), g->parts, meet->nodes + meet->first_node[r]);
        meet->gradient[r] = 0;
    }
    for (int i = 0; i < g->count; i++) {
        const struct weight weight = weights_row(run, g->weights, i);
        const int owner = update_owner(run, weight.param);
        meet->place[i] = meet->gradient[owner];
        meet->gradient[owner] += weight.gradient_floats;
    }
    for (int r = 0; r < count; r++)
        meet->gradient[r] = (meet->gradient[r] + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
    for (int r = 0; r < count; r++) {
        const int mine = meet->first_node[me + 1] - meet->first_node[me];
        const int its = meet->first_node[r + 1] - meet->first_node[r];
        meet->lines_out[r] = ranks_lines((size_t)mine * meet->gradient[r] * sizeof(real));
        meet->lines_in[r] = ranks_lines((size_t)its * meet->gradient[me] * sizeof(real));
    }
    return make_blocks(meet);
}

/* The sums of one parameter over the nodes of this process, into what its owner gets. */
static void sum_nodes(const struct run *run, const struct gradients *g, int i)
{
    const struct meet *meet = run->meet;
    const struct weight weight = weights_row(run, g->weights, i);
    const int owner = update_owner(run, weight.param), me = meet->ranks->me;
    real *out = (real *)piece_of(&meet->out, meet->lines_out, owner) + meet->place[i];
    for (int k = meet->first_node[me]; k < meet->first_node[me + 1]; k++) {
        const struct span node = meet->nodes[k].span;
        tree_sum(out, g->chunks + (size_t)node.first * g->stride + weight.gradient, g->stride,
                 node.last - node.first, weight.gradient_floats);
        out += meet->gradient[owner];
    }
}

void meet_gradients(struct run *run, int rank, const struct gradients *gradients)
{
    struct meet *meet = run->meet;
    if (rank == 0)
        plan_gradients(run, gradients);
    team_barrier(run->team);
    for (int i = 0; meet->ranks->err.code == EXIT_OK && i < gradients->count; i++) {
        if (update_packs(run, rank, weights_row(run, gradients->weights, i).param))
            sum_nodes(run, gradients, i);
    }
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_UPDATE));
    if (rank == 0) {
        ranks_exchange(meet->ranks, meet->out.bytes, meet->lines_out, meet->in.bytes,
                       meet->lines_in);
        for (int r = 0; meet->ranks->err.code == EXIT_OK && r < meet->ranks->count; r++) {
            const real *in = piece_of(&meet->in, meet->lines_in, r);
            for (int k = meet->first_node[r]; k < meet->first_node[r + 1]; k++)
                meet->nodes[k].sum =
                    in + (size_t)(k - meet->first_node[r]) * meet->gradient[meet->ranks->me];
        }
    }
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_RANKS));
}

void meet_gradient(const struct run *run, const struct gradients *gradients, int weight, real *out)
{
    const struct meet *meet = run->meet;
    struct tree_node nodes[MODEL_MOST_CHUNKS];
    const int count = meet->first_node[meet->ranks->count];
    if (meet->ranks->err.code != EXIT_OK)
        return;
    for (int k = 0; k < count; k++)
        nodes[k] =
            (struct tree_node){meet->nodes[k].span, meet->nodes[k].sum + meet->place[weight]};
    tree_finish(out, nodes, count, gradients->parts,
                weights_row(run, gradients->weights, weight).gradient_floats);
}

void meet_squares(struct run *run, int rank)
{
    struct meet *meet = run->meet;
    team_barrier(run->team);
    if (meet == NULL)
        return;
    if (rank == 0) {
        size_t bytes[RANKS_MAX];
        for (int r = 0; r < meet->ranks->count; r++)
            bytes[r] = (size_t)(meet->owned[r].last - meet->owned[r].first) * sizeof(double);
        if (begin_gather(meet, bytes)) {
            memcpy(meet->out.bytes, run->squares + meet->owned[meet->ranks->me].first,
                   bytes[meet->ranks->me]);
            gather(meet);
            for (int r = 0; r < meet->ranks->count; r++)
                memcpy(run->squares + meet->owned[r].first, piece_of(&meet->in, meet->lines_in, r),
                       bytes[r]);
        }
    }
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_RANKS));
}

/* -- News -------------------------------------------------------------------------------------- */

static size_t news_bytes(const struct run *run, int rank)
{
    const struct span chunks = chunks_of(run, rank);
    return sizeof(struct news) + (size_t)(chunks.last - chunks.first) * sizeof(struct chunk_news);
}

/* Returns what comes behind. */
static void *tell(const struct run *run, struct news *news, bool finite)
{
    const struct span chunks = chunks_of(run, run->meet->ranks->me);
    struct chunk_news *own = (struct chunk_news *)(news + 1);
    *news = (struct news){.signal = ranks_signal(run->meet->ranks), .finite = finite};
    for (int chunk = chunks.first; chunk < chunks.last; chunk++)
        *own++ = (struct chunk_news){.loss = run->loss[chunk], .correct = run->correct[chunk]};
    return own;
}

/* Takes over what a rank says of its chunks. The first rank that was asked to stop decides. Returns
 * what comes behind. */
static const void *hear(struct run *run, const struct news *news, int from)
{
    struct meet *meet = run->meet;
    const struct span chunks = chunks_of(run, from);
    const struct chunk_news *its = (const struct chunk_news *)(news + 1);
    for (int chunk = chunks.first; chunk < chunks.last; chunk++, its++) {
        run->loss[chunk] = its->loss;
        run->correct[chunk] = its->correct;
    }
    meet->signal = meet->signal == 0 ? news->signal : meet->signal;
    meet->finite = meet->finite && news->finite != 0;
    return its;
}

static void share_parameters(struct run *run)
{
    struct meet *meet = run->meet;
    const int me = meet->ranks->me;
    size_t bytes[RANKS_MAX], first[RANKS_MAX], floats[RANKS_MAX];
    for (int r = 0; r < meet->ranks->count; r++) {
        floats[r] = owned_floats(run, r, &first[r]);
        bytes[r] = news_bytes(run, r) + floats[r] * sizeof(real);
    }
    if (!begin_gather(meet, bytes))
        return;
    void *mine = tell(run, meet->out.bytes, finite_all(run->store.grad + first[me], floats[me]));
    memcpy(mine, run->store.param + first[me], floats[me] * sizeof(real));
    gather(meet);
    meet->finite = true;
    for (int r = 0; meet->ranks->err.code == EXIT_OK && r < meet->ranks->count; r++) {
        const void *its = hear(run, piece_of(&meet->in, meet->lines_in, r), r);
        memcpy(run->store.param + first[r], its, floats[r] * sizeof(real));
    }
}

void meet_parameters(struct run *run, int rank)
{
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_UPDATE));
    if (rank == 0)
        share_parameters(run);
    team_barrier(run->team);
    run_count(run, rank, profile_place(run->model, PROFILE_RANKS));
}

static void meet_logits(struct run *run)
{
    struct meet *meet = run->meet;
    const size_t row = (size_t)run->model->classes;
    size_t bytes[RANKS_MAX];
    struct span images[RANKS_MAX];
    for (int r = 0; r < meet->ranks->count; r++) {
        const struct span chunks = chunks_of(run, r);
        images[r] = (struct span){run_chunk(run, chunks.first).first,
                                  chunks.last > 0 ? run_chunk(run, chunks.last - 1).last : 0};
        if (chunks.first == chunks.last)
            images[r] = (struct span){0, 0};
        bytes[r] = (size_t)(images[r].last - images[r].first) * row * sizeof(real);
    }
    const int me = meet->ranks->me;
    if (!begin_gather(meet, bytes))
        return;
    memcpy(meet->out.bytes, run->logits + (size_t)images[me].first * row, bytes[me]);
    gather(meet);
    for (int r = 0; r < meet->ranks->count; r++)
        memcpy(run->logits + (size_t)images[r].first * row, piece_of(&meet->in, meet->lines_in, r),
               bytes[r]);
}

void meet_evaluation(struct run *run)
{
    struct meet *meet = run->meet;
    size_t bytes[RANKS_MAX];
    for (int r = 0; r < meet->ranks->count; r++)
        bytes[r] = news_bytes(run, r);
    if (!begin_gather(meet, bytes))
        return;
    tell(run, meet->out.bytes, true);
    gather(meet);
    for (int r = 0; meet->ranks->err.code == EXIT_OK && r < meet->ranks->count; r++)
        hear(run, piece_of(&meet->in, meet->lines_in, r), r);
    if (run->logits != NULL)
        meet_logits(run);
}

bool meet_gradients_finite(const struct meet *meet)
{
    return meet->finite;
}

int meet_signal(const struct meet *meet)
{
    return meet->signal;
}

/* -- The optimizer's state --------------------------------------------------------------------- */

static void meet_vector(struct run *run, real *vector)
{
    struct meet *meet = run->meet;
    const int me = meet->ranks->me;
    size_t bytes[RANKS_MAX], first[RANKS_MAX];
    if (vector == NULL)
        return;
    for (int r = 0; r < meet->ranks->count; r++)
        bytes[r] = owned_floats(run, r, &first[r]) * sizeof(real);
    if (!begin_gather(meet, bytes))
        return;
    memcpy(meet->out.bytes, vector + first[me], bytes[me]);
    gather(meet);
    for (int r = 0; r < meet->ranks->count; r++)
        memcpy(vector + first[r], piece_of(&meet->in, meet->lines_in, r), bytes[r]);
}

void meet_optimizer(struct run *run)
{
    if (run->meet == NULL)
        return;
    meet_vector(run, run->store.momentum);
    meet_vector(run, run->store.square);
}
