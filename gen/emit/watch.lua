-- watch.lua - what every call of a training step leaves, in their order: where a diagnosis looks
-- for the first number that is not finite.
--
-- A row belongs to the profile slot of a kernel (profile.h): its own outputs, and before them
-- those of the calls and joins since the kernel before, as long as they live until then.

local watch <const> = {}

-- The parameters of a kernel that it writes floats to.
local OUTPUTS <const> = { y = true, dx = true, dw = true, db = true, sums = true }

-- What a buffer holds, by its role (runtime/model.h). Others hold no floats to look at.
local WHAT <const> = {
    y = "WHAT_Y", dy = "WHAT_DY", dw = "WHAT_DW", db = "WHAT_DB", sums = "WHAT_SUMS",
    dsums = "WHAT_DSUMS", total = "WHAT_TOTAL", coef = "WHAT_COEF", dcoef = "WHAT_DCOEF",
}

-- The buffers that a join makes, in this order.
local JOINED <const> = { "sums", "coef", "dcoef", "dweight", "dbias" }

-- A call that is no kernel writes its first buffers.
local function outputs_of(call)
    local list <const> = {}
    for i, arg in ipairs(call.args) do
        local writes = not call.kernel
        if call.kernel then
            writes = OUTPUTS[call.kernel.params[i]]
        elseif type(arg) ~= "table" then
            break
        end
        list[#list + 1] = writes and arg or nil
    end
    return list
end

-- A row of the table, as C. offset: of memory.lua
local function row_text(slot, buffer, offset)
    local row <const> = buffer.row or { pitch = buffer.floats, used = buffer.floats }
    return string.format('{%s, "%s", %s, TENSOR_%s, %s, %d, %d, %d, %d},', slot, buffer.layer,
        WHAT[buffer.role], buffer.scope:upper(), offset[buffer], buffer.floats, buffer.copies,
        row.pitch, row.used)
end

-- Whether a buffer still holds at a call what was written to it before.
local function is_alive(buffer, index)
    return buffer.scope == "chunk" or buffer.scope == "thread" or buffer.last >= index
end

-- Whether the next call writes another part of the output `buffer`, which is whole only then: the
-- rest of it is what was left there before.
local function is_part(phase, k, buffer)
    local after <const> = buffer.role == "y" and phase.calls[k + 1]
    for _, other in ipairs(after and after.kernel and outputs_of(after) or {}) do
        if other == buffer then
            return true
        end
    end
    return false
end

--- The rows of the table. memory: of memory.lua; slots: of name.slots
function watch.rows(plan, memory, slots)
    local rows <const>, pending = {}, {}
    local function note(buffer)
        if not buffer.holds and WHAT[buffer.role] then
            pending[#pending + 1] = buffer
        end
    end
    local index = 0
    for _, phase in ipairs(plan.phases) do
        for _, join in ipairs(phase.joins) do
            for _, field in ipairs(JOINED) do
                if join[field] then
                    note(join[field])
                end
            end
        end
        for k, call in ipairs(phase.calls) do
            index = index + 1
            for _, buffer in ipairs(outputs_of(call)) do
                if not is_part(phase, k, buffer) then
                    note(buffer)
                end
            end
            if call.kernel then
                for _, buffer in ipairs(pending) do
                    if is_alive(buffer, index) then
                        rows[#rows + 1] = row_text(slots[call.kernel], buffer, memory.offset)
                    end
                end
                pending = {}
            end
        end
    end
    return rows
end

return watch
