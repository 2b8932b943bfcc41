@ -- The order of an evaluation.
/* Loss, hits (the largest logit is the label's) and logits of this rank's chunks of images in evaluation mode. */
static void eval(struct run *run, int rank)
{
    const struct net net = open_net(run, rank);
    const struct span chunks = run_thread_chunks(run, rank);
    @ if #eval_lines > 0 then

        /* What norms apply, of their running statistics; 1: the same for all images. */
        const struct buffers first = place_eval(&net, 0, 0), *const at = &first;
        @ for _, line in ipairs(eval_lines) do
            ${line}
        @ end

    @ end
    for (int chunk = chunks.first; chunk < chunks.last; chunk++) {
        run->loss[chunk] = 0.0;
        run->correct[chunk] = 0;
    }
    each_micro_batch(&net, chunks, ${phased and "false, " or ""}place_eval, eval_micro_batch);
}
