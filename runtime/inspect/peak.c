/* peak.c - loops of independent multiply-adds, and of sums of arrays.
 *
 * Twelve accumulators cover a latency of four to six cycles at two vectors a cycle, and leave four
 * of sixteen registers for the operands. Each x = x * 0.5 + 0.5 converges to 1, so that no value
 * overflows or becomes denormal however long it runs.
 */
#include "inspect/peak.h"

#include <stdlib.h>
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

#if defined(__x86_64__)
static bool has_zmm(const char *isa)
{
    return strncmp(isa, "avx512", strlen("avx512")) == 0 || strncmp(isa, "amx", strlen("amx")) == 0;
}
#endif

static struct loop loop_of(const char *isa)
{
#if defined(__x86_64__)
    /* With +bf16 behind it or without: all programs are measured by floats. */
    if (has_zmm(isa))
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

/* -- Sums of arrays ---------------------------------------------------------------------------- */

typedef void sum_function(float *y, const float *a, const float *b, size_t floats);

/* y = a + b in vectors of so many bytes, which divide the arrays and their places. */
#define SUM_OF_ARRAYS(NAME, TARGET, BYTES)                                                         \
    typedef float NAME##_vector __attribute__((vector_size(BYTES), may_alias));                    \
    TARGET static void NAME(float *y, const float *a, const float *b, size_t floats)               \
    {                                                                                              \
        for (size_t i = 0; i < floats; i += (BYTES) / sizeof(float))                               \
            *(NAME##_vector *)(y + i) =                                                            \
                *(const NAME##_vector *)(a + i) + *(const NAME##_vector *)(b + i);                 \
    }

SUM_OF_ARRAYS(sum_c, , 16)
#if defined(__x86_64__)
SUM_OF_ARRAYS(sum_avx2, __attribute__((target("avx2"))), 32)
SUM_OF_ARRAYS(sum_avx512, __attribute__((target("avx512f"))), 64)
#endif

static sum_function *sum_of(const char *isa)
{
#if defined(__x86_64__)
    if (has_zmm(isa))
        return sum_avx512;
    if (strncmp(isa, "avx2", strlen("avx2")) == 0)
        return sum_avx2;
#else
    (void)isa;
#endif
    return sum_c;
}

struct sums {
    sum_function *run;
    float *arrays; /* of each thread y, a and b */
    size_t floats; /* of one */
    long rounds;
};

static void run_sums(void *context, int rank)
{
    const struct sums *s = context;
    float *y = s->arrays + 3 * s->floats * (size_t)rank;
    for (long r = 0; r < s->rounds; r++)
        s->run(y, y + s->floats, y + 2 * s->floats, s->floats);
}

static double seconds_of_sums(struct sums *s, struct team *team)
{
    double start = clock_seconds();
    team_run(team, run_sums, s);
    return clock_seconds() - start;
}

double peak_sum_gbps(const char *isa, struct team *team, size_t bytes, int rounds)
{
    const double round_seconds = 1e-3;
    enum { LINE = 64, UNIT = 3 * LINE };
    size_t each = (bytes + UNIT - 1) / UNIT * UNIT, threads = (size_t)team_threads(team);
    struct sums s = {.run = sum_of(isa), .floats = each / 3 / sizeof(float), .rounds = 1};
    double rates[RUNS];
    rounds = rounds < 1 ? 1 : rounds < RUNS ? rounds : RUNS;
    s.arrays = bytes == 0 ? NULL : aligned_alloc(LINE, each * threads);
    if (s.arrays == NULL)
        return 0;
    memset(s.arrays, 0, each * threads);
    while (seconds_of_sums(&s, team) < round_seconds)
        s.rounds *= 2;
    for (int i = 0; i < rounds; i++)
        rates[i] = (double)(each * threads) * (double)s.rounds / seconds_of_sums(&s, team) * 1e-9;
    free(s.arrays);
    return median_of(rates, (size_t)rounds);
}
