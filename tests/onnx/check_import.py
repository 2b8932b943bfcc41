"""Imports what torch.onnx.export writes and holds the description's twin against onnxruntime.

    python3 tests/onnx/check_import.py BURIN FOLDER

Small networks of every norm and, where torchvision is there, some of its own, each written by both
exporters of PyTorch. The twin of the description with the imported weights computes the logits of
100 images as onnxruntime does, to 1e-4 of the largest; those of REFUSED are refused. Needs torch,
onnx, onnxruntime and safetensors; for the second exporter onnxscript.
"""

import importlib.util
import os
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn

IMAGES, TOLERANCE = 100, 1e-4
REFUSED = {"squeezenet1_0": "MaxPool"}  # networks with an operator that is no layer


class Mixed(nn.Module):
    """A skip, group, instance and layer norms, grouped convolution, a view of a computed size."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 8, 3, padding=1)
        self.g1 = nn.GroupNorm(4, 8)
        self.c2 = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.inorm = nn.InstanceNorm2d(8, affine=True)
        self.lnorm = nn.GroupNorm(1, 8)
        self.drop = nn.Dropout(0.1)
        self.fc1 = nn.Linear(8 * 16 * 16, 16)
        self.ln = nn.LayerNorm(16)
        self.fc2 = nn.Linear(16, 12, bias=False)
        self.fc3 = nn.Linear(12, 10)

    def forward(self, x):
        x = torch.relu(self.g1(self.c1(x)))
        x = x + self.lnorm(self.drop(self.inorm(self.c2(x))))
        x = nn.functional.max_pool2d(x, 2)
        x = self.ln(self.fc1(x.view(x.size(0), -1))).relu()
        return torch.softmax(self.fc3(self.fc2(x)), -1)


class Batch(nn.Module):
    """Batch norms that no convolution can take in, as a ReLU stands between; average pools."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(16, eps=1e-3),
            nn.AvgPool2d(3, stride=2, padding=1),
            nn.Conv2d(16, 16, 5, stride=2, padding=2, bias=False),
            nn.ReLU(), nn.BatchNorm2d(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
        )  # fmt: skip

    def forward(self, x):
        return self.body(x)


def networks():
    yield "mixed", Mixed()
    yield "batch", Batch()
    try:
        from torchvision import models
    except ImportError:
        return
    yield "resnet18", models.resnet18(num_classes=10)
    vgg = models.vgg11_bn(num_classes=10)
    vgg.avgpool = nn.Identity()  # makes 7 x 7 of the 1 x 1 that is left of 32 x 32
    vgg.classifier = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Dropout(), nn.Linear(512, 10))
    yield "vgg11_bn", vgg
    yield "squeezenet1_1", models.squeezenet1_1(num_classes=10)
    yield "squeezenet1_0", models.squeezenet1_0(num_classes=10)  # ceil_mode adds a row
    yield "mobilenet_v2", models.mobilenet_v2(num_classes=10)


def disturb(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)


def write(net, images, path, exporter):
    options = {"input_names": ["input"], "output_names": ["logits"]}
    if exporter == "script":
        options |= {"dynamo": False, "opset_version": 17}
        options["dynamic_axes"] = {"input": {0: "N"}, "logits": {0: "N"}}
    else:
        options |= {"dynamo": True, "external_data": False, "verbose": False}
        options["dynamic_shapes"] = ({0: torch.export.Dim("N")},)
    torch.onnx.export(net, (images,), path, **options)


def twin_logits(burin, stem, images):
    command = [burin, "twin", "-o", stem + ".py", stem + ".lua"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location("twin", stem + ".py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        return module.load(stem + ".safetensors").eval()(images)


def check(burin, folder, name, net, exporter):
    stem = os.path.join(folder, f"{name}_{exporter}")
    images = torch.randn(IMAGES, 3, 32, 32)
    write(net, images[:2], stem + ".onnx", exporter)
    command = [burin, "import", stem + ".onnx", "-o", stem + ".lua"]
    command += ["--weights", stem + ".safetensors"]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0 and f": {REFUSED.get(name)}: " in made.stderr:
        return "refused, for its " + REFUSED[name]
    if made.returncode != 0 or name in REFUSED:
        sys.exit(f"{name} {exporter}: import ended with {made.returncode}\n{made.stderr}")
    got = twin_logits(burin, stem, images)
    if name == "mixed":
        got = got.softmax(-1)
    session = onnxruntime.InferenceSession(stem + ".onnx", providers=["CPUExecutionProvider"])
    want = session.run(None, {"input": images.numpy()})[0]
    error = float(np.abs(got.numpy() - want).max() / np.abs(want).max())
    if not error <= TOLERANCE:
        sys.exit(f"{name} {exporter}: logits differ by {error:.1e}: expected {TOLERANCE:.0e}")
    return f"{error:.1e}"


def main():
    burin, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    for name, net in networks():
        disturb(net)
        for exporter in ("script", "dynamo"):
            result = check(burin, folder, name, net.eval(), exporter)
            print(f"{name} {exporter}: {result}", flush=True)


if __name__ == "__main__":
    main()
