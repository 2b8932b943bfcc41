/* mpi_faults.c - a library for LD_PRELOAD that makes calls of MPI fail, each on one rank.
 *
 *     MPI_FAULT=MPI_Alltoallv:3:1 LD_PRELOAD=mpi_faults.so mpirun -n 2 program train ...
 *
 * The third call of this function on rank 1 returns MPI_ERR_OTHER and does nothing. Commas stand
 * between several such calls. Each function goes on to MPI by its second name, which the standard's
 * profiling interface gives it.
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int rank(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *text = getenv(variables[i]);
        if (text != NULL)
            return atoi(text);
    }
    return 0;
}

/* Whether this call is the one. calls: of this function so far. */
static bool fails(const char *function, int *calls)
{
    const size_t length = strlen(function);
    ++*calls;
    for (const char *fault = getenv("MPI_FAULT"); fault != NULL; fault = strchr(fault, ',')) {
        fault += *fault == ',';
        if (strncmp(fault, function, length) != 0 || fault[length] != ':')
            continue;
        char *end;
        const long call = strtol(fault + length + 1, &end, 10);
        if (call == *calls && *end == ':' && strtol(end + 1, NULL, 10) == rank())
            return true;
    }
    return false;
}

#define FAULTY(function, parameters, arguments)                                                    \
    int function parameters                                                                        \
    {                                                                                              \
        static int calls;                                                                          \
        return fails(#function, &calls) ? MPI_ERR_OTHER : P##function arguments;                   \
    }

FAULTY(MPI_Init_thread, (int *argc, char ***argv, int required, int *provided),
       (argc, argv, required, provided))
FAULTY(MPI_Comm_rank, (MPI_Comm comm, int *me), (comm, me))
FAULTY(MPI_Comm_size, (MPI_Comm comm, int *size), (comm, size))
FAULTY(MPI_Type_contiguous, (int count, MPI_Datatype old, MPI_Datatype *made), (count, old, made))
FAULTY(MPI_Type_commit, (MPI_Datatype * type), (type))
FAULTY(MPI_Type_free, (MPI_Datatype * type), (type))
FAULTY(MPI_Comm_set_errhandler, (MPI_Comm comm, MPI_Errhandler handler), (comm, handler))
FAULTY(MPI_Get_library_version, (char *version, int *length), (version, length))
FAULTY(MPI_Error_string, (int code, char *text, int *length), (code, text, length))
FAULTY(MPI_Abort, (MPI_Comm comm, int code), (comm, code))
FAULTY(MPI_Finalize, (void), ())
FAULTY(MPI_Allgatherv,
       (const void *send, int count, MPI_Datatype type, void *recv, const int counts[],
        const int places[], MPI_Datatype of, MPI_Comm comm),
       (send, count, type, recv, counts, places, of, comm))
FAULTY(MPI_Alltoallv,
       (const void *send, const int counts[], const int places[], MPI_Datatype type, void *recv,
        const int their_counts[], const int their_places[], MPI_Datatype of, MPI_Comm comm),
       (send, counts, places, type, recv, their_counts, their_places, of, comm))
