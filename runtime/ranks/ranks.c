/* ranks.c - which back end there is, and what ranks say to each other besides numbers.
 *
 * Agreement is one gather of everybody's error. It is made where all ranks come whatever happened
 * to them: at the end of opening, and at the end of a training. In between an error of one rank
 * alone ends all of them.
 */
#include "ranks/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranks/launched.h"
#include "ranks/shared.h"
#include "sys/interrupt.h"

static struct ranks all;

/* -- Start and end ----------------------------------------------------------------------------- */

static void name_host(struct ranks *ranks)
{
    if (gethostname(ranks->host, sizeof ranks->host) != 0)
        snprintf(ranks->host, sizeof ranks->host, "this machine");
    ranks->host[sizeof ranks->host - 1] = '\0';
}

/* Counts the ranks of this machine, by its name. */
static void find_neighbours(struct ranks *ranks)
{
    _Alignas(RANKS_LINE) char mine[RANKS_LINE] = "";
    _Alignas(RANKS_LINE) char hosts[RANKS_MAX][RANKS_LINE];
    int lines[RANKS_MAX];
    for (int r = 0; r < ranks->count; r++)
        lines[r] = 1;
    memcpy(mine, ranks->host, sizeof mine);
    memset(hosts, 0, sizeof hosts);
    ranks_gather(ranks, mine, hosts, lines);
    ranks->here = 0;
    for (int r = 0; r < ranks->count; r++) {
        if (memcmp(hosts[r], mine, sizeof mine) != 0)
            continue;
        ranks->here_me = r == ranks->me ? ranks->here : ranks->here_me;
        ranks->here++;
    }
}

enum ranks_role ranks_start(struct ranks **ranks, int wanted, int most, struct err *err)
{
    enum ranks_role role = RANKS_WORK;
    *ranks = NULL;
    const char *launcher = launched_by();
    if (wanted > most) {
        err_set_code(err, EXIT_USAGE, "--ranks %d: expected at most %d, the chunks of a batch",
                     wanted, most);
        return RANKS_FAILED;
    }
    if (wanted > 1 && launcher != NULL) {
        err_set_code(err, EXIT_USAGE,
                     "--ranks %d: %s has started this program as one rank of several: expected one "
                     "of the two",
                     wanted, launcher);
        return RANKS_FAILED;
    }
    if (wanted > 1)
        role = shared_start(&all, wanted, err);
    else if (launcher != NULL)
        role = launched_start(&all, launcher, most, err) ? RANKS_WORK : RANKS_FAILED;
    if (role != RANKS_WORK || all.count < 2)
        return role;
    name_host(&all);
    find_neighbours(&all);
    *ranks = &all;
    return RANKS_WORK;
}

int ranks_threads(const struct ranks *ranks, int processors)
{
    const int share = ranks->bound ? processors : processors / ranks->here;
    return share > 1 ? share : 1;
}

bool ranks_writes(const struct ranks *ranks)
{
    return ranks == NULL || ranks->me == 0;
}

const char *ranks_speaker(enum exit_code code, char *out)
{
    const bool agreed = all.count < 2 || (code == all.code && all.err.code == EXIT_OK);
    out[0] = '\0';
    if (agreed)
        return all.me == 0 ? out : NULL;
    snprintf(out, RANKS_HOST_SIZE + 32, "rank %d on %s: ", all.me, all.host);
    return out;
}

void ranks_finish(enum exit_code code)
{
    if (all.count < 1)
        return;
    if (code != all.code || all.err.code != EXIT_OK)
        all.back_end.abort(all.state, (int)code);
    else
        all.back_end.close(all.state);
    all = (struct ranks){.count = 0};
}

/* -- Bytes ------------------------------------------------------------------------------------- */

void ranks_gather(struct ranks *ranks, const void *send, void *recv, const int *lines)
{
    if (ranks->err.code == EXIT_OK)
        ranks->back_end.gather(ranks->state, send, recv, lines, &ranks->err);
}

void ranks_exchange(struct ranks *ranks, const void *send, const int *send_lines, void *recv,
                    const int *recv_lines)
{
    if (ranks->err.code == EXIT_OK)
        ranks->back_end.exchange(ranks->state, send, send_lines, recv, recv_lines, &ranks->err);
}

bool ranks_well(const struct ranks *ranks, struct err *err)
{
    return ranks == NULL || ranks->err.code == EXIT_OK ||
           err_set_code(err, ranks->err.code, "%s", ranks->err.message);
}

int ranks_signal(const struct ranks *ranks)
{
    const int signal = ranks->back_end.signal != NULL ? ranks->back_end.signal(ranks->state) : 0;
    return signal != 0 ? signal : interrupt_requested();
}

/* -- Agreement --------------------------------------------------------------------------------- */

/* What a rank says of itself, in whole lines. */
struct word {
    int code;
    char host[RANKS_HOST_SIZE];
    char text[(sizeof(struct err) / RANKS_LINE + 1) * RANKS_LINE - RANKS_HOST_SIZE - sizeof(int) +
              RANKS_LINE];
};
_Static_assert(sizeof(struct word) % RANKS_LINE == 0, "whole lines");

/* Everybody's words, to be freed; NULL without memory or bytes, which err says. */
static struct word *gather_words(struct ranks *ranks, const struct word *mine, struct err *err)
{
    int lines[RANKS_MAX];
    struct word *words = calloc((size_t)ranks->count, sizeof *words);
    for (int r = 0; r < ranks->count; r++)
        lines[r] = (int)(sizeof *words / RANKS_LINE);
    if (words == NULL) {
        err_set(err, "no memory for the words of %d ranks", ranks->count);
        return NULL;
    }
    ranks_gather(ranks, mine, words, lines);
    if (ranks->err.code == EXIT_OK)
        return words;
    free(words);
    err_set_code(err, ranks->err.code, "%s", ranks->err.message);
    return NULL;
}

static struct word own_word(const struct ranks *ranks)
{
    struct word word;
    memset(&word, 0, sizeof word);
    memcpy(word.host, ranks->host, sizeof word.host);
    return word;
}

bool ranks_agree(struct ranks *ranks, bool ok, struct err *err)
{
    if (ranks == NULL)
        return ok;
    if (!ok && ranks->code != EXIT_OK && ranks->code == err->code)
        return false; /* they have agreed on that error, and all of them know */
    struct word mine = own_word(ranks);
    mine.code = ok ? EXIT_OK : err->code == EXIT_OK ? EXIT_FAILED : (int)err->code;
    snprintf(mine.text, sizeof mine.text, "%s", err->message);
    struct word *words = gather_words(ranks, &mine, err);
    if (words == NULL)
        return false;
    int first = 0;
    while (first < ranks->count && words[first].code == EXIT_OK)
        first++;
    if (first < ranks->count) {
        *err = (struct err){.code = EXIT_OK};
        ranks->code = (enum exit_code)words[first].code;
        err_set_code(err, ranks->code, "rank %d on %s: %s", first, words[first].host,
                     words[first].text);
    }
    free(words);
    return first == ranks->count;
}

void ranks_agreed(struct ranks *ranks, enum exit_code code)
{
    if (ranks != NULL)
        ranks->code = code;
}

bool ranks_compare(struct ranks *ranks, const char *what, const char *text, struct err *err)
{
    if (ranks == NULL)
        return true;
    struct word mine = own_word(ranks);
    snprintf(mine.text, RANKS_TEXT, "%s", text);
    struct word *words = gather_words(ranks, &mine, err);
    if (words == NULL)
        return false;
    int other = 1;
    while (other < ranks->count && strcmp(words[other].text, words[0].text) == 0)
        other++;
    if (other < ranks->count) {
        ranks->code = EXIT_USAGE;
        err_set_code(err, EXIT_USAGE,
                     "rank %d on %s: %s: \"%s\": expected that of rank 0 on %s, \"%s\": all ranks "
                     "need the same program, images and settings",
                     other, words[other].host, what, words[other].text, words[0].host,
                     words[0].text);
    }
    free(words);
    return other == ranks->count;
}
