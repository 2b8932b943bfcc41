local function odd()
    return relu { name = "a\xce\x86" }
end
return network { name = "\xce", layers = { odd(), odd() } }
