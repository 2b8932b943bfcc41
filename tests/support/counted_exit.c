/* counted_exit.c - in a build that counts, what ends by _exit leaves its counts, too.
 *
 * exit writes them to files, _exit does not. The process of a description may neither open nor
 * write a file; these limits are lifted here, which only root may do: others lose its counts.
 */
#define _DEFAULT_SOURCE /* syscall */
#include <gcov.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands before that of the C library. */
_Noreturn void _exit(int code)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024});
    __gcov_dump();
    for (;;)
        syscall(SYS_exit_group, code);
}
