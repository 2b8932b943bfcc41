"""Makes the fixtures that test_fixtures.c compares with: PyTorch's numbers for s8.

    build/burin twin --norm bn -o /tmp/twins/bn.py s8     (and gn, ln)
    python3 tests/make_fixtures.py /tmp/twins tests/fixtures

s8_start.safetensors, for every norm:
    <parameter>   the initial parameters; those of the norms are not the usual ones and zeros

s8_<norm>.safetensors:
    images        [8, 3, 32, 32] U8; the network sees image / 128 - 1, which is exact in float32
    labels        [8] U8
    loss          [3], mean over the batch, of three training steps on the same eight images
    logits        [8, 10], of the first step, in training mode
    logits_eval   [8, 10], in evaluation mode, after the third step
    grad.<parameter>      of the first step, without weight decay
    <parameter>, <state>  after the third step

All steps: dropout off, SGD, learning rate 0.05, momentum 0.9, Nesterov, weight decay 5e-4 on every
parameter. PyTorch computes in float64; the results are rounded to float32 once, for the file.

The sign of a ReLU's argument and the winner of a max-pool are decided by numbers that float32 does
not have exactly, and one decision the other way changes a gradient by a thousandth. So that the
fixtures test the arithmetic and not luck, seeds for the images are tried until every decision of
every step is MARGIN away from its opposite, in units of the tensor's root mean square, and in the
first step, whose gradients are held to a tight bound, three times MARGIN for every decision that
the images have passed: errors add up on the way. A step takes 600,000 decisions, so this takes some
hundred seeds for each norm.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from twins import load_twin

NORMS = ("bn", "gn", "ln")
BATCH = 8
STEPS = 3
MARGIN = 1e-6
FIRST_STEP = 3 * MARGIN
SEEDS = 5000
TYPES = {"float32": "F32", "uint8": "U8"}


def save(path, tensors):
    """Writes {name: array} as a safetensors file; see runtime/safetensors.h for the format."""
    header = {}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": TYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def make_start(twin):
    """Initial parameters, float32: norms that scale and shift, as those of a trained network do."""
    random = np.random.default_rng(46000)
    start = {}
    for name, parameter in twin.Net().named_parameters():
        shape = tuple(parameter.shape)
        if len(shape) > 1:
            bound = (3 / np.prod(shape[1:])) ** 0.5
            values = random.uniform(-bound, bound, shape)
        elif name.endswith("weight"):
            values = random.uniform(0.5, 1.5, shape)
        else:
            values = random.uniform(-0.5, 0.5, shape)
        start[name] = values.astype(np.float32)
    return start


def make_images(seed):
    """Eight smooth random images with some noise, and labels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:32] / 32
    images = np.zeros((BATCH, 3, 32, 32))
    for image in images:
        for plane in image:
            for _ in range(4):
                u, v = random.uniform(-4, 4, 2)
                phase = random.uniform(0, 2 * np.pi)
                plane += random.uniform(5, 15) * np.cos(2 * np.pi * (u * x + v * y) + phase)
    images += 128 + random.normal(0, 4, images.shape)
    labels = random.integers(0, 10, BATCH)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8), labels.astype(np.uint8)


class Margins:
    """Hooks that ask whether a decision of training was too close, relative to its tensor."""

    def __init__(self, net):
        self.net = net
        self.step = self.depth = 0
        self.too_close = False
        for module in net.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_pre_hook(self.relu)
            elif isinstance(module, nn.MaxPool2d):
                module.register_forward_pre_hook(self.maxpool)

    def note(self, distances, tensor):
        if self.net.training:
            size = tensor.square().mean().sqrt()
            self.depth += 1
            margin = FIRST_STEP * self.depth if self.step == 0 else MARGIN
            self.too_close = self.too_close or (distances.min() / size).item() < margin

    def relu(self, _module, inputs):
        self.note(inputs[0].abs(), inputs[0])

    def maxpool(self, module, inputs):
        size = module.kernel_size
        x = inputs[0]
        windows = x.unfold(2, size, module.stride).unfold(3, size, module.stride)
        best = windows.flatten(4).topk(2, dim=4).values
        self.note(best[..., 0] - best[..., 1], x)


def run(twin, start, images, labels):
    """The tensors of one norm's file, or None when a decision was too close."""
    net = twin.Net().double()
    margins = Margins(net)
    net.load_state_dict({n: torch.from_numpy(a).double() for n, a in start.items()}, strict=False)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    sgd = torch.optim.SGD(
        net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    x = torch.from_numpy(images).double() / 128 - 1
    target = torch.from_numpy(labels).long()

    tensors = {}
    losses = []
    for step in range(STEPS):
        sgd.zero_grad()
        margins.step = step
        logits = net(x)
        if margins.too_close:
            return None
        loss = nn.functional.cross_entropy(logits, target)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            tensors["logits"] = logits.detach()
            for name, parameter in net.named_parameters():
                tensors["grad." + name] = parameter.grad.detach().clone()
        sgd.step()
    net.eval()
    with torch.no_grad():
        tensors["logits_eval"] = net(x)
    tensors["loss"] = torch.tensor(losses, dtype=torch.float64)
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            tensors[name] = value
    return {name: value.numpy().astype(np.float32) for name, value in tensors.items()}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_fixtures.py FOLDER_OF_TWINS FOLDER_TO_WRITE")
    twins = {norm: load_twin(Path(sys.argv[1]) / f"{norm}.py") for norm in NORMS}
    start = make_start(twins["bn"])
    folder = Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    save(folder / "s8_start.safetensors", start)
    for norm, twin in twins.items():
        for seed in range(SEEDS):
            images, labels = make_images(seed)
            results = run(twin, start, images, labels)
            if results is not None:
                break
        else:
            sys.exit(f"{norm}: no seed up to {SEEDS} keeps all decisions away from rounding")
        save(folder / f"s8_{norm}.safetensors", {"images": images, "labels": labels, **results})
        print(f"{norm}: seed {seed}, losses {results['loss'].tolist()}")


if __name__ == "__main__":
    main()
