-- Changes what strings do for everybody.
getmetatable("").__index = function()
    return "mine"
end
