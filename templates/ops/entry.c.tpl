@ -- One kernel: the loops of its kind with the shapes of one layer.
@ for _, shape in ipairs(given) do
    @ if shape.uses then
        @ uses(shape.uses)
    @ end
@ end
/* ${formula} ${cost} */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    ${loops}(${arguments},
@ for i, shape in ipairs(given) do
                ${shape.text}${i < #given and "," or ");"}
@ end
}
