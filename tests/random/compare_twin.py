"""Compares steps of a generated program with the same steps of its twin in PyTorch.

    python3 tests/random/compare_twin.py --check                     is PyTorch there?
    python3 tests/random/compare_twin.py TWIN.py STEPS.safetensors   see steps.h

The twin takes the steps in float64. How far rounding takes float32 depends on the network, so that
it is measured, as in check_program.c: the twin runs again from parameters and images that are off
by up to `noise`, which the program gives, of the farthest from their tensor's mean, and the program
must come as close to the undisturbed run as MARGIN times the farthest of those, tensor by tensor, in the
largest difference of an element. To this come a share LEAST of the largest of the tensor, a share
FLOOR of the largest of all tensors of the kind, and for the change of a parameter the rounding of
its sum with that. Exit codes: 0, 1 with a last line that says what differs, 77 without
PyTorch. The line of an agreement says how close it was, and how much the tolerances allow.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from twins import load_twin, read_tensors

DISTURBED = 3
MARGIN, FLOOR, LEAST = 8, 4e-6, 1e-5
ROUNDING = 2.0 ** -24 # of a parameter in a step
SKIPPED = 77


def import_torch():
    """PyTorch, or the end of the program."""
    try:
        warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
        import torch
    except (ImportError, OSError) as error:
        print(f"{sys.executable}: no PyTorch: {error}")
        sys.exit(SKIPPED)
    return torch


def disturbed(torch, tensor, noise, random):
    """The tensor in float64, each element off by `noise` of the one farthest from their mean, which
    may be an offset; random may be None."""
    tensor = tensor.double()
    if random is None:
        return tensor
    off = 2 * torch.rand(tensor.shape, generator=random, dtype=torch.float64) - 1
    return tensor + noise * (tensor - tensor.mean()).abs().max() * off


def with_prefix(tensors, prefix):
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


def kind_of(name):
    """Tensors are equal in scale within a kind; those of the state are one kind for each name."""
    return name.rpartition(".")[2] if ".running_" in name else "change"


def zeros_or(torch, parameter, tensor):
    """What PyTorch keeps of a parameter; of a frozen one it keeps nothing."""
    return torch.zeros_like(parameter) if tensor is None else tensor.clone()


def record(torch, twin, given, random):
    """{(kind, name): tensor} of all that the steps and the evaluation give."""
    net = twin.Net().double()
    start = with_prefix(given, "start.")
    names = {name for name, _ in net.named_parameters()}
    noise = given["noise"].item()
    state = {name: disturbed(torch, value, noise, random if name in names else None)
             for name, value in start.items()}
    left = net.load_state_dict(state, strict=False)
    left_out = [name for name in left.missing_keys if not name.endswith("num_batches_tracked")]
    if left_out or left.unexpected_keys:
        sys.exit(f"names differ: the twin alone has {left_out}, the program "
                 f"{left.unexpected_keys}")
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    images, labels = disturbed(torch, given["images"], noise, random), given["labels"].long()
    loss_of, sgd = twin.loss_function(), twin.optimizer(net)
    for group in sgd.param_groups:
        group["lr"] = given["lr"].item()

    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    losses, result = [], {}
    for step in range(len(given["loss"])):
        sgd.zero_grad()
        loss = loss_of(net(images), labels)
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            for name, p in net.named_parameters():
                result["gradient", name] = zeros_or(torch, p, p.grad)
        sgd.step()
    result["loss", "loss"] = torch.stack(losses)
    for name, p in net.named_parameters():
        result["change", name] = p.detach() - before[name]
        result["momentum", name] = zeros_or(torch, p, sgd.state[p].get("momentum_buffer"))
    for name, value in net.state_dict().items():
        if ".running_" in name:
            result[kind_of(name), name] = value.clone()
    net.eval()
    with torch.no_grad():
        result["logits", "logits"] = net(images)
    return result


def record_of_program(given):
    """The same of the program."""
    start, end = with_prefix(given, "start."), with_prefix(given, "end.")
    result = {("loss", "loss"): given["loss"].double(), ("logits", "logits"): given["logits"].double()}
    for kind in ("gradient", "momentum"):
        for name, value in with_prefix(given, kind + ".").items():
            result[kind, name] = value.double()
    for name, value in end.items():
        first = start[name].double() if kind_of(name) == "change" else 0
        result[kind_of(name), name] = value.double() - first
    return result


def compare(want, near, got, given):
    """The worst share of its tolerance that a tensor takes, and the median tolerance of its size."""
    if want.keys() != got.keys():
        sys.exit(f"tensors differ: {sorted(want.keys() ^ got.keys())}")
    size = {}
    for (kind, _), value in want.items():
        size[kind] = max(size.get(kind, 0.0), value.abs().max().item())
    worst, tolerances = 0.0, []
    for key, value in want.items():
        largest = value.abs().max().item()
        rounding = max((value - other[key]).abs().max().item() for other in near)
        allowed = MARGIN * rounding + LEAST * largest + FLOOR * size[key[0]]
        if key[0] == "change":
            ends = (given[end + key[1]].abs().max().item() for end in ("start.", "end."))
            allowed += len(given["loss"]) * ROUNDING * max(ends)
        off = (value - got[key]).abs()
        if not off.max().item() <= allowed:
            at = off.argmax().item()
            sys.exit(f"{key[0]} of {key[1]}[{at}]: {value.flatten()[at]:.9g} in PyTorch, "
                     f"{got[key].flatten()[at]:.9g} in the program (tolerance {allowed:.3g})")
        worst = max(worst, off.max().item() / allowed if allowed > 0 else 0.0)
        tolerances.append(allowed / largest if largest > 0 else 0.0)
    return worst, sorted(tolerances)[len(tolerances) // 2]


def main():
    torch = import_torch()
    if sys.argv[1:] == ["--check"]:
        return
    if len(sys.argv) != 3:
        sys.exit("usage: compare_twin.py TWIN.py STEPS.safetensors")
    torch.set_num_threads(1)
    twin, given = load_twin(sys.argv[1]), read_tensors(torch, Path(sys.argv[2]))
    want = record(torch, twin, given, None)
    near = [record(torch, twin, given, torch.Generator().manual_seed(1 + i))
            for i in range(DISTURBED)]
    worst, tolerance = compare(want, near, record_of_program(given), given)
    print(f"{len(given['loss'])} steps agree with PyTorch: {len(want)} tensors, at most "
          f"{worst:.2f} of a tolerance, which is {tolerance:.1e} of a tensor in the median")


if __name__ == "__main__":
    main()
