/* launched.h - ranks that a launcher of MPI has started: `mpirun -n 4 build/s8_bn train`.
 *
 * MPI is in a plug-in, burin_mpi.so, which is loaded then alone: a program without a launcher
 * neither links MPI nor starts it.
 */
#ifndef BURIN_LAUNCHED_H
#define BURIN_LAUNCHED_H

#include "ranks/ranks.h"

/* The launcher that has started this process as one of several, as its variables say:
 * "OMPI_COMM_WORLD_SIZE=4"; NULL where there is none. The text is valid until the next call. */
const char *launched_by(void);

/* Starts MPI. `launcher` is what launched_by says, most as in ranks_start. A launcher that has
 * started one rank only leaves ranks->count at 1. EXIT_FAILED where there is no plug-in, or it is
 * of another MPI. */
bool launched_start(struct ranks *ranks, const char *launcher, int most, struct err *err);

/* What the plug-in exports, under the names of LAUNCHED_START and LAUNCHED_SIZE: starts MPI and
 * fills ranks but for the host; and sizeof(struct ranks), by which it is known to fit. */
typedef bool launched_function(struct ranks *ranks, struct err *err);
#define LAUNCHED_START "burin_mpi_start"
#define LAUNCHED_SIZE "burin_mpi_size"

#endif
