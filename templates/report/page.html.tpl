<!DOCTYPE html>
@ -- The page of `burin report`. It is XML, too.
@ assert(#views > 0, "a page without views")
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${text(title)}</title>
<style>
${style}
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
@ if head then
    ${head}
@ end
<nav><ol>
@ for _, view in ipairs(views) do
    <li><a href="#${view.id}">${text(view.title)}</a></li>
@ end
</ol></nav>
@ if #switches > 1 then
    <div id="norms" class="tool" hidden="hidden" role="group" aria-label="Norms that the pictures show">
    @ for _, switch in ipairs(switches) do
        <label><input type="checkbox" checked="checked" value="${switch.color}"/> <span style="color: ${switch.css}">${text(switch.label)}</span></label>
    @ end
    </div>
@ end
@ for _, view in ipairs(views) do
    <section id="${view.id}">
    <h2>${view.number}. ${text(view.title)}</h2>
    <div class="answer${view.wide and " wide" or ""}">
    <div class="text">
    @ for _, sentence in ipairs(view.sentences) do
        <p>${text(sentence)}</p>
    @ end
    </div>
    @ if view.picture_text then
        <div class="picture">
        ${view.picture_text}
        </div>
    @ end
    </div>
    @ if view.number_text then
        <details${numbers and ' open="open"' or ""}><summary>Numbers${view.id == "table" and ", mistakes and gradients" or ""}</summary>
        ${view.number_text}
        </details>
    @ end
    </section>
@ end
<script>
${script}
</script>
</body>
</html>
