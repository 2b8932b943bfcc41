-- project.lua - the folder that `burin new` makes: a network of a user's own, and a Makefile that
-- trains it with an installed burin.
--
--     project.problem(name) -> text or nil
--     project.files(name) -> { { name, text } }, in the order in which they are written

local identifier <const> = require("language/identifier")
local template <const> = require("emit/template")

local project <const> = {}

-- What is wrong with the name of a network and what was expected, or nil.
function project.problem(name)
    local problem <const>, expected <const> = identifier.problem(name)
    return problem and ("%s: expected %s"):format(problem, expected)
end

function project.files(name)
    local files <const> = {}
    for i, file in ipairs {
        { name .. ".lua", "network.lua" }, { "Makefile", "Makefile" }, { "README.md", "README.md" },
        { ".gitignore", "gitignore" },
    } do
        local text <const> = template.render(("project/%s.tpl"):format(file[2]), { name = name })
        files[i] = { name = file[1], text = text }
    end
    return files
end

return project
