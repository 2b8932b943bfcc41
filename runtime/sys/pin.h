/* pin.h - processors for threads: which there are, and staying on one.
 *
 *     int cpus[TEAM_MAX_THREADS];
 *     int count = pin_cpus(cpus, TEAM_MAX_THREADS);     (best to use first)
 *     struct pin_place *before = pin_to(cpus[0]);       (this thread stays there)
 *     pin_back(before);                                 (where it was before)
 */
#ifndef BURIN_PIN_H
#define BURIN_PIN_H

struct pin_place;

/* Fills cpus with up to `most` numbers of the processors that this thread may use: first one of
 * each core, then the other hyperthreads of the cores. Returns how many; 0 where this cannot be
 * known. */
int pin_cpus(int *cpus, int most);

/* Keeps the calling thread on a processor. Returns where it could be before, or NULL when nothing
 * changed. */
struct pin_place *pin_to(int cpu);

/* Undoes pin_to and frees the place. Accepts NULL. */
void pin_back(struct pin_place *place);

#endif
