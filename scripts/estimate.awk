# Seconds that a training of compare.sh will take, by how long its parts take now.
#
#     awk -f scripts/estimate.awk -v images=50000 -v test=10000 -v epochs=20 -v batch=128 \
#         -v every=391 -v step_ms=62 -v evaluation_ms=17 -v looks_ms=2800 -v details_ms=7500
#
# epochs are those that are left; every: steps between two looks, or auto, five looks.
# step_ms and evaluation_ms are of a batch, looks_ms of two looks, details_ms of `eval --out`. A step
# of a training also reads, cuts and turns images: a tenth. One look comes after the last step, and
# a training that is looked into evaluates 5,000 training images at its end.
BEGIN {
    steps = int((images + batch - 1) / batch) * epochs
    if (every == "auto")
        every = steps / 4
    looks = int((steps + every - 1) / every) + 1
    evaluated = (test * epochs + (images < 5000 ? images : 5000)) / batch
    ms = steps * step_ms * 1.05 + evaluated * evaluation_ms + looks * looks_ms / 2 + details_ms
    print int(ms / 1000) + 1
}
