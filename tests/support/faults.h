/* faults.h - a world in which the n-th call that can fail does fail.
 *
 *     faults_arm(n, FAULTS_ONCE);
 *     ... code under test, in this process ...
 *     struct faults_report report = faults_disarm();
 *
 * FAULTS_PLACE counts places in place of calls: a call is another place when it was reached through
 * other calls, which the return addresses on the stack tell. So what a loop calls a thousand times
 * fails once, and each line that looks at an error is tried, in as many runs as there are places.
 *
 * The linker puts the functions of faults.c before those of the C library (and of libcrypto) for
 * all code of ours in the executable: add_suite's list in CMakeLists.txt says which. Allocations of
 * cJSON come here by its hooks. Calls count in the order in which they are made, over all threads.
 */
#ifndef BURIN_FAULTS_H
#define BURIN_FAULTS_H

#include <stdbool.h>

struct faults_report {
    bool failed;      /* a call was made to fail */
    const char *call; /* the first that was */
    long memory;      /* blocks allocated while armed, less those freed */
    long files;       /* files opened, less those closed */
    long early;       /* renames of files whose bytes a power cut could still lose */
    long unsynced;    /* renames that no fsync of a folder followed */
};

/* The call fails; it and all after it fail; the process is killed before it; the first call of the
 * n-th place fails. */
enum faults_mode { FAULTS_ONCE, FAULTS_FOREVER, FAULTS_KILL, FAULTS_PLACE };

/* Lets that happen at the n-th call from now on, where for kills only the calls count that change
 * files. With n = 0 nothing happens. */
void faults_arm(long n, enum faults_mode mode);
struct faults_report faults_disarm(void);

/* How often a function was called since the process began, armed or not. */
long faults_calls(const char *name);

/* The functions, up to NULL. */
extern const char *const faults_names[];

#endif
