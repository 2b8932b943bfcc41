/* pack.c - the weights of trained models: millions of numbers, which Lua hands around as texts.
 *
 *     host.standardize(weights, outputs, eps) -> floats
 *     host.fold(weights, is) -> doubles, sums; or nil where a number is not finite
 *     host.pack(kind, is, doubles) -> floats
 *     host.float_rows(floats, columns) -> { text }
 *
 * Every function goes over its numbers once. This is work on data, whose size is that of a file,
 * and not on a description: its time does not count against the budget of limit_work.
 *
 * The layouts are those of templates/ops/conv/pack*.c.tpl and winograd_pack.c.tpl, which training
 * programs make of canonical weights in memory: fields of `is` have the names of their parameters.
 * `strided` is of frozen networks alone.
 * Numbers lie in texts as this machine has them, which is little endian; texts may lie anywhere.
 */
#include "pack.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "description.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "expected a little-endian machine"
#endif

enum { FREQUENCIES = 36, STRIDED_PRODUCTS = 25, TAPS = 9 };

static double double_at(const char *bytes, size_t i)
{
    double value;
    memcpy(&value, bytes + i * sizeof value, sizeof value);
    return value;
}

static float float_at(const char *bytes, size_t i)
{
    float value;
    memcpy(&value, bytes + i * sizeof value, sizeof value);
    return value;
}

/* The field `name` of the table at this index: a count. */
static size_t count_of(lua_State *L, int index, const char *name)
{
    if (lua_getfield(L, index, name) != LUA_TNUMBER || !lua_isinteger(L, -1) ||
        lua_tointeger(L, -1) <= 0)
        luaL_error(L, "field %s: expected a count", name);
    size_t count = (size_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return count;
}

/* Doubles of the list in the field `name` of the table at this index, kept alive on the stack, or
 * NULL where there is none. */
static const double *list_of(lua_State *L, int index, const char *name, size_t count)
{
    if (lua_getfield(L, index, name) == LUA_TNIL)
        return NULL;
    double *list = lua_newuserdatauv(L, count * sizeof *list, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        list[i] = luaL_checknumber(L, -1);
        lua_pop(L, 1);
    }
    return list;
}

/* -- Norms that become part of weights --------------------------------------------------------- */

/* Makes of a row of weights the ones that kernels see: as runtime/train/standard.h says, to the
 * bit. */
static void standardize(float *weights, size_t n, double eps)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)weights[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += ((double)weights[i] - mean) * ((double)weights[i] - mean);
    const double scale = 1 / sqrt(squares / (double)n + eps);
    for (size_t i = 0; i < n; i++)
        weights[i] = (float)(((double)weights[i] - mean) * scale);
}

/* standardize(weights, outputs, eps) -> floats: each of so many rows of weights, floats. */
static int standardized(lua_State *L)
{
    size_t size;
    const char *weights = luaL_checklstring(L, 1, &size);
    const lua_Integer outputs = luaL_checkinteger(L, 2);
    const double eps = luaL_checknumber(L, 3);
    luaL_argcheck(L,
                  outputs > 0 && size % (size_t)outputs == 0 && size > 0 &&
                      size / (size_t)outputs % sizeof(float) == 0,
                  2, "expected whole rows of floats");
    const size_t n = size / (size_t)outputs / sizeof(float);
    float *made = lua_newuserdatauv(L, size, 0);
    memcpy(made, weights, size);
    for (size_t k = 0; k < (size_t)outputs; k++)
        standardize(made + k * n, n, (double)(float)eps);
    lua_pushlstring(L, (const char *)made, size);
    return 1;
}

/* fold(weights, { outputs, inputs, taps, group_outputs, bias, a_out, a_in, b_in }) -> doubles, sums
 *
 * weights: floats, [outputs][inputs of a group][taps]. Without b_in, weights times a_out and bias;
 * with a scale and shift ahead: w a_in a_out, and bias + sum of w b_in. a_out, a_in and b_in may be
 * missing, bias not: lists a channel. */
static int fold(lua_State *L)
{
    size_t size;
    const char *weights = luaL_checklstring(L, 1, &size);
    const size_t outputs = count_of(L, 2, "outputs"), inputs = count_of(L, 2, "inputs");
    const size_t taps = count_of(L, 2, "taps"), group_outputs = count_of(L, 2, "group_outputs");
    const size_t count = outputs * inputs * taps;
    luaL_argcheck(L, size == count * sizeof(float), 1, "expected outputs * inputs * taps floats");
    luaL_argcheck(L, outputs % group_outputs == 0, 2, "expected whole groups");
    const size_t channels = outputs / group_outputs * inputs;
    const double *bias = list_of(L, 2, "bias", outputs), *a_out = list_of(L, 2, "a_out", outputs);
    const double *a_in = list_of(L, 2, "a_in", channels), *b_in = list_of(L, 2, "b_in", channels);
    luaL_argcheck(L, bias != NULL && (a_in == NULL || b_in != NULL), 2, "expected lists");
    double *made = lua_newuserdatauv(L, count * sizeof *made, 0), *to = made;
    bool finite = true;
    lua_createtable(L, (int)outputs, 0);
    for (size_t k = 0, at = 0; k < outputs; k++) {
        const double a = a_out != NULL ? a_out[k] : 1.0;
        double sum = bias[k];
        for (size_t i = 0; i < inputs; i++) {
            const size_t channel = k / group_outputs * inputs + i;
            for (size_t tap = 0; tap < taps; tap++, at++) {
                double w = (double)float_at(weights, at);
                finite = finite && isfinite(w);
                if (b_in != NULL)
                    sum += w * b_in[channel];
                if (a_in != NULL)
                    w *= a_in[channel];
                *to++ = w * a;
            }
        }
        lua_pushnumber(L, sum);
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    if (!finite)
        return 0;
    lua_pushlstring(L, (const char *)made, count * sizeof *made);
    lua_insert(L, -2);
    return 2;
}

/* -- The layouts that kernels read ------------------------------------------------------------- */

/* What a layout is made of and how: zeros are there already. */
struct packing {
    const char *w; /* doubles, canonical */
    float *made;
};

/* [block of outputs][tap][channel][output of the block] */
static void whole(lua_State *L, const struct packing *p)
{
    const size_t k_count = count_of(L, 2, "k"), channels = count_of(L, 2, "channels");
    const size_t taps = count_of(L, 2, "taps"), block = count_of(L, 2, "block");
    for (size_t k = 0; k < k_count; k++) {
        float *to = p->made + k / block * block * taps * channels + k % block;
        for (size_t i = 0; i < channels; i++)
            for (size_t tap = 0; tap < taps; tap++)
                to[(tap * channels + i) * block] =
                    (float)double_at(p->w, (k * channels + i) * taps + tap);
    }
}

/* [block of outputs][tap][channel read][output of the block]: of `made` outputs that read the same
 * `read` inputs, those of other groups are zero. */
static void grouped(lua_State *L, const struct packing *p)
{
    const size_t k_count = count_of(L, 2, "k"), taps = count_of(L, 2, "taps");
    const size_t block = count_of(L, 2, "block"), read = count_of(L, 2, "read");
    const size_t made = count_of(L, 2, "made");
    const size_t group_c = count_of(L, 2, "group_c"), group_k = count_of(L, 2, "group_k");
    for (size_t k = 0; k < k_count; k++) {
        float *to = p->made + k / block * block * taps * read + k % block;
        for (size_t j = 0; j < read; j++) {
            const size_t i = k / made * read + j;
            for (size_t tap = 0; i / group_c == k / group_k && tap < taps; tap++)
                to[(tap * read + j) * block] =
                    (float)double_at(p->w, (k * group_c + i % group_c) * taps + tap);
        }
    }
}

/* [vector of channels][tap][channel of the vector] */
static void depthwise(lua_State *L, const struct packing *p)
{
    const size_t channels = count_of(L, 2, "channels"), taps = count_of(L, 2, "taps");
    const size_t vl = count_of(L, 2, "vl");
    for (size_t k = 0; k < channels; k++)
        for (size_t tap = 0; tap < taps; tap++)
            p->made[(k / vl * taps + tap) * vl + k % vl] = (float)double_at(p->w, k * taps + tap);
}

/* out = G w, six of three: G is that of Winograd's F(4 x 4, 3 x 3) in
 * templates/ops/conv/winograd_tile.c.tpl. */
static void transform(double out[6], double w0, double w1, double w2)
{
    const double ends = (w0 + w2) / 6, middle = w1 / 6;
    const double far_ends = w0 / 24 + w2 / 6, far_middle = w1 / 12;
    out[0] = w0 / 4;
    out[1] = -ends - middle;
    out[2] = middle - ends;
    out[3] = far_ends + far_middle;
    out[4] = far_ends - far_middle;
    out[5] = w2;
}

/* G w G' of each window, in double: [frequency][block of outputs][channel][output of the block] */
static void winograd(lua_State *L, const struct packing *p)
{
    const size_t k_count = count_of(L, 2, "k"), k_pitch = count_of(L, 2, "k_pitch");
    const size_t channels = count_of(L, 2, "channels"), block = count_of(L, 2, "block");
    const size_t frequency = channels * k_pitch;
    for (size_t k = 0; k < k_count; k++) {
        for (size_t i = 0; i < channels; i++) {
            const size_t w = (k * channels + i) * TAPS;
            float *to = p->made + k / block * block * channels + i * block + k % block;
            double columns[3][6], row[6];
            for (size_t s = 0; s < 3; s++)
                transform(columns[s], double_at(p->w, w + s), double_at(p->w, w + 3 + s),
                          double_at(p->w, w + 6 + s));
            for (size_t r = 0; r < 6; r++) {
                transform(row, columns[0][r], columns[1][r], columns[2][r]);
                for (size_t s = 0; s < 6; s++)
                    to[(r * 6 + s) * frequency] = (float)row[s];
            }
        }
    }
}

/* What along an axis of a convolution of stride 2 is multiplied, in the order of the sums: see
 * gen/ops/conv/strided.lua. */
static double strided_weight(const double w[3], size_t term)
{
    const double made[] = {w[0], w[1], w[0] + w[2], w[2], w[1]};
    return made[term];
}

/* [sum][block of outputs][product][channel][output of the block] */
static void strided(lua_State *L, const struct packing *p)
{
    enum { SUMS = 3, TERMS = 2 };
    static const size_t counts[SUMS] = {2, 1, 2}, terms[SUMS][TERMS] = {{0, 1}, {2}, {3, 4}};
    const size_t k_count = count_of(L, 2, "k"), k_pitch = count_of(L, 2, "k_pitch");
    const size_t channels = count_of(L, 2, "channels"), block = count_of(L, 2, "block");
    float *sum = p->made;
    for (size_t s = 0; s < SUMS * SUMS; s++) {
        const size_t rows = counts[s / SUMS], cols = counts[s % SUMS], products = rows * cols;
        for (size_t at = 0; at < products * channels * k_count; at++) {
            const size_t k = at / channels / products, i = at / products % channels;
            const size_t product = at % products;
            const size_t row = terms[s / SUMS][product / cols],
                         col = terms[s % SUMS][product % cols];
            double half[3];
            for (size_t r = 0; r < 3; r++) {
                double w[3];
                for (size_t c = 0; c < 3; c++)
                    w[c] = double_at(p->w, (k * channels + i) * TAPS + 3 * r + c);
                half[r] = strided_weight(w, col);
            }
            sum[k / block * block * products * channels + (product * channels + i) * block +
                k % block] = (float)strided_weight(half, row);
        }
        sum += products * channels * k_pitch;
    }
}

struct layout {
    const char *kind, *outputs, *pitch, *block; /* fields: outputs, filled up to, in blocks of */
    const char *inputs, *read;                  /* inputs of an output, and those that it reads */
    void (*make)(lua_State *L, const struct packing *p);
    size_t products; /* of a window of TAPS taps; 0: one a tap */
};

static const struct layout layouts[] = {
    {"whole", "k", "k_pitch", "block", "channels", "channels", whole, 0},
    {"grouped", "k", "made_pitch", "block", "group_c", "read", grouped, 0},
    {"depthwise", "channels", "pitch", "vl", NULL, NULL, depthwise, 0},
    {"winograd", "k", "k_pitch", "block", "channels", "channels", winograd, FREQUENCIES},
    {"strided", "k", "k_pitch", "block", "channels", "channels", strided, STRIDED_PRODUCTS},
};

/* pack(kind, is, doubles): the floats of a layout. kind: of layouts */
static int pack(lua_State *L)
{
    size_t size, kind = 0;
    const char *name = luaL_checkstring(L, 1), *w = luaL_checklstring(L, 3, &size);
    const size_t kinds = sizeof layouts / sizeof layouts[0];
    while (kind < kinds && strcmp(layouts[kind].kind, name) != 0)
        kind++;
    luaL_argcheck(L, kind < kinds, 1, "expected a layout");
    const struct layout *is = &layouts[kind];
    const size_t outputs = count_of(L, 2, is->outputs), pitch = count_of(L, 2, is->pitch);
    const size_t inputs = is->inputs != NULL ? count_of(L, 2, is->inputs) : 1;
    const size_t read = is->read != NULL ? count_of(L, 2, is->read) : 1;
    const size_t taps = count_of(L, 2, "taps");
    luaL_argcheck(L, outputs <= pitch && pitch % count_of(L, 2, is->block) == 0, 2,
                  "expected a pitch of whole blocks");
    luaL_argcheck(L, is->products == 0 || taps == TAPS, 2, "expected windows of 3 x 3");
    luaL_argcheck(L, size == outputs * inputs * taps * sizeof(double), 3,
                  "expected a canonical bank of doubles");
    const size_t count = pitch * read * (is->products > 0 ? is->products : taps);
    float *made = lua_newuserdatauv(L, count * sizeof *made, 0);
    memset(made, 0, count * sizeof *made);
    is->make(L, &(struct packing){w, made});
    lua_pushlstring(L, (const char *)made, count * sizeof *made);
    return 1;
}

/* -- Numbers as text --------------------------------------------------------------------------- */

/* A float in hexadecimal, which is exact: 0x1.8p-3f. Returns its length. */
static size_t float_text(char *text, size_t room, float x)
{
    return (size_t)(x == 0.0f ? snprintf(text, room, "0.0f")
                              : snprintf(text, room, "%af", (double)x));
}

/* float_rows(floats, columns): lines of at most so many columns, "0x1.8p-3f, 0.0f,". */
static int float_rows(lua_State *L)
{
    enum { LONGEST = 32, WIDEST = 200 };
    char line[WIDEST + 1];
    size_t size, width = 0;
    const char *floats = luaL_checklstring(L, 1, &size);
    lua_Integer columns = luaL_checkinteger(L, 2), rows = 0;
    luaL_argcheck(L, size % sizeof(float) == 0, 1, "expected floats");
    luaL_argcheck(L, columns >= LONGEST && columns <= WIDEST, 2, "expected 32 to 200");
    lua_newtable(L);
    for (size_t i = 0; i < size / sizeof(float); i++) {
        char text[LONGEST];
        const size_t length = float_text(text, sizeof text, float_at(floats, i));
        if (width > 0 && width + length + 3 > (size_t)columns) {
            lua_pushlstring(L, line, width);
            lua_rawseti(L, -2, ++rows);
            width = 0;
        }
        if (width > 0)
            line[width++] = ' ';
        memcpy(line + width, text, length);
        width += length;
        line[width++] = ',';
    }
    lua_pushlstring(L, line, width);
    lua_rawseti(L, -2, ++rows);
    return 1;
}

/* -- The table --------------------------------------------------------------------------------- */

/* Calls the function that is its upvalue, and grants the budget of the description its time. */
static int call_outside_budget(lua_State *L)
{
    const double began = description_cpu_seconds();
    lua_CFunction function = lua_tocfunction(L, lua_upvalueindex(1));
    const int results = function(L);
    description_grant(L, description_cpu_seconds() - began);
    return results;
}

void pack_add_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"standardize", standardized}, {"fold", fold}, {"pack", pack}, {"float_rows", float_rows}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_pushcclosure(L, call_outside_budget, 1);
        lua_setfield(L, -2, functions[i].name);
    }
}
