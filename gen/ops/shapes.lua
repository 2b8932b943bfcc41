-- shapes.lua - the macros of a program that stand for shapes, each once: images, windows, dropouts.
--
--     local all <const> = shapes.new()
--     all:add_kernel(spec, params)       those of a kernel's row and of its loops
--     all:sorted()                       { { name, defines } }: images, windows, dropouts

local layout <const> = require "ops/layout"

local shapes <const> = {}
shapes.__index = shapes

function shapes.new()
    return setmetatable({ list = {}, known = {} }, shapes)
end

--- A name that stands for two shapes would be a bug of who names them.
function shapes:add(name, defines)
    local known <const> = self.known[name]
    assert(not known or known == defines, "one name for two shapes: " .. name)
    if not known then
        self.known[name] = defines
        self.list[#self.list + 1] = { name = name, defines = defines }
    end
end

--- The shapes of a kernel. params: of its template
function shapes:add_kernel(spec, params)
    for _, tensor in ipairs { "x", "y", "x2", "dx", "dy" } do
        if spec[tensor] then
            self:add(layout.macro(spec[tensor]))
        end
    end
    for _, one in ipairs(params.given or {}) do
        if one.defines then
            self:add(one.text, one.defines)
        end
    end
end

-- What the letters behind a `_` say, by kind.
local LETTERS <const> = {
    { "^IMAGE", "IMAGE_<rows>x<columns>x<channels>",
        { "_P", "_P: pitch" }, { "_B", "_B: border" } },
    { "^GEOMETRY", "GEOMETRY_<window>",
        { "_S", "_S: stride" }, { "_P", "_P: padding" }, { "_D", "_D: dilation" } },
    { "^DROP", "DROP<probability, p for the point>" },
}

--- What the names of the shapes say, or false where there are none.
function shapes:legend()
    local parts <const> = {}
    for _, kind in ipairs(LETTERS) do
        local text
        for i = 2, #kind do
            local pattern <const> = i == 2 and "" or kind[i][1]
            for _, shape in ipairs(self.list) do
                if shape.name:find(kind[1]) and shape.name:find(pattern) then
                    text = text and text .. ", " .. kind[i][2] or kind[i]
                    break
                end
            end
        end
        parts[#parts + 1] = text
    end
    return #parts > 0 and table.concat(parts, "; ") .. "."
end

-- The kinds of shapes in their order.
local KINDS <const> = { "IMAGE", "GEOMETRY", "DROP" }

--- The shapes kind by kind, each in the order in which they came.
function shapes:sorted()
    local sorted <const> = {}
    for _, kind in ipairs(KINDS) do
        for _, shape in ipairs(self.list) do
            if shape.name:find("^" .. kind) then
                sorted[#sorted + 1] = shape
            end
        end
    end
    assert(#sorted == #self.list, "a shape of no kind")
    return sorted
end

return shapes
