/* immintrin.h - the tiles of AMX in AVX-512, for processors that have none.
 *
 * The tests compile programs for AMX with this folder first on the include path, so that their
 * kernels run as they are. It does what Intel's manual says of the instructions, and aborts where
 * they would raise an exception: a tile outside of its configuration, shapes that do not go
 * together, a configuration that no processor takes. Besides, tiles must be configured and released
 * in turns.
 */
#ifndef BURIN_TEST_EMULATED_AMX_IMMINTRIN_H
#define BURIN_TEST_EMULATED_AMX_IMMINTRIN_H

#pragma GCC system_header
#include_next <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig emulated_tile_loadconfig
#define _tile_release emulated_tile_release
#define _tile_zero emulated_tile_zero
#define _tile_loadd emulated_tile_loadd
#define _tile_stored emulated_tile_stored
#define _tile_dpbf16ps emulated_tile_dpbf16ps

#define EMULATED static inline __attribute__((unused))

enum { EMULATED_TILES = 8, EMULATED_ROWS = 16, EMULATED_BYTES = 64 };

struct emulated_tile {
    int rows, bytes; /* of each row; none: the tile is not configured */
    _Alignas(64) uint32_t data[EMULATED_ROWS][EMULATED_BYTES / 4];
};

static _Thread_local struct emulated_tile emulated_tiles[EMULATED_TILES];
static _Thread_local int emulated_is_configured;

EMULATED void emulated_expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "emulated AMX: expected %s\n", what);
        abort();
    }
}

/* Palette 1: byte 0; from byte 16 on a row's bytes of each of 8 tiles, in words; from byte 48 on
 * their rows; all else is zero. */
EMULATED void emulated_tile_loadconfig(const void *config)
{
    const uint8_t *c = config;
    emulated_expect(!emulated_is_configured, "tiles to be released first");
    emulated_expect(c[0] == 1, "palette 1");
    for (int i = 1; i < 16; i++)
        emulated_expect(c[i] == 0, "zeros behind the palette");
    for (int i = 0; i < 16; i++) {
        const int bytes = c[16 + 2 * i] | c[17 + 2 * i] << 8, rows = c[48 + i];
        emulated_expect(bytes <= EMULATED_BYTES && bytes % 4 == 0, "rows of up to 64 bytes");
        emulated_expect(rows <= EMULATED_ROWS, "up to 16 rows");
        emulated_expect((bytes == 0) == (rows == 0), "bytes in rows");
        emulated_expect(i < EMULATED_TILES || rows == 0, "8 tiles");
        if (i < EMULATED_TILES)
            emulated_tiles[i] = (struct emulated_tile){.rows = rows, .bytes = bytes};
    }
    emulated_is_configured = 1;
}

EMULATED void emulated_tile_release(void)
{
    emulated_expect(emulated_is_configured, "configured tiles to release");
    memset(emulated_tiles, 0, sizeof emulated_tiles);
    emulated_is_configured = 0;
}

EMULATED struct emulated_tile *emulated_tile(int number)
{
    emulated_expect(number >= 0 && number < EMULATED_TILES && emulated_tiles[number].rows > 0,
                    "a configured tile");
    return &emulated_tiles[number];
}

EMULATED void emulated_tile_zero(int number)
{
    memset(emulated_tile(number)->data, 0, sizeof emulated_tiles[0].data);
}

/* Beyond its rows and their bytes a tile is zero. */
EMULATED void emulated_tile_loadd(int number, const void *base, long stride)
{
    struct emulated_tile *t = emulated_tile(number);
    for (int row = 0; row < t->rows; row++)
        memcpy(t->data[row], (const char *)base + row * stride, (size_t)t->bytes);
}

EMULATED void emulated_tile_stored(int number, void *base, long stride)
{
    const struct emulated_tile *t = emulated_tile(number);
    for (int row = 0; row < t->rows; row++)
        memcpy((char *)base + row * stride, t->data[row], (size_t)t->bytes);
}

/* Of each output, the products of the first of all pairs are summed from zero, those of the second
 * by themselves, each product exact and rounded with its sum; both sums are added, then added to
 * the output. To the nearest even number, and numbers below the normal ones are zero, whatever
 * MXCSR says. */
EMULATED void emulated_tile_dpbf16ps(int sum, int left, int right)
{
    struct emulated_tile *c = emulated_tile(sum), *a = emulated_tile(left),
                         *b = emulated_tile(right);
    emulated_expect(c != a && c != b && a != b, "three tiles");
    emulated_expect(c->rows == a->rows && c->bytes == b->bytes && a->bytes == 4 * b->rows,
                    "shapes that can be multiplied");
    const unsigned mxcsr = _mm_getcsr();
    _mm_setcsr(0x9fc0);
    const __m512i second = _mm512_set1_epi32((int)0xffff0000u);
    for (int m = 0; m < c->rows; m++) {
        __m512 first_sum = _mm512_setzero_ps(), second_sum = _mm512_setzero_ps();
        for (int k = 0; k < b->rows; k++) {
            const __m512i x = _mm512_set1_epi32((int)a->data[m][k]);
            const __m512i y = _mm512_load_si512(b->data[k]);
            first_sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)),
                                        _mm512_castsi512_ps(_mm512_slli_epi32(y, 16)), first_sum);
            second_sum =
                _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(x, second)),
                                _mm512_castsi512_ps(_mm512_and_si512(y, second)), second_sum);
        }
        const __m512 old = _mm512_load_ps(c->data[m]);
        _mm512_store_ps(c->data[m], _mm512_add_ps(old, _mm512_add_ps(first_sum, second_sum)));
    }
    _mm_setcsr(mxcsr);
}

#undef EMULATED

#endif
