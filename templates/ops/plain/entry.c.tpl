@ -- One kernel of plain loops: the loops of its kind with the shapes of one layer.
/* ${formula} ${cost} */
@ prototype()
static NOINLINE void ${name}(${signature})
{
    ${loops}(${arguments},
@ for i, shape in ipairs(given) do
             ${shape}${i < #given and "," or ");"}
@ end
}
