-- identifier.lua - which names a network and its layers may have.
--
-- A name becomes part of C identifiers, an attribute of a PyTorch module and a key of the model
-- file. So it is an identifier, and none that C, Python or torch.nn.Module has taken.

local identifier <const> = {}

local MAX_LENGTH <const> = 64

local taken <const> = {}

local function take(owner, words)
    for word in words:gmatch("%S+") do
        taken[word] = taken[word] or owner
    end
end

take("a keyword of C", [[
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while asm typeof]])
take("a keyword of Python", [[
    and as assert async await class def del elif except finally from global import in is lambda
    nonlocal not or pass raise try with yield False None True]])
-- dir(torch.nn.Module()) and its annotations, from PyTorch 1.13 to 2.15. Those that start with _
-- change from version to version: no name starts so.
take("an attribute of torch.nn.Module", [[
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda
    dump_patches eval extra_repr forward get_buffer get_extra_state get_parameter get_submodule
    half ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
    zero_grad]])
take("the prefix of optimizer state in model files", "optim")
take("the name of the image", "input")

identifier.expected = "letters, digits and _, at most " .. MAX_LENGTH .. ", no digit first"

-- What is wrong with `name` and what was expected, or nil.
function identifier.problem(name)
    if not name:find("^[A-Za-z_][A-Za-z0-9_]*$") or #name > MAX_LENGTH then
        return "is no identifier", identifier.expected
    end
    if name:find("^_") then
        return "starts with _, as the private names of Python and C do", "another name"
    end
    if taken[name] then
        return "is " .. taken[name], "another name"
    end
end

-- The same for the name of a layer: it starts constants in the generated C, where AT_ and EVAL_AT_
-- start the offsets of buffers.
function identifier.layer_problem(name)
    local start <const> = name:match("^[Aa][Tt]_") or name:match("^[Ee][Vv][Aa][Ll]_[Aa][Tt]_")
    if start then
        return "starts with " .. start .. ", as offsets in the generated C do", "another name"
    end
    return identifier.problem(name)
end

return identifier
