-- index.lua - the prototypes of a program's functions as an index, one a line.
--
-- Functions that take the same are of one type, which has the names of its parameters:
--
--     typedef void takes_y_x_w(float *restrict y, const float *restrict x, const float *restrict w,
--             int n);
--     static NOINLINE takes_y_x_w conv1x1_c32_k16_32x32_fwd__direct;

local index <const> = {}

local LONGEST <const> = 48 -- letters of a type's name: longer ones say less than the parameters

-- { front, name, parameters } of "static NOINLINE void NAME(PARAMETERS);".
local function parts_of(prototype)
    local front <const>, name <const>, parameters <const> =
        prototype:match("^(.-)void ([%w_]+)(%(.*%));$")
    return front and { front = front, name = name, parameters = parameters }
end

-- "takes_y_x_w": the count of images n, which all take, is left out.
local function type_name(parameters)
    local words <const> = {}
    for word in parameters:gmatch("([%w_]+)[,)]") do
        words[#words + 1] = word ~= "n" and word or nil
    end
    return "takes_" .. table.concat(words, "_")
end

--- The types that several functions have, and the lines of the index, in the order of prototypes.
function index.of(prototypes)
    local uses <const>, types <const>, lines <const>, named <const> = {}, {}, {}, {}
    for _, prototype in ipairs(prototypes) do
        local parts <const> = parts_of(prototype)
        if parts then
            uses[parts.parameters] = (uses[parts.parameters] or 0) + 1
        end
    end
    for i, prototype in ipairs(prototypes) do
        local parts <const> = parts_of(prototype)
        local name <const> = parts and type_name(parts.parameters)
        if not parts or uses[parts.parameters] == 1 or #name > LONGEST then
            lines[i] = prototype
        else
            if not named[name] then
                named[name] = parts.parameters
                types[#types + 1] = string.format("typedef void %s%s;", name, parts.parameters)
            end
            -- Two types of one name are rare: the second one is written out.
            lines[i] = named[name] == parts.parameters
                and string.format("%s%s %s;", parts.front, name, parts.name) or prototype
        end
    end
    return types, lines
end

return index
