@ -- The function that packs or unpacks weights of one shape.
${macro}(${name}, ${arguments})
