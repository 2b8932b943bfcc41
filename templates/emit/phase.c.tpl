@ -- The calls of one phase for a micro-batch.
/* ${title} */
static void ${name}(const struct net *net, const struct buffers *at, int n)
{
    @ if ahead then
        ${ahead}

    @ end
    @ for _, line in ipairs(lines) do
        ${line}
    @ end
}
