@ -- The style of the page. Rules of media begin with a comment, because a line that begins with an
@ -- at sign is Lua. The six colours of series and the text colours have a contrast of 4.5 or more
@ -- to the page, light and dark; the six differ for colour-blind eyes in lightness, too.
:root {
    color-scheme: light dark;
    --page: #ffffff; --ink: #1c1f24; --soft: #565d68; --grid: #dfe3e8; --line: #c9ced6;
    --panel: #f5f6f8; --warn: #fff0c2; --first: #ffd08a; --even: #dbe5f1; --odd: #edf1f6;
    --before: #9aa3b0; --accent: #ffe2b8;
    --c1: #0b5cad; --c2: #b24500; --c3: #00745a; --c4: #8a2f9e; --c5: #7a5b00; --c6: #5b626d;
}
/* dark */ @media (prefers-color-scheme: dark) {
    :root {
        --page: #14171b; --ink: #e4e7ec; --soft: #a7aebb; --grid: #2d333b; --line: #3d444e;
        --panel: #1c2026; --warn: #4a3a05; --first: #7a4a0c; --even: #33435a; --odd: #242e3b;
        --before: #59616d; --accent: #5d3c0e;
        --c1: #6db3ff; --c2: #ff9a5c; --c3: #43d0a6; --c4: #e19bf0; --c5: #e0c04f; --c6: #adb4bf;
    }
}
* { box-sizing: border-box; }
body {
    margin: 0 auto; padding: 1.2rem 1rem 4rem; max-width: 78rem; background: var(--page);
    color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0.6rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.2rem 0 0.4rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 0.8rem 0 0.3rem; }
p { margin: 0.4rem 0; max-width: 46rem; overflow-wrap: anywhere; }
a { color: inherit; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible, input:focus-visible { outline: 3px solid var(--c1); outline-offset: 2px; }
nav ol { columns: 2 20rem; margin: 0.6rem 0; padding-left: 1.6rem; font-size: 0.95rem; }
.warning { background: var(--warn); padding: 0.5rem 0.8rem; border-radius: 4px; font-weight: 600; }
.answer { display: grid; gap: 0.4rem 2rem; grid-template-columns: minmax(0, 1fr); }
/* wide */ @media (min-width: 56rem) {
    .answer { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); align-items: start; }
    .answer.wide { grid-template-columns: minmax(0, 1fr); }
    .wide > .text { columns: 2 24rem; column-gap: 2rem; }
    .wide > .text p { break-inside: avoid; }
}
figure { margin: 0.4rem 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
.row > figure { max-width: 38rem; }
figcaption, .caption { color: var(--soft); font-size: 0.88rem; line-height: 1.4; }
svg text { font-family: system-ui, sans-serif; fill: var(--ink); }
svg text.soft { fill: var(--soft); }
svg .axis { stroke: var(--soft); fill: none; }
svg .rule { stroke: var(--line); fill: none; }
svg .hit { fill: transparent; }
svg .whisker { stroke-width: 3; fill: none; }
svg .before { fill: var(--before); }
svg .behind { fill-opacity: 0.45; stroke-width: 1.5; }
.first { fill: var(--first); } .even { fill: var(--even); } .odd { fill: var(--odd); }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1.2rem; margin: 0.4rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; font-size: 0.85rem; padding: 0; margin: 0.2rem 0; list-style: none; }
.legend i { display: inline-block; width: 1.5em; margin-right: 0.35em; vertical-align: middle; border-top: 3px solid; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0.6rem 1.6rem; }
.panels svg { max-width: 14rem; }
.panels strong { display: block; }
.panels span { display: block; font-size: 0.88rem; line-height: 1.4; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: 0.6rem 1.2rem; }
.columns svg { max-width: 24rem; }
.formula { font: italic 1.25rem/1.5 Georgia, serif; margin: 0.6rem 0; }
.verdict svg { max-width: 34rem; }
.verdict { background: var(--panel); border-radius: 6px; padding: 0.6rem 1rem; margin: 1rem 0; }
.verdict ol { margin: 0.2rem 0; padding-left: 1.3rem; }
.verdict li { margin: 0.3rem 0; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.15rem 0.9rem; margin: 1rem 0; padding: 0.6rem 1rem; border: 1px solid var(--line); border-radius: 6px; font-size: 0.88rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.strip { display: flex; flex-wrap: wrap; gap: 0.25rem; list-style: none; padding: 0; margin: 0.4rem 0; font-size: 0.75rem; line-height: 1.25; }
.strip li { border: 1px solid var(--line); border-radius: 4px; padding: 0.15rem 0.35rem; background: var(--panel); overflow-wrap: anywhere; }
.strip .norm { background: var(--accent); font-weight: 700; }
.strip small { display: block; font-size: 1em; color: var(--soft); font-weight: 400; }
.strip .norm small { color: var(--ink); }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 0.2rem 2rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 0.5rem; }
.sides div { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 2px; }
.sides p { grid-column: 1 / -1; margin: 0; font-size: 0.8rem; color: var(--soft); }
.sides span { display: block; font-size: 0.75rem; text-align: center; line-height: 1.3; }
.sides img, .input { width: 100%; height: auto; image-rendering: pixelated; display: block; }
.input { max-width: 6rem; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.4rem; }
th, td { text-align: right; padding: 0.22rem 0.6rem; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.rows td:first-child { overflow-wrap: anywhere; }
/* narrow */ @media screen and (max-width: 34rem) {
    .rows thead { display: none; } /* each cell says the name of its column */
    .rows, .rows tbody, .rows tr, .rows caption { display: block; }
    .rows td { display: flex; justify-content: space-between; gap: 1rem; padding: 0.1rem 0; border: 0; overflow-wrap: anywhere; }
    .rows td::before { content: attr(data-name); color: var(--soft); flex: none; max-width: 50%; }
    .rows td:first-child { font-weight: 600; text-align: right; }
    .rows tr { border-bottom: 1px solid var(--grid); padding: 0.4rem 0; }
    .formula { font-size: 1.05rem; }
}
.matrix { font-size: 0.7rem; }
.matrix th, .matrix td { padding: 0.15rem 0.3rem; border: 0; }
.matrix thead th { writing-mode: vertical-rl; text-align: left; vertical-align: bottom; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 0.6rem; margin: 0.4rem 0 1rem; }
.pictures.many { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
.pictures img { width: 5.2rem; height: auto; image-rendering: pixelated; display: block; }
.pictures figcaption { font-size: 0.78rem; overflow-wrap: anywhere; }
details { margin: 0.6rem 0; font-size: 0.95rem; }
summary { cursor: pointer; color: var(--soft); }
.off { visibility: hidden; }
.tool { margin: 0.6rem 0; font-size: 0.9rem; }
.tool label { display: block; margin: 0.2rem 0; }
#norms label { display: inline-block; margin-right: 1.2rem; }
.tool input { vertical-align: middle; max-width: 100%; font: inherit; }
.tool input[aria-invalid="true"] { outline: 3px solid var(--c2); }
/* paper */ @media print {
    /* margins */ @page { size: A4; margin: 13mm; }
    body { max-width: none; padding: 0; font-size: 10pt; line-height: 1.4; }
    * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    h2 { margin-top: 1.2rem; padding-top: 0.6rem; break-after: avoid; break-inside: avoid; }
    h3, caption { break-after: avoid; }
    .answer { grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); }
    .formula { font-size: 1.1rem; }
    .answer.wide { grid-template-columns: minmax(0, 1fr); }
    .answer:not(.wide), .panels, .columns, .text { break-inside: avoid; }
    .panels { grid-template-columns: repeat(5, 1fr); gap: 0.6rem; }
    .panels span { font-size: 0.75rem; }
    .columns { grid-template-columns: repeat(5, 1fr); }
    .maps { grid-template-columns: 1fr 1fr; gap: 0.2rem 1.2rem; }
    figure, tr, .matrix, dl, .verdict, .answer .scroll { break-inside: avoid; }
    details:not([open]), nav, .tool { display: none; }
    summary { display: none; }
    .scroll { overflow: visible; }
}
