/* cpu.c - CPUID through the compiler's builtins, the rest from /proc.
 *
 * The processors this process may use are read from /proc/self/status, because sched_getaffinity
 * is not POSIX; where there is no /proc, all processors that are on line count.
 */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* syscall */
#endif
#include "sys/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define CPU_X86 1
#include <cpuid.h>
#else
#define CPU_X86 0
#endif

#if defined(__linux__) && defined(__x86_64__)
#define CPU_HAS_TILES 1
#include <sys/syscall.h>
#else
#define CPU_HAS_TILES 0
#endif

/* Whether there are tiles of AMX for bf16 and the kernel lets this process use them, all threads of
 * it, now and later. A kernel that knows nothing of them, or has not switched them on, refuses. */
static bool may_use_tiles(void)
{
#if CPU_HAS_TILES
    enum { LEAF = 7, BF16 = 1 << 22, TILE = 1 << 24 };    /* bits of edx */
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* of arch_prctl: asm/prctl.h */
    unsigned a, b, c, d;
    return __get_cpuid_count(LEAF, 0, &a, &b, &c, &d) && (d & BF16) != 0 && (d & TILE) != 0 &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

bool cpu_supports(const char *isa)
{
    bool avx2 = false, avx512 = false, bf16 = false;
#if CPU_X86
    __builtin_cpu_init();
    avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
#endif
    const struct {
        const char *isa;
        bool is_there;
    } sets[] = {{"c", true},         {"c+bf16", true},   {"avx2", avx2},
                {"avx2+bf16", avx2}, {"avx512", avx512}, {"avx512+bf16", bf16}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (strcmp(isa, sets[i].isa) == 0)
            return sets[i].is_there;
    }
    return strcmp(isa, "amx+bf16") == 0 && bf16 && may_use_tiles();
}

const char *cpu_best_isa(void)
{
    static const char *const widest_first[] = {"avx512", "avx2", "c"};
    int i = 0;
    while (!cpu_supports(widest_first[i]))
        i++;
    return widest_first[i];
}

/* Copies text without the blanks around it. False when nothing is left. */
static bool copy_trimmed(char *buffer, size_t size, const char *text)
{
    text += strspn(text, " \t");
    size_t length = strcspn(text, "\n");
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(buffer, size, "%.*s", (int)length, text);
    return length > 0;
}

#if CPU_X86
/* The brand string: 48 bytes in the registers of three leaves. */
static bool brand_string(char *buffer, size_t size)
{
    enum { FIRST_LEAF = (int)0x80000002u, LEAVES = 3 };
    unsigned r[LEAVES][4];
    for (unsigned i = 0; i < LEAVES; i++) {
        if (!__get_cpuid((unsigned)FIRST_LEAF + i, &r[i][0], &r[i][1], &r[i][2], &r[i][3]))
            return false;
    }
    char text[sizeof r + 1] = "";
    memcpy(text, r, sizeof r);
    return copy_trimmed(buffer, size, text);
}
#else
static bool brand_string(char *buffer, size_t size)
{
    (void)buffer;
    (void)size;
    return false;
}
#endif

/* The value of the first "key : value" line of a /proc file, into a line of at least `size`. */
static bool proc_value(const char *path, const char *key, char *value, int size)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool found = false;
    while (!found && fgets(value, size, file)) {
        char *colon = strchr(value, ':');
        if (colon && strncmp(value, key, strlen(key)) == 0) {
            memmove(value, colon + 1, strlen(colon + 1) + 1);
            found = true;
        }
    }
    fclose(file);
    return found;
}

const char *cpu_name(char *buffer, size_t size)
{
    char line[256];
    if (brand_string(buffer, size))
        return buffer;
    if (proc_value("/proc/cpuinfo", "model name", line, sizeof line) &&
        copy_trimmed(buffer, size, line))
        return buffer;
    snprintf(buffer, size, "unknown processor");
    return buffer;
}

/* How many numbers a list such as "0-3,8,10-11" names; 0 when it is not such a list. */
static int count_list(const char *list)
{
    int count = 0;
    for (;;) {
        char *end;
        long first = strtol(list, &end, 10);
        if (end == list || first < 0)
            return 0;
        long last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (last < first || last - first >= 65536)
            return 0;
        count += (int)(last - first) + 1;
        if (*end != ',')
            return count;
        list = end + 1;
    }
}

int cpu_online(void)
{
    char list[1024];
    if (proc_value("/proc/self/status", "Cpus_allowed_list", list, sizeof list)) {
        int count = count_list(list);
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

double cpu_peak_memory(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (double)(used.ru_maxrss / 1024) : 0.0;
}
