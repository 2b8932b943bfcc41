// page_checks.js - what a page must be like wherever it is shown: test_browser.sh puts it into a
// page of frames, one a width. Each check returns the mistakes that it found, as texts.
"use strict";

const LEAST_CONTRAST = 4.5;

// What a mistake is called: its element, and the text in it.
const name = (one) => `<${one.tagName.toLowerCase()} class="${one.getAttribute("class") ?? ""}"> `
    + `"${one.textContent.trim().slice(0, 40)}"`;

const isShown = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 0;

// Elements of which a part of the text is their own, with the boxes of that text.
function texts(page) {
    const found = [];
    for (const one of page.querySelectorAll("body *")) {
        if (!isShown(one) || one.closest("style, script, title, defs"))
            continue;
        for (const node of one.childNodes) {
            if (node.nodeType !== Node.TEXT_NODE || node.data.trim() === "")
                continue;
            const range = page.createRange();
            range.selectNodeContents(node);
            for (const box of one.closest("svg") ? [one.getBoundingClientRect()]
                : range.getClientRects())
                found.push({ one, box });
        }
    }
    return found;
}

function overflows(page, width) {
    const wrong = [];
    if (page.documentElement.scrollWidth > width)
        wrong.push(`the page is ${page.documentElement.scrollWidth} pixels wide`);
    for (const one of page.querySelectorAll("body *"))
        if (isShown(one) && !one.closest(".scroll > *, svg *")
            && one.getBoundingClientRect().right > width + 0.5)
            wrong.push(`sticks out: ${name(one)}`);
    for (const box of page.querySelectorAll(".scroll:has(.rows)"))
        if (isShown(box) && box.scrollWidth > box.clientWidth + 1)
            wrong.push(`scrolls sideways: ${name(box)}`);
    return wrong;
}

// Text of a picture that lies outside of it is cut off.
function cutTexts(page) {
    const wrong = [];
    for (const text of page.querySelectorAll("svg text")) {
        const box = text.getBoundingClientRect();
        const all = text.closest("svg").getBoundingClientRect();
        if (isShown(text) && (box.left < all.left - 1 || box.right > all.right + 1
            || box.top < all.top - 1 || box.bottom > all.bottom + 1))
            wrong.push(`cut off: ${name(text)}`);
    }
    return wrong;
}

// Boxes of text have room above and below their letters, so they may touch by a part of that.
function overlaps(page) {
    const wrong = [], list = texts(page).sort((a, b) => a.box.top - b.box.top);
    for (let i = 0; i < list.length; i++) {
        const a = list[i].box;
        for (let k = i + 1; k < list.length && list[k].box.top < a.bottom; k++) {
            const b = list[k].box;
            const high = Math.min(a.bottom, b.bottom) - b.top;
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            if (wide > 1 && high > 0.3 * Math.min(a.height, b.height))
                wrong.push(`overlap: ${name(list[i].one)} and ${name(list[k].one)}`);
        }
    }
    return wrong;
}

// [red, green, blue, alpha] of a computed colour; "none" is nothing.
function channels(color) {
    const numbers = (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
}

const over = (top, below) => below.map((x, i) => top[3] * top[i] + (1 - top[3]) * x);

// What is behind a text: backgrounds of what it stands in, and in a picture the cell around it.
function backdrop(view, one) {
    const layers = [];
    const rects = one.closest("svg")?.querySelectorAll("rect") ?? [];
    const cell = [...rects].find((r) => {
        const inner = one.getBoundingClientRect(), outer = r.getBoundingClientRect();
        const x = (inner.left + inner.right) / 2, y = (inner.top + inner.bottom) / 2;
        return x > outer.left && x < outer.right && y > outer.top && y < outer.bottom;
    });
    if (cell)
        layers.push(channels(view.getComputedStyle(cell).fill));
    for (let at = one; at; at = at.parentElement)
        layers.push(channels(view.getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
}

function luminance(color) {
    const [r, g, b] = color.map((x) => x / 255).map((x) =>
        x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function faint(page, view) {
    const wrong = [];
    for (const one of new Set(texts(page).map((text) => text.one))) {
        const style = view.getComputedStyle(one), behind = backdrop(view, one);
        const color = over(channels(one.closest("svg") ? style.fill : style.color), behind);
        const [low, high] = [luminance(color), luminance(behind)].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < LEAST_CONTRAST)
            wrong.push(`contrast ${contrast.toFixed(2)}: ${name(one)}`);
    }
    return wrong;
}

// Whoever tabs through comes by every link, fold and table, in the order of the page, and each has
// a name.
function badStops(page) {
    const wrong = [];
    for (const one of page.querySelectorAll("[tabindex]"))
        if (one.tabIndex !== 0)
            wrong.push(`tabindex ${one.tabIndex}: ${name(one)}`);
    for (const one of page.querySelectorAll("a, summary, .scroll, input"))
        if (one.tabIndex !== 0
            || !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length))
            wrong.push(`not reached, or without a name: ${name(one)}`);
    for (const one of page.querySelectorAll("a"))
        if (!page.querySelector(one.getAttribute("href")))
            wrong.push(`leads nowhere: ${name(one)}`);
    return wrong;
}

function unnamed(page) {
    const wrong = [];
    for (const one of page.querySelectorAll("img, svg"))
        if (!(one.getAttribute("alt") || one.getAttribute("aria-label")))
            wrong.push(`a picture without a text: ${name(one)}`);
    return wrong;
}

// The example is worked through anew for other groups and numbers, and stays for numbers that are
// none. The page is whole without it: it is hidden where there is no script.
function wrongTool(page, view) {
    const tool = page.querySelector("#tool");
    if (!tool)
        return [];
    const [ghost, groups, own] = tool.querySelectorAll("input");
    const lines = (norm) => [...page.querySelectorAll(`[data-norm="${norm}"] figcaption span`)]
        .map((line) => line.textContent).join("; ");
    const type = (input, value) => {
        input.value = value;
        input.dispatchEvent(new view.Event("input", { bubbles: true }));
    };
    const before = [lines("ghost"), lines("gn"), lines("bn")];
    const wrong = [], expect = (what, found, wanted) => {
        if (found !== wanted)
            wrong.push(`${what}: "${found}", expected "${wanted}"`);
    };
    type(own, own.value);
    expect("the example", [lines("ghost"), lines("gn"), lines("bn")].join(), before.join());
    const sum = (norm) => lines(norm).slice(lines(norm).indexOf(";"));
    type(ghost, "4");
    expect("a ghost of all", sum("ghost"), sum("bn"));
    type(groups, "0");
    expect("one group", sum("gn"), sum("ln"));
    type(own, "7 " + "1 ".repeat(31));
    expect("own numbers", lines("in"), "over one channel of one image; mean = (7 + 1) / 2 = 4; "
        + "var = 9; 7 becomes (7 − 4) / √9 = 1");
    type(own, "none");
    expect("no numbers", own.getAttribute("aria-invalid"), "true");
    type(own, "1 ".repeat(32));
    expect("no deviation", lines("in").split(" = ").pop(), "0");
    return wrong;
}

const isSeen = (view) => (one) => view.getComputedStyle(one).visibility !== "hidden"
    && one.getBoundingClientRect().width > 0;

// Norms are switched off and on again, in charts, at the ends of their lines and as columns.
function wrongSwitches(page, view) {
    const wrong = [], box = page.querySelector("#norms input");
    if (!box)
        return [];
    const color = `var(--c${box.value})`;
    const parts = () => [
        `figure[id] svg [stroke="${color}"]`, `figure[id] svg .note[style*="${color}"]`,
        `figure[id] svg .hit[color="${color}"]`, `.columns [data-color="${box.value}"]`,
    ].map((one) => [...page.querySelectorAll(one)].filter(isSeen(view)).length);
    const others = () => [...page.querySelectorAll("figure[id] svg .note, .columns figure")]
        .filter(isSeen(view)).length;
    const before = parts(), all = others();
    box.click();
    if (Math.min(before[0], before[2]) === 0 || parts().join() !== "0,0,0,0")
        wrong.push(`a norm that is switched off: ${before} parts become ${parts()}`);
    if (others() !== all - before[1] - before[3])
        wrong.push(`with a norm off, ${others()} of the others are seen`);
    box.click();
    if (parts().join() !== before.join() || others() !== all)
        wrong.push(`switched on again: ${before} parts become ${parts()}`);
    return wrong;
}

// One moment of the training is shown in the place of the last, or all of them.
function wrongMoments(page, view) {
    const wrong = [], slider = page.querySelector("#moments input");
    const looks = [...page.querySelectorAll(".columns figure:first-child [data-drop]")];
    if (!slider)
        return looks.length > 1 ? ["moments without a slider"] : [];
    const move = (value) => {
        slider.value = value;
        slider.dispatchEvent(new view.Event("input", { bubbles: true }));
        return looks.filter(isSeen(view));
    };
    const bottom = (one) => Math.round(one.getBoundingClientRect().bottom);
    const ends = looks.map(bottom), last = ends[ends.length - 1];
    for (let i = 0; i < looks.length; i++) {
        const seen = move(i + 1);
        if (seen.length !== 1 || seen[0] !== looks[i] || Math.abs(bottom(seen[0]) - last) > 1)
            wrong.push(`moment ${i + 1}: ${seen.length} are seen, the first at ${bottom(seen[0])}`);
    }
    if (move(0).length !== looks.length || looks.map(bottom).join() !== ends.join())
        wrong.push("all moments are not as they were");
    return wrong;
}

// The mistakes of a page in a frame; everything that is folded is unfolded.
function check(frame) {
    const page = frame.contentDocument, view = frame.contentWindow;
    for (const fold of page.querySelectorAll("details"))
        fold.open = true;
    const width = page.documentElement.clientWidth;
    return [...(page.querySelectorAll("section").length > 0 ? [] : ["an empty page"]),
        ...overflows(page, width), ...cutTexts(page), ...overlaps(page), ...faint(page, view),
        ...badStops(page), ...unnamed(page), ...wrongTool(page, view),
        ...wrongSwitches(page, view), ...wrongMoments(page, view)];
}
