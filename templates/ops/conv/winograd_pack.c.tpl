@ -- The function that transforms weights of one shape.
${macro}(${name}, ${arguments})
