/* interrupt.c - one flag, set by the first signal.
 *
 * The handler gives all signals their default action back, so whichever comes second ends the
 * program without any code of ours.
 */
#include "sys/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t requested;

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

static void on_signal(int signal_number)
{
    requested = signal_number;
    for (int i = 0; i < STOP_SIGNALS; i++)
        signal(stop_signals[i], SIG_DFL);
}

static void set_action(int signal_number, void (*handler)(int))
{
    struct sigaction old;
    struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&new.sa_mask);
    if (sigaction(signal_number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(signal_number, &new, NULL);
}

void interrupt_install(void)
{
    requested = 0;
    for (int i = 0; i < STOP_SIGNALS; i++)
        set_action(stop_signals[i], on_signal);
}

void interrupt_restore(void)
{
    for (int i = 0; i < STOP_SIGNALS; i++)
        set_action(stop_signals[i], SIG_DFL);
}

int interrupt_requested(void)
{
    return requested;
}

const char *interrupt_name(int signal_number)
{
    return signal_number == SIGTERM ? "SIGTERM" : signal_number == SIGHUP ? "SIGHUP" : "SIGINT";
}

bool interrupt_check(const char *lost, struct err *err)
{
    const int signal_number = interrupt_requested();
    return signal_number == 0 || err_set_code(err, EXIT_INTERRUPTED, "interrupted by %s: %s",
                                              interrupt_name(signal_number), lost);
}
