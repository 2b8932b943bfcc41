-- legend.lua - what the words and letters of a program's names mean: those that it has, no others.
--
-- A kernel's name is words between `_` (see name.lua). A word that no entry explains would leave
-- the reader alone: legend.word_of tells, and a test asks for every kernel of many networks.

local activation <const> = require "ops/activation"

local legend <const> = {}

-- { pattern of a word, text, clauses }, in the order of a name. The first word of the program that
-- fits stands beside the text. A clause { pattern, text } is added where a kernel's name fits.
local WORDS <const> = {
    { "^conv%d", "a convolution and its window, rows x columns",
        { "^conv[^_]*s%d", "; s behind it: its stride" },
        { "^conv[^_]*d%d", "; d: its dilation" } },
    { "^dwconv%d", "the same of a depthwise convolution: each channel by itself" },
    { "^linear$", "a linear layer: each output sees all pixels and channels" },
    { "^maxpool", "a max pooling and its window", { "^maxpool[^_]*s%d", "; s: its stride" } },
    { "^avgpool", "an average pooling", { "^avgpool%d", " and its window" },
        { "^avgpool[^_]*s%d", "; s: its stride" } },
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
    { "^norm$", "",
        { "^norm_", "as first word: applies a norm, each image with numbers of its own; " },
        { "._norm_", "behind a convolution: leaves sums of what it writes, for the next norm" } },
    { "^cn$", "layer norm over the channels of each pixel" },
    { "^rms$", "RMS norm over the channels of each pixel" },
    { "^eln$", "layer norm over the image, with a weight and a bias an element" },
    { "^erms$", "RMS norm over the image, with a weight an element" },
    { "^eps", "the number that a norm adds to the variance, where it is not 1e-5" },
    { "^sums$", "makes these sums, and nothing else" },
    { "^winner$", "notes which pixel was the largest" },
    { "^drop%d", "a dropout and its probability, p for the point" },
    { "^dropchannels%d", "the same of whole channels of an image" },
    { "^dropimages%d", "the same of whole images" },
    { "^mask$", "backward: zero where the ReLU before cut its input off: its output is 0" },
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
    { "^bf16$", "with products of bf16: what is multiplied is rounded to 8 bits, sums are not" },
    { "^amx$", "the same in tiles of AMX" },
    { "^padded$", "the channels of its input are filled up with zeros" },
    { "^p%d", "a padding other than half the window" },
    { "^b%d+$", "b0_1: borders of 0 and 1 pixels: fwd: of x, y; bwd_data: of dy, dx; else of x, "
        .. "dy. Without it: what the window needs (3x3: 1) and 0" },
    { "^x%d+$", "the same around a third image that it reads" },
    { "^%d+$" },
}

-- Words in the names of loops of kernels, section 4: { pattern, which captures the word, text }.
local LOOPS <const> = {
    { "_(x%d+)$", "so many vectors of channels at once" },
    { "^winograd_[^s].*%a_(%d+x%d+)", "of winograd_, all tiles of a block x vectors" },
    { "^winograd.*_(%d+_%d+x%d+)", "tiles of a block, then inputs x vectors of a register tile" },
    { "^direct.*_(%d+x%d+)", "of direct_, pixels (or entries of a window row) x vectors" },
    { "_(u%d+)$", "inputs a turn" },
    { "_(ahead)", "fetches what the next micro-batch reads" },
    { "_(ragged)_", "the last tiles of an image may be cut off" },
    { "^direct_%d+x%d+.*_(pad%d+)_c", "the padding of the window" },
    { "_(p%d+_%d+)_b", "the pitches of what is read and written" },
    { "^maxpool.*_(p%d+)_", "the pitch" },
    { "_(b%d+_%d+)", "the borders of what is read and written" },
}

-- The prefixes of buffers by their roles (calls.lua), what they hold, and clauses.
local ROLES <const> = {
    { "y", "y_<layer>", "its output" },
    { "dy", "dy_", "the gradient of the loss for it, until a kernel that is given it as dx and dy "
        .. "makes of it, in place, that for the output of the convolution before" },
    { "w", "w_", "its weights, packed as its kernels read them" },
    { "wt", "wt_", "the same for its data gradient: inputs and outputs exchanged",
        { "_winograd", "; for Winograd's kernels, taps reversed, too" } },
    { "b", "b_", "its bias" },
    { "dw", "dw_", "the gradient of its weight" }, { "db", "db_", "the gradient of its bias" },
    { "sums", "sums_", "of a norm: 3 rows: shift, sum of (y - shift), sum of (y - shift)^2" },
    { "coef", "coef_", "what a norm applies, 5 rows: a, b, m, mean - m, 1 / deviation; "
        .. "derived in section 5" },
    { "dsums", "dsums_", "of a norm's gradient: 2 sums a channel" },
    { "dcoef", "dcoef_", "what it applies, 3 rows: A, B, D; derived in section 5" },
    { "total", "total_", "of a norm over the batch, 2 rows of double: forward moments (means, sums "
        .. "of squared deviations), backward sums" },
    { "chunk_sums", "chunk_", "the same over a chunk: chunk_sums_ moments, chunk_dsums_ sums" },
    { "keep", "keep_", "a bit an element: whether a dropout keeps it",
        { "_drop[ci]", "; of channels or images, the bits of a pixel stand for all" } },
    { "winner", "winner_", "a byte an output: which pixel of its window was the (first) largest" },
    { "place", "place_", "a channel: which pixel of the image was the largest, row by row" },
    { "tiles", "tiles_", "of a Winograd kernel (section 4), for a block of tiles and each of 36 "
        .. "frequencies: transformed inputs and their products with w; for bwd_weights transformed "
        .. "inputs and dy, and sums of products, inputs x outputs; 16 floats behind each" },
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

-- The text of an entry that stands at `at`, with the clauses behind it that a name fits.
local function text_of(entry, at, names)
    local text = entry[at]
    for i = at + 1, #entry do
        for _, one in ipairs(names) do
            if one:find(entry[i][1]) then
                text = text .. entry[i][2]
                break
            end
        end
    end
    return (text:gsub("; $", ""))
end

--- What the words in the names of these loops mean, in one sentence; false: there are none.
function legend.loops(names)
    local parts <const> = {}
    for _, entry in ipairs(LOOPS) do
        for _, one in ipairs(names) do
            local word <const> = one:match(entry[1])
            if word then
                parts[#parts + 1] = word .. ": " .. entry[2]
                break
            end
        end
    end
    return #parts > 0 and table.concat(parts, "; ")
end

--- The lines that explain the kernels' names of these plans and the buffers of the first.
function legend.lines(plans)
    local example <const>, activations <const>, seen <const>, names <const> = {}, {}, {}, {}
    for _, plan in ipairs(plans) do
        for _, spec in ipairs(plan.kernels) do
            names[#names + 1] = spec.name
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
            line(example[entry], text_of(entry, 2, names))
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
            add_rows(buffers, role[2], text_of(role, 3, names))
        end
    end
    return lines, buffers
end

return legend
