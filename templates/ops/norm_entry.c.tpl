@ -- The functions of one norm: those of its kind with its sizes.
@ for _, head in ipairs(heads) do
    @ prototype(head)
@ end
@ for _, macro in ipairs(macros) do
    ${macro}(${prefix}, ${sizes})
@ end
