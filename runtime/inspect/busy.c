/* busy.c - the load before, and how far the times are from each other: of both one may be missing.
 * Another machine on the same processor shows in the times alone, a job that waits for a file in
 * the load alone. */
#include "inspect/busy.h"

#include "inspect/median.h"
#include "sys/cpu.h"
#include "sys/lines.h"

static const double MOST_SPREAD = 0.1;

double busy_load(void)
{
    FILE *file = fopen("/proc/loadavg", "r");
    double load = 0;
    if (file != NULL) {
        if (fscanf(file, "%lf", &load) != 1)
            load = 0;
        fclose(file);
    }
    return load;
}

double busy_spread(double *times, size_t count)
{
    if (count < 3)
        return 0;
    const double median = median_of(times, count); /* which sorts them */
    return (times[3 * (count - 1) / 4] - times[(count - 1) / 4]) / median;
}

void busy_warn(FILE *out, double load, int threads, double spread)
{
    const double idle = (double)cpu_online() - load;
    if (idle >= threads - 0.5 && spread <= MOST_SPREAD)
        return;
    lines_print(out, "",
                "the machine is busy: load %.1f on %d processors before, half of the times within "
                "%.0f %%: compare figures of this run with each other only",
                load, cpu_online(), 100 * spread);
}
