/* soak.c - one process that trains, resumes, evaluates, generates and reports for hours, and holds
 * no more at the end than it did half way.
 *
 *     soak FOLDER          for SOAK_SECONDS (7200), with SOAK_THREADS (2), using SOAK_SHARE percent
 *                          (100) of the time
 *     soak FOLDER LEAK     the same, and leaks something every round: heap, pages or descriptor
 *
 * After each round of commands the process is looked at: memory in use by malloc, resident memory,
 * open descriptors, threads. A straight line is fitted through the second half of the looks. It is
 * flat when
 *
 *   heap         grows by less than 32 bytes a round, the smallest block that malloc hands out:
 *                nothing may be lost in every round.
 *   resident     grows by less than what would double it in a month (1/720 of it an hour), beside
 *                128 KB, up to which malloc keeps what was freed.
 *   descriptors, threads     are what they were half way, at every look.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "generated.h"
#include "host.h"
#include "program.h"
#include "sys/clock.h"

enum {
    MAX_LOOKS = 1 << 15,
    FEW_LOOKS = 10, /* at least so many in each half */
    LEAKED_BLOCK = 48,
    LEAKED_PAGES = 1 << 17,
    ARGUMENTS = 20
};

static const double smallest_block = 32, kept_by_malloc = 128 << 10;
static const double hours_of_a_month = 720;

static FILE *report; /* the standard output that we were given */

/* -- Looking ----------------------------------------------------------------------------------- */

struct look {
    double seconds; /* since the start */
    double heap, resident;
    int descriptors, threads;
};

static struct look looks[MAX_LOOKS];
static int look_count;

static int count_entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count;
}

static double resident_bytes(void)
{
    long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &whole, &resident) != 2)
        resident = 0;
    if (file != NULL)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void look(double seconds)
{
    struct mallinfo2 info = mallinfo2();
    struct look *now = &looks[look_count++];
    now->seconds = seconds;
    now->heap = (double)info.uordblks + (double)info.hblkhd;
    now->resident = resident_bytes();
    now->descriptors = count_entries("/proc/self/fd");
    now->threads = count_entries("/proc/self/task");
}

static void print_look(const struct look *l)
{
    fprintf(report, "%8.0f s %10.1f KB heap %10.0f KB resident %4d descriptors %3d threads\n",
            l->seconds, l->heap / 1024, l->resident / 1024, l->descriptors - 3, l->threads - 2);
    fflush(report);
}

/* -- Judging ----------------------------------------------------------------------------------- */

/* How much the line through points (x[i], y[i]) rises from the first x to the last. */
static double rise(const double *x, const double *y, int count)
{
    double mean_x = 0, mean_y = 0, xy = 0, xx = 0;
    for (int i = 0; i < count; i++) {
        mean_x += x[i] / count;
        mean_y += y[i] / count;
    }
    for (int i = 0; i < count; i++) {
        xy += (x[i] - mean_x) * (y[i] - mean_y);
        xx += (x[i] - mean_x) * (x[i] - mean_x);
    }
    return xy / xx * (x[count - 1] - x[0]);
}

static bool is_flat(const char *what, double grown, double allowed)
{
    bool flat = grown < allowed;
    fprintf(report, "%-12s %s by %.3f KB: expected less than %.3f KB\n", what,
            flat ? "is flat, it grew" : "is not flat, it grew", grown / 1024, allowed / 1024);
    return flat;
}

static bool stays(const char *what, int highest, int expected)
{
    fprintf(report, "%-12s %s: %d at most: expected %d\n", what,
            highest == expected ? "are flat" : "are not flat", highest, expected);
    return highest == expected;
}

static bool judge(void)
{
    static double seconds[MAX_LOOKS], heap[MAX_LOOKS], resident[MAX_LOOKS];
    int first = look_count / 2, count = look_count - first;
    int descriptors = 0, threads = 0;
    for (int i = 0; i < count; i++) {
        const struct look *l = &looks[first + i];
        seconds[i] = l->seconds;
        heap[i] = l->heap;
        resident[i] = l->resident;
        descriptors = l->descriptors > descriptors ? l->descriptors : descriptors;
        threads = l->threads > threads ? l->threads : threads;
    }
    double hours = (seconds[count - 1] - seconds[0]) / 3600;
    fprintf(report, "%d rounds, of which the last %d in %.2f hours:\n", look_count, count, hours);
    bool heap_flat = is_flat("heap", rise(seconds, heap, count), smallest_block * (count - 1));
    bool resident_flat = is_flat("resident", rise(seconds, resident, count),
                                 resident[0] / hours_of_a_month * hours + kept_by_malloc);
    bool descriptors_flat = stays("descriptors", descriptors - 3, looks[first].descriptors - 3);
    bool threads_flat = stays("threads", threads - 2, looks[first].threads - 2);
    return heap_flat && resident_flat && descriptors_flat && threads_flat;
}

/* -- A round ----------------------------------------------------------------------------------- */

static const struct model *model;
static const char *threads = "2";

/* Runs a command of the program, words separated by blanks. */
static bool run(int expected, const char *words)
{
    char name[] = "soak", text[400], *arguments[ARGUMENTS] = {name};
    int count = 1;
    snprintf(text, sizeof text, words, threads);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        arguments[count++] = word;
    int code = program_main(model, count, arguments);
    if (code != expected)
        fprintf(report, "soak: %s: ended with %d: expected %d\n", words, code, expected);
    return code == expected;
}

/* Calls the generator. */
static bool call(enum host_status expected, const char *command, const char *key, const char *value,
                 const char *output)
{
    const struct host_argument arguments[] = {
        {key, value},          {"output", output}, {"norm", "gn"},    {"isa", "avx2"},
        {"algorithm", "auto"}, {"unroll", "tile"}, {"tuned", "none"},
    };
    struct host *host = host_open(&(struct host_options){.gen_dir = NULL});
    if (host == NULL)
        return false;
    enum host_status status =
        host_call(host, "main", command, arguments, sizeof arguments / sizeof arguments[0]);
    if (status != expected)
        fprintf(report, "soak: %s: ended with %d: expected %d: %s\n", command, (int)status,
                (int)expected, host_message(host));
    host_close(host);
    return status == expected;
}

/* What a user may do, with some of what goes wrong: errors, too, give back what they took. */
static bool one_round(void)
{
    return run(0,
               "train --data synthetic --epochs 1 --probe 40 --log-steps --threads %s --out run") &&
           run(0, "train --resume run --epochs 2 --threads %s --max-steps 150") &&
           run(0, "train --resume run --threads %s") &&
           run(0,
               "train --data synthetic --backend generic --max-steps 10 --threads %s --out gen") &&
           run(0, "train --data synthetic --max-steps 3 --init run/best.safetensors --out init") &&
           run(3, "train --resume run/log.csv --threads %s") &&
           run(2, "train --epochs 0 --threads %s") &&
           run(4, "train --data synthetic --lr 1000000 --epochs 1 --threads %s --out far") &&
           run(0, "eval --model run/last.safetensors --data synthetic --threads %s --out run") &&
           run(3, "eval --model nothing --data synthetic") && run(0, "info") &&
           call(HOST_OK, "report", "run1", "run", "report.html") &&
           call(HOST_OK, "gen", "network", "resnet8", "resnet8.c") &&
           call(HOST_REJECTED, "gen", "network", "bad.lua", "bad.c");
}

/* What a mistake of ours would do. */
static bool leak(const char *what)
{
    if (strcmp(what, "heap") == 0)
        return malloc(LEAKED_BLOCK) != NULL;
    if (strcmp(what, "descriptor") == 0)
        return open("/dev/null", O_RDONLY) >= 0;
    void *pages =
        mmap(NULL, LEAKED_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return false;
    memset(pages, 1, LEAKED_PAGES);
    return true;
}

/* -- The whole --------------------------------------------------------------------------------- */

static double number(const char *name, double fallback)
{
    const char *text = getenv(name);
    return text != NULL && strtod(text, NULL) > 0 ? strtod(text, NULL) : fallback;
}

/* What the commands print goes to a file, which holds the last round's. */
static int redirect(void)
{
    int kept = dup(STDOUT_FILENO);
    int fd = open("output", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    report = fdopen(kept, "w");
    return report != NULL && fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0
               ? fd
               : -1;
}

static bool write_bad_description(void)
{
    FILE *file = fopen("bad.lua", "w");
    return file != NULL && fputs("return network { layers = { conv { 0 } } }\n", file) >= 0 &&
           fclose(file) == 0;
}

static void rest(double seconds)
{
    struct timespec wait = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&wait, NULL);
}

int main(int argc, char **argv)
{
    double limit = number("SOAK_SECONDS", 7200), share = number("SOAK_SHARE", 100) / 100;
    if (getenv("SOAK_THREADS") != NULL)
        threads = getenv("SOAK_THREADS");
    model = generated_model();
    if (model == NULL)
        return GENERATED_SKIPPED;
    if (argc < 2 || argc > 3 || chdir(argv[1]) != 0 || !write_bad_description()) {
        fprintf(stderr, "usage: soak FOLDER [heap|pages|descriptor]\n");
        return 2;
    }
    int fd = redirect();
    if (fd < 0)
        return 1;
    memset(looks, 1, sizeof looks); /* or its pages would come one by one */
    double start = clock_seconds(), printed = start - 60;
    while ((clock_seconds() - start < limit || look_count < 2 * FEW_LOOKS) &&
           look_count < MAX_LOOKS) {
        double began = clock_seconds();
        if (ftruncate(fd, 0) != 0 || !one_round() || (argc == 3 && !leak(argv[2])))
            return 1;
        look(clock_seconds() - start);
        if (clock_seconds() - printed >= (getenv("XX") ? 0 : 60) || look_count == 1) {
            print_look(&looks[look_count - 1]);
            printed = clock_seconds();
        }
        rest((clock_seconds() - began) * (1 / share - 1));
    }
    print_look(&looks[look_count - 1]);
    return judge() ? 0 : 1;
}
