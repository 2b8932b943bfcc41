// The page is whole without this. It lets a reader choose the norms and the moment of the training
// that pictures show, and the images of a ghost, the groups and the numbers of the example, which is
// worked through anew. No less-than and no ampersand: it is XML, too.

// Norms: what has the colour of one that is switched off is not seen.
(() => {
    const norms = document.getElementById("norms");
    if (!norms) return;
    const redraw = () => {
        for (const box of norms.querySelectorAll("input")) {
            const parts = ["stroke", "color", "fill"].map((word) =>
                "figure svg [" + word + "='var(--c" + box.value + ")']");
            const drawn = parts.join() + ", figure svg [style*='var(--c" + box.value + ")']";
            for (const one of document.querySelectorAll(drawn))
                one.classList.toggle("off", !box.checked);
            for (const column of document.querySelectorAll("[data-color='" + box.value + "']"))
                column.hidden = !box.checked;
        }
    };
    norms.addEventListener("input", redraw);
    norms.hidden = false;
})();

// Moments: all of them, or one, in the place of the last, so that the shapes are seen to change.
(() => {
    const moments = document.getElementById("moments");
    if (!moments) return;
    const slider = moments.querySelector("input");
    const redraw = () => {
        const wanted = Number(slider.value);
        for (const column of document.querySelectorAll(".columns svg")) {
            const looks = [...column.querySelectorAll("[data-drop]")];
            looks.forEach((look, i) => {
                const one = wanted > 0, drop = one ? look.getAttribute("data-drop") : 0;
                look.classList.toggle("off", one ? i + 1 !== Math.min(wanted, looks.length) : false);
                look.setAttribute("transform", "translate(0 " + drop + ")");
            });
        }
    };
    moments.addEventListener("input", redraw);
    moments.hidden = false;
})();

// The example.
(() => {
    const tool = document.getElementById("tool");
    if (!tool) return;
    const CHANNELS = 4, NUMBERS = 32;
    const [ghost, groups, own] = tool.querySelectorAll("input");
    const brief = (x) => String(Math.round(x * 100) / 100).replace("-", "−");
    const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

    // Which set a cell belongs to, and whether that is the first one.
    const tint = (cell, images, channels) => {
        const set = Math.floor(cell % CHANNELS / channels)
            + Math.floor(Math.floor(cell / CHANNELS) / images);
        const first = Math.floor(cell / CHANNELS) >= images ? false : channels > cell % CHANNELS;
        return first ? "first" : set % 2 === 0 ? "even" : "odd";
    };

    const show = (panel, numbers, images, channels) => {
        const tints = [...panel.querySelectorAll(".cell")].map((cell, i) => {
            const word = tint(i, images, channels);
            cell.setAttribute("class", "cell " + word);
            return word;
        });
        panel.querySelectorAll(".number").forEach((text, i) => {
            text.textContent = brief(numbers[i]);
        });
        const values = numbers.filter((_, i) => tints[Math.floor(i / 2)] === "first");
        const middle = mean(values), variance = mean(values.map((x) => (x - middle) ** 2));
        const lines = panel.querySelectorAll("figcaption span");
        const first = brief(numbers[0]), root = Math.sqrt(variance);
        lines[0].textContent = lines[0].textContent.replace(/here \d+/,
            "here " + Math.max(images, channels));
        lines[1].textContent = "mean = (" + values.map(brief).join(" + ") + ") / " + values.length
            + " = " + brief(middle);
        lines[2].textContent = "var = " + brief(variance);
        lines[3].textContent = first + " becomes (" + first + " − " + brief(middle) + ") / √"
            + brief(variance) + " = " + (root > 0 ? brief((numbers[0] - middle) / root) : "0");
    };

    const redraw = () => {
        const numbers = own.value.split(/[\s,;]+/).filter((word) => word !== "").map(Number);
        const good = numbers.length === NUMBERS ? numbers.every(Number.isFinite) : false;
        own.setAttribute("aria-invalid", String(!good));
        if (!good) return;
        const sets = { bn: [4, 1], ghost: [Number(ghost.value), 1],
            gn: [1, CHANNELS / 2 ** Number(groups.value)], ln: [1, CHANNELS], in: [1, 1] };
        for (const panel of document.querySelectorAll("[data-norm]"))
            show(panel, numbers, ...sets[panel.getAttribute("data-norm")]);
    };
    tool.addEventListener("input", redraw);
    tool.hidden = false;
})();
