@ -- The calls of one phase for a micro-batch.
/* ${title} */
static void ${name}(const struct net *net, int chunk, ${phased and "int micro_batch, int next, " or ""}int image, int n)
{
    @ for _, line in ipairs(pointers) do
        ${line}
    @ end

    @ for _, line in ipairs(lines) do
        ${line}
    @ end
}
