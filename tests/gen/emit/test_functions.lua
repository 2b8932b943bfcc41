-- Tests of gen/emit/functions.lua, and of what the templates of kernels note.

local test <const> = ...

local functions <const> = require("emit/functions")
local isa <const> = require("emit/isa")
local nets <const> = load(assert(host.read_file(test.dir .. "/support/nets.lua")), "@nets.lua")()
local ops <const> = require("ops/ops")
local template <const> = require("emit/template")

local tests <const> = {}

local OPTIONS <const> = { unroll = "tile" }

-- Calls check(text, notes, title) once for every function of many programs but those of norms;
-- shared: also for those that kernels share.
local function each_text(check, shared)
    local seen <const> = {}
    local function expand(title, words, file, params)
        local text <const>, notes <const> = template.render(file, params, words)
        if not seen[text] then
            seen[text] = true
            check(text, notes, title)
        end
    end
    local function expand_shared(list, set)
        for _, one in ipairs(list or {}) do
            one.params.name = one.name
            expand(one.name, set.words, one.template, one.params)
        end
    end
    local function all(plans, _, built)
        for _, part in ipairs({ plans.train, plans.eval }) do
            for _, spec in ipairs(part.plan.kernels) do
                local op <const> = ops[spec.op]
                local file <const>, params <const>, list <const> = op.params(spec, plans.set,
                    OPTIONS)
                expand(spec.name, plans.set.words, file, params)
                expand_shared(shared and list, plans.set)
                local what <const> = spec.pass == "bwd_weights" and "unpack"
                    or spec.pass == "bwd_data" and "pack_transposed" or "pack"
                if op.pack then
                    local pack <const>, of <const>, loops <const> = op.pack(spec, what, plans.set)
                    expand(what .. " of " .. spec.name, plans.set.words, pack, of)
                    expand_shared(shared and loops, plans.set)
                end
            end
            for _, phase in ipairs(built and part.plan.phases or {}) do
                for _, call in ipairs(phase.calls) do
                    local op <const> = ops[call.kind]
                    if op and op.text and call.args[1] ~= "NULL" then
                        expand(call.fn, plans.set.words, op.text(call, built))
                    end
                end
            end
        end
    end
    nets.each(all)
    nets.each_varied(all)
end

-- The names of all helpers.
local function helpers_of(all)
    all:helpers({
        "emit/prelude.c.tpl", "ops/activation.c.tpl", "ops/conv/winograd_tile.c.tpl",
        "ops/images.c.tpl", "ops/shapes.c.tpl", "ops/set_norm_sums.c.tpl",
    }, { shapes = {} })
    return all.offered
end

function tests.templates_note_the_helpers_that_they_call()
    local all <const> = functions.new(isa.get("avx2").words)
    local offered <const> = helpers_of(all)
    offered.fetch_ahead = true -- in program.c.tpl
    each_text(function(text, notes, title)
        local noted <const> = {}
        for _, helper in ipairs(notes.uses) do
            assert(offered[helper], title .. ": no helper is called " .. helper)
            noted[helper] = true
        end
        for _, use in ipairs { "([%a_][%w_]*)%(", "%(struct ([%a_][%w_]*)%)",
            "const struct ([%a_][%w_]*) [%w_]+ = " } do
            for helper in text:gmatch(use) do
                if offered[helper] then
                    assert(noted[helper], title .. ": calls " .. helper .. " without a note")
                    noted[helper] = "called"
                end
            end
        end
        for helper, how in pairs(noted) do -- any that is wrong is an error
            assert(how == "called", title .. ": notes " .. helper .. ", which it does not call")
        end
    end, true)
end

-- Kernels and what else a step calls stand behind it: all but packing and what is inlined.
function tests.templates_note_the_prototypes_of_what_a_step_calls()
    each_text(function(text, notes, title)
        local heads <const> = {}
        for line in ("\n" .. text):gmatch("\n(static [^\n]*%))\n{") do
            heads[#heads + 1] = line .. ";"
        end
        if title:find("^u?n?pack") and text:find("^[%u%d_]+%([%w_]+, [%d, ]+%)\n$") then
            return -- a macro makes it
        elseif text:find("%*/\n[%u%d_]+%(" .. title .. ", ") then -- likewise
            local head <const> = #notes.prototypes == 1 and notes.prototypes[1] or ""
            assert(head:find("^static NOINLINE void " .. title .. "%(.*%);$"), title)
            return
        end
        assert(#heads > 0, title .. ": has no function")
        test.equal(notes.prototypes, title:find("^u?n?pack") and {} or heads, title)
    end)
end

function tests.a_helper_may_call_another()
    local texts <const> = {
        kernel = "@ uses 'first'\nfirst(second_hand(x));\n",
        helpers = "@ if wanted.last then\n    last\n@ end\n"
            .. "@ if wanted.second then\n    @ uses 'last'\n    second\n@ end\n"
            .. "@ if wanted.first then\n    @ uses 'second'\n    first\n@ end\n"
            .. "@ if wanted.other then\n    other\n@ end\n",
    }
    local render <const> = template.render
    template.render = template.new(function(name) return texts[name] end)
    local all <const> = functions.new({})
    local list <const> = all.new_list()
    all:append(list, "kernel", {})
    test.equal(all:helpers({ "helpers" }, {}).texts, { "last\nsecond\nfirst\n" })
    all:check()
    all.calls.othr = true
    template.render = render
    local message <const> = test.raises("", all.check, all)
    assert(message:find("'othr', which no template of helpers has", 1, true), message)
end

function tests.a_function_is_made_once()
    local all <const> = functions.new(isa.get("c").words)
    local list <const> = all.new_list()
    local function load_of(channels)
        return {
            name = "load", channels = channels, h = 2, w = 2, pitch = 8, shapes = "", y_border = 0,
            y_floats = 32, y_cols = 2,
        }
    end
    all:add(list, "load", "ops/load.c.tpl", load_of(3))
    all:add(list, "load", "ops/load.c.tpl", load_of(3))
    test.equal(#list.texts, 1)
    test.equal(#list.prototypes, 1)
    local message <const> = test.raises("", all.add, all, list, "load", "ops/load.c.tpl",
        load_of(4))
    assert(message:find("one name for two functions: load", 1, true), message)
    assert(all:is_made("other", { layer = "a", x = 1 }) == false)
    assert(all:is_made("other", { layer = "b", x = 1 }, "layer"))
end

return tests
