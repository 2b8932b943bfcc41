/* faults.h - a world in which the n-th call that can fail does fail.
 *
 *     faults_arm(n, forever);
 *     ... code under test, in this process ...
 *     struct faults_report report = faults_disarm();
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
};

/* Lets the n-th call from now on fail, or with `forever` that one and all after it. With n = 0 none
 * fails. */
void faults_arm(long n, bool forever);
struct faults_report faults_disarm(void);

/* How often a function was called since the process began, armed or not. */
long faults_calls(const char *name);

/* The functions, up to NULL. */
extern const char *const faults_names[];

#endif
