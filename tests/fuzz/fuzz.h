/* fuzz.h - what every fuzz target defines, and how it reports a finding.
 *
 * A target judges one input and returns 0. It keeps nothing from one input to the next that could
 * change what the next one does. What must not happen is reported by FUZZ_CHECK or by a sanitizer.
 */
#ifndef BURIN_FUZZ_H
#define BURIN_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, with the message, where `holds` is false: the input at hand is a finding. */
#define FUZZ_CHECK(holds, ...)                                                                     \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "finding: " __VA_ARGS__);                                              \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Before a function that only judges what came of an input: its branches say nothing of the code
 * under test, and to trace each of them takes longer than to judge. */
#if defined(__clang__)
#define FUZZ_UNTRACED __attribute__((no_sanitize("coverage")))
#define FUZZ_UNWATCHED __attribute__((no_sanitize("coverage", "address", "undefined")))
#else
#define FUZZ_UNTRACED
#define FUZZ_UNWATCHED /* before a function that runs at every line of an input's work */
#endif

#endif
