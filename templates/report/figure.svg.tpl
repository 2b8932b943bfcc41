@ -- One figure of a report as a picture of its own: what the page says around it stands inside.
@ local ROW <const>, TOP <const>, SIDE <const> = 20, 34, 12
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${TOP + height + ROW * #figure.legend + SIDE}" viewBox="0 0 ${width} ${TOP + height + ROW * #figure.legend + SIDE}" font-family="system-ui, sans-serif" font-size="13">
<style>
svg { overflow: visible; --page: #ffffff; --ink: #1c1f24; --grid: #dfe3e8; color: #1c1f24;
    --c1: #0b5cad; --c2: #b24500; --c3: #00745a; --c4: #8a2f9e; --c5: #7a5b00; --c6: #5b626d; }
text { fill: var(--ink); }
.hit { fill: transparent; }
/* dark */ @media (prefers-color-scheme: dark) {
    svg { --page: #14171b; --ink: #e4e7ec; --grid: #2d333b; color: #e4e7ec;
        --c1: #6db3ff; --c2: #ff9a5c; --c3: #43d0a6; --c4: #e19bf0; --c5: #e0c04f; --c6: #adb4bf; }
}
</style>
<rect width="100%" height="100%" fill="var(--page)"/>
<text x="${SIDE}" y="22" font-size="15" font-weight="600" fill="var(--ink)">${synthetic and "SYNTHETIC: " or ""}${text(figure.title)}</text>
<svg y="${TOP}" width="${width}" height="${height}">
${figure.svg}
</svg>
@ for i, entry in ipairs(figure.legend) do
    @ local y <const> = TOP + height + ROW * (i - 1) + 8
    <line x1="${SIDE}" x2="${SIDE + 24}" y1="${y}" y2="${y}" stroke="${entry.color}" stroke-width="3"${entry.line == "dashed" and ' stroke-dasharray="5 4"' or ""}/>
    <text x="${SIDE + 32}" y="${y + 4}" fill="var(--ink)">${text(entry.label)}</text>
@ end
</svg>
