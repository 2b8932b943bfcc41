/* shared.c - a rank writes into a box of its own, all wait for each other, all read.
 *
 * What a rank sends is a stream: its pieces one after another. A box holds a part of the stream,
 * and the lengths of the pieces, from which the others know where theirs lies and how many rounds
 * there are. Each rank has two boxes and takes them in turn: who writes to a box again has passed
 * the barrier of the other one, before which everybody had read the first. So a round has one
 * barrier.
 *
 * The process that was started becomes the one that waits: it starts the ranks, passes on the first
 * signal through the shared memory, as all agree on when they stop, and ends all at the second. A
 * rank that ends before all have agreed to leaves others waiting, so it ends them, too.
 */
/* Anonymous mappings are no part of POSIX. */
#define _DEFAULT_SOURCE

#include "ranks/shared.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "sys/barrier.h"
#include "sys/cpu.h"
#include "sys/interrupt.h"

enum { BOX_LINES = (1 << 20) / RANKS_LINE, BOXES = 2, PAGE = 4096 };

struct head {
    struct barrier barrier;
    atomic_int signal;
    atomic_int done[RANKS_MAX]; /* whether this rank has closed */
    int count, lines;           /* of a box */
};

struct box {
    int lines[RANKS_MAX]; /* of each piece of the stream; a gather sends one to all: EVERYBODY */
    int everybody;        /* lines that go to all, or 0 */
    int unused[15];
    _Alignas(RANKS_LINE) unsigned char bytes[]; /* [head.lines][RANKS_LINE] */
};

struct shared {
    struct head *head;
    int me;
    unsigned turn;
};

/* -- Places ------------------------------------------------------------------------------------ */

static size_t head_bytes(void)
{
    return (sizeof(struct head) + PAGE - 1) / PAGE * PAGE;
}

static size_t box_bytes(int lines)
{
    return (sizeof(struct box) + (size_t)lines * RANKS_LINE + PAGE - 1) / PAGE * PAGE;
}

size_t shared_bytes(int count, int lines)
{
    return head_bytes() + (size_t)count * BOXES * box_bytes(lines);
}

static struct box *box_of(const struct shared *s, int rank)
{
    const size_t place = (size_t)rank * BOXES + s->turn % BOXES;
    return (void *)((unsigned char *)s->head + head_bytes() + place * box_bytes(s->head->lines));
}

/* -- Streams ----------------------------------------------------------------------------------- */

/* What of a stream goes to one rank: lines from `first` on. */
struct piece {
    int first, lines;
};

static struct piece piece_for(const struct box *box, int rank)
{
    struct piece piece = {0, box->lines[rank]};
    if (box->everybody > 0)
        return (struct piece){0, box->everybody};
    for (int r = 0; r < rank; r++)
        piece.first += box->lines[r];
    return piece;
}

static int stream_lines(const struct box *box, int count)
{
    int sum = box->everybody;
    for (int r = 0; r < count; r++)
        sum += box->lines[r];
    return sum;
}

/* Copies what of the piece is in the box in this round. out: the whole piece. */
static void take(unsigned char *out, struct piece piece, const struct box *box, int capacity,
                 int round)
{
    const int begin = round * capacity, end = begin + capacity;
    const int first = piece.first > begin ? piece.first : begin;
    const int stop = piece.first + piece.lines < end ? piece.first + piece.lines : end;
    if (first < stop)
        memcpy(out + (size_t)(first - piece.first) * RANKS_LINE,
               box->bytes + (size_t)(first - begin) * RANKS_LINE,
               (size_t)(stop - first) * RANKS_LINE);
}

/* `said` holds the lengths of this rank's stream; what it has for itself is not in it. */
static void move(struct shared *s, const struct box *said, const unsigned char *stream,
                 unsigned char *recv, const int *recv_lines)
{
    const int count = s->head->count, capacity = s->head->lines;
    const int mine = stream_lines(said, count);
    int rounds = 1;
    for (int round = 0; round < rounds; round++, s->turn++) {
        struct box *box = box_of(s, s->me);
        const int first = round * capacity;
        const int left = mine - first < capacity ? mine - first : capacity;
        memcpy(box, said, sizeof *said);
        if (left > 0)
            memcpy(box->bytes, stream + (size_t)first * RANKS_LINE, (size_t)left * RANKS_LINE);
        barrier_wait(&s->head->barrier);
        unsigned char *out = recv;
        for (int r = 0; r < count; out += (size_t)recv_lines[r] * RANKS_LINE, r++) {
            const struct box *from = box_of(s, r);
            const int needed = (stream_lines(from, count) + capacity - 1) / capacity;
            rounds = needed > rounds ? needed : rounds;
            if (r == s->me)
                continue;
            const struct piece piece = piece_for(from, s->me);
            assert(piece.lines == recv_lines[r]);
            take(out, piece, from, capacity, round);
        }
    }
}

static size_t lines_before(const int *lines, int rank)
{
    size_t sum = 0;
    for (int r = 0; r < rank; r++)
        sum += (size_t)lines[r];
    return sum * RANKS_LINE;
}

static bool gather(void *state, const void *send, void *recv, const int *lines, struct err *err)
{
    struct shared *s = state;
    struct box said = {.everybody = lines[s->me]};
    (void)err;
    memcpy((unsigned char *)recv + lines_before(lines, s->me), send,
           (size_t)lines[s->me] * RANKS_LINE);
    move(s, &said, send, recv, lines);
    return true;
}

/* The piece for oneself stays where it is, so the stream is what is before it and what is behind.
 */
static bool exchange(void *state, const void *send, const int *send_lines, void *recv,
                     const int *recv_lines, struct err *err)
{
    struct shared *s = state;
    struct box said = {.everybody = 0};
    (void)err;
    memcpy(said.lines, send_lines, (size_t)s->head->count * sizeof said.lines[0]);
    assert(send_lines[s->me] == recv_lines[s->me]);
    memcpy((unsigned char *)recv + lines_before(recv_lines, s->me),
           (const unsigned char *)send + lines_before(send_lines, s->me),
           (size_t)send_lines[s->me] * RANKS_LINE);
    move(s, &said, send, recv, recv_lines);
    return true;
}

static int asked_to_stop(void *state)
{
    const struct shared *s = state;
    return atomic_load(&s->head->signal);
}

static void close_shared(void *state)
{
    struct shared *s = state;
    atomic_store(&s->head->done[s->me], 1);
    barrier_wait(&s->head->barrier);
    free(s);
}

/* The process that waits ends the others. */
static void abort_shared(void *state, int code)
{
    (void)code;
    free(state);
}

bool shared_init(void *region, int count, int lines, bool processes, struct err *err)
{
    struct head *head = region;
    const int spins = count <= cpu_online() ? BARRIER_SPINS : 0;
    head->count = count;
    head->lines = lines;
    return barrier_init(&head->barrier, count, spins, processes, err);
}

void shared_join(struct ranks *ranks, void *region, int me)
{
    struct head *head = region;
    struct shared *state = malloc(sizeof *state);
    if (state == NULL)
        abort(); /* a few bytes, before anything is open */
    *state = (struct shared){head, me, 0};
    *ranks = (struct ranks){
        .me = me,
        .count = head->count,
        .here = head->count,
        .here_me = me,
        .back_end = {"shared memory", gather, exchange, asked_to_stop, close_shared, abort_shared},
        .state = state};
}

/* -- Processes --------------------------------------------------------------------------------- */

/* A process for each rank, and what has become of it. */
struct children {
    struct head *head;
    pid_t process[RANKS_MAX]; /* 0: it has ended */
    int left;
    int signal; /* that came to the one that waits */
    bool over;  /* the others were ended */
};

static void end_all(struct children *c)
{
    c->over = true;
    for (int r = 0; r < c->head->count; r++) {
        if (c->process[r] > 0)
            kill(c->process[r], SIGKILL);
    }
}

/* What the end of a rank says, if it is the first that failed. */
static void judge(struct children *c, int rank, int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK)
        return;
    if (err->code != EXIT_OK)
        return;
    if (WIFEXITED(status))
        err->code = (enum exit_code)WEXITSTATUS(status);
    else if (c->signal != 0)
        err->code = EXIT_INTERRUPTED;
    else
        err_set(err,
                "rank %d was ended by signal %d (%s); the others were stopped, and the last "
                "checkpoint is as it was",
                rank, WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (atomic_load(&c->head->done[rank]) == 0 && !c->over)
        end_all(c);
}

/* Those that have ended. */
static void collect(struct children *c, struct err *err)
{
    for (int r = 0; r < c->head->count; r++) {
        int status;
        if (c->process[r] > 0 && waitpid(c->process[r], &status, WNOHANG) == c->process[r]) {
            c->process[r] = 0;
            c->left--;
            judge(c, r, status, err);
        }
    }
}

/* The first signal goes to all ranks through the head, whether or not it has come to them, too, as
 * one from a terminal does; the second ends them. */
static enum ranks_role wait_for_all(struct children *c, const sigset_t *signals, struct err *err)
{
    collect(c, err);
    while (c->left > 0) {
        const int signal = sigwaitinfo(signals, NULL);
        if (signal > 0 && signal != SIGCHLD) {
            if (c->signal != 0)
                end_all(c);
            c->signal = signal;
            atomic_store(&c->head->signal, signal);
        }
        collect(c, err);
    }
    return RANKS_DONE;
}

static void stay_with_parent(pid_t parent)
{
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(EXIT_FAILED);
}

enum ranks_role shared_start(struct ranks *ranks, int count, struct err *err)
{
    const size_t bytes = shared_bytes(count, BOX_LINES);
    void *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) {
        err_set_errno(err, errno, "--ranks %d: cannot share %zu bytes", count, bytes);
        return RANKS_FAILED;
    }
    struct children children = {.head = region};
    if (!shared_init(region, count, BOX_LINES, true, err)) {
        munmap(region, bytes);
        return RANKS_FAILED;
    }
    const pid_t parent = getpid();
    sigset_t signals, before;
    interrupt_signals(&signals);
    sigaddset(&signals, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);                  /* ignored, nobody would know how they ended */
    sigprocmask(SIG_BLOCK, &signals, &before); /* they are waited for */
    fflush(NULL);                              /* what is in a buffer would be printed by each */
    for (int r = 0; r < count; r++) {
        pid_t process = fork();
        if (process == 0) {
            sigprocmask(SIG_SETMASK, &before, NULL);
            stay_with_parent(parent);
            shared_join(ranks, region, r);
            return RANKS_WORK;
        }
        if (process < 0) {
            err_set_errno(err, errno, "--ranks %d: cannot start rank %d", count, r);
            end_all(&children);
            break;
        }
        children.process[r] = process;
        children.left++;
    }
    enum ranks_role role = wait_for_all(&children, &signals, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    munmap(region, bytes);
    return role;
}
