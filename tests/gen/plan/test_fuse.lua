-- Fusing: which layers become one step, and which values must stay.

local test <const> = ...
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()

local fuse <const> = require("plan/fuse")

local tests <const> = {}

-- The steps of `lines` must be `want`, before the three that end every small network.
local function expect(lines, want, norm)
    local fused <const> = fuse.steps(nets.small(lines, norm))
    local outline <const> = nets.outline(fused)
    test.equal({ table.unpack(outline, 1, #outline - 3) }, want)
    return fused
end

function tests.conv_relu_norm_dropout_is_two_steps()
    expect("conv { 8, window = 3 }, relu(), norm(), dropout(0.1)", {
        "conv conv1 relu1 <- input relu stats=norm1",
        "pointwise norm1 dropout1 <- relu1 norm=norm1 p=0.1 masks_x",
    })
end

function tests.conv_norm_relu_is_two_steps()
    expect("conv { 8, window = 3 }, norm(), relu(), dropout(0.1)", {
        "conv conv1 <- input stats=norm1",
        "pointwise norm1 relu1 dropout1 <- conv1 relu norm=norm1 p=0.1",
    })
end

function tests.a_chain_of_convs_masks_once_each()
    expect("conv { 8, window = 3 }, relu(), conv { 8, window = 1 }, relu(), norm()", {
        "conv conv1 relu1 <- input relu",
        "conv conv2 relu2 <- relu1 relu stats=norm1",
        "pointwise norm1 <- relu2 norm=norm1 masks_x",
    })
end

function tests.linear_fuses_as_conv_does()
    expect("linear(8), relu(), norm(), dropout(0.1)", {
        "linear linear1 relu1 <- input relu stats=norm1",
        "pointwise norm1 dropout1 <- relu1 norm=norm1 p=0.1 masks_x",
    })
end

-- A norm that no convolution feeds gets a step that sums up its input.
function tests.pre_activation_has_sums()
    expect("norm(), relu(), conv { 8, window = 3 }, norm(), relu(), maxpool(2), norm()", {
        "sums <- input norm=norm1",
        "pointwise norm1 relu1 <- input relu norm=norm1",
        "conv conv1 <- relu1 stats=norm2",
        "pointwise norm2 relu2 <- conv1 relu norm=norm2",
        "maxpool maxpool1 <- relu2",
        "sums <- maxpool1 norm=norm3",
        "pointwise norm3 <- maxpool1 norm=norm3",
    })
end

-- One epilogue gathers the sums of one norm: a second norm of the same value sums up by itself.
function tests.the_second_norm_of_a_conv_has_sums()
    expect('conv { 8, window = 1, name = "a" }, norm(), '
        .. 'relu { from = "a" }, norm { from = "a" }, add("norm1"), add("relu1")', {
        "conv a <- input stats=norm1",
        "pointwise norm1 <- a norm=norm1",
        "pointwise relu1 <- a relu",
        "sums <- a norm=norm2",
        "pointwise norm2 <- a norm=norm2",
        "add add1 <- norm2 norm1",
        "add add2 <- add1 relu1",
    })
end

function tests.add_takes_its_relu()
    expect('conv { 8, window = 1, name = "a" }, conv { 8, window = 1 }, add("a"), relu(), norm()', {
        "conv a <- input",
        "conv conv2 <- a",
        "add add1 relu1 <- conv2 a relu",
        "sums <- relu1 norm=norm1",
        "pointwise norm1 <- relu1 norm=norm1",
    })
end

-- Two layers read the convolution, the norm and the sum: no ReLU may replace their values.
function tests.shared_values_are_not_fused_away()
    local fused <const> = expect([[
        conv { 8, window = 1, name = "a" }, relu { name = "r" }, add("a"),
        norm { name = "n" }, relu { name = "q" }, add("n"), relu { name = "s" }, add("add2")]], {
        "conv a <- input",
        "pointwise r <- a relu",
        "add add1 <- r a",
        "sums <- add1 norm=n",
        "pointwise n <- add1 norm=n",
        "pointwise q <- n relu",
        "add add2 <- q n",
        "pointwise s <- add2 relu",
        "add add3 <- s add2",
    })
    local readers <const> = {}
    for _, value in ipairs(fused.values) do
        readers[value.name] = #value.readers
    end
    test.equal(readers, {
        input = 1, a = 2, r = 1, add1 = 1, n = 2, q = 1, add2 = 2, s = 1, add3 = 1,
        global_avgpool1 = 1, linear1 = 1, softmax_cross_entropy1 = 0,
    })
end

-- A ReLU of a convolution that others read too: its mask is not the pointwise step's to apply.
function tests.a_shared_relu_masks_nothing()
    expect('conv { 8, window = 1 }, relu { name = "r" }, norm(), add("r")', {
        "conv conv1 r <- input relu stats=norm1",
        "pointwise norm1 <- r norm=norm1",
        "add add1 <- norm1 r",
    })
end

-- Dropout with p = 0 is the identity, wherever it stands.
function tests.dropout_of_nothing_vanishes()
    local plain <const> = "conv { 8, window = 3 }%s, relu()%s, norm()%s, maxpool(2)%s, "
        .. "conv { 8, window = 1 }%s, norm()%s, relu()%s"
    local none <const>, zero <const> = "", ", dropout(0), dropout(0)"
    local function steps(text)
        local fused <const> = fuse.steps(nets.small((plain:gsub("%%s", text))))
        local lines <const> = {}
        for i, step in ipairs(fused.steps) do
            test.equal(step.dropout, nil)
            lines[i] = table.concat({ step.op, step.layers[1] and step.layers[1].name or "",
                tostring(step.relu), step.stats and step.stats.name or "",
                step.norm and step.norm.name or "", tostring(step.masks_x) }, " ")
        end
        return lines
    end
    test.equal(steps(zero), steps(none))
end

-- A gradient flows where a parameter lies before.
function tests.only_what_parameters_made_is_trained()
    local fused <const> = fuse.steps(nets.small(
        'relu { name = "r" }, maxpool(2), conv { 8, window = 1 }, relu(), maxpool(2)'))
    local trained <const> = {}
    for i, value in ipairs(fused.values) do
        trained[i] = value.name .. (value.trained and "+" or "-")
    end
    test.equal(trained, { "input-", "r-", "maxpool1-", "relu2+", "maxpool2+", "global_avgpool1+",
        "linear1+", "softmax_cross_entropy1+" })
end

-- -- Every network -------------------------------------------------------------------------------

local function check_steps(plans, title, built)
    local fused <const> = plans.fused
    local computed <const>, made <const> = {}, { [fused.values[1]] = true }
    for _, step in ipairs(fused.steps) do
        for _, node in ipairs(step.layers) do
            assert(not computed[node], title .. ": computes again " .. node.name)
            computed[node] = true
        end
        for _, x in ipairs({ step.x, step.x2 }) do
            assert(made[x], title .. ": reads what is not made")
            local known = false
            for _, reader in ipairs(x.readers) do
                known = known or reader == step
            end
            assert(known or step.op == "sums", title .. ": a value that does not know its reader")
        end
        if step.y then
            assert(step.y.maker == step, title .. ": a value of another maker")
            made[step.y] = true
        end
    end
    for _, node in ipairs(built.nodes) do
        local identity <const> = node.kind == "input" or node.kind == "dropout" and node.p == 0
        assert(computed[node] or identity, title .. ": nobody computes " .. node.name)
    end
end

function tests.every_layer_is_computed_once()
    nets.each(check_steps)
    nets.each_varied(check_steps)
end

return tests
