-- entry.lua - kernels that call the loops of their kind.
--
-- The loops of a kind of kernel stand in a program once, a function that is given the shapes of a
-- layer. It is inlined in each kernel of that kind, so that the compiler knows them, too. A macro
-- behind the loops makes a kernel of them, so that kernels are the lines of a table; shapes are
-- macros, which name their numbers.

local c <const> = require "emit/c"
local dropout <const> = require "ops/dropout"
local geometry <const> = require "geometry"
local layout <const> = require "ops/layout"

local entry <const> = {}

-- -- What loops are given ------------------------------------------------------------------------
-- { word = the parameter of the macro, text = C, type = of what the text initializes or nil,
-- front = what the text begins with, which the macro adds, or nil,
-- defines = what a macro stands for or nil, uses = the helper that it needs, or nil }

--- An image of this layout.
function entry.image(l)
    local text <const>, defines <const> = layout.macro(l)
    return { word = "IMAGE", uses = "image", type = "struct image", text = text,
        front = "IMAGE_", defines = defines }
end

--- "3x3_S2_P1_D2": what differs from stride 1, no padding and no dilation.
function entry.geometry_word(it)
    local function word(letter, field, usual)
        return geometry.alike(it, field, usual) and "" or letter .. geometry.word(it, field)
    end
    return string.format("%dx%d%s%s%s", it.h.taps, it.w.taps, word("_S", "stride", 1),
        word("_P", "padding", 0), word("_D", "dilation", 1))
end

--- The macro that stands for a geometry as runtime/model.h has it, and what it stands for.
function entry.geometry(it)
    local function axis(a)
        return string.format("{.taps = %d, .stride = %d, .padding = %d, .dilation = %d}", a.taps,
            a.stride, a.padding, a.dilation)
    end
    return "GEOMETRY_" .. entry.geometry_word(it),
        string.format("{.h = %s, .w = %s}", axis(it.h), axis(it.w))
end

--- The window of a convolution or pool.
function entry.window(it)
    local text <const>, defines <const> = entry.geometry(it)
    return { word = "WINDOW", uses = "geometry", type = "struct geometry", text = text,
        front = "GEOMETRY_", defines = defines }
end

--- The dropout of a pointwise kernel.
function entry.drop(spec, isa)
    local each <const> = spec.unit == "values"
    return {
        word = "DROP", uses = "drop_bits", type = "struct drop_bits",
        text = string.format("DROP%s_%sx%d", c.number_word(spec.p):upper(),
            each and spec.x.h .. "x" .. spec.x.w or "ALL", spec.c),
        defines = string.format("{.pitch = %d, .bytes = %d, .scale = %s /* 65536 / %d */}",
            each and dropout.pitch(spec.c) or 0,
            4 * dropout.words(spec.unit, spec.x.h, spec.x.w, spec.c),
            isa.literal(dropout.scale(spec.p)), 65536 - dropout.threshold(spec.p)),
    }
end

--- A number. word: what it is, in capital letters
function entry.number(word, text)
    return { word = word, text = text }
end

-- -- Kernels -------------------------------------------------------------------------------------

-- Names of the macro's parameters: words, numbered where there are several of one.
local function macro_params(given)
    local count <const>, seen <const>, list <const> = {}, {}, {}
    for _, one in ipairs(given) do
        count[one.word] = (count[one.word] or 0) + 1
    end
    for i, one in ipairs(given) do
        seen[one.word] = (seen[one.word] or 0) + 1
        list[i] = one.word .. (count[one.word] > 1 and seen[one.word] or "")
    end
    return list
end

-- The macro that makes kernels of loops. Shapes are constants there, not compound literals, so that
-- it is C++, too.
local function macro_of(spec, params, loops)
    local names <const>, helpers <const> = macro_params(loops.given), {}
    local given <const>, constants <const> = {}, {}
    local last_type
    for i, one in ipairs(loops.given) do
        given[i] = one.type and names[i]:lower() or names[i]
        if one.type then
            local value <const> = string.format("%s = %s%s", given[i],
                one.front and one.front .. "##" or "", names[i])
            if one.type == last_type then
                constants[#constants] = constants[#constants]:gsub(";$", ", " .. value .. ";")
            else
                constants[#constants + 1] = string.format("const %s %s;", one.type, value)
            end
        end
        last_type = one.type
        helpers[#helpers + 1] = one.uses
    end
    return {
        name = loops.name:upper(), template = "ops/entry_macro.c.tpl",
        params = {
            loops = loops.name, signature = params.signature,
            parameters = table.concat(names, ", "),
            arguments = table.concat(spec.params, ", "), given = table.concat(given, ", "),
            helpers = helpers, constants = constants,
        },
    }
end

--- The template of a kernel, its parameters, and the functions of its loops (see ops.lua).
--- params: of every kernel; loops: { name, template, flags = the parameters of that template, given
--- = what it is given }
function entry.kernel(spec, params, loops)
    params.macro, params.given, params.is_entry = loops.name:upper(), loops.given, true
    params.cost = params.cost:gsub("^R", "r") -- it stands behind the layer's name
    loops.flags.signature = params.signature
    return "ops/entry.c.tpl", params, {
        { name = loops.name, template = loops.template, params = loops.flags },
        macro_of(spec, params, loops),
    }
end

-- -- Kernels of images of any size ---------------------------------------------------------------

local function copy(from)
    local to <const> = {}
    for key, value in pairs(from) do -- a set: the order does not matter
        to[key] = value
    end
    return to
end

-- The step of a loop over images from `from` to `to`, as C.
local function next_image(spec, to, from)
    local steps <const> = { "image++" }
    for _, param in ipairs(spec.params) do
        if spec[param] == to or spec[param] == from then
            steps[#steps + 1] = string.format("%s += floats_of(%s)", param,
                spec[param] == to and "to" or "from")
        elseif param == "winner" then
            local small <const> = spec.pass == "fwd" and "to" or "from"
            steps[#steps + 1] = string.format("winner += %s.h * %s.w * %s.pitch", small, small,
                small)
        end
    end
    return table.concat(steps, ", ")
end

--- The columns of an image and its border, as C.
function entry.cols(name, l)
    return l.border > 0 and string.format("(%s.w + %d)", name, 2 * l.border) or name .. ".w"
end

--- The same as entry.kernel for a template that writes the sizes of images as numbers: it makes
--- loops of images of any size where it is given C for these numbers. params: with the numbers
--- is = { name, template, to, from = layouts, sizes = what stands for the numbers, by parameter }
function entry.any_size(spec, params, is)
    local flags <const> = copy(params)
    for key, value in pairs(is.sizes) do -- a set: the order does not matter
        flags[key] = value
    end
    flags.any_size, flags.target_image, flags.source_image = true, "to", "from"
    flags.next_image = next_image(spec, is.to, is.from)
    flags.where, flags.shapes, flags.cost = false, false, false
    return entry.kernel(spec, params, {
        name = is.name, template = is.template, flags = flags,
        given = { entry.image(is.to), entry.image(is.from) },
    })
end

return entry
