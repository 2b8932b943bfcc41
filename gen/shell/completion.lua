-- completion.lua - what makes a shell complete command lines of burin, from its tables of commands
-- and options (host.usage) and the networks inside it; and of the programs that it generated, which
-- are asked for their help, as of what it knows is only how they are called.
--
--     completion.text("bash" | "zsh") -> text, or nil for another shell
--     completion.networks() -> the bare names of the networks inside burin

local template <const> = require("emit/template")

local completion <const> = {}

--- The bare names of the networks inside burin.
function completion.networks()
    local names <const> = {}
    for _, name in ipairs(host.embedded()) do
        names[#names + 1] = name:match("^gen/nets/([%w_-]+)%.lua$")
            or name:match("^examples/([%w_-]+)%.lua$")
    end
    return names
end

-- The calls of a description that the manual tells of.
local function kinds()
    return table.concat(require("language/manual").kinds(), " ")
end

local function takes(option, command)
    for _, name in ipairs(option.commands) do
        if name == command.name then
            return true
        end
    end
    return false
end

-- A word of a shell: in quotes, whatever it holds.
local function quoted(text)
    return "'" .. text:gsub("'", [['\'']]) .. "'"
end

-- An option as _arguments of zsh has it: --norm[what it is]:NORM:(bn gn).
local function argument_of(option)
    local help <const> = option.help:gsub(" *%[.*", ""):gsub("[%]\\]", "\\%0")
    local text = ("--%s[%s]"):format(option.name, help)
    if option.value then
        local action <const> = #option.choices > 0
            and "(" .. table.concat(option.choices, " ") .. ")" or "_files"
        text = ("%s:%s:%s"):format(text, option.value, action)
    end
    return quoted(text)
end

-- What zsh completes an operand to, by what the command calls its first one.
local OPERANDS <const> = {
    network = "'*:network:_burin_network'", model = "'*:file:_files'", run = "'*:run:_files -/'",
    shell = "'1:shell:(bash zsh)'", path = "'*:path:_files'", name = "'1:name:'", [""] = "'*:'",
    kind = "'1:kind:(" .. kinds() .. ")'",
}

local function described(command, usage, words)
    local options <const>, arguments <const> = {}, {}
    for _, option in ipairs(usage.options) do
        if takes(option, command) then
            options[#options + 1] = "--" .. option.name
            arguments[#arguments + 1] = argument_of(option)
        end
    end
    return {
        name = command.name, help = quoted(command.name .. ":" .. command.help),
        options = table.concat(options, " "), words = words[command.operand] or "",
        arguments = arguments, operand = OPERANDS[command.operand],
    }
end

-- The options that take a value which is no choice, as a pattern of bash.
local function texts_of(options)
    local names <const> = {}
    for _, option in ipairs(options) do
        if option.value and #option.choices == 0 then
            names[#names + 1] = "--" .. option.name
        end
    end
    return table.concat(names, " | ")
end

local function choices_of(options, wanted)
    for _, option in ipairs(options) do
        if option.name == wanted then
            return option.choices
        end
    end
end

function completion.text(shell)
    if shell ~= "bash" and shell ~= "zsh" then
        return nil
    end
    local usage <const>, known <const> = host.usage(),
        table.concat(completion.networks(), " ")
    local words <const> = { network = known, shell = "bash zsh", kind = kinds() }
    local commands <const>, names <const> = {}, {}
    for i, command in ipairs(usage.commands) do
        names[i] = command.name
        commands[i] = described(command, usage, words)
    end
    local norms <const> = choices_of(usage.options, "norm")
    return (template.render(("shell/%s.tpl"):format(shell), {
        commands = commands, names = table.concat(names, " "),
        name_pattern = table.concat(names, " | "), options = usage.options,
        texts = texts_of(usage.options), networks = known,
        -- In a template `$` before a brace begins a value.
        words_before = '"$' .. '{COMP_WORDS[@]:1:COMP_CWORD - 1}"',
        first_word = "$" .. "{1/#\\~/$HOME}", second_word = '"$' .. '{COMP_WORDS[1]}"',
        command_words = '"$' .. '{command[@]}"', lines_of = "$" .. "{(f)", unquoted = "$" .. "{(Q)",
        program_networks = known:gsub(" ", ","), program_norms = table.concat(norms, ","),
        program_patterns = table.concat(norms, "|") .. "|[bg]n[0-9]##",
    }))
end

return completion
