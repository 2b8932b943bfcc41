/* launched.c - looks for a launcher, then for the plug-in: beside the program, then as any library,
 * where the program's own path of libraries leads, too.
 */
#include "ranks/launched.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/cpu.h"

static const char plugin_name[] = "burin_mpi.so";

enum { PATH_SIZE = 4096 };

/* Variables with the number of ranks: Open MPI's mpirun; those of MPICH, Intel MPI, and Slurm with
 * --mpi=pmi2. Slurm's own, such as SLURM_NTASKS, are also there in a batch script, whose programs
 * are alone. */
static const char *const size_variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};

/* The launcher says who this one is, and MPI how many there are: PRRTE, Slurm with --mpi=pmix,
 * which also says so to a shell (srun --pty), and then that it is one task. */
static const char rank_variable[] = "PMIX_RANK";
static const char tasks_variable[] = "SLURM_STEP_NUM_TASKS";

const char *launched_by(void)
{
    static char said[64];
    for (size_t i = 0; i < sizeof size_variables / sizeof size_variables[0]; i++) {
        const char *size = getenv(size_variables[i]);
        if (size == NULL)
            continue;
        snprintf(said, sizeof said, "%s=%.16s", size_variables[i], size);
        return strtol(size, NULL, 10) > 1 ? said : NULL;
    }
    const char *rank = getenv(rank_variable), *tasks = getenv(tasks_variable);
    if (rank == NULL || (tasks != NULL && strtol(tasks, NULL, 10) == 1))
        return NULL;
    snprintf(said, sizeof said, "%s=%.16s", rank_variable, rank);
    return said;
}

/* NULL where it is not there; err then says why the last place has none. */
static void *load(struct err *err)
{
    char path[PATH_SIZE + 16] = "";
    ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash != NULL ? slash + 1 : path, sizeof plugin_name, "%s", plugin_name);
    const bool beside = access(path, R_OK) == 0;
    void *plugin = dlopen(beside ? path : plugin_name, RTLD_NOW | RTLD_GLOBAL);
    if (plugin == NULL)
        err_set(err, "%s", dlerror());
    return plugin;
}

bool launched_start(struct ranks *ranks, const char *launcher, int most, struct err *err)
{
    struct err why = {0};
    void *plugin = load(&why);
    if (plugin == NULL)
        return err_set(err,
                       "%s: a launcher of MPI has started this program as one of several, and "
                       "its plug-in for MPI cannot be loaded: %s. Expected a build with an MPI "
                       "(cmake -DBURIN_MPI=ON says what is missing); --ranks N needs none on one "
                       "machine",
                       launcher, why.message);
    const size_t *size = dlsym(plugin, LAUNCHED_SIZE);
    launched_function *start;
    *(void **)&start = dlsym(plugin, LAUNCHED_START);
    if (size == NULL || *size != sizeof *ranks || start == NULL)
        return err_set(err, "burin_mpi.so is of another version: expected that of this program");
    if (!start(ranks, err))
        return false;
    ranks->bound = cpu_online() < sysconf(_SC_NPROCESSORS_ONLN);
    const bool several = strncmp(launcher, rank_variable, sizeof rank_variable - 1) != 0;
    if (ranks->count > most) {
        ranks->code = EXIT_USAGE; /* each of them knows */
        return err_set_code(err, EXIT_USAGE,
                            "%s: %d ranks: expected at most %d, the chunks of a batch", launcher,
                            ranks->count, most);
    }
    if (ranks->count < 2 && several)
        return err_set(err,
                       "%s, but to %s this process is alone: expected the launcher (mpirun, "
                       "mpiexec) of the same MPI",
                       launcher, ranks->back_end.name);
    return true;
}
