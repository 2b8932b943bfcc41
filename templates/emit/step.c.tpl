@ -- The order of a training step.
@ if phased then
    /* Calls a phase for each micro-batch of these chunks, in order within a chunk. run_micro_batch says which images
     * come, for a diagnosis of numbers that are not finite. Every other phase goes through the chunks from the last to the first: it meets what the one
     * before left in cache. */
    static void each_micro_batch(const struct net *net, struct span chunks, bool descends, places *place, computes *compute)
    {
        for (int i = chunks.first; i < chunks.last; i++) {
            const int chunk = descends ? chunks.first + chunks.last - 1 - i : i;
            const int next_chunk = i + 1 == chunks.last ? chunk : descends ? chunk - 1 : chunk + 1;
            const struct span images = run_chunk(net->run, chunk);
            int micro_batch = chunk * CHUNK_MICRO_BATCHES;
            for (int image = images.first; image < images.last; image += MICRO_BATCH, micro_batch++) {
                const int left = images.last - image;
                const int n = left < MICRO_BATCH ? left : MICRO_BATCH;
                const struct buffers next = place(net, chunk, left > MICRO_BATCH ? micro_batch + 1 : next_chunk * CHUNK_MICRO_BATCHES);
                struct buffers at = place(net, chunk, micro_batch);
                at.image = image;
                at.next = &next;
                run_micro_batch(net->run, chunk, micro_batch, image, n);
                compute(net, &at, n);
            }
        }
    }

    /* One training step of this rank's chunks of images. Batch norm makes the images meet at every norm. */
@ else
    /* Calls a function for each micro-batch of these chunks, in order. run_micro_batch says which images come, for a
     * diagnosis of numbers that are not finite; 0: all micro-batches of a chunk use the same memory. */
    static void each_micro_batch(const struct net *net, struct span chunks, places *place, computes *compute)
    {
        for (int chunk = chunks.first; chunk < chunks.last; chunk++) {
            struct buffers at = place(net, chunk);
            const struct span images = run_chunk(net->run, chunk);
            for (int image = images.first; image < images.last; image += MICRO_BATCH) {
                const int left = images.last - image;
                const int n = left < MICRO_BATCH ? left : MICRO_BATCH;
                at.image = image;
                run_micro_batch(net->run, chunk, 0, image, n);
                compute(net, &at, n);
            }
        }
    }

    /* One training step of this rank's chunks of images. No image needs another before the update. */
@ end
static void train(struct run *run, int rank)
{
    const struct net net = open_net(run, rank);
    @ if phased then
        const struct buffers first = place_training(&net, 0, 0), *const at = &first;
    @ end
    const struct span chunks = run_thread_chunks(run, rank);

    for (int chunk = chunks.first; chunk < chunks.last; chunk++) {
        zero(net.chunks + (size_t)chunk * CHUNK_FLOATS, CHUNK_FLOATS);
        run->loss[chunk] = 0.0;
        run->correct[chunk] = 0;
    }
    @ if #fixed_lines > 0 then

        /* What frozen batch norms apply, of their running statistics. */
        @ for _, line in ipairs(fixed_lines) do
            ${line}
        @ end
    @ end
    @ for i, phase in ipairs(phases) do

        @ for _, join in ipairs(phase.joins) do
            /* ${join.title} */
            @ for _, line in ipairs(join.lines) do
                ${line}
            @ end
        @ end
        @ if phase.runs then
            @ if phased then
                /* Phase ${i} of ${#phases}: ${phase.title}. */
                each_micro_batch(&net, chunks, ${phase.descends and "true" or "false"}, place_training, ${phase.fn});
            @ else
                each_micro_batch(&net, chunks, place_training, ${phase.fn});
            @ end
        @ end
    @ end

    /* Behind the barrier all chunks have their gradients; dlogits are divided by batch->n, so their sum is that of the mean
     * loss. Each thread sums, updates and packs its share of the parameters (weights.h); scratch: to unpack a gradient. ${update} The runtime waits for all threads behind a step. */
    team_barrier(run->team);
    count_time(&net, SLOT_WAIT);
    weights_update(run, rank, weight_rows, PARAMS, net.chunks, CHUNK_FLOATS, run_chunks(run), net.packed, net.scratch);
    count_time(&net, SLOT_UPDATE);
}
