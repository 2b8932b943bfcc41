-- index.lua - the prototypes of a program's functions as an index, one a line.
--
-- Functions that take the same are of one type, which has the names of its parameters:
--
--     typedef void takes_y_x_w(float *restrict y, const float *restrict x, const float *restrict w,
--             int n);
--     static NOINLINE takes_y_x_w conv1x1_c32_k16_32x32_fwd__direct;
--
-- Kernels always have one, by which the kernel table calls them.

local index <const> = {}

local LONGEST <const> = 48 -- letters of a type's name: longer ones say less than the parameters

-- { front, name, parameters } of "static NOINLINE void NAME(PARAMETERS);".
local function parts_of(prototype)
    local front <const>, name <const>, parameters <const> =
        prototype:match("^(.-)void ([%w_]+)(%(.*%));$")
    return front and { front = front, name = name, parameters = parameters }
end

--- "y_x_w" for the names of parameters: the count of images n, which all kernels take, is left out.
function index.type_word(params)
    local words <const> = {}
    for _, word in ipairs(params) do
        words[#words + 1] = word ~= "n" and word or nil
    end
    return table.concat(words, "_")
end

-- "takes_y_x_w" for the parameters as C.
local function type_name(parameters)
    local words <const> = {}
    for word in parameters:gmatch("([%w_]+)[,)]") do
        words[#words + 1] = word
    end
    return "takes_" .. index.type_word(words)
end

-- Types whose parameters differ in `restrict` alone are one type to C.
local function unrestricted(parameters)
    return (parameters:gsub("restrict ", ""))
end

--- The types that several functions or a kernel have, and the lines of the index, in the order of
--- prototypes. kernels: names of functions, as a set
function index.of(prototypes, kernels)
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
        local is_kernel <const> = parts and kernels[parts.name]
        if not parts or not is_kernel and (uses[parts.parameters] == 1 or #name > LONGEST) then
            lines[i] = prototype
        else
            local same <const> = unrestricted(parts.parameters)
            if not named[name] then
                named[name] = same
                types[#types + 1] = string.format("typedef void %s%s;", name, parts.parameters)
            end
            assert(named[name] == same or not is_kernel, "one type for two kernels: " .. name)
            -- Other types of one name are rare: the second one is written out.
            lines[i] = named[name] == same
                and string.format("%s%s %s;", parts.front, name, parts.name) or prototype
        end
    end
    return types, lines
end

return index
