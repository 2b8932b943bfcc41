-- isa.lua - what a planner and a template need to know of an instruction set.
--
-- isa = {
--   name       "avx2", "avx512", "amx", "neon" or "c"
--   vectors    whose vectors it has, or nil: its own
--   title      for the head of the generated file
--   vec, mm    C vector type and the prefix of its operations: ${mm}_fmadd_ps
--   vl         numbers a vector
--   real       their C type: "float", or "double" in a program for checks
--   f          the suffix of their literals: "f", or ""
--   literal    a function: a number of Lua as such a literal
--   bytes      of one number
--   registers  vector registers that a tile may fill
--   fma, load  multiply-adds and loads a cycle, for the tile model
--   folds      whether a broadcast may be an operand of the multiply-add itself
--   winograd   the register tile of Winograd's products: tiles of the image x vectors of outputs,
--              and the accumulators (sums) that hide the latency of a multiply-add
--   flags      compiler options that allow the intrinsics
--   bf16       { title, flag, guard }: what products of bf16 pairs need besides, or nil
--   header     that declares them, or false
--   guard      a condition of the preprocessor: these options are missing
--   plain      whether kernels are plain loops over numbers: portable C, to be read
--   pairs      the C type of a vector of pairs of bf16 where products are made of them, or false
--   tiles      whether products of bf16 are made in tiles of AMX; nil: not
--   made_for   what a program calls this set: its name, and +bf16 with pairs
--   words      what every template of a program sees of this: { isa = the name, of amx avx512, vec,
--              mm, vl, real, f, bytes, plain, pair_vec: pairs }
-- }
--
-- So a template says `const ${real} *x` and `0.5${f}`, and a text that is made in Lua asks set.real
-- and set.literal: a program in double is written as such, not made from one in float.

local c <const> = require "emit/c"

local isa <const> = {}

local SETS <const> = {
    avx2 = {
        name = "avx2", title = "AVX2 and FMA", vec = "__m256", mm = "_mm256", vl = 8,
        registers = 16, fma = 2, load = 2, folds = false,
        winograd = { tiles = 6, vectors = 2, sums = 12 },
        flags = "-mavx2 -mfma", header = "immintrin.h",
        guard = "!defined(__AVX2__) || !defined(__FMA__)",
    },
    avx512 = {
        name = "avx512", title = "AVX-512 (F, BW, DQ, VL)", vec = "__m512", mm = "_mm512", vl = 16,
        registers = 32, fma = 1, load = 2, folds = true,
        winograd = { tiles = 8, vectors = 2, sums = 8 },
        flags = "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512",
        header = "immintrin.h",
        guard = "!defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512DQ__) "
            .. "|| !defined(__AVX512VL__)",
        bf16 = {
            title = " and AVX512_BF16", flag = " -mavx512bf16",
            guard = " || !defined(__AVX512BF16__)",
        },
    },
    -- AArch64, whose compilers need no option for it: for frozen networks.
    neon = {
        name = "neon", title = "NEON (AArch64)", vec = "vec4", mm = "vec4", vl = 4,
        registers = 32, fma = 2, load = 2, folds = false,
        winograd = { tiles = 8, vectors = 2, sums = 16 },
        flags = "", header = "arm_neon.h", guard = "",
    },
    -- Vectors of four floats by the compilers' vector extension: SSE, NEON or scalar code.
    c = {
        name = "c", title = "portable C", vec = "vec4", mm = "vec4", vl = 4,
        registers = 16, fma = 1, load = 1, folds = false,
        winograd = { tiles = 4, vectors = 2, sums = 8 },
        flags = "", header = false, guard = "",
    },
}

-- AVX-512, and tiles for products of bf16, which are all that it is for.
SETS.amx = {}
for key, value in pairs(SETS.avx512) do -- a set: the order does not matter
    SETS.amx[key] = value
end
SETS.amx.name, SETS.amx.vectors, SETS.amx.tiles = "amx", "avx512", true
SETS.amx.bf16 = {
    title = ", AVX512_BF16 and AMX (TILE, BF16)", flag = " -mavx512bf16 -mamx-tile -mamx-bf16",
    guard = " || !defined(__AVX512BF16__) || !defined(__AMX_TILE__) || !defined(__AMX_BF16__)",
}

-- The instruction set of this name for numbers of this type, float unless it is said; main.lua has
-- checked both. Portable C alone has vectors of doubles, and plain loops.
-- precision: "bf16" for products of pairs of bf16 in the kernels that have them; else "fp32" or
-- nil. Plain loops and programs in double have none.
function isa.get(name, real, plain, precision)
    local in_double <const> = real == "double"
    local set <const> = {
        real = real or "float", f = in_double and "" or "f", bytes = in_double and 8 or 4,
        literal = in_double and c.double or c.float, plain = plain or false,
    }
    assert(set.bytes == 4 and not plain or name == "c", "portable C alone has this")
    for key, value in pairs(assert(SETS[name], "unknown instruction set")) do
        set[key] = value
    end
    local in_pairs <const> = precision == "bf16" and not in_double and not plain
    if set.tiles and not in_pairs then
        error({ kind = "usage", messages = {
            "--isa amx: has products of bf16 alone: expected --precision bf16, or --isa avx512",
        } }, 0)
    end
    set.pairs = in_pairs and (set.vec == "vec4" and "lanes4" or set.vec .. "i")
    set.made_for = set.name .. (in_pairs and "+bf16" or "")
    if in_pairs then
        local own <const> = set.bf16 or { title = "", flag = "", guard = "" }
        set.title = set.title .. own.title .. ", products in bf16"
        set.flags, set.guard = set.flags .. own.flag, set.guard .. own.guard
    end
    set.words = {
        isa = set.vectors or set.name, vec = set.vec, mm = set.mm, vl = set.vl, real = set.real,
        f = set.f, bytes = set.bytes, plain = set.plain, pair_vec = set.pairs,
    }
    return set
end

return isa
