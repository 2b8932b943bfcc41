@ -- One kernel: the loops of its kind with the shapes of one layer.
@ local shapes = {}
@ for i, shape in ipairs(given) do
    @ shapes[i] = shape.front and shape.text:sub(#shape.front + 1) or shape.text
@ end
@ prototype("static NOINLINE void " .. name .. "(" .. signature .. ")")
/* ${where}: ${cost} */
${macro}(${name}, ${table.concat(shapes, ", ")})
