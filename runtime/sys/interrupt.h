/* interrupt.h - SIGINT, SIGTERM and SIGHUP ask a command to stop: training after its step, eval and
 * predict after their batch.
 *
 *     interrupt_install();
 *     while (!interrupt_requested()) step();
 *     interrupt_restore();
 *
 * The first signal only sets a flag. The second says the last note, that is what the program leaves
 * behind, and ends it at once.
 */
#ifndef BURIN_INTERRUPT_H
#define BURIN_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#include "sys/err.h"

/* Starts listening; forgets an earlier request. A signal that was ignored stays ignored (nohup). */
void interrupt_install(void);

/* What a second signal says, a line of fewer than INTERRUPT_NOTE bytes; a longer one is cut. */
enum { INTERRUPT_NOTE = 1400 };
void interrupt_note(const char *note);

/* The default actions again. */
void interrupt_restore(void);

/* The signal that came, or 0. */
int interrupt_requested(void);

/* The signals that ask, but for those that are ignored. */
void interrupt_signals(sigset_t *signals);

/* "SIGINT", "SIGTERM" or "SIGHUP". */
const char *interrupt_name(int signal_number);

/* Fails with EXIT_INTERRUPTED when a signal has come; `lost` says what there will not be of it. */
bool interrupt_check(const char *lost, struct err *err);

/* The same with a signal that has come to somebody. */
bool interrupt_check_signal(int signal_number, const char *lost, struct err *err);

#endif
