-- legend.lua - what the words and letters of a program's names mean: those that it has, no others.
--
-- A kernel's name is words between `_` (see name.lua). A word that no entry explains would leave
-- the reader alone: legend.word_of tells, and a test asks for every kernel of many networks.

local activation <const> = require "ops/activation"

local legend <const> = {}

-- { pattern of a word, text }, in the order of a name. The first word of the program that fits
-- stands beside the text.
local WORDS <const> = {
    { "^conv%d", "a convolution and its window, rows x columns; s behind it: its stride; "
        .. "d: its dilation" },
    { "^dwconv%d", "the same of a depthwise convolution: each channel by itself" },
    { "^linear$", "a linear layer: each output sees all pixels and channels" },
    { "^maxpool", "a max pooling and its window; s: its stride" },
    { "^avgpool", "an average pooling and its window; s: its stride" },
    { "^global$", "of the whole image" },
    { "^add$", "as operation: x + x2; behind `__`: the kernel adds to what is there" },
    { "^mul$", "x * x2" },
    { "^gate$", "x2 is one pixel, a factor for each channel" },
    { "^sum$", "the gradient of such a factor: a sum over the pixels" },
    { "^concat$", "images side by side, channel by channel" },
    { "^pad$", "pad_channels: the channels of an image between others of zeros" },
    { "^channels$" },
    { "^at%d+$", "the channel of all of them that its first one is" },
    { "^pointwise$", "element by element: an activation or a dropout without a norm" },
    { "^batchnorm$", "applies a norm whose numbers are those of all images" },
    { "^norm$", "as first word: applies a norm, each image with numbers of its own; "
        .. "behind a convolution: leaves sums of what it writes, for the next norm" },
    { "^cn$", "layer norm over the channels of each pixel" },
    { "^rms$", "RMS norm over the channels of each pixel" },
    { "^eps", "the number that a norm adds to the variance, where it is not 1e-5" },
    { "^sums$", "makes these sums, and nothing else" },
    { "^winner$", "notes which pixel of a window or an image was the largest" },
    { "^drop%d", "a dropout and its probability, p for the point" },
    { "^dropchannels%d", "the same of whole channels of an image" },
    { "^dropimages%d", "the same of whole images" },
    { "^mask$", "backward: zero where the ReLU before cut its input off" },
    { "^bias$", "adds a bias" },
    { "^c%d+$", "channels in" },
    { "^k%d+$", "channels out" },
    { "^g%d+$", "groups of channels, each convolved by itself" },
    { "^%d+x%d+$", "rows x columns of the layer's input" },
    { "^fwd$", "the pass: forward" },
    { "^bwd$", "the pass: backward; bwd_data: the gradient of the input" },
    { "^weights$", "bwd_weights: the gradient of the weights" },
    { "^data$" },
    { "^reduce$", "bwd_reduce: the sums that the gradient of a norm needs" },
    { "^direct$", "behind `__`, of a convolution: the definition, a tile of outputs in registers" },
    { "^bank$", "behind `__`, of a convolution: the same, all weights in registers" },
    { "^depthwise$", "behind `__`, of a convolution: the definition, channels side by side" },
    { "^winograd%d$", "behind `__`, of a convolution: Winograd's, in tiles of 4 x 4 outputs" },
    { "^bf16$", "with products of bf16: transformed numbers are rounded to 8 bits, sums are not" },
    { "^padded$", "the channels of its input are filled up with zeros" },
    { "^p%d", "a padding other than half the window" },
    { "^b%d+$", "b0_1: borders of 0 and 1 pixels: fwd: of x, y; bwd_data: of dy, dx; else of x, "
        .. "dy. Without it, the first is what the window needs and the second 0" },
    { "^x%d+$", "the same around a third image that it reads" },
    { "^%d+$" },
}

-- The prefixes of buffers by their roles (calls.lua), and what they hold.
local ROLES <const> = {
    { "y", "y_<layer>", "its output" },
    { "dy", "dy_", "the gradient of the loss for it; a kernel may turn it in place into that for "
        .. "its input" },
    { "w", "w_", "its weights, packed as its kernels read them" },
    { "wt", "wt_", "the same turned around, for its data gradient" }, { "b", "b_", "its bias" },
    { "dw", "dw_", "the gradient of its weight" }, { "db", "db_", "the gradient of its bias" },
    { "sums", "sums_", "of a norm: 3 rows: a shift, sums of the distance to it and of its square" },
    { "coef", "coef_", "what a norm applies, 5 rows: a, b, m, mean - m, 1 / deviation; "
        .. "derived in section 5" },
    { "dsums", "dsums_", "of a norm's gradient: 2 sums a channel" },
    { "dcoef", "dcoef_", "what it applies, 3 rows: A, B, D; derived in section 5" },
    { "total", "total_", "the sums of a norm over the batch" },
    { "chunk_sums", "chunk_", "the same over a chunk" },
    { "keep", "keep_", "a bit an element, or a pixel's for all: whether a dropout keeps it" },
    { "winner", "winner_", "a byte an output: which pixel of its window was the largest" },
    { "place", "place_", "a channel: which pixel of the image was the largest, row by row" },
    { "tiles", "tiles_", "what Winograd's transforms make: of each of 36 frequencies inputs, "
        .. "outputs and backward sums, each of them tiles x channels + 16" },
}

--- The entry that explains a word of a kernel's name, or nil.
function legend.word_of(word)
    for _, entry in ipairs(WORDS) do
        if word:find(entry[1]) then
            return entry
        end
    end
    for _, one in ipairs(activation.words()) do
        if word:find("^" .. one .. "[%dp]*$") then
            return { word, "applies this activation" }
        end
    end
end

local COLUMN <const>, WIDTH <const> = 14, 78 -- where texts begin, and their longest row

-- Appends `what` and, beside it, its text in as many rows as it takes.
local function add_rows(lines, what, text)
    local row, front = nil, what
    local function put()
        lines[#lines + 1] = string.format("    %-" .. COLUMN .. "s%s", front, row)
        front = ""
    end
    for word in text:gmatch("%S+") do
        if row and #row + 1 + #word > WIDTH then
            put()
            row = word
        else
            row = row and row .. " " .. word or word
        end
    end
    put()
end

--- The lines that explain the kernels' names of these plans and the buffers of the first.
function legend.lines(plans)
    local example <const>, activations <const>, seen <const> = {}, {}, {}
    for _, plan in ipairs(plans) do
        for _, spec in ipairs(plan.kernels) do
            for word in spec.name:gmatch("[^_]+") do
                local entry <const> = legend.word_of(word)
                if not seen[word] and entry and entry[2] == "applies this activation" then
                    activations[#activations + 1] = word
                elseif entry then
                    example[entry] = example[entry] or word
                end
                seen[word] = true
            end
        end
    end
    local lines <const> = {}
    local function line(what, text)
        add_rows(lines, what, text)
    end
    for _, entry in ipairs(WORDS) do
        if example[entry] and entry[2] then
            line(example[entry], entry[2])
        end
    end
    if #activations > 0 then
        line(table.concat(activations, ", "), "applies this activation")
    end
    local roles <const> = {}
    for _, buffer in ipairs(plans[1].buffers) do
        roles[buffer.role] = true
    end
    local buffers <const> = {}
    for _, role in ipairs(ROLES) do
        if roles[role[1]] then
            add_rows(buffers, role[2], role[3])
        end
    end
    return lines, buffers
end

return legend
