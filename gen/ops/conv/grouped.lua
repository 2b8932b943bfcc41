-- grouped.lua - convolutions in groups of channels: which groups a kernel takes together.
--
-- A depthwise convolution, every channel a group, has kernels of its own (depthwise.lua). Any other
-- grouped convolution runs on the kernels of an ordinary one, where a vector of outputs reads no
-- more than the inputs of its own groups. Several groups that share a vector form a bundle: in a
-- bundle the weights between channels of different groups are zeros. The bundle is the smallest
-- number of groups that fills whole vectors, or all of them when none does.

local grouped <const> = {}

--- Whether each of c channels is made into one of k alone.
function grouped.is_depthwise(groups, c, k)
    return groups > 1 and groups == c and groups == k
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
    if grouped.is_depthwise(spec.groups, spec.c, spec.k) then
        return 1
    end
    return grouped.bundle(spec, isa).read
end

return grouped
