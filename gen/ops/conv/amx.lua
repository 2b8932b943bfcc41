-- amx.lua - what kernels in tiles of AMX share.
--
-- There are eight tiles, each of up to 16 rows of 64 bytes: 16 floats, or 16 pairs of bf16. A
-- kernel has some of sums, one of what it multiplies for some rows of these, and some of what it
-- multiplies for their columns.

local amx <const> = { tiles = 8, lines = 16 }

--- The largest number that divides `count` and fits a tile.
function amx.divisor(count)
    local most = amx.lines
    while count % most > 0 do
        most = most - 1
    end
    return most
end

--- What struct tile_shapes has of these tiles, as lists of C: their bytes a row and their rows.
--- shape = { sums, columns = how many tiles of them, rows = of a tile of sums, step = pairs that a
--- product sums }
function amx.shapes(shape)
    local bytes <const>, rows <const> = {}, {}
    local function add(count, bytes_of_row, row_count)
        for _ = 1, count do
            bytes[#bytes + 1], rows[#rows + 1] = bytes_of_row, row_count
        end
    end
    add(shape.sums, 4 * amx.lines, shape.rows)
    add(1, 4 * shape.step, shape.rows)
    add(shape.columns, 4 * amx.lines, shape.step)
    return table.concat(bytes, ", "), table.concat(rows, ", ")
end

return amx
