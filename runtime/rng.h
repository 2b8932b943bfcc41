/* rng.h - counter-based random numbers: every number is a pure function of where it is used.
 *
 *     uint64_t key = rng_key(seed, epoch, sample, RNG_DROPOUT + layer);
 *     uint32_t bits = rng_bits(key, position);
 *
 * There is no state, so results depend neither on the order of the calls nor on the number of
 * threads, and a resumed run draws what the uninterrupted one would have drawn. The 32-bit mixing
 * steps use the multipliers of Wellons' lowbias32 (https://nullprogram.com/blog/2018/07/31/), the
 * 64-bit ones those of SplitMix64 (Steele, Lea, Flood 2014); both vectorise in 32-bit lanes.
 */
#ifndef BURIN_RNG_H
#define BURIN_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "real.h"

/* Streams: what a number is for. A dropout layer adds its index among the layers. */
enum rng_stream {
    RNG_INIT = 1,    /* initial parameters; "sample" is the parameter's index */
    RNG_SHUFFLE = 2, /* order of the samples of an epoch */
    RNG_AUGMENT = 3, /* of one sample */
    RNG_SYNTHETIC = 4,
    RNG_HOLD_OUT = 5, /* which training images are held out */
    RNG_DROPOUT = 64
};

static inline uint64_t rng_mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The key of one stream of one sample in one epoch. */
static inline uint64_t rng_key(uint64_t seed, uint32_t epoch, uint32_t sample, uint32_t stream)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = rng_mix64(seed + golden);
    x = rng_mix64(x + golden * ((uint64_t)epoch << 32 | stream));
    return rng_mix64(x + golden * ((uint64_t)sample + 1));
}

/* 32 uniform bits at a position of a stream. */
static inline uint32_t rng_bits(uint64_t key, uint32_t position)
{
    uint32_t x = position * UINT32_C(0x9e3779b9) + (uint32_t)key;
    x ^= x >> 16;
    x *= UINT32_C(0x7feb352d);
    x ^= (x >> 15) ^ (uint32_t)(key >> 32);
    x *= UINT32_C(0x846ca68b);
    return x ^ (x >> 16);
}

/* Uniform in [0, 1), a multiple of 2^-24. */
static inline real rng_float(uint64_t key, uint32_t position)
{
    return (real)(rng_bits(key, position) >> 8) / 0x1000000;
}

/* Uniform in 0 .. n-1 for n >= 1 (Lemire's multiply-shift without rejection; bias below n / 2^32).
 */
static inline uint32_t rng_below(uint64_t key, uint32_t position, uint32_t n)
{
    return (uint32_t)(((uint64_t)rng_bits(key, position) * n) >> 32);
}

/* Dropout. Each position of a stream draws 16 bits, two positions to one rng_bits; an element is
 * dropped when they are below the threshold, so the probability that takes effect is a multiple of
 * 2^-16 below 1. Kept elements are scaled by rng_keep_scale. */
static inline uint32_t rng_drop_threshold(real p)
{
    uint32_t threshold = (uint32_t)((double)p * 0x1p16 + 0.5);
    return threshold < 0xffff ? threshold : 0xffff;
}

static inline real rng_keep_scale(real p)
{
    return (real)(1.0 / (1.0 - (double)rng_drop_threshold(p) * 0x1p-16));
}

static inline bool rng_drops(uint64_t key, uint32_t position, uint32_t threshold)
{
    uint32_t bits = rng_bits(key, position / 2);
    return (position % 2 == 0 ? bits & 0xffff : bits >> 16) < threshold;
}

/* Positions of a pixel with c channels: whole groups of 16, so that a vector of channels, of up to
 * 16, begins at a multiple of its length. Pixel i and channel k have position i * this + k; where channels
 * are dropped as one, k, and where images are, 0. */
static inline uint32_t rng_drop_pitch(int c)
{
    return ((uint32_t)c + 15) / 16 * 16;
}

#endif
