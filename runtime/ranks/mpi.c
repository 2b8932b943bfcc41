/* mpi.c - the plug-in burin_mpi.so: MPI moves bytes, and adds nothing.
 *
 * An MPI_SUM would add in an order of the library's choosing, which changes with the number of
 * ranks, with sizes and with versions. So there are two functions, and neither knows what a number
 * is. One line of RANKS_LINE bytes is one element, as counts are ints.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranks/launched.h"

struct mpi {
    MPI_Datatype line;
    int count;
    char name[RANKS_NAME_SIZE];
};

/* -- Errors ------------------------------------------------------------------------------------ */

static bool check(int result, const char *what, struct err *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (result == MPI_SUCCESS)
        return true;
    MPI_Error_string(result, text, &length);
    return err_set(err, "%s: %.*s", what, length, text);
}

/* -- The back end ------------------------------------------------------------------------------ */

static void places(int *at, const int *lines, int count)
{
    at[0] = 0;
    for (int r = 1; r < count; r++)
        at[r] = at[r - 1] + lines[r - 1];
}

static bool gather(void *state, const void *send, void *recv, const int *lines, struct err *err)
{
    const struct mpi *mpi = state;
    int at[RANKS_MAX], me = 0;
    places(at, lines, mpi->count);
    return check(MPI_Comm_rank(MPI_COMM_WORLD, &me), "MPI_Comm_rank", err) &&
           check(MPI_Allgatherv(send, lines[me], mpi->line, recv, lines, at, mpi->line,
                                MPI_COMM_WORLD),
                 "MPI_Allgatherv", err);
}

static bool exchange(void *state, const void *send, const int *send_lines, void *recv,
                     const int *recv_lines, struct err *err)
{
    const struct mpi *mpi = state;
    int send_at[RANKS_MAX], recv_at[RANKS_MAX];
    places(send_at, send_lines, mpi->count);
    places(recv_at, recv_lines, mpi->count);
    return check(MPI_Alltoallv(send, send_lines, send_at, mpi->line, recv, recv_lines, recv_at,
                               mpi->line, MPI_COMM_WORLD),
                 "MPI_Alltoallv", err);
}

/* Everything is written by now, and a failure here costs nothing of it: whoever ends without
 * MPI_Finalize is a loss to the launcher, which says so. */
static void close_mpi(void *state)
{
    struct mpi *mpi = state;
    MPI_Type_free(&mpi->line);
    free(mpi);
    MPI_Finalize();
}

static void abort_mpi(void *state, int code)
{
    (void)state;
    MPI_Abort(MPI_COMM_WORLD, code);
}

/* -- Start ------------------------------------------------------------------------------------- */

/* "Open MPI v4.1.4", "MPICH Version: 4.0.2": the first words of what the library says. */
static void name_library(char name[RANKS_NAME_SIZE])
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "MPI";
    int length = 0;
    MPI_Get_library_version(text, &length);
    size_t words = strcspn(text, ",\n");
    for (size_t i = 0; i < words; i++)
        text[i] = text[i] == '\t' ? ' ' : text[i];
    snprintf(name, RANKS_NAME_SIZE, "%.*s", (int)words, text);
}

bool burin_mpi_start(struct ranks *ranks, struct err *err);
bool burin_mpi_start(struct ranks *ranks, struct err *err)
{
    int level = 0, me = 0, count = 1;
    struct mpi *mpi = calloc(1, sizeof *mpi);
    if (mpi == NULL)
        return err_set(err, "no memory for MPI");
    const int started = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (started != MPI_SUCCESS) { /* before it has, MPI explains no errors */
        free(mpi);
        return err_set(err, "MPI_Init_thread: error %d", started);
    }
    if (!check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN),
               "MPI_Comm_set_errhandler", err) ||
        !check(MPI_Comm_rank(MPI_COMM_WORLD, &me), "MPI_Comm_rank", err) ||
        !check(MPI_Comm_size(MPI_COMM_WORLD, &count), "MPI_Comm_size", err) ||
        !check(MPI_Type_contiguous(RANKS_LINE, MPI_BYTE, &mpi->line), "MPI_Type_contiguous", err) ||
        !check(MPI_Type_commit(&mpi->line), "MPI_Type_commit", err)) {
        free(mpi);
        return false;
    }
    mpi->count = count;
    *ranks = (struct ranks){
        .me = me,
        .count = count,
        .here = 1,
        .back_end = {"", gather, exchange, NULL, close_mpi, abort_mpi},
        .state = mpi,
    };
    name_library(ranks->back_end.name);
    return level >= MPI_THREAD_FUNNELED ||
           err_set(err, "%s lets no other thread run beside MPI: expected MPI_THREAD_FUNNELED",
                   ranks->back_end.name);
}

extern const size_t burin_mpi_size;
const size_t burin_mpi_size = sizeof(struct ranks);
