"""Times a training step of PyTorch beside ours, in turns, in one run.

    make bench-peers [NET=s8] [NORM=bn] [THREADS=1] [PYTHON=python3]

is the way to call this; by hand:

    build/burin twin --norm bn -o build/s8_bn_twin.py s8
    python3 scripts/bench_peers.py build/s8_bn_twin.py build/s8_bn --threads 1

A step is forward, loss, backward and the SGD update of the recipe on one batch that is in memory,
dropout on. PyTorch runs the twin in several variants: as it is, with channels last, and through
torch.compile where this PyTorch has it and it works. The fastest variant is the one that counts.

First the losses of the first steps are compared, from the same parameters on the same images with
dropout off; what computes something else is not timed. Then come the rounds: in each, before every
variant, our program runs a few steps, so that a machine that slows down for a while slows both.
Figures are medians over the rounds of the median step of a round; a ratio is taken within a round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

INSTALL = """\
bench_peers: {python}: no PyTorch: {reason}
PyTorch is needed for this comparison only. It goes into a virtual environment:
    python3 -m venv build/venv
    build/venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    make bench-peers PYTHON=build/venv/bin/python3"""

WARM_UP = 2 # steps before the timed ones, as BENCH_WARM_UP in runtime/inspect/bench_step.h
LOSS_STEPS = 5 # steps whose losses are compared
TOLERANCE = 5e-5 # relative; float32 in other orders was seen to differ by 1e-5 five steps on
MIN_CHANGE = 20 * TOLERANCE # the losses must move by so much, or agreeing would prove nothing


def parse_arguments():
    parser = argparse.ArgumentParser(description="A training step of PyTorch beside ours.")
    parser.add_argument("twin", nargs="?", help="what `burin twin` wrote")
    parser.add_argument("program", nargs="?", help="the generated program of the same network")
    parser.add_argument("--threads", type=int, default=1, help="of both (default 1)")
    parser.add_argument("--rounds", type=int, default=11, help="default 11")
    parser.add_argument("--steps", type=int, default=3, help="timed steps in a round (default 3)")
    parser.add_argument("--check", action="store_true", help="only say whether PyTorch is there")
    arguments = parser.parse_args()
    if not arguments.check and arguments.program is None:
        parser.error("expected a twin and a program")
    for name in ("threads", "rounds", "steps"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: expected at least 1")
    return arguments


def import_torch():
    """PyTorch, or an end that says how to get it."""
    try:
        warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
        import torch
    except (ImportError, OSError) as error:
        sys.exit(INSTALL.format(python=sys.executable, reason=error))
    return torch


# -- Our side --------------------------------------------------------------------------------------


class Program:
    """The generated program."""

    def __init__(self, path, threads, folder):
        self.path = path
        self.threads = threads
        self.folder = folder

    def bench(self, steps, *options):
        """The figures of `bench --steps`."""
        figures = self.folder / "figures.json"
        words = [self.path, "bench", "--steps", str(steps), "--threads", str(self.threads),
                 "--json", figures, *options]
        result = subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
        if result.returncode != 0:
            sys.exit(f"bench_peers: {self.path} bench: ended with {result.returncode}: expected 0")
        return json.loads(figures.read_text())

    def start(self):
        """The figures of the first steps without dropout; leaves what they were given."""
        return self.bench(LOSS_STEPS - WARM_UP, "--no-dropout", "--start", self.folder)

    def milliseconds(self, steps):
        return self.bench(steps)["step"]["ms"]


# -- PyTorch's side --------------------------------------------------------------------------------


class Variant:
    """The twin in one way of running it, from a start, on a batch, at a learning rate."""

    def __init__(self, name, torch, twin, start, batch, lr, channels_last=False, compiled=False):
        self.name = name
        self.start = start
        self.images = batch["images"]
        self.labels = batch["labels"].long()
        self.net = twin.Net()
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.forward = torch.compile(self.net) if compiled else self.net
        self.loss = twin.loss_function()
        self.sgd = twin.optimizer(self.net)
        self.sgd.param_groups[0]["lr"] = lr
        self.dropouts = [m for m in self.net.modules() if isinstance(m, torch.nn.Dropout)]
        self.rates = [m.p for m in self.dropouts]
        self.ms = []
        self.ratios = []

    def restart(self, dropout):
        self.net.load_state_dict(self.start)
        self.net.train()
        self.sgd.state.clear()
        for module, rate in zip(self.dropouts, self.rates):
            module.p = rate if dropout else 0.0

    def step(self):
        self.sgd.zero_grad()
        loss = self.loss(self.forward(self.images), self.labels)
        loss.backward()
        self.sgd.step()
        return loss.item()

    def losses(self):
        self.restart(dropout=False)
        return [self.step() for _ in range(LOSS_STEPS)]

    def milliseconds(self, steps):
        """The median of so many steps, warmed up."""
        self.restart(dropout=True)
        times = []
        for _ in range(WARM_UP + steps):
            begin = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - begin) * 1e3)
        return statistics.median(times[WARM_UP:])


def make_variants(torch, *given):
    """Those that work here; `given` is what every Variant is made of."""
    variants = [
        Variant("eager", torch, *given),
        Variant("channels_last", torch, *given, channels_last=True),
    ]
    if not hasattr(torch, "compile"):
        print(f"torch.compile: not in PyTorch {torch.__version__}")
        return variants
    print("torch.compile: compiling ...", flush=True)
    try:
        compiled = Variant("torch.compile", torch, *given, channels_last=True, compiled=True)
        compiled.losses()
        compiled.milliseconds(1)
        variants.append(compiled)
    except Exception as error:  # a compiler, headers, a newer Python: many things can be missing
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(f"torch.compile: does not work here: {reason}")
    return variants


def check_losses(name, losses, ours):
    """Ends the program unless both sides have trained alike."""
    if max(ours) - min(ours) < MIN_CHANGE * max(ours):
        sys.exit(f"bench_peers: our losses are {ours}: expected them to change: nothing is timed")
    for step, (theirs, mine) in enumerate(zip(losses, ours), 1):
        if not abs(theirs - mine) <= TOLERANCE * abs(mine):
            sys.exit(f"bench_peers: {name}: loss of step {step}: {theirs:.7f} in PyTorch, "
                     f"{mine:.7f} in ours: expected the same to {TOLERANCE:g}: nothing is timed")


# -- Rounds and the table --------------------------------------------------------------------------


def take_rounds(program, variants, rounds, steps):
    """Fills the times and ratios of the variants; returns ours."""
    ours = []
    for turn in range(rounds):
        if sys.stderr.isatty():
            print(f"\rround {turn + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
        for variant in variants:
            ours.append(program.milliseconds(steps))
            variant.ms.append(variant.milliseconds(steps))
            variant.ratios.append(variant.ms[-1] / ours[-1])
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    return ours


def spread(values):
    """The middle half, as text."""
    if len(values) < 2:
        return "one round"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{low:.2f} to {high:.2f}"


def print_table(ours, variants):
    line = "{:<24}  {:>9}  {:>12}  {}"
    print(line.format("", "ms a step", "times ours", "middle half of the rounds"))
    print(line.format("burin", f"{statistics.median(ours):.1f}", "1.00", ""))
    for variant in variants:
        print(line.format("PyTorch " + variant.name, f"{statistics.median(variant.ms):.1f}",
                          f"{statistics.median(variant.ratios):.2f}", spread(variant.ratios)))


def main():
    arguments = parse_arguments()
    torch = import_torch()
    if arguments.check:
        return
    from twins import load_twin, read_tensors

    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    twin = load_twin(arguments.twin)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = Program(arguments.program, arguments.threads, folder)
        figures = program.start()
        batch = read_tensors(torch, folder / "batch.safetensors")
        start = twin.model_state(read_tensors(torch, folder / "model.safetensors"))
        variants = make_variants(torch, twin, start, batch, figures["step"]["lr"])
        for variant in variants:
            check_losses(variant.name, variant.losses(), figures["step"]["losses"])
        print(f"the losses of {LOSS_STEPS} steps agree to {TOLERANCE:g}")
        ours = take_rounds(program, variants, arguments.rounds, arguments.steps)

    threads = arguments.threads
    print(f"\n{Path(arguments.program).name}, batch {figures['step']['batch']}, {figures['isa']} "
          f"on {figures['cpu']}, {threads} thread{'' if threads == 1 else 's'}, "
          f"PyTorch {torch.__version__}\nmedians of {arguments.rounds} rounds of "
          f"{arguments.steps} steps, ours and PyTorch's in turns\n")
    print_table(ours, variants)
    best = min(variants, key=lambda variant: statistics.median(variant.ratios))
    print(f"\nratio {statistics.median(best.ratios):.2f} ({spread(best.ratios)}): "
          f"PyTorch's best, {best.name}, over ours")


if __name__ == "__main__":
    main()
