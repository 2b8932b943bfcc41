@ -- The head of a lesson.
<section id="why">
<h2>Why normalize at all?</h2>
<div class="answer">
<div class="text">
@ for _, sentence in ipairs(head.question.sentences) do
    <p>${text(sentence)}</p>
@ end
<p class="formula">y = γ (x − mean) / √(var + ε) + β</p>
<p>This is what every norm does: subtract a mean, divide by a deviation, then scale by γ and shift by β, which are learned for each channel. They differ in one thing alone: <strong>over which numbers mean and var are taken</strong>.</p>
</div>
@ if head.question.picture_text then
    <div class="picture">
    ${head.question.picture_text}
    </div>
@ end
</div>
</section>
<section id="verdict" class="verdict">
<h3>In three lines</h3>
<div class="answer">
<div class="text">
<ol>
@ for _, line in ipairs(head.verdict.lines) do
    <li>${text(line)}</li>
@ end
</ol>
<p class="caption">${text(head.verdict.note)}</p>
</div>
<figure>
${head.verdict.svg}
</figure>
</div>
</section>
<section id="what">
<dl>
@ for _, row in ipairs(head.box) do
    <dt>${text(row[1])}</dt><dd>${text(row[2])}</dd>
@ end
</dl>
<p class="caption">The network from left to right, its norms marked; channels x height x width where they change:</p>
<ol class="strip">
@ for _, layer in ipairs(head.strip.items) do
    <li${layer.norm and ' class="norm"' or ""} title="${text(layer.title)}">${text(layer.name)}${layer.shape and "<small>" .. layer.shape .. "</small>" or ""}</li>
@ end
@ if head.strip.more > 0 then
    <li>and ${head.strip.more} more layers</li>
@ end
</ol>
</section>
