<!DOCTYPE html>
@ -- The page of `burin report`. It is XML, too. CSS rules of media begin with a comment, because a
@ -- line that begins with an at sign is Lua.
@ assert(#views > 0, "a page without views")
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${text(title)}</title>
<style>
:root {
    color-scheme: light dark;
    --page: #ffffff; --ink: #1c1f24; --soft: #5b626d; --grid: #dfe3e8; --line: #c9ced6;
    --panel: #f5f6f8; --first: #d6455d; --even: #b9c6d8; --odd: #dde4ed; --warn: #fff0c2;
}
/* dark */ @media (prefers-color-scheme: dark) {
    :root {
        --page: #14171b; --ink: #e4e7ec; --soft: #a0a8b4; --grid: #2d333b; --line: #3d444e;
        --panel: #1c2026; --first: #e0637a; --even: #475a75; --odd: #2f3b4d; --warn: #4a3a05;
    }
}
* { box-sizing: border-box; }
body {
    margin: 0 auto; padding: 1.2rem 1rem 4rem; max-width: 66rem; background: var(--page);
    color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.6rem 0; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.4rem; border-top: 1px solid var(--line); padding-top: 1rem; }
p { margin: 0.4rem 0; max-width: 46rem; overflow-wrap: anywhere; }
nav ol { columns: 2 13rem; margin: 0.6rem 0; padding-left: 1.4rem; font-size: 0.92rem; }
a { color: inherit; }
.warning { background: var(--warn); padding: 0.5rem 0.8rem; border-radius: 4px; font-weight: 600; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1.2rem; margin: 1rem 0; }
.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
figcaption { color: var(--soft); font-size: 0.86rem; line-height: 1.4; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; font-size: 0.82rem; padding: 0; margin: 0.2rem 0; list-style: none; }
.legend i { display: inline-block; width: 1.5em; margin-right: 0.35em; vertical-align: middle; border-top: 3px solid; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.4rem; max-width: 46rem; }
th, td { text-align: right; padding: 0.22rem 0.6rem; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.matrix { font-size: 0.7rem; }
.matrix th, .matrix td { padding: 0.15rem 0.28rem; border: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 0.6rem; margin: 0.4rem 0 1rem; }
.wide { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
.pictures img { width: 5.2rem; height: auto; image-rendering: pixelated; display: block; }
.pictures figcaption { font-size: 0.74rem; overflow-wrap: anywhere; }
.caption { color: var(--soft); font-size: 0.86rem; margin-top: 1rem; }
details { font-size: 0.82rem; color: var(--soft); }
summary { cursor: pointer; }
.first { fill: var(--first); } .even { fill: var(--even); } .odd { fill: var(--odd); }
/* paper */ @media print {
    body { max-width: none; padding: 0; font-size: 11pt; }
    * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    figure, tr, .matrix { break-inside: avoid; }
    h2 { break-after: avoid; }
    details, nav { display: none; }
    .scroll { overflow: visible; }
}
</style>
</head>
<body>
<h1>${text(title)}</h1>
@ if synthetic then
    <p class="warning">SYNTHETIC: some of these runs saw procedural images, not CIFAR-10. Their figures say nothing about real data.</p>
@ end
@ if validates then
    <p class="warning">Runs made with --validate were evaluated on training images held out: for them, read held out where the curves and the table say test.</p>
@ end
<nav><ol>
@ for _, view in ipairs(views) do
    <li><a href="#${view.id}">${text(view.title)}</a></li>
@ end
</ol></nav>
@ for _, view in ipairs(views) do
    <section id="${view.id}">
    <h2>${view.number}. ${text(view.title)}</h2>
    @ for _, sentence in ipairs(view.sentences) do
        <p>${text(sentence)}</p>
    @ end
    @ for _, block in ipairs(view.blocks) do
        @ if block.kind == "figures" then
            <div class="${block.small and "row small" or "row"}">
            @ for _, figure in ipairs(block.figures) do
                <figure id="${figure.id}">
                ${figure.svg}
                <ul class="legend">
                @ for _, entry in ipairs(figure.legend) do
                    <li><i style="border-top-color: ${entry.color}; border-top-style: ${entry.line}"></i>${text(entry.label)}</li>
                @ end
                </ul>
                <figcaption>${text(figure.caption)}</figcaption>
                <details><summary>numbers</summary><div class="scroll"><table>
                @ for _, row in ipairs(figure.numbers) do
                    <tr>
                    @ for _, cell in ipairs(row) do
                        <td>${text(cell)}</td>
                    @ end
                    </tr>
                @ end
                </table></div></details>
                </figure>
            @ end
            </div>
        @ elseif block.kind == "table" then
            <div class="scroll"><table>
            <caption>${text(block.caption)}</caption>
            <thead><tr>
            @ for _, cell in ipairs(block.head) do
                <th>${text(cell)}</th>
            @ end
            </tr></thead>
            <tbody>
            @ for _, row in ipairs(block.rows) do
                <tr>
                @ for _, cell in ipairs(row) do
                    <td>${text(cell)}</td>
                @ end
                </tr>
            @ end
            </tbody></table></div>
        @ elseif block.kind == "matrices" then
            <div class="row">
            @ for _, matrix in ipairs(block.matrices) do
                <div class="scroll"><table class="matrix">
                <caption><strong>${text(matrix.label)}</strong>: rows are true classes, columns what is said, percent of the row</caption>
                <tr><th></th>
                @ for _, name in ipairs(matrix.classes) do
                    <th>${text(name)}</th>
                @ end
                </tr>
                @ for _, row in ipairs(matrix.rows) do
                    <tr><th>${text(row.name)}</th>
                    @ for _, cell in ipairs(row.cells) do
                        <td style="background: ${cell.color}">${text(cell.text)}</td>
                    @ end
                    </tr>
                @ end
                </table></div>
            @ end
            </div>
        @ elseif block.kind == "pictures" then
            <p class="caption">${text(block.caption)}</p>
            <div class="${block.wide and "pictures wide" or "pictures"}">
            @ for _, picture in ipairs(block.pictures) do
                <figure><img alt="${text(picture.lines[1])}" src="data:image/png;base64,${picture.png}"/><figcaption>
                @ for _, line in ipairs(picture.lines) do
                    ${text(line)}<br/>
                @ end
                </figcaption></figure>
            @ end
            </div>
        @ elseif block.kind == "cells" then
            <div class="row small">
            @ for _, picture in ipairs(block.pictures) do
                <figure>
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${picture.width} ${picture.height}" role="img" aria-label="${text(picture.label)}">
                @ for _, cell in ipairs(picture.cells) do
                    <rect class="${cell.tint}" x="${cell.x}" y="${cell.y}" width="${cell.size}" height="${cell.size}"/>
                @ end
                </svg>
                <figcaption><strong>${text(picture.label)}</strong>: cells of the first colour share the first mean; other means alternate in shade. ${text(picture.caption)}.</figcaption>
                </figure>
            @ end
            </div>
        @ end
    @ end
    </section>
@ end
<section id="runs">
<h2>Runs</h2>
<div class="scroll"><table>
<thead><tr>
@ for _, cell in ipairs(runs.head) do
    <th>${text(cell)}</th>
@ end
</tr></thead>
<tbody>
@ for _, row in ipairs(runs.rows) do
    <tr>
    @ for _, cell in ipairs(row) do
        <td>${text(cell)}</td>
    @ end
    </tr>
@ end
</tbody></table></div>
</section>
</body>
</html>
