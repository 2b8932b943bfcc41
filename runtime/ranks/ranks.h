/* ranks.h - the processes that make one training together, and the bytes that go between them.
 *
 *     struct ranks *ranks = NULL;                 (NULL: this process is alone)
 *     switch (ranks_start(&ranks, wanted, most, &err)) {   (`--ranks`, or a launcher of MPI)
 *     case RANKS_WORK: ...                        (this process is rank ranks->me of ranks->count)
 *     case RANKS_DONE: ...                        (others have done it; err has how that ended)
 *     }
 *     ranks_gather(ranks, mine, all, lines);      (every rank, with the same lines)
 *     ok = ranks_agree(ranks, ok, &err);          (what failed on one rank has failed on all)
 *     ranks_finish(code);                         (at the end of main, with or without ranks)
 *
 * A back end moves bytes and never adds: whoever needs a sum makes it of all its parts, in the
 * order that is written down, so the bits do not depend on the number of ranks. All ranks call the
 * same functions in the same order, each on the thread that called ranks_start.
 *
 * A rank that fails alone, between two agreements, ends all: ranks_finish tells the others, who may
 * wait for it, by ending them. A back end that fails says so once, in ranks->err, and moves nothing
 * from there on; the next agreement finds it.
 *
 * There is one set of ranks in a process, and ranks.c owns it.
 */
#ifndef BURIN_RANKS_H
#define BURIN_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/err.h"

/* What travels is in lines of this many bytes, so that an int counts 128 GB. */
enum { RANKS_MAX = 256, RANKS_LINE = 64, RANKS_HOST_SIZE = 64, RANKS_NAME_SIZE = 64 };

/* One way for bytes from rank to rank. Pieces lie one after another, in the order of the ranks. */
struct ranks_back_end {
    char name[RANKS_NAME_SIZE]; /* "shared memory", "Open MPI 4.1.4" */
    /* Of each rank's `send`, all of them: recv [sum of lines]; lines[r] is how many rank r sends.
     */
    bool (*gather)(void *state, const void *send, void *recv, const int *lines, struct err *err);
    /* To each rank a piece of its own. */
    bool (*exchange)(void *state, const void *send, const int *send_lines, void *recv,
                     const int *recv_lines, struct err *err);
    /* The signal by which somebody asked all ranks to stop, or 0; NULL: signals come to each. */
    int (*signal)(void *state);
    /* Waits for all ranks. The last call. */
    void (*close)(void *state);
    /* Ends all ranks, this one with this exit code. Does not return where it can. */
    void (*abort)(void *state, int code);
};

struct ranks {
    int me, count;
    int here, here_me; /* ranks on this machine, and which of them this one is */
    bool bound;        /* each to processors of its own */
    char host[RANKS_HOST_SIZE];
    struct ranks_back_end back_end;
    void *state;
    struct err err;      /* of the back end; its code is EXIT_OK as long as bytes move */
    enum exit_code code; /* with which all ranks end, as far as they have agreed */
};

/* FAILED: err says why. */
enum ranks_role { RANKS_FAILED, RANKS_WORK, RANKS_DONE };

/* wanted: ranks on this machine over shared memory, 1: alone, unless a launcher of MPI has started
 * this program as one of several. most: the chunks of a batch, RANKS_MAX at most: more ranks are
 * EXIT_USAGE. RANKS_DONE is what the process gets that has started the others and waited for them;
 * err->code is theirs. Before any thread is started. */
enum ranks_role ranks_start(struct ranks **ranks, int wanted, int most, struct err *err);

/* Threads for this rank on a machine with so many processors for this process: its share of them,
 * unless the launcher has bound each rank to its own. */
int ranks_threads(const struct ranks *ranks, int processors);

/* Whether this is the rank that writes files and speaks to the user; ranks may be NULL. */
bool ranks_writes(const struct ranks *ranks);

/* The back end's functions; nothing after a failure. */
void ranks_gather(struct ranks *ranks, const void *send, void *recv, const int *lines);
void ranks_exchange(struct ranks *ranks, const void *send, const int *send_lines, void *recv,
                    const int *recv_lines);

/* Whether bytes still move; else the back end's error is in err. True where ranks is NULL. */
bool ranks_well(const struct ranks *ranks, struct err *err);

/* A signal that all ranks are to stop for, as this one knows it; 0: none. */
int ranks_signal(const struct ranks *ranks);

/* Whether all ranks are well. Else the first that is not gives all of them its error, with its
 * name. Returns ok where ranks is NULL. */
bool ranks_agree(struct ranks *ranks, bool ok, struct err *err);

/* Notes that all ranks are going to end with this code, as each of them knows by itself. */
void ranks_agreed(struct ranks *ranks, enum exit_code code);

/* Whether all ranks have the same text, of at most RANKS_TEXT - 1 bytes; else EXIT_USAGE in err, on
 * all of them: `what` is compared. The texts of rank 0 and of the first other one are shown. */
enum { RANKS_TEXT = 192 };
bool ranks_compare(struct ranks *ranks, const char *what, const char *text, struct err *err);

/* "rank 1 on node7: " where this rank ends alone; empty where the writing one speaks for all; NULL
 * where another one does. out holds RANKS_HOST_SIZE + 32. Returns out or NULL. */
const char *ranks_speaker(enum exit_code code, char *out);

/* The end of this process: waits for the others, or ends them. Does nothing without ranks. */
void ranks_finish(enum exit_code code);

/* Lines that hold so many bytes. */
static inline int ranks_lines(size_t bytes)
{
    return (int)((bytes + RANKS_LINE - 1) / RANKS_LINE);
}

#endif
