@ -- The calls of one phase for a micro-batch.
/* ${title} */
static void ${name}(const struct net *net, const struct buffers *at, int image, int n)
{
    @ for _, line in ipairs(head) do
        ${line}
    @ end
    @ if #head > 0 then

    @ end
    @ for _, line in ipairs(lines) do
        ${line}
    @ end
}
