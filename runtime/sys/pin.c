/* pin.c - Linux's affinity of threads; elsewhere there are no processors to choose from. */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_setaffinity, which POSIX does not have */
#endif
#include "sys/pin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sched.h>

struct pin_place {
    cpu_set_t cpus;
};

/* Whether a processor is the first of the hyperthreads of its core; true where nobody says. */
static bool leads_core(int cpu)
{
    char path[96], text[32], *end;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    long first = cpu;
    if (file != NULL) {
        if (fgets(text, sizeof text, file) != NULL) { /* such as 0-1 or 0,64 */
            first = strtol(text, &end, 10);
            first = end != text ? first : cpu;
        }
        fclose(file);
    }
    return first == cpu;
}

int pin_cpus(int *cpus, int most)
{
    cpu_set_t allowed;
    int count = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 0;
    for (int round = 0; round < 2; round++) {
        for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++) {
            if (CPU_ISSET((size_t)cpu, &allowed) && leads_core(cpu) == (round == 0))
                cpus[count++] = cpu;
        }
    }
    return count;
}

struct pin_place *pin_to(int cpu)
{
    struct pin_place *place = malloc(sizeof *place);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (place != NULL && sched_getaffinity(0, sizeof place->cpus, &place->cpus) == 0 &&
        sched_setaffinity(0, sizeof one, &one) == 0)
        return place;
    free(place);
    return NULL;
}

void pin_back(struct pin_place *place)
{
    if (place != NULL)
        sched_setaffinity(0, sizeof place->cpus, &place->cpus);
    free(place);
}
#else
int pin_cpus(int *cpus, int most)
{
    (void)cpus;
    (void)most;
    return 0;
}

struct pin_place *pin_to(int cpu)
{
    (void)cpu;
    return NULL;
}

void pin_back(struct pin_place *place)
{
    (void)place;
}
#endif
