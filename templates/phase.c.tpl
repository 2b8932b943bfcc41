@ -- The calls of one phase for one image.
/* ${title} */
static void ${name}(const struct net *net, int chunk, int image)
{
    @ for _, line in ipairs(pointers) do
        ${line}
    @ end

    @ for _, line in ipairs(lines) do
        ${line}
    @ end
}
