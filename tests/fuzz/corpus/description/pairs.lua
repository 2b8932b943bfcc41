for key, size in pairs(nil) do
    error(key .. size)
end
