-- Changes what strings do, within its own environment: that is its right and touches nobody else.
string.format = function()
    while true do
    end
end
string.sub, string.upper, table.concat, math.max, type = nil, nil, nil, nil, nil
return network {
    name = "harmless", input = { 3, 32, 32 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0.1 } },
    layers = { global_avgpool(), linear(10), softmax_cross_entropy() },
}
