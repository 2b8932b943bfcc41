-- schedule.lua - fused steps -> the order of the calls, forward and backward, and what they touch.
--
-- The calls of one training step are cut into phases. Within a phase a small group of images runs
-- through all calls before the next group starts, so what it needs stays in cache; a phase ends
-- only where the images of a batch must meet, at the statistics of a batch norm and at the sums of
-- its gradient. A network without batch norm has a single phase: group by group through the whole
-- network. A group is more than one image so that weights are read once for several.
--
-- What later phases need of an image is the outputs of convolutions, linear layers and additions,
-- maxima with the places of their winners, and which elements a dropout kept; these alone are kept.
-- Inputs, normalized values and averages are cheaper to compute again than to store and load, so a
-- later phase that reads them makes them anew; of a long row of them some are kept, too.
--
-- plan = { phases, buffers, kernels, group = images of a group, chunk_groups = groups of a chunk }
-- While a group is computed, the memory that the next group will read in the same phase is fetched
-- into cache: long kernels do that on the side.
--
-- phase = { joins = array of joins made by every thread before the phase starts,
--           calls = array of calls made for each group,
--           ahead = array of "group" buffers that calls read and earlier phases made,
--           ahead_steps = how often kernels of the phase fetch a part of them }
-- call = { fn = name of a C function, args = array of buffers and strings (C expressions),
--          each = made for one image of the group after another, with the image's part of buffers
--          that have copies, note = layers it computes,
--          group = the layers and shapes it belongs to, for a comment,
--          kernel = specification or nil }
-- join = { kind = "norm_fwd" or "norm_bwd", norm = node, pixels = h * w, fn = name of a C function,
--          and the buffers parts (per chunk), sums, coef, dcoef, dweight, dbias }; where the
--          statistics are those of ghosts
--          { kind = "ghosts_fwd" or "ghosts_bwd", norm, pixels, parts (per image) }
-- buffer = { name, base = the name before it was made unique, floats, copies, shape = text,
--            layout or nil, scope, first, last,
--            holds = "bits" (of a dropout) or "bytes" where its elements are no floats }
--   scope: "weights"  one, shared; packed weights
--          "chunk"    one for each chunk of images, zeroed before every step
--          "group"    one for each group of images of the batch, lives across phases
--          "thread"   one for each thread, lives across phases
--          "scratch"  one for each thread, only within a phase (memory.lua may overlap them)
--   copies: images of a group, one after another, `floats` apart; 1 when it is not about images
--   first, last: index of the first and last call that touches it, counted through all phases; of
--          what other groups read too, the last call of the phase in which they do
-- kernel = { op, pass, layer, images = the most it takes at once, layouts x, y, dx, dy as the pass
--          needs them, algorithm and tile (see choice.lua) for a convolution, params, and the
--          fields of its operation }; params names the arguments in C order, by their names in
--          struct kernel_args

local builder <const> = require "plan/builder"
local dropout <const> = require "ops/dropout"
local grouped <const> = require "ops/conv/grouped"
local layout <const> = require "ops/layout"
local name <const> = require "emit/name"
local norms <const> = require "plan/norms"

local schedule <const> = {}

local is_batch <const>, is_whole <const> = norms.is_batch, norms.is_whole
local round_up <const> = layout.round_up

-- A builder that knows the steps of a network.
local planner <const> = setmetatable({}, { __index = norms })
planner.__index = planner

local function layer_names(step)
    local names <const> = {}
    for i, node in ipairs(step.layers) do
        names[i] = node.name
    end
    return table.concat(names, " ")
end

-- The comment above the calls of a step. A convolution and the map that follows it share one, with
-- the shapes at both ends, unless the images of a batch meet between them.
function planner:group_title(step)
    local first, last = step, step
    local function follows(map)
        return map.op == "map" and (self.eval or not (map.norm and is_batch(map.norm)))
    end
    if follows(step) and step.x.maker and #step.x.readers == 1 then
        first = step.x.maker
    elseif step.y and #step.y.readers == 1 and follows(step.y.readers[1]) then
        last = step.y.readers[1]
    end
    local names <const> = {}
    for _, part in ipairs(first == last and { first } or { first, last }) do
        names[#names + 1] = layer_names(part)
    end
    local title <const> = table.concat(names, " ")
    local x <const>, y <const> = first.x, last.y
    return y and string.format("%s: %d x %d x %d -> %d x %d x %d", title, x.c, x.h, x.w, y.c, y.h,
        y.w) or title
end

-- Which elements a dropout keeps, drawn where they are first asked for. Evaluation drops nothing.
function planner:kept(step)
    if self.eval then
        return "NULL"
    end
    local node <const> = step.dropout
    local buffer_name <const> = "keep_" .. node.name
    local known <const> = self.by_name[buffer_name]
    if known then
        return known
    end
    local words <const> = dropout.words(node.h, node.w, node.c)
    local buffer <const> = self:buffer(buffer_name, "scratch", words,
        string.format("%d x %d x %d bits", node.h, node.w, dropout.pitch(node.c)), nil,
        self.group_images)
    buffer.holds = "bits"
    self:call("drop", {
        buffer, "net", "image", "n", tostring(node.index - 1),
        tostring(dropout.threshold(node.p)), tostring(words),
    }, node.name)
    return buffer
end

-- -- Forward -------------------------------------------------------------------------------------

local forward <const> = {}

-- A maximum is kept beside its winners, so that its input need not be.
local KEPT <const> = { conv = true, linear = true, add = true, maxpool = true }

-- Values that are made again one from another at most. One more is kept instead: else every phase
-- of a row of norms would begin at its start.
local MOST_REMADE <const> = 4

-- The values that later phases find in memory, as a set.
local function kept_values(fused)
    local kept <const>, remade <const> = {}, {}
    for _, value in ipairs(fused.values) do
        local maker <const> = value.maker
        remade[value] = maker and not KEPT[maker.op] and remade[maker.x] + 1 or 0
        kept[value] = maker and (KEPT[maker.op] or remade[value] > MOST_REMADE) or false
        remade[value] = kept[value] and 0 or remade[value]
    end
    return kept
end

-- The buffer of a value in the current phase; one that was not kept is computed again.
function planner:need(value)
    local known <const> = self.data[value]
    local phase <const> = #self.phases
    if known and (known.phase == phase or self.kept_values[value]) then
        return known.buffer
    end
    local buffer <const> = self:layout_buffer("y_" .. value.name, self.layouts[value].data)
    self.data[value] = { buffer = buffer, phase = phase }
    if not value.maker then
        self:call(name.load(value), { buffer, "input_images(net, image)", "n" }, "")
    else
        forward[value.maker.op](self, value.maker, buffer)
    end
    return buffer
end

local function make_value(self, step)
    local buffer <const> = self:layout_buffer("y_" .. step.y.name, self.layouts[step.y].data)
    self.data[step.y] = { buffer = buffer, phase = #self.phases }
    return buffer
end

local function weighted_kernel(self, step, pass)
    local node <const> = step.layers[1]
    local layouts_x <const>, layouts_y <const> = self.layouts[step.x], self.layouts[step.y]
    local spec <const> = {
        op = step.op, pass = pass, window = node.window, stride = node.stride,
        padding = node.padding, bias = node.bias, relu = step.relu, stats = step.stats ~= nil,
        groups = node.groups, flop = node.flop, c = step.x.c, k = step.y.c,
    }
    if step.op == "linear" then
        spec.window, spec.stride, spec.padding, spec.groups = 1, 1, 0, 1
    end
    return spec, node, layouts_x, layouts_y
end

local function forward_weighted(self, step, y)
    local x <const> = self:need(step.x)
    local spec <const>, node <const> = weighted_kernel(self, step, "fwd")
    spec.x, spec.y = x.layout, y.layout
    spec.params = { "y" }
    local values <const> = {
        y = y, x = x, bias = self.by_name["b_" .. node.name],
    }
    self:choose_algorithm(spec)
    values.w = self:packed_weights("w_", node, spec)
    if spec.stats then
        values.sums = self:norm_sums(step.stats, "sums")
        table.insert(spec.params, "sums")
    end
    table.insert(spec.params, "x")
    table.insert(spec.params, "w")
    if spec.bias then
        table.insert(spec.params, "bias")
    end
    self:kernel_call(spec, values, layer_names(step), node.name)
    if spec.stats then
        self:gather_sums(step.stats, "sums", step.y)
    end
end

forward.conv = forward_weighted
forward.linear = forward_weighted

function forward.map(self, step, y)
    local x <const> = self:need(step.x)
    local spec <const> = {
        op = "map", pass = "fwd", x = x.layout, y = y.layout, relu = step.relu,
        affine = step.norm ~= nil, each_image = step.norm ~= nil and not is_whole(step.norm),
        p = step.dropout and step.dropout.p or 0.0, c = step.x.c, masks_x = false,
        params = { "y", "x" },
    }
    local values <const> = { y = y, x = x }
    if spec.affine then
        values.coef = self:norm_coef(step.norm)
        table.insert(spec.params, "coef")
    end
    if step.dropout then
        values.keep = self:kept(step)
        table.insert(spec.params, "keep")
    end
    self:kernel_call(spec, values, layer_names(step), step.layers[1].name)
end

-- The places of the winners of a max pooling: a byte for each output.
function planner:winner(step)
    local y <const> = self.layouts[step.y].data
    local buffer <const> = self:shared_buffer("winner_" .. step.y.name, "scratch",
        y.h * y.w * y.pitch // 4, string.format("%d x %d x %d bytes", y.h, y.w, y.pitch),
        self.group_images)
    buffer.holds = "bytes"
    return buffer
end

local function forward_pool(self, step, y)
    local x <const> = self:need(step.x)
    local node <const> = step.layers[1]
    local spec <const> = {
        op = step.op, pass = "fwd", x = x.layout, y = y.layout, c = step.x.c,
        global = step.global, window = step.global and 0 or node.window,
        stride = step.global and 1 or node.stride, padding = step.global and 0 or node.padding,
        winners = step.op == "maxpool" and not self.eval, params = { "y", "x" },
    }
    local values <const> = { y = y, x = x }
    if spec.winners then
        spec.params = { "y", "winner", "x" }
        values.winner = self:winner(step)
    end
    self:kernel_call(spec, values, layer_names(step), node.name)
end

forward.maxpool = forward_pool
forward.avgpool = forward_pool

function forward.add(self, step, y)
    local x <const>, x2 <const> = self:need(step.x), self:need(step.x2)
    local spec <const> = {
        op = "add", pass = "fwd", x = x.layout, x2 = x2.layout, y = y.layout, c = step.x.c,
        relu = step.relu, params = { "y", "x", "x2" },
    }
    self:kernel_call(spec, { y = y, x = x, x2 = x2 }, layer_names(step), step.layers[1].name)
end

function planner:forward_step(step)
    self.group = self:group_title(step)
    if step.op == "sums" then
        local x <const> = self:need(step.x)
        local sums <const> = self:norm_sums(step.norm, "sums")
        local spec <const> = {
            op = "sums", pass = "fwd", x = x.layout, y = x.layout, c = step.x.c,
            params = { "sums", "x" },
        }
        self:kernel_call(spec, { sums = sums, x = x }, step.norm.name, step.norm.name)
        self:gather_sums(step.norm, "sums", step.x)
        return
    end
    if step.norm then
        self:norm_forward(step)
    end
    forward[step.op](self, step, make_value(self, step))
end

-- -- Backward ------------------------------------------------------------------------------------

local backward <const> = {}

-- The buffer into which a step writes its part of a value's gradient, and whether it must add:
-- the last reader of a value comes first in backward order and sets it.
function planner:gradient_into(value)
    local known <const> = self.grad[value]
    if known then
        return known, true
    end
    local buffer <const> = self:layout_buffer("dy_" .. value.name, self.layouts[value].grad)
    self.grad[value] = buffer
    return buffer, false
end

local function backward_weighted(self, step, dy)
    local spec <const>, node <const> = weighted_kernel(self, step, "bwd_weights")
    spec.relu, spec.stats = false, false
    local relu_masked <const> = #step.y.readers == 1 and step.y.readers[1].masks_x
    if step.relu and not relu_masked then
        local y <const> = self:need(step.y)
        self:kernel_call({
            op = "map", pass = "bwd_data", x = y.layout, y = y.layout, dx = dy.layout,
            dy = dy.layout, relu = false, affine = false, p = 0.0, c = step.y.c, masks_x = true,
            adds = false, params = { "dx", "dy", "x" },
        }, { dx = dy, dy = dy, x = y }, step.layers[2].name, step.layers[2].name)
    end
    local x <const> = self:need(step.x)
    spec.x, spec.y, spec.dy = x.layout, dy.layout, dy.layout
    spec.params = spec.bias and { "dw", "db", "x", "dy" } or { "dw", "x", "dy" }
    self:choose_algorithm(spec)
    self:kernel_call(spec, {
        dw = self.by_name["dw_" .. node.name], db = self.by_name["db_" .. node.name],
        x = x, dy = dy,
    }, node.name, node.name)
    if step.x.trained then
        local data <const> = weighted_kernel(self, step, "bwd_data")
        local dx <const>, adds <const> = self:gradient_into(step.x)
        data.relu, data.stats, data.bias = false, false, false
        data.adds = adds
        data.x, data.y, data.dx, data.dy = x.layout, dy.layout, dx.layout, dy.layout
        data.params = { "dx", "dy", "w" }
        self:choose_algorithm(data)
        self:kernel_call(data, { dx = dx, dy = dy, w = self:packed_weights("wt_", node, data) },
            node.name, node.name)
    end
end

backward.conv = backward_weighted
backward.linear = backward_weighted

function backward.map(self, step, dy)
    local affine <const> = step.norm ~= nil
    local each <const> = affine and not is_whole(step.norm)
    local p <const> = step.dropout and step.dropout.p or 0.0
    local values <const> = { dy = dy, keep = step.dropout and self:kept(step) }
    local layer <const> = step.layers[1].name
    if affine then
        local x <const> = self:need(step.x)
        local spec <const> = {
            op = "map", pass = "bwd_reduce", x = x.layout, y = dy.layout, dx = x.layout,
            dy = dy.layout, relu = step.relu, affine = true, each_image = each, p = p,
            c = step.x.c, masks_x = false, params = { "sums", "x", "dy", "coef" },
        }
        values.sums, values.x = self:norm_sums(step.norm, "dsums"), x
        values.coef = self:norm_coef(step.norm)
        if step.dropout then
            table.insert(spec.params, "keep")
        end
        self:kernel_call(spec, values, layer_names(step), layer)
        self:gather_sums(step.norm, "dsums", step.x)
        self:norm_backward(step)
        values.dcoef = self:norm_dcoef(step.norm)
    end
    if not step.x.trained then
        return
    end
    local dx, adds = dy, false
    if #step.x.readers == 1 then
        self.grad[step.x] = dy -- in place
    else
        dx, adds = self:gradient_into(step.x)
    end
    local reads_x <const> = affine or step.masks_x or step.relu
    values.dx, values.x = dx, reads_x and self:need(step.x) or nil
    local spec <const> = {
        op = "map", pass = "bwd_data", x = self.layouts[step.x].data, y = dy.layout,
        dx = dx.layout, dy = dy.layout, relu = step.relu, affine = affine, each_image = each,
        p = p, c = step.x.c, masks_x = step.masks_x, adds = adds, params = { "dx", "dy" },
    }
    local function takes(param, condition)
        if condition then
            table.insert(spec.params, param)
        end
    end
    takes("x", reads_x)
    takes("dcoef", affine)
    takes("coef", affine)
    takes("keep", step.dropout ~= nil)
    self:kernel_call(spec, values, layer_names(step), layer)
end

local function backward_pool(self, step, dy)
    if not step.x.trained then
        return
    end
    local node <const> = step.layers[1]
    local dx <const>, adds <const> = self:gradient_into(step.x)
    local spec <const> = {
        op = step.op, pass = "bwd_data", x = self.layouts[step.x].data, y = dy.layout,
        dx = dx.layout, dy = dy.layout, c = step.x.c, global = step.global, adds = adds,
        window = step.global and 0 or node.window, stride = step.global and 1 or node.stride,
        padding = step.global and 0 or node.padding,
    }
    local values <const> = { dx = dx, dy = dy }
    if step.op == "maxpool" then
        values.winner = self:winner(step)
        spec.params = { "dx", "winner", "dy" }
    else
        spec.params = { "dx", "dy" }
    end
    self:kernel_call(spec, values, layer_names(step), node.name)
end

backward.maxpool = backward_pool
backward.avgpool = backward_pool

function backward.add(self, step, dy)
    local y <const> = step.relu and self:need(step.y) or nil
    for _, x in ipairs { step.x, step.x2 } do
        if x.trained then
            local dx <const>, adds <const> = self:gradient_into(x)
            self:kernel_call({
                -- Only the sizes of x matter, which are those of dx: its memory is not read.
                op = "add", pass = "bwd_data", x = dx.layout, dx = dx.layout,
                dy = dy.layout, y = self.layouts[step.y].data, c = x.c, relu = step.relu,
                adds = adds, params = step.relu and { "dx", "dy", "yin" } or { "dx", "dy" },
            }, { dx = dx, dy = dy, yin = y }, layer_names(step), step.layers[1].name)
        end
    end
end

-- -- Whole plans ---------------------------------------------------------------------------------

-- Buffers of every weighted step: biases and, per chunk of images, the gradients.
local function weight_buffers(self)
    local function pitch(value)
        return round_up(value.c, self.isa.vl)
    end
    for _, step in ipairs(self.fused.steps) do
        if step.op == "conv" or step.op == "linear" then
            local node <const> = step.layers[1]
            local taps, c = node.window, step.x.c
            local window_shape = ""
            if step.op == "linear" then
                taps, c = 1, step.x.c * step.x.h * step.x.w
            else
                c = grouped.inputs({ groups = node.groups, c = c, k = step.y.c }, self.isa)
                window_shape = string.format("%d x %d x ", taps, taps)
            end
            local forward_floats <const> = taps * taps * c * pitch(step.y)
            local forward_shape <const> =
                string.format("%s%d x %d", window_shape, c, pitch(step.y))
            self:buffer("dw_" .. node.name, "chunk", forward_floats, forward_shape)
            if node.bias then
                local shape <const> = tostring(pitch(step.y))
                self:buffer("b_" .. node.name, "weights", pitch(step.y), shape)
                self:buffer("db_" .. node.name, "chunk", pitch(step.y), shape)
            end
        end
    end
end

local function has_batch_norm(fused)
    for _, step in ipairs(fused.steps) do
        if step.norm and is_batch(step.norm) then
            return true
        end
    end
    return false
end

local function new_planner(fused, isa, algorithm, wishes)
    local self <const> = setmetatable(builder.new(fused, isa, algorithm, has_batch_norm(fused),
        wishes or {}), planner)
    self.kept_values = kept_values(fused)
    return self
end

-- One training step: forward, loss, backward. algorithm: "auto" or "direct", of convolutions.
-- wishes: what is asked of choice.lua and of the group, or nil.
function schedule.train(fused, isa, algorithm, wishes)
    local self <const> = new_planner(fused, isa, algorithm, wishes)
    weight_buffers(self)
    for _, step in ipairs(fused.steps) do
        if step.op == "loss" then
            self.group = self:group_title(step)
            local logits <const> = self:need(step.x)
            local dlogits <const> = self:gradient_into(step.x)
            self:call("softmax_loss", {
                dlogits, logits, "net", "chunk", "image", "n", "net->run->label_smoothing",
            }, step.name)
        else
            self:forward_step(step)
        end
    end
    for i = #fused.steps, 1, -1 do
        local step <const> = fused.steps[i]
        if backward[step.op] and step.y.trained then
            self.group = "Backward: " .. self:group_title(step)
            backward[step.op](self, step, self.grad[step.y])
        end
    end
    return self:finish()
end

-- Forward in evaluation mode: one phase; batch norms use their running statistics.
function schedule.eval(fused, isa, algorithm, wishes)
    local self <const> = new_planner(fused, isa, algorithm, wishes)
    self.eval = true
    weight_buffers(self)
    for _, step in ipairs(fused.steps) do
        if step.op == "loss" then
            self.group = self:group_title(step)
            local logits <const> = self:need(step.x)
            self:call("softmax_loss", { "NULL", logits, "net", "chunk", "image", "n", "0.0f" },
                step.name)
            self:call("store_logits", { "net", "image", "n", logits }, step.name)
        elseif step.op ~= "sums" or not is_batch(step.norm) then
            self:forward_step(step)
        end
    end
    return self:finish()
end

return schedule
