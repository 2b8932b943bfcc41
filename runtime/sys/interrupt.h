/* interrupt.h - SIGINT, SIGTERM and SIGHUP ask the training to stop after its step.
 *
 *     interrupt_install();
 *     while (!interrupt_requested()) step();
 *     interrupt_restore();
 *
 * The first signal only sets a flag; it also restores the default action, so that a second one
 * ends the program at once.
 */
#ifndef BURIN_INTERRUPT_H
#define BURIN_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* Starts listening; forgets an earlier request. A signal that was ignored stays ignored (nohup). */
void interrupt_install(void);

/* The default actions again. */
void interrupt_restore(void);

/* The signal that came, or 0. */
int interrupt_requested(void);

/* The signals that ask, but for those that are ignored. */
void interrupt_signals(sigset_t *signals);

/* "SIGINT", "SIGTERM" or "SIGHUP". */
const char *interrupt_name(int signal_number);

#endif
