@ -- One block of a view: page.lua says what each kind holds.
@ if block.kind == "figures" then
    <div class="row">
    @ for _, figure in ipairs(block.figures) do
        <figure id="${figure.id}">
        ${figure.svg}
        @ if not figure.named then
            <ul class="legend">
            @ for _, entry in ipairs(figure.legend) do
                <li><i style="border-top-color: ${entry.color}; border-top-style: ${entry.line}"></i>${text(entry.label)}</li>
            @ end
            </ul>
        @ end
        <figcaption><strong>${text(figure.title)}.</strong> ${text(figure.caption)}
        @ if #figure.left_out > 0 then
            Not drawn: ${text(table.concat(figure.left_out, ", "))}.
        @ end
        </figcaption>
        </figure>
    @ end
    </div>
@ elseif block.kind == "table" then
    <div class="scroll" tabindex="0" role="region" aria-label="${text(block.caption)}"><table class="rows">
    <caption>${text(block.caption)}</caption>
    <thead><tr>
    @ for _, cell in ipairs(block.head) do
        <th>${text(cell)}</th>
    @ end
    </tr></thead>
    <tbody>
    @ for _, row in ipairs(block.rows) do
        <tr>
        @ for i, cell in ipairs(row) do
            <td data-name="${text(block.head[i])}">${text(cell)}</td>
        @ end
        </tr>
    @ end
    </tbody></table></div>
@ elseif block.kind == "panels" then
    <div class="panels">
    @ for _, panel in ipairs(block.panels) do
        <figure data-norm="${panel.norm}"><strong>${text(panel.title)}</strong>
        ${panel.svg}
        <figcaption>
        @ for _, line in ipairs(panel.lines) do
            <span>${text(line)}</span>
        @ end
        </figcaption>
        </figure>
    @ end
    </div>
    <div id="tool" class="tool" hidden="hidden">
    <label>images of a ghost <input type="range" min="1" max="4" value="2"/></label>
    <label>channels in one, two or four groups <input type="range" min="0" max="2" value="1"/></label>
    <label>32 numbers of your own <input type="text" size="48" value="${text(block.numbers)}"/></label>
    </div>
    <p class="caption">${text(block.caption)}</p>
@ elseif block.kind == "columns" then
    @ if block.moments > 1 then
        <div id="moments" class="tool" hidden="hidden"><label>moment of the training: all, or one <input type="range" min="0" max="${block.moments}" value="0"/></label></div>
    @ end
    <div class="columns">
    @ for _, column in ipairs(block.columns) do
        <figure data-color="${column.color}"><strong>${text(column.title)}</strong>
        ${column.svg}
        </figure>
    @ end
    </div>
    <p class="caption">${text(block.caption)}</p>
@ elseif block.kind == "maps" then
    @ if block.input then
        <figure><img class="input" alt="The image itself" src="data:image/png;base64,${block.input}"/><figcaption>The image itself.</figcaption></figure>
    @ end
    @ for _, layer in ipairs(block.layers) do
        <h3>${text(layer.title)}, channels ${table.concat(layer.channels, ", ")}</h3>
        <div class="maps">
        @ for _, row in ipairs(layer.rows) do
            <figure><strong>${text(row.label)}</strong>
            <div class="sides">
            @ for _, side in ipairs(row.sides) do
                <div><p>${side.name} the norm</p>
                @ for _, cell in ipairs(side.cells) do
                    <span><img alt="${text(cell.alt)}" src="data:image/png;base64,${cell.png}"/>${text(cell.text)}</span>
                @ end
                </div>
            @ end
            </div>
            </figure>
        @ end
        </div>
    @ end
    <p class="caption">${text(block.caption)}</p>
@ elseif block.kind == "matrices" then
    <div class="row">
    @ for _, matrix in ipairs(block.matrices) do
        <div class="scroll" tabindex="0" role="region" aria-label="${text(matrix.label)}: what is said of each class"><table class="matrix">
        <caption><strong>${text(matrix.label)}</strong>: rows are true classes, columns what is said, percent of the row</caption>
        <thead><tr><th></th>
        @ for _, name in ipairs(matrix.classes) do
            <th>${text(name)}</th>
        @ end
        </tr></thead>
        <tbody>
        @ for _, row in ipairs(matrix.rows) do
            <tr><th>${text(row.name)}</th>
            @ for _, cell in ipairs(row.cells) do
                <td style="background: ${cell.color}">${text(cell.text)}</td>
            @ end
            </tr>
        @ end
        </tbody></table></div>
    @ end
    </div>
@ elseif block.kind == "pictures" then
    <p class="caption">${text(block.caption)}</p>
    <div class="${block.wide and "pictures many" or "pictures"}">
    @ for _, picture in ipairs(block.pictures) do
        <figure><img alt="${text(picture.lines[1])}" src="data:image/png;base64,${picture.png}"/><figcaption>
        @ for _, line in ipairs(picture.lines) do
            ${text(line)}<br/>
        @ end
        </figcaption></figure>
    @ end
    </div>
@ end
