/* finite.c - infinities and NaNs are the numbers whose exponent bits are all ones.
 *
 * Without their sign, numbers are ordered as their bits are. So the largest bits tell of all, and
 * compilers make vector code of the loop: some ten microseconds for the 46,000 gradients of s8.
 */
#include "sys/finite.h"

#include <stdint.h>
#include <string.h>

#if defined(BURIN_DOUBLE)
typedef uint64_t finite_bits;
static const finite_bits MAGNITUDE = UINT64_MAX >> 1, INFINITE = UINT64_C(0x7ff) << 52;
#else
typedef uint32_t finite_bits;
static const finite_bits MAGNITUDE = UINT32_MAX >> 1, INFINITE = UINT32_C(0xff) << 23;
#endif

bool finite_all(const real *values, size_t count)
{
    finite_bits largest = 0;
    for (size_t i = 0; i < count; i++) {
        finite_bits bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= MAGNITUDE;
        largest = bits > largest ? bits : largest;
    }
    return largest < INFINITE;
}
