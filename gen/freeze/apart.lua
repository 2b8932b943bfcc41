-- apart.lua - the weights of a frozen network as a file beside its C.
--
--     apart.layout(arrays, words) -> { header = bytes, bytes = of the file }; the arrays get the
--         field `at`, where they stand in the file, in floats
--     apart.parts(arrays, header) -> the texts that make up the file
--     apart.path_from(folder, file) -> the path of a file as one who stands in the folder has it
--
-- The header is of 64 bytes, little endian: "burinwts"; the version, 32 bits; zeros; the bytes of
-- the file, 64 bits; zeros; from byte 32 on the SHA-256 of all that the C takes for granted: words,
-- and name, count and note of each array. A network that is trained again has the same header, and
-- its file fits the same C; one with another plan, norm or instruction set has another.

local apart <const> = {}

local MAGIC <const>, VERSION <const> = "burinwts", 1
local ALIGNMENT <const> = 64

local function from_hexadecimal(text)
    return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

function apart.layout(arrays, words)
    local lines <const>, at = { words }, ALIGNMENT
    for _, array in ipairs(arrays) do
        array.at = at // 4
        at = at + #array.bytes + -#array.bytes % ALIGNMENT
        lines[#lines + 1] = ("%s %d %s"):format(array.name, array.count, array.note)
    end
    local digest <const> = from_hexadecimal(host.sha256(table.concat(lines, "\n")))
    return {
        bytes = at,
        header = string.pack("<c8I4I4I8I8", MAGIC, VERSION, 0, at, 0) .. digest,
    }
end

function apart.parts(arrays, header)
    local list <const> = { header }
    for _, array in ipairs(arrays) do
        list[#list + 1] = array.bytes
        list[#list + 1] = ("\0"):rep(-#array.bytes % ALIGNMENT)
    end
    return list
end

-- The words of a path, without those that say nothing.
local function words_of(path)
    local list <const> = {}
    for word in path:gmatch("[^/]+") do
        list[#list + 1] = word ~= "." and word or nil
    end
    return list
end

function apart.path_from(folder, file)
    local here <const>, there <const> = words_of(folder), words_of(file)
    if file:find("^/") or folder:find("^/") or table.concat(here, "/"):find("..", 1, true) then
        return file
    end
    local same = 0
    while same < #here and here[same + 1] == there[same + 1] do
        same = same + 1
    end
    return ("../"):rep(#here - same) .. table.concat(there, "/", same + 1)
end

return apart
