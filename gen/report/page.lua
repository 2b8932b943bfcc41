-- page.lua - run folders -> the text of report.html.
--
-- Views make plain tables; here they become one page, by way of templates/report/page.html.tpl:
--
--     view  = { id, title, sentences = { text, ... }, blocks = { block, ... } }
--     block = { kind = "figures", small = bool, figures = { (chart.lua), ... } }
--           | { kind = "table", caption, head = { text, ... }, rows = { { text, ... }, ... } }
--           | { kind = "cells", pictures = { (norms.lua), ... } }
--           | { kind = "matrices", matrices = { { label, classes, rows = { { name,
--               cells = { { text, color }, ... } }, ... } }, ... } }
--           | { kind = "pictures", caption, wide = bool, pictures = { { png = base64,
--               lines = { text, ... } }, ... } }
--
-- Texts are plain; the template escapes them. The page is a pure function of the run folders.

local batch <const> = require("report/batch")
local chart <const> = require("report/chart")
local looks <const> = require("report/looks")
local mistakes <const> = require("report/mistakes")
local norms <const> = require("report/norms")
local runs <const> = require("report/runs")
local stat <const> = require("report/stat")
local template <const> = require("emit/template")
local training <const> = require("report/training")

local page <const> = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- Text as XML: bytes that are no UTF-8 and controls, which XML does not allow, become "?".
local function escape(text)
    text = text:gsub("[%z\1-\8\11-\31\127]", "?")
    if not utf8.len(text) then
        text = text:gsub("[\128-\255]", "?")
    end
    return (text:gsub('[&<>"]', ESCAPES))
end

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
    figure.svg = chart.svg(figure, escape)
    figure.legend = legend_of(figure)
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
                ("%s, %d thread%s, %s"):format(run.start.isa, run.start.threads,
                    run.start.threads == 1 and "" or "s", run.start.cpu),
                run.synthetic and "SYNTHETIC" or run.start.source,
            }
        end
    end
    return rows
end

local function any_validates(groups)
    return stat.any(groups, function(group)
        return stat.any(group.runs, function(run) return run.validates end)
    end)
end

local function title_of(groups)
    local models <const>, seen <const> = {}, {}
    local synthetic = false
    for _, group in ipairs(groups) do
        if not seen[group.model] then
            seen[group.model] = true
            models[#models + 1] = group.model
        end
        synthetic = synthetic or group.synthetic
    end
    return ("%sWhat normalization does to %s"):format(synthetic and "SYNTHETIC: " or "",
        stat.list(models)), synthetic
end

-- The groups that all views show: no batch norms over less than the batch, unless nothing else is
-- there; and, for the view of partitions, the first of those as well.
local function main_groups(groups)
    local main <const>, ghosts <const> = {}, {}
    for _, group in ipairs(groups) do
        local _, ghost <const> = norms.statistics_images(group.runs[1])
        table.insert(ghost and ghosts or main, group)
    end
    if #main == 0 then
        return groups, groups
    end
    local with_one <const> = stat.map(main, function(group) return group end)
    with_one[#with_one + 1] = ghosts[1]
    return main, with_one
end

-- All views of the run folders `folders`, in the order of the page, and their groups.
local function views_of(folders)
    local groups <const> = runs.groups(stat.map(folders, runs.read))
    local main <const>, with_one <const> = main_groups(groups)
    local views <const> = {
        norms.view(with_one), training.curves(main), training.table(groups),
        mistakes.view(main), looks.inside_view(main), batch.size_view(groups),
        batch.independence_view(groups), looks.smooth_view(main),
    }
    for _, view in ipairs(views) do
        for _, block in ipairs(view.blocks) do
            block.figures = block.figures and chart.drawable(block.figures)
        end
    end
    return views, groups
end

local function figures_of(views)
    local figures <const> = {}
    for _, view in ipairs(views) do
        for _, block in ipairs(view.blocks) do
            for _, figure in ipairs(block.figures or {}) do
                figures[#figures + 1] = figure
            end
        end
    end
    return figures
end

--- The page of the run folders `folders`.
function page.text(folders)
    local views <const>, groups <const> = views_of(folders)
    for number, view in ipairs(views) do
        view.number = number
        for i, sentence in ipairs(view.sentences) do
            view.sentences[i] = (sentence:gsub("^%l", string.upper))
        end
    end
    for _, figure in ipairs(figures_of(views)) do
        draw(figure)
    end
    local title <const>, synthetic <const> = title_of(groups)
    return (template.render("report/page.html.tpl", {
        text = escape,
        title = title,
        synthetic = synthetic,
        validates = any_validates(groups),
        views = views,
        runs = {
            head = { "folder", "norm", "seed", "epochs", "end", "machine", "data" },
            rows = run_rows(groups),
        },
    }))
end

--- One figure of that page as an SVG file of its own; `id` is its id on the page.
function page.figure(folders, id)
    local views <const>, groups <const> = views_of(folders)
    local ids <const> = {}
    for i, figure in ipairs(figures_of(views)) do
        if figure.id == id then
            draw(figure)
            local _, synthetic <const> = title_of(groups)
            local width <const>, height <const> = chart.size(figure)
            return (template.render("report/figure.svg.tpl", {
                text = escape, figure = figure, synthetic = synthetic, width = width,
                height = height,
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
