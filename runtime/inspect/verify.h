/* verify.h - does a kernel compute what it says, and touch nothing else?
 *
 *     struct verify_report report;
 *     if (!verify_kernel(kernel, OPERANDS_INTEGERS, seed, &report, &err))
 *         ...                       (err.message says which kernel, where, and both numbers)
 *
 * The kernel and ref_kernel work on the same made-up numbers, with the kernel's buffers first
 * against a forbidden page behind them and then against one before them, for as many images as the
 * kernel takes, for one less, and for a single one. Its outputs must agree
 * with the reference, its borders and pad lanes must be zero. Sums of what the kernel has made are
 * compared with those of the very numbers it has written. Small integers show every wrong bit, but
 * may cancel where random numbers do not: use both. A kernel that serves a norm shows on numbers
 * far from zero whether it keeps their deviation.
 *
 * Not for two threads at once: the handlers of SIGSEGV and SIGBUS are replaced while a kernel runs.
 */
#ifndef BURIN_VERIFY_H
#define BURIN_VERIFY_H

#include "inspect/operands.h"
#include "sys/err.h"

struct verify_report {
    bool exact;         /* outputs had to agree bit for bit */
    double max_abs;     /* largest difference from the reference */
    double max_rel;     /* the same, relative to the larger of the reference value and 1 */
    const char *output; /* where max_abs is: "y", "dx", "dw", "db", "sums" */
    size_t index;       /* and at which element in plain order */
};

/* Returns false with a message when the kernel is wrong (or memory is short). With integers and a
 * kernel that says it is exact, equal means equal, but for the sign of zero. report may be NULL. */
bool verify_kernel(const struct kernel *kernel, enum operands_input input, uint64_t seed,
                   struct verify_report *report, struct err *err);

#endif
