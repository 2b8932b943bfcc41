"""Compares the optimizers of twins with tests/fixtures/recipes.safetensors, as test_recipes.c does the
program's.

    python3 tests/project/check_optimizers.py build/burin FOLDER

make_recipes.py says what the fixture holds: parameters of five kinds, the gradients of twenty
steps, and the parameters after some of them. A network that has such parameters, and others that
are told gradients of 0, gets a twin with each optimizer. Exit codes: 0, 1 with what differs, 77
without PyTorch.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "random"))
from compare_twin import import_torch
from twins import load_twin, read_tensors

STEPS, KEPT = 20, (1, 2, 5, 20)
TOLERANCE = 1e-6 # the fixture has parameters of size 1 as float32
PARAMS = { # of the fixture, in its order: those of the network
    "filter.weight": (6, 3, 3, 3), "tall.weight": (24, 5, 1, 1), "head.weight": (5, 8),
    "first.weight": (6,), "mid.bias": (5,),
}
LAYERS = """conv { 6, window = 3, padding = 1, name = "filter" }, norm { name = "first" },
    conv { 5, window = 1, bias = true, name = "mid" }, conv { 24, window = 1, name = "tall" },
    conv { 8, window = 1 }, global_avgpool(), linear { 5, bias = false, name = "head" },
    softmax_cross_entropy()"""
METHODS = {
    "sgd": "sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4 }",
    "nesterov": "sgd { lr = 0.05, momentum = 0.9, weight_decay = 5e-4, nesterov = true }",
    "adam": "adam { lr = 0.01, weight_decay = 0.05 }",
    "adamw": "adamw { lr = 0.01, beta2 = 0.99, weight_decay = 0.5 }",
    "lion": "lion { lr = 1e-3, weight_decay = 1 }",
    "muon": "muon { lr = 0.02, others_lr = 3e-3, weight_decay = 0.1 }",
    "renormalized": "muon { lr = 0.24, momentum = 0.6, newton_schulz = 3, renormalize = true, "
        "others = \"sgd\", others_lr = 0.05 }",
    "factors": "sgd { lr = 0.05, momentum = 0.9, weight_decay = 0.1 }, "
        "rate = { head = 2, bias = 16 }, decay = { norm = 0, bias = 0 }",
}


def make_twin(burin, folder, method):
    description, path = folder / "net.lua", folder / f"{method}.py"
    description.write_text(f"""return network {{ name = "net", input = {{ 3, 6, 6 }}, classes = 5,
        recipe = {{ optimizer = {METHODS[method]} }}, layers = {{ {LAYERS} }} }}""")
    subprocess.run([burin, "twin", "-o", path, description], check=True, stdout=subprocess.DEVNULL)
    return load_twin(path)


def split(torch, row):
    """The tensors of the network in a row of floats."""
    parts, at = {}, 0
    for name, shape in PARAMS.items():
        count = torch.Size(shape).numel()
        parts[name] = row[at:at + count].double().reshape(shape)
        at += count
    return parts


def check(torch, twin, method, fixture):
    net = twin.Net().double()
    named, start = dict(net.named_parameters()), split(torch, fixture["start"])
    with torch.no_grad():
        for name, value in start.items():
            named[name].copy_(value)
    optimizer, kept, worst = twin.optimizer(net), 0, 0.0
    rates = [group["lr"] for group in optimizer.param_groups]
    for step in range(STEPS):
        gradients = split(torch, fixture["gradients"][step])
        for name, parameter in named.items():
            parameter.grad = gradients.get(name, torch.zeros_like(parameter)).clone()
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * (1 - step / 25)
        optimizer.step()
        if step + 1 in KEPT:
            for name, value in split(torch, fixture[method][kept]).items():
                off = (named[name].detach() - value).abs().max().item()
                worst = max(worst, off)
                if not off <= TOLERANCE:
                    sys.exit(f"{method}, step {step + 1}: {name} is off by {off:.3g}")
            kept += 1
    print(f"{method}: {STEPS} steps agree, {worst:.1e} at most")


def main():
    torch = import_torch()
    burin, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    fixtures = Path(__file__).resolve().parent.parent / "fixtures"
    fixture = read_tensors(torch, fixtures / "recipes.safetensors")
    for method in METHODS:
        check(torch, make_twin(burin, folder, method), method, fixture)


if __name__ == "__main__":
    main()
