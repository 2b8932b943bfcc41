"""Exports every network with every norm and holds the file against its PyTorch twin.

    python3 tests/onnx/check_export.py BURIN FOLDER NETWORK.lua ...

In each of WAYS, an opset and where images are normalised, the file passes onnx.checker with
full_check, and onnxruntime computes the logits of 1,000 images as PyTorch does, to 1e-5 of the
largest. Needs torch, onnx, onnxruntime and safetensors.
"""

import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import save_file

NORMS = ["bn", "gn", "ln", "in", "none", "bn16"]
WAYS = [(17, "outside"), (17, "inside"), (18, "outside"), (21, "outside"), (23, "outside")]
IMAGES, MEAN, STD = 1000, [0.49, 0.48, 0.44], [0.25, 0.24, 0.26]
TOLERANCE = 1e-5


def load(path):
    spec = importlib.util.spec_from_file_location("twin", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Net()


def disturb(net):
    """Statistics and weights of norms that are not those of the start."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.dim() == 1 and tensor.is_floating_point():
            tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.1)


def logits(path, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    parts = [images[i : i + 100] for i in range(0, len(images), 100)]
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(["logits"], {name: x})[0] for x in parts])


def export(burin, model, network, norm, opset, preprocess, out):
    command = [burin, "export", model, "--norm", norm, "--opset", str(opset)]
    command += ["--preprocess", preprocess, "-o", out, network]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    onnx.checker.check_model(onnx.load(out), full_check=True)


def input_shape(burin, network):
    """C, H and W of the image, as the plan prints them."""
    command = [burin, "plan", "--pass", "network", network]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    numbers = re.search(r"input = { c = (\d+), h = (\d+), w = (\d+) }", text)
    return [int(n) for n in numbers.groups()]


def check(burin, folder, network, norm):
    """The largest difference between logits, as a part of the largest logit; or why none."""
    plan = [burin, "plan", "--pass", "network", "--norm", norm, network]
    known = subprocess.run(plan, capture_output=True, text=True)
    names = ("twin.py", "model.safetensors", "model.onnx")
    twin, model, out = (os.path.join(folder, name) for name in names)
    # A ghost batch norm is a batch norm at evaluation, and PyTorch has no other.
    command = [burin, "twin", "--norm", norm.replace("16", ""), "-o", twin, network]
    made = subprocess.run(command, capture_output=True, text=True)
    for done in (known, made):
        if done.returncode != 0:
            return "no such network: " + done.stderr.strip().splitlines()[0]
    torch.manual_seed(0)
    net = load(twin).eval()
    disturb(net)
    c, h, w = input_shape(burin, network)
    metadata = {"mean": " ".join(map(str, MEAN[:c])), "std": " ".join(map(str, STD[:c]))}
    save_file(net.state_dict(), model, metadata=metadata)
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, c, h, w), dtype=np.uint8)
    mean, std = (np.array(x[:c]).reshape(1, c, 1, 1) for x in (MEAN, STD))
    images = ((pixels / 255 - mean) / std).astype(np.float32)
    with torch.no_grad():
        want = net(torch.from_numpy(images)).numpy()
    worst = 0.0
    for opset, preprocess in WAYS:
        export(burin, model, network, norm, opset, preprocess, out)
        got = logits(out, pixels if preprocess == "inside" else images)
        worst = max(worst, float(np.abs(got - want).max() / np.abs(want).max()))
    if not worst <= TOLERANCE:
        sys.exit(f"{network} {norm}: logits differ by {worst:.1e}: expected {TOLERANCE:.0e}")
    return f"{worst:.1e}"


def main():
    burin, folder, networks = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(folder, exist_ok=True)
    for network in networks:
        for norm in NORMS:
            result = check(burin, folder, network, norm)
            print(f"{os.path.basename(network)} {norm}: {result}", flush=True)


if __name__ == "__main__":
    main()
