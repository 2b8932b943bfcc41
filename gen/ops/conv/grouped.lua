-- grouped.lua - convolutions in groups of channels: which groups a kernel takes together.
--
-- A depthwise convolution, every channel a group, has kernels of its own (depthwise.lua), also with
-- a multiplier, several outputs of each channel, where these fit vectors. Any other grouped
-- convolution runs on the kernels of an ordinary one, where a vector of outputs reads no more than
-- the inputs of its own groups. Several groups that share a vector form a bundle: in a bundle the
-- weights between channels of different groups are zeros. The bundle is the smallest number of
-- groups that fills whole vectors, or all of them when none does.

local grouped <const> = {}

--- Outputs that each channel has alone in a convolution of c channels and k outputs, or nil.
function grouped.multiplier(groups, c, k)
    return groups > 1 and groups == c and k // c or nil
end

--- Whether the kernels of depthwise.lua make a convolution of these { groups, c, k }: the outputs
--- of a channel are a whole part of a vector, or whole vectors.
function grouped.is_apart(spec, isa)
    local each <const> = grouped.multiplier(spec.groups, spec.c, spec.k)
    return each ~= nil and (each == 1
        or not isa.plain and (isa.vl % each == 0 or each % isa.vl == 0))
end

--- How a kernel takes its groups: { count = bundles, read, made = channels of a bundle at the
--- source and at the destination of the pass }. The weight gradient is made for outputs. Plain
--- loops have no vectors to fill.
function grouped.bundle(spec, isa)
    local read, made = spec.c // spec.groups, spec.k // spec.groups
    if spec.pass == "bwd_data" then
        read, made = made, read
    end
    local together = spec.groups
    for groups = spec.groups, 1, -1 do
        if spec.groups % groups == 0 and (isa.plain or groups * made % isa.vl == 0) then
            together = groups
        end
    end
    return { count = spec.groups // together, read = together * read, made = together * made }
end

--- Weights of an output in each tap of the window, as kernels see them.
function grouped.inputs(spec, isa)
    if grouped.is_apart(spec, isa) then
        return 1
    end
    return grouped.bundle(spec, isa).read
end

return grouped
