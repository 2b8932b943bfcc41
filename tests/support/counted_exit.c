/* counted_exit.c - in a build that counts, what ends by _exit leaves its counts, too.
 *
 * exit writes them to files, _exit does not. The process of a description may neither open nor
 * write a file, and leaves none; but those of test_sandbox that are spared these two limits.
 */
#define _DEFAULT_SOURCE /* syscall */
#include <gcov.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands before that of the C library. */
_Noreturn void _exit(int code)
{
    __gcov_dump();
    for (;;)
        syscall(SYS_exit_group, code);
}
