/* peak.c - loops of independent multiply-adds.
 *
 * Twelve accumulators cover a latency of four to six cycles at two vectors a cycle, and leave four
 * of sixteen registers for the operands. Each x = x * 0.5 + 0.5 converges to 1, so that no value
 * overflows or becomes denormal however long it runs.
 */
#include "inspect/peak.h"

#include <string.h>

#include "inspect/median.h"
#include "sys/clock.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ACCUMULATORS = 12, RUNS = 15 };

#define FOR_EACH_ACCUMULATOR(DO)                                                                   \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

typedef float vector4 __attribute__((vector_size(16))); /* an arithmetic type, as float is */

#define START(i) vector4 acc##i = (vector4){0} + (float)i;
#define STEP(i) acc##i = acc##i * half + half;
#define ADD(i) sum += acc##i;
static float multiply_add_c(long rounds)
{
    const vector4 half = {0.5f, 0.5f, 0.5f, 0.5f};
    vector4 sum = {0};
    FOR_EACH_ACCUMULATOR(START)
    for (long r = 0; r < rounds; r++) {
        FOR_EACH_ACCUMULATOR(STEP)
    }
    FOR_EACH_ACCUMULATOR(ADD)
    return sum[0] + sum[1] + sum[2] + sum[3];
}
#undef START
#undef STEP
#undef ADD

#if defined(__x86_64__)

#define START(i) __m256 acc##i = _mm256_set1_ps((float)i);
#define STEP(i) acc##i = _mm256_fmadd_ps(acc##i, half, half);
#define ADD(i) sum = _mm256_add_ps(sum, acc##i);
__attribute__((target("avx2,fma"))) static float multiply_add_avx2(long rounds)
{
    const __m256 half = _mm256_set1_ps(0.5f);
    __m256 sum = _mm256_setzero_ps();
    FOR_EACH_ACCUMULATOR(START)
    for (long r = 0; r < rounds; r++) {
        FOR_EACH_ACCUMULATOR(STEP)
    }
    FOR_EACH_ACCUMULATOR(ADD)
    return _mm256_cvtss_f32(sum);
}
#undef START
#undef STEP
#undef ADD

#define START(i) __m512 acc##i = _mm512_set1_ps((float)i);
#define STEP(i) acc##i = _mm512_fmadd_ps(acc##i, half, half);
#define ADD(i) sum = _mm512_add_ps(sum, acc##i);
__attribute__((target("avx512f"))) static float multiply_add_avx512(long rounds)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 sum = _mm512_setzero_ps();
    FOR_EACH_ACCUMULATOR(START)
    for (long r = 0; r < rounds; r++) {
        FOR_EACH_ACCUMULATOR(STEP)
    }
    FOR_EACH_ACCUMULATOR(ADD)
    return _mm512_cvtss_f32(sum);
}
#undef START
#undef STEP
#undef ADD

#endif

struct loop {
    float (*run)(long rounds);
    int lanes;
    long rounds;
};

static struct loop loop_of(const char *isa)
{
#if defined(__x86_64__)
    /* With +bf16 behind it or without: all programs are measured by floats. */
    if (strncmp(isa, "avx512", strlen("avx512")) == 0)
        return (struct loop){multiply_add_avx512, 16, 1};
    if (strncmp(isa, "avx2", strlen("avx2")) == 0)
        return (struct loop){multiply_add_avx2, 8, 1};
#else
    (void)isa;
#endif
    return (struct loop){multiply_add_c, 4, 1};
}

static void run_loop(void *context, int rank)
{
    const struct loop *loop = context;
    volatile float result = loop->run(loop->rounds); /* what nobody reads is not computed */
    (void)result;
    (void)rank;
}

static double seconds_of(struct loop *loop, struct team *team)
{
    double start = clock_seconds();
    team_run(team, run_loop, loop);
    return clock_seconds() - start;
}

double peak_gflops(const char *isa, struct team *team)
{
    const double run_seconds = 4e-3;
    struct loop loop = loop_of(isa);
    while (seconds_of(&loop, team) < run_seconds)
        loop.rounds *= 2;
    double rates[RUNS];
    for (int i = 0; i < RUNS; i++) {
        double flop = 2.0 * loop.lanes * ACCUMULATORS * (double)loop.rounds * team_threads(team);
        rates[i] = flop / seconds_of(&loop, team) * 1e-9;
    }
    return median_of(rates, RUNS);
}
