/* cpu.h - what the processor is and can do. */
#ifndef BURIN_CPU_H
#define BURIN_CPU_H

#include <stdbool.h>
#include <stddef.h>

enum { CPU_NAME_SIZE = 64 };

/* Whether programs generated for this instruction set run here: "c" always does, "avx2" needs AVX2
 * and FMA, "avx512" needs AVX-512 F, BW, DQ and VL. With "+bf16" behind it, as of programs that
 * multiply in bf16, "avx512" needs AVX512_BF16, too, and "amx" besides these AMX, TILE and BF16,
 * and leave of Linux to use its tiles, which is asked for here: they make what it saves of a thread
 * 8 KB larger. False for a name that is none of these. */
bool cpu_supports(const char *isa);

/* The widest of "avx512", "avx2" and "c" that runs here. */
const char *cpu_best_isa(void);

/* The processor's name as it calls itself, or "unknown processor". Returns buffer. */
const char *cpu_name(char *buffer, size_t size);

/* Processors this process may run on, at least 1. */
int cpu_online(void);

/* MB (2^20 bytes) of memory that this process had at most so far, pages of mapped files with it. */
double cpu_peak_memory(void);

#endif
