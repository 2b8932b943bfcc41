/* ref_blas.c - OpenBLAS, loaded when it is first needed.
 *
 * A program that is linked with OpenBLAS starts a thread of it for every processor before main, and
 * each takes address space of its own: where that is limited (ulimit -v) the program hangs or is
 * interrupted by OpenBLAS, whatever it was asked for. So it is loaded by hand, told to stay in the
 * calling thread, and only by what computes with generic kernels.
 *
 * It has no way to say that there is no memory: it tries for ever. So what it will take is asked
 * for before, and given back.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "ref/ref_blas.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ref/ref.h"

__typeof__(cblas_sgemm) *ref_sgemm;

/* The buffer that OpenBLAS keeps for each thread that calls it, and room for what else a program
 * allocates before the first call. */
static const size_t buffer_bytes = (size_t)128 << 20, spare_bytes = (size_t)64 << 20;

static bool load(struct err *err)
{
    /* What a program was linked with would be found by the first name; the second is the file of
     * the machine that compiled it. */
    static const char *const names[] = {"libopenblas.so.0", REF_BLAS_LIBRARY};
    if (setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0)
        return err_set_errno(err, errno, "OPENBLAS_NUM_THREADS");
    void *library = NULL;
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof names[0]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    /* Stays loaded: what it allocated is used until the end. POSIX converts by way of a void *. */
    void *function = library == NULL ? NULL : dlsym(library, "cblas_sgemm");
    if (function == NULL)
        return err_set(err, "the generic kernels need OpenBLAS: %s", dlerror());
    memcpy(&ref_sgemm, &function, sizeof function);
    return true;
}

/* Whether there is address space for the buffers of so many threads. */
static bool has_room(int threads, struct err *err)
{
    size_t bytes = (size_t)threads * buffer_bytes + spare_bytes;
    void *block = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        return err_set_errno(err, errno,
                             "the generic kernels need %zu MB of address space on %d thread%s",
                             bytes >> 20, threads, threads == 1 ? "" : "s");
    munmap(block, bytes);
    return true;
}

bool ref_open(int threads, struct err *err)
{
    static int most; /* threads that there was room for */
    if (ref_sgemm == NULL && !load(err))
        return false;
    if (threads > most && !has_room(threads, err))
        return false;
    most = threads > most ? threads : most;
    return true;
}
