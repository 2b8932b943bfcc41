/* interrupt.c - one flag, set by the first signal; the second writes the note and ends the program.
 *
 * A signal may come while a note is copied, so there is room for two, and the handler sees the one
 * that was finished last. It calls what a handler may: write, signal, raise.
 */
#include "sys/interrupt.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t requested;

static char notes[2][INTERRUPT_NOTE];
static volatile sig_atomic_t shown; /* index of the note to say */

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

static void on_signal(int signal_number)
{
    if (requested == 0) {
        requested = signal_number;
        return;
    }
    const char *note = notes[shown];
    const ssize_t written = write(STDERR_FILENO, note, strlen(note));
    (void)written; /* nobody is left to be told */
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Of a signal that there is, sigaction can only say yes. */
static bool is_ignored(int signal_number)
{
    struct sigaction now = {.sa_handler = SIG_DFL};
    sigaction(signal_number, NULL, &now);
    return now.sa_handler == SIG_IGN;
}

static void set_action(int signal_number, void (*handler)(int))
{
    struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&new.sa_mask);
    if (!is_ignored(signal_number))
        sigaction(signal_number, &new, NULL);
}

void interrupt_install(void)
{
    requested = 0;
    interrupt_note("");
    for (int i = 0; i < STOP_SIGNALS; i++)
        set_action(stop_signals[i], on_signal);
}

void interrupt_restore(void)
{
    for (int i = 0; i < STOP_SIGNALS; i++)
        set_action(stop_signals[i], SIG_DFL);
}

void interrupt_note(const char *note)
{
    const int other = 1 - shown;
    snprintf(notes[other], INTERRUPT_NOTE, "%s", note);
    shown = other;
}

int interrupt_requested(void)
{
    return requested;
}

void interrupt_signals(sigset_t *signals)
{
    sigemptyset(signals);
    for (int i = 0; i < STOP_SIGNALS; i++) {
        if (!is_ignored(stop_signals[i]))
            sigaddset(signals, stop_signals[i]);
    }
}

const char *interrupt_name(int signal_number)
{
    return signal_number == SIGTERM ? "SIGTERM" : signal_number == SIGHUP ? "SIGHUP" : "SIGINT";
}

bool interrupt_check(const char *lost, struct err *err)
{
    return interrupt_check_signal(interrupt_requested(), lost, err);
}

bool interrupt_check_signal(int signal_number, const char *lost, struct err *err)
{
    return signal_number == 0 || err_set_code(err, EXIT_INTERRUPTED, "interrupted by %s: %s",
                                              interrupt_name(signal_number), lost);
}
