-- report_runs.lua - made-up run folders, for the tests of the report.
--
--     local made <const> = load(assert(host.read_file(test.dir .. "/support/report_runs.lua")),
--         "@f")()
--     made.install({ a = made.log({ norm = "bn", seed = 1, acc = { 50, 60 } }) })
--
-- install() puts files in front of host.read_file; each test has a host of its own.

local made <const> = {}

local LAYERS <const> = '[{"name":"input","kind":"input","shape":[3,8,8],"parameters":0,"inputs":[]}'
    .. '%s,{"name":"loss","kind":"loss","shape":[10,1,1],"parameters":0,"inputs":["input"]}]'

-- The first test image before a norm and behind it: two channels of 1 x 2 pixels.
local MAPS <const> = '"maps":{"images":4,"pixels":[16],"layers":[{"layer":"norm1","h":1,"w":2,'
    .. '"maps":[{"channel":0,"before":[0,2],"after":[-1,1]},'
    .. '{"channel":4,"before":[0,4],"after":[-0.5,0.5]}]}]}'

local NORM_LAYERS <const> = {
    bn = ',{"name":"norm1","kind":"batch norm","shape":[8,4,4],"parameters":16,"inputs":["input"]}',
    gn = ',{"name":"norm1","kind":"group norm","shape":[8,4,4],"groups":4,"parameters":16,'
        .. '"inputs":["input"]}',
    ln = ',{"name":"norm1","kind":"group norm","shape":[8,4,4],"groups":1,"parameters":16,'
        .. '"inputs":["input"]}',
    none = "",
}

-- Those of bn4 are those of bn with ghosts of four images.
local function norm_layers(norm)
    local ghost <const> = norm:match("^bn(%d+)$")
    return NORM_LAYERS[norm] or (NORM_LAYERS.bn:gsub('"parameters"', '"ghost":' .. ghost .. ",%0"))
end

--- The text of a log.jsonl. options: norm, seed, lr, acc = test accuracies of the epochs, model,
--- synthetic, validates, loss = training loss of every epoch, train = training accuracies,
--- images = of the training set, extra = lines before the end.
function made.log(options)
    local mark <const> = options.synthetic and ',"data":"SYNTHETIC"' or ""
    local lines <const> = { ('{"event":"start","model":"%s","norm":"%s","program":"burin 1",'
        .. '"date":"2026-01-0%d","isa":"c","cpu":"a <cpu>",'
        .. '"threads":1,"parameters":1234,"memory_mb":1.5,"source":"there","layers":%s,'
        .. '"settings":{"seed":{"value":%d,"source":"option"},"lr":{"value":%s,"source":"recipe"},'
        .. '"batch":{"value":16},"schedule":{"value":"step"},"dropout":{"value":true}}%s%s%s}')
        :format(options.model or "net", options.norm, options.seed or 1,
            LAYERS:format(norm_layers(options.norm)), options.seed or 1, options.lr or "0.1",
            options.images and ',"train_images":' .. options.images or "",
            options.validates and ',"val_images":500' or "", mark) }
    local evaluated <const> = options.validates and "val" or "test"
    for epoch, acc in ipairs(options.acc) do
        lines[#lines + 1] = ('{"event":"epoch","epoch":%d,"lr":%s,"train_loss":%.6f,'
            .. '"train_acc":%.4f,"%s_loss":%.6f,"%s_acc":%.4f,"seconds":2.5,'
            .. '"images_per_s":100%s}'):format(epoch, epoch > 2 and "0.02" or "0.1",
                options.loss or 2.1 - acc / 50,
                options.train and options.train[epoch] or math.max(0, acc - 1.25), evaluated,
                2 - acc / 50, evaluated, acc, mark)
    end
    for _, line in ipairs(options.extra or {}) do
        lines[#lines + 1] = line
    end
    lines[#lines + 1] = '{"event":"end","reason":"finished","epoch":1,"step":4' .. mark .. "}"
    return table.concat(lines, "\n") .. "\n"
end

--- Lets host.read_file find logs[folder] as folder/log.jsonl, and files[path] as path.
function made.install(logs, files)
    local read_file <const> = host.read_file
    rawset(host, "read_file", function(path, most, from)
        local folder <const> = path:match("^(.*)/log%.jsonl$")
        local text <const> = folder and logs[folder] or files and files[path]
        if text then
            return text:sub((from or 0) + 1, most and (from or 0) + most)
        end
        return read_file(path, most, from)
    end)
end

--- The text of an eval.json of four images in two classes, and the pixels of its wrong images, of
--- one grey pixel each. predictions are class numbers from 0; the true classes are 0 0 1 1. moved:
--- what the first image does to the three others in training.
function made.evaluation(predictions, moved, batch_acc)
    local labels <const>, wrong <const>, pixels <const> = { 0, 0, 1, 1 }, {}, {}
    for i, label in ipairs(labels) do
        if predictions[i] ~= label then
            wrong[#wrong + 1] = i - 1
            pixels[#pixels + 1] = string.char(16 * i)
        end
    end
    local function list(values)
        return "[" .. table.concat(values, ",") .. "]"
    end
    return ('{"classes":["cat","dog"],"labels":%s,"predictions":%s,"confidences":[0.9,0.8,0.7,0.6],'
        .. '"pictures":{"shape":[1,1,1],"below":4,"indices":%s},"batches":{"images":4,'
        .. '"sizes":[2,4],"acc":%s,"running_acc":75},"independence":{"images":4,"deviation":2,'
        .. '"training":{"changes":%s,"flips":0},"evaluation":{"changes":[0,0,0],"flips":0}},%s}')
        :format(list(labels), list(predictions), list(wrong), list(batch_acc), list(moved), MAPS),
        table.concat(pixels)
end

--- A probe event. scatter: of the means of channels, groups and images behind the norm; none for a
--- network without norms.
function made.look(step, scatter, loss, losses, changes, none)
    local parts <const> = {}
    for i, name in ipairs({ "channel", "group", "image" }) do
        parts[i] = ('"%s":[0,%g,2,0.5]'):format(name, scatter[i])
    end
    local side <const> = ('{"mean":0,"deviation":1,"low":-1,"high":1,"histogram":[1,0,3,4],'
        .. '"outside":2,%s}')
        :format(table.concat(parts, ","))
    return ('{"event":"probe","step":%d,"images":16,"loss":%g,"norms":[{"layer":"norm1","kind":"x",'
        .. '"before":%s%s}],"weights":[{"name":"conv1.weight","gradient":0.5,"weight":4,'
        .. '"update":0.1},{"name":"fc.weight","gradient":0.25,"weight":2,"update":0.2}],'
        .. '"walk":{"gradient":0.5,"lengths":[0.1,0.2],"losses":[%s],"changes":[%s]}}'):format(
        step, loss, side, none and "" or ',"after":' .. side, losses, changes)
end

-- -- Pictures ------------------------------------------------------------------------------------

--- The points { { x, y }, ... } of series k as they are drawn in the SVG of a figure, read back by
--- way of its ranges.
function made.drawn(chart, figure, svg, k)
    local left <const>, right <const>, top <const>, bottom <const> = chart.area(figure)
    local x_low <const>, x_high <const>, y_low <const>, y_high <const> = chart.ranges(figure)
    local function along(axis, low, high, part)
        return axis.log and low * (high / low) ^ part or low + (high - low) * part
    end
    local group <const> = svg:match('<g id="' .. figure.id .. "_plot_" .. k .. '" >(.-)\n\t</g>')
    local points <const> = {}
    for x, y in group:match("<path[^>]- d='([^']*)'"):gmatch("[ML]([%d.]+),([%d.]+)") do
        points[#points + 1] = {
            along(figure.x, x_low, x_high, (tonumber(x) - left) / (right - left)),
            along(figure.y, y_low, y_high, (bottom - tonumber(y)) / (bottom - top)),
        }
    end
    return points
end

--- Fails unless every drawn point is where the figure's points are, to the hundredth of a pixel.
function made.expect_drawn(test, chart, figure)
    local svg <const> = chart.svg(figure)
    assert(not svg:find("black") and svg:find("var(--ink)", 1, true), "axes keep their colour")
    local _, _, y_low <const>, y_high <const> = chart.ranges(figure)
    for k, series in ipairs(figure.series) do
        local points <const> = made.drawn(chart, figure, svg, k)
        test.equal(#points, #series.points, figure.id .. " series " .. k)
        for i, point in ipairs(points) do
            local wanted <const> = series.points[i]
            local step <const> = figure.y.log and 0.001 * wanted[2] or (y_high - y_low) / 5000
            if math.abs(point[2] - wanted[2]) > step then
                error(("%s series %d point %d: drawn at %g, expected %g"):format(figure.id, k, i,
                    point[2], wanted[2]))
            end
        end
    end
end

return made
