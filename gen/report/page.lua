-- page.lua - run folders -> the text of report.html.
--
-- Runs of one network and one kind of data, each norm once, become a lesson: the opening, eight
-- views, and an appendix. Other runs become a comparison. Views make plain tables; here they become
-- one page, by way of templates/report:
--
--     view  = { id, title, sentences = { text, ... }, picture = block or nil,
--               numbers = { block, ... }, wide = bool (the picture takes the whole width) }
--     block = { kind = "figures", figures = { (chart.lua), ... } }
--           | { kind = "table", caption, head = { text, ... }, rows = { { text, ... }, ... } }
--           | { kind = "panels", panels = { { norm, title, svg, lines }, ... }, caption }
--           | { kind = "maps", ... (views/image.lua) }
--           | { kind = "columns", columns = { { title, svg, color }, ... }, caption,
--               moments = rows of the longest column }
--           | { kind = "matrices", matrices = { { label, classes, rows = { { name,
--               cells = { { text, color }, ... } }, ... } }, ... } }
--           | { kind = "pictures", caption, wide = bool, pictures = { { png = base64,
--               lines = { text, ... } }, ... } }
--
-- The numbers of a view are folded, unless they are asked for. Texts are plain; templates escape
-- them. The page is a pure function of the run folders.

local batch <const> = require("report/views/batch")
local chart <const> = require("report/chart")
local comparison <const> = require("report/comparison")
local curves <const> = require("report/views/curves")
local evaluation <const> = require("report/views/evaluation")
local gradients <const> = require("report/views/gradients")
local image <const> = require("report/views/image")
local independence <const> = require("report/views/independence")
local looked <const> = require("report/looked")
local mistakes <const> = require("report/views/mistakes")
local norms <const> = require("report/norms")
local opening <const> = require("report/views/opening")
local results <const> = require("report/views/results")
local runs <const> = require("report/runs")
local sharing <const> = require("report/views/sharing")
local smooth <const> = require("report/views/smooth")
local stat <const> = require("report/stat")
local svg <const> = require("report/svg")
local template <const> = require("emit/template")
local values <const> = require("report/views/values")

local page <const> = {}

-- One entry of the legend for each series; those that differ in dashes alone stay apart.
local function legend_of(figure)
    return stat.map(figure.series, function(series)
        return {
            label = series.label,
            color = chart.color(series.color),
            line = series.dashed and "dashed" or "solid",
        }
    end)
end

local function draw(figure)
    figure.svg = chart.svg(figure)
    figure.legend = legend_of(figure)
    figure.named = chart.names_itself(figure)
    figure.numbers = chart.rows(figure)
end

local function run_rows(groups)
    local rows <const> = {}
    for _, group in ipairs(groups) do
        for _, run in ipairs(group.runs) do
            rows[#rows + 1] = {
                run.folder,
                group.label,
                tostring(runs.setting(run, "seed")),
                ("%d"):format(runs.last(run).epoch),
                run.finish and run.finish.reason or "not ended",
                ("%s, %s, %s"):format(run.start.isa, stat.count(run.start.threads, "thread"),
                    run.start.cpu),
                run.synthetic and "SYNTHETIC" or run.start.source,
            }
        end
    end
    return { kind = "table", caption = "The runs of this page.",
        head = { "folder", "norm", "seed", "epochs", "end", "machine", "data" }, rows = rows }
end

local function any_validates(groups)
    return stat.any(groups, function(group)
        return stat.any(group.runs, function(run) return run.validates end)
    end)
end

local function is_synthetic(groups)
    return stat.any(groups, function(group) return group.synthetic end)
end

local function title_of(groups, lesson)
    local mark <const> = is_synthetic(groups) and "SYNTHETIC: " or ""
    if lesson then
        return ("%sWhat normalization does to %s"):format(mark, groups[1].model)
    end
    local count = 0
    for _, group in ipairs(groups) do
        count = count + #group.runs
    end
    return ("%sA comparison of %s"):format(mark, stat.count(count, "run"))
end

-- The groups that views of norms show: no batch norms over less than the batch, unless nothing else
-- is there.
local function main_groups(groups)
    local main <const> = stat.map(groups, function(group)
        local _, ghost <const> = norms.statistics_images(group.runs[1])
        return not ghost and group or nil
    end)
    return #main > 0 and main or groups
end

-- What stands behind the eight views: the table, mistakes, gradients and the runs.
local function appendix(groups, main)
    local wrong <const> = mistakes.part(main)
    local found <const> = looked.of(main)
    local sentences <const> = { results.speed(groups) }
    table.move(wrong.sentences, 1, #wrong.sentences, #sentences + 1, sentences)
    local numbers <const> = wrong.blocks
    if #found > 0 then
        sentences[#sentences + 1] = gradients.sentence(found)
        numbers[#numbers + 1] = { kind = "figures", figures = gradients.figures(found) }
    end
    numbers[#numbers + 1] = run_rows(groups)
    return { id = "table", title = "All results", sentences = sentences, wide = true,
        picture = results.table(groups), numbers = numbers }
end

local function lesson_views(groups)
    local main <const> = main_groups(groups)
    return {
        sharing.view(main), image.view(main), values.view(main), curves.view(main),
        evaluation.view(main), batch.view(groups), independence.view(main), smooth.view(main),
        appendix(groups, main),
    }
end

local function comparison_views(groups)
    local views <const> = comparison.views(groups)
    table.insert(views[1].numbers, run_rows(groups))
    return views
end

-- -- Figures -------------------------------------------------------------------------------------

-- Calls f(block) for each block of views; those without any figure that can be drawn go.
local function drawable(views)
    local function keep(block)
        if block.figures then
            block.figures = chart.drawable(block.figures)
            return #block.figures > 0 and block or nil
        end
        return block
    end
    for _, view in ipairs(views) do
        view.picture = view.picture and keep(view.picture)
        view.numbers = stat.map(view.numbers or {}, keep)
    end
    return views
end

local function figures_of(views)
    local figures <const> = {}
    for _, view in ipairs(views) do
        for _, block in ipairs({ view.picture or {}, table.unpack(view.numbers) }) do
            table.move(block.figures or {}, 1, #(block.figures or {}), #figures + 1, figures)
        end
    end
    return figures
end

-- All that a page is made of: views in its order, groups, and the head of a lesson.
local function contents(folders)
    local groups <const> = runs.groups(stat.map(folders, runs.read))
    local lesson <const> = runs.is_lesson(groups)
    local views <const> = drawable((lesson and lesson_views or comparison_views)(groups))
    local head <const> = lesson and opening.of(groups, main_groups(groups)) or nil
    if head then
        drawable({ head.question })
    end
    return { groups = groups, lesson = lesson, views = views, head = head,
        figures = figures_of(head and { head.question, table.unpack(views) } or views) }
end

-- -- The page ------------------------------------------------------------------------------------

local function capitalize(sentences)
    for i, sentence in ipairs(sentences) do
        sentences[i] = (sentence:gsub("^%l", string.upper))
    end
end

local function render_block(block)
    return (template.render("report/block.html.tpl", { text = svg.escape, block = block }))
end

-- Blocks as texts: the picture and what is folded, which begins with the numbers of the picture.
local function render(view)
    local numbers <const> = {}
    for _, block in ipairs(view.picture and view.picture.figures and { view.picture } or {}) do
        for _, figure in ipairs(block.figures) do
            numbers[#numbers + 1] = render_block({ kind = "table", caption = figure.title,
                head = figure.numbers[1],
                rows = table.move(figure.numbers, 2, #figure.numbers, 1, {}) })
        end
    end
    for _, block in ipairs(view.numbers) do
        numbers[#numbers + 1] = render_block(block)
    end
    view.picture_text = view.picture and render_block(view.picture) or false
    view.number_text = #numbers > 0 and table.concat(numbers, "\n") or false
    capitalize(view.sentences)
    return view
end

-- Groups that charts show, as the page's script switches them on and off, by colour; none where two
-- have one colour.
local function switches_of(groups, figures)
    local function is_drawn(group)
        return stat.any(figures, function(figure)
            return stat.any(figure.series, function(series)
                return series.color == group.color
            end)
        end)
    end
    return #groups <= chart.MOST_SERIES and stat.map(groups, function(group)
        return is_drawn(group) and { label = group.label, color = group.color,
            css = chart.color(group.color) } or nil
    end) or {}
end

--- The page of the run folders `folders`. numbers: whether the numbers are shown, not folded.
function page.text(folders, numbers)
    local made <const> = contents(folders)
    for _, figure in ipairs(made.figures) do
        draw(figure)
    end
    for number, view in ipairs(stat.map(made.views, render)) do
        view.number = number
    end
    local head = false
    if made.head then
        capitalize(made.head.verdict.lines)
        render(made.head.question)
        head = template.render("report/opening.html.tpl", { text = svg.escape, head = made.head })
    end
    return (template.render("report/page.html.tpl", {
        text = svg.escape,
        title = title_of(made.groups, made.lesson),
        synthetic = is_synthetic(made.groups),
        validates = any_validates(made.groups),
        style = template.render("report/style.css.tpl", {}),
        script = template.render("report/script.js.tpl", {}),
        head = head,
        views = made.views,
        switches = switches_of(made.groups, made.figures),
        numbers = numbers or false,
    }))
end

--- One figure of that page as an SVG file of its own; `id` is its id on the page.
function page.figure(folders, id)
    local made <const> = contents(folders)
    local ids <const> = {}
    for i, figure in ipairs(made.figures) do
        if figure.id == id then
            draw(figure)
            local width <const>, height <const> = chart.size()
            return (template.render("report/figure.svg.tpl", {
                text = svg.escape, figure = figure, synthetic = is_synthetic(made.groups),
                width = width, height = height,
            }))
        end
        ids[i] = figure.id
    end
    error({ kind = "failed", messages = {
        ("--figure %s: no such figure of these runs: expected one of %s"):format(id,
            table.concat(ids, ", ")),
    } }, 0)
end

return page
