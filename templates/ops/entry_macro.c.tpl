@ -- Kernels of one kind, each with the shapes of a layer.
@ for _, helper in ipairs(helpers) do
    @ uses(helper)
@ end
#define ${name}(NAME, ${parameters}) \
    static NOINLINE void NAME(${signature}) \
    { \
        @ for _, constant in ipairs(constants) do
            ${constant} \
        @ end
        ${loops}(${arguments}, ${given}); \
    }
