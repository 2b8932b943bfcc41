"""Times a training step of PyTorch beside ours, in turns, in one run.

    make bench-peers [NET=s8] [NORM=bn] [THREADS=1] [PYTHON=python3] [ARGS="--evaluate --batch 8"]

is the way to call this; by hand:

    build/burin twin --norm bn -o build/s8_bn_twin.py s8
    python3 scripts/bench_peers.py build/s8_bn_twin.py build/s8_bn --threads 1

A step is forward, loss, backward and the SGD update of the recipe on one batch that is in memory,
dropout on; with --evaluate, the forward pass and the loss in evaluation mode. PyTorch runs the twin
in several variants: as it is, with channels last, and through torch.compile where this PyTorch has
it and it works; each of them once more in bfloat16 (autocast). The fastest variant is the one that
counts. Ours has products of bfloat16 if its program was made so, by PRECISION=bf16.

First both sides are compared, from the same parameters on the same images with dropout off; what
computes something else is not timed. The judge is the twin in float64: the gradients of our first
step may be no further from its than a few times those of PyTorch's float32, or of its bfloat16
where ours has such products. The losses of the first steps are to agree; where they differ no more
than PyTorch's float32 does from float64 a few steps on, this is said and the comparison goes on.

Then come the rounds: in each, before every variant, our program runs a few steps, so that a machine
that slows down for a while slows both. Figures are medians over the rounds of the median step of a
round; a ratio is taken within a round.
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

from twins import load_twin, read_tensors

INSTALL = """\
bench_peers: {python}: no PyTorch: {reason}
PyTorch is needed for this comparison only. It goes into a virtual environment:
    python3 -m venv build/venv
    build/venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    make bench-peers PYTHON=build/venv/bin/python3"""

WARM_UP = 2 # steps before the timed ones, as BENCH_WARM_UP in runtime/inspect/bench_step.h
LOSS_STEPS = 5 # steps whose losses are compared
TOLERANCE = 5e-5 # of a loss, relative; float32 in other orders differed by 1e-5 five steps on
MIN_CHANGE = 20 * TOLERANCE # the losses must move by so much, or agreeing would prove nothing
ROUNDING = 4 # times PyTorch's errors pass as rounding: other ReLUs are switched
GRADIENT_FLOOR = 1e-5 # of a gradient, relative to its norm: passes always
BFLOAT16 = 0.05 # of a loss, relative: 8 bits a product


def parse_arguments():
    parser = argparse.ArgumentParser(description="A training step of PyTorch beside ours.")
    parser.add_argument("twin", nargs="?", help="what `burin twin` wrote")
    parser.add_argument("program", nargs="?", help="the generated program of the same network")
    parser.add_argument("--threads", type=int, default=1, help="of both (default 1)")
    parser.add_argument("--rounds", type=int, default=11, help="default 11")
    parser.add_argument("--steps", type=int, default=3, help="timed steps in a round (default 3)")
    parser.add_argument("--batch", type=int, default=0, help="images (default: as in training)")
    parser.add_argument("--evaluate", action="store_true", help="evaluation instead of training")
    parser.add_argument("--check", action="store_true", help="only say whether PyTorch is there")
    arguments = parser.parse_args()
    if not arguments.check and arguments.program is None:
        parser.error("expected a twin and a program")
    for name in ("threads", "rounds", "steps"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: expected at least 1")
    if arguments.batch < 0:
        parser.error("--batch: expected at least 1")
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

    def __init__(self, arguments, folder):
        self.path = arguments.program
        self.folder = folder
        self.options = ["--threads", str(arguments.threads)]
        if arguments.batch > 0:
            self.options += ["--batch", str(arguments.batch)]
        if arguments.evaluate:
            self.options.append("--evaluate")

    def bench(self, steps, *options):
        """The figures of `bench --steps`."""
        figures = self.folder / "figures.json"
        words = [self.path, "bench", "--steps", str(steps), "--json", figures, *self.options,
                 *options]
        result = subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
        if result.returncode != 0:
            sys.exit(f"bench_peers: {self.path} bench: ended with {result.returncode}: expected 0")
        return json.loads(figures.read_text())

    def start(self):
        """The figures of the first steps without dropout; leaves what they were given and made."""
        return self.bench(LOSS_STEPS - WARM_UP, "--no-dropout", "--start", self.folder)

    def milliseconds(self, steps):
        return self.bench(steps)["step"]["ms"]


# -- PyTorch's side --------------------------------------------------------------------------------


class Work:
    """What every variant is given: twin, parameters, batch, learning rate, training or evaluation."""

    def __init__(self, torch, twin, folder, step, evaluate):
        batch = read_tensors(torch, folder / "batch.safetensors")
        self.torch = torch
        self.twin = twin
        self.start = twin.model_state(read_tensors(torch, folder / "model.safetensors"))
        self.images = batch["images"]
        self.labels = batch["labels"].long()
        self.lr = step["lr"]
        self.evaluate = evaluate


class Variant:
    """The twin in one way of running it."""

    def __init__(self, name, work, channels_last=False, compiled=False, bfloat16=False,
                 double=False):
        torch = work.torch
        self.name = name
        self.work = work
        self.bfloat16 = bfloat16
        self.images = work.images.double() if double else work.images
        self.net = work.twin.Net()
        if double:
            self.net = self.net.double()
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.forward = torch.compile(self.net) if compiled else self.net
        self.loss = work.twin.loss_function()
        self.optimizer = work.twin.optimizer(self.net)
        for group in self.optimizer.param_groups:
            group["lr"] *= work.lr / work.twin.RECIPE["lr"] # groups may have factors
        self.dropouts = [m for m in self.net.modules() if isinstance(m, torch.nn.Dropout)]
        self.rates = [m.p for m in self.dropouts]
        self.ms = []
        self.ratios = []

    def restart(self, dropout):
        self.net.load_state_dict(self.work.start)
        self.net.train(not self.work.evaluate)
        self.optimizer.state.clear()
        for module, rate in zip(self.dropouts, self.rates):
            module.p = rate if dropout else 0.0

    def make_loss(self):
        with self.work.torch.autocast("cpu", self.work.torch.bfloat16, enabled=self.bfloat16):
            return self.loss(self.forward(self.images), self.work.labels)

    def step(self):
        if self.work.evaluate:
            with self.work.torch.no_grad():
                return self.make_loss().item()
        self.optimizer.zero_grad()
        loss = self.make_loss()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def losses(self):
        self.restart(dropout=False)
        return [self.step() for _ in range(LOSS_STEPS)]

    def gradients(self):
        """{parameter: gradient in float64} of the first step."""
        self.restart(dropout=False)
        self.optimizer.zero_grad()
        self.make_loss().backward()
        return {name: p.grad.double() for name, p in self.net.named_parameters()}

    def milliseconds(self, steps):
        """The median of so many steps, warmed up."""
        self.restart(dropout=True)
        times = []
        for _ in range(WARM_UP + steps):
            begin = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - begin) * 1e3)
        return statistics.median(times[WARM_UP:])


def make_variants(work):
    """Those that work here."""
    variants = []
    for bfloat16 in (False, True):
        after = " bfloat16" if bfloat16 else ""
        variants.append(Variant("eager" + after, work, bfloat16=bfloat16))
        variants.append(Variant("channels_last" + after, work, True, bfloat16=bfloat16))
        if not hasattr(work.torch, "compile"):
            print(f"torch.compile: not in PyTorch {work.torch.__version__}")
            continue
        name = "torch.compile" + after
        print(f"{name}: compiling ...", flush=True)
        try:
            compiled = Variant(name, work, True, True, bfloat16)
            compiled.losses()
            compiled.milliseconds(1)
            variants.append(compiled)
        except Exception as error:  # a compiler, headers, a newer Python: many things can be missing
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            print(f"{name}: does not work here: {reason}")
    return variants


# -- Whether both compute the same -----------------------------------------------------------------


def distance(gradients, judge):
    """The largest distance of a gradient from the judge's over the norm of it, and whose it is."""
    return max(((gradients[name] - exact).norm().item() / max(exact.norm().item(), 1e-30), name)
               for name, exact in judge.items())


def check_gradients(ours, peer, peer_name, judge):
    """Ends the program unless our gradients {parameter: float64} are right to the rounding of a peer,
    PyTorch in the type of our products."""
    if ours.keys() != judge.keys():
        sys.exit(f"bench_peers: gradients of {sorted(ours)}: expected {sorted(judge)}")
    (mine, name), (theirs, _) = distance(ours, judge), distance(peer, judge)
    if not mine <= max(ROUNDING * theirs, GRADIENT_FLOOR):
        sys.exit(f"bench_peers: gradient of {name}: {mine:.1e} from that in float64, where "
                 f"PyTorch's {peer_name} stays within {theirs:.1e}: nothing is timed")
    print(f"gradients of the first step: within {mine:.1e} of float64, PyTorch's {peer_name} "
          f"within {theirs:.1e}")


def check_losses(variant, ours, in_bfloat16, rounding):
    """Ends the program unless both sides have trained alike; in_bfloat16: ours has such products;
    rounding[i] is how far PyTorch's float32 is from its float64 after step i."""
    worst = 0
    coarse = in_bfloat16 or variant.bfloat16
    for step, (theirs, mine, noise) in enumerate(zip(variant.losses(), ours, rounding), 1):
        apart = abs(theirs - mine) / abs(mine)
        passes = BFLOAT16 if coarse else max(TOLERANCE, ROUNDING * noise)
        if not apart <= passes:
            sys.exit(f"bench_peers: {variant.name}: loss of step {step}: {theirs:.7f} in PyTorch, "
                     f"{mine:.7f} in ours: expected the same to {passes:g}: nothing is timed")
        worst = max(worst, apart)
    if worst > TOLERANCE and not coarse:
        print(f"{variant.name}: losses {worst:.1e} from ours, as float32 from float64 here")


def check_all(variants, work, figures, folder):
    """Ends the program unless every variant computes what ours does."""
    ours = figures["step"]["losses"]
    in_bfloat16 = figures["isa"].endswith("+bf16")
    single, double = Variant("float32", work), Variant("float64", work, double=True)
    peer = Variant("bfloat16", work, bfloat16=True) if in_bfloat16 else single
    if not work.evaluate:
        if max(ours) - min(ours) < MIN_CHANGE * max(ours):
            sys.exit(f"bench_peers: our losses are {ours}: expected them to change: nothing is "
                     "timed")
        saved = read_tensors(work.torch, folder / "gradients.safetensors")
        check_gradients({name: gradient.double() for name, gradient in saved.items()},
                        peer.gradients(), peer.name, double.gradients())
    rounding = [abs(a - b) / abs(b) for a, b in zip(single.losses(), double.losses())]
    for variant in variants:
        check_losses(variant, ours, in_bfloat16, rounding)
    print(f"the losses of {LOSS_STEPS} steps agree")


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
    line = "{:<" + str(max(len(v.name) for v in variants) + len("PyTorch ")) + "}  {:>9}  {:>12}  {}"
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
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    twin = load_twin(arguments.twin)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = Program(arguments, folder)
        figures = program.start()
        work = Work(torch, twin, folder, figures["step"], arguments.evaluate)
        variants = make_variants(work)
        check_all(variants, work, figures, folder)
        ours = take_rounds(program, variants, arguments.rounds, arguments.steps)

    threads = arguments.threads
    what = "evaluations" if arguments.evaluate else "steps"
    print(f"\n{Path(arguments.program).name}, batch {figures['step']['batch']}, {figures['isa']} "
          f"on {figures['cpu']}, {threads} thread{'' if threads == 1 else 's'}, "
          f"PyTorch {torch.__version__}\nmedians of {arguments.rounds} rounds of "
          f"{arguments.steps} {what}, ours and PyTorch's in turns\n")
    print_table(ours, variants)
    best = min(variants, key=lambda variant: statistics.median(variant.ratios))
    print(f"\nratio {statistics.median(best.ratios):.2f} ({spread(best.ratios)}): "
          f"PyTorch's best, {best.name}, over ours")


if __name__ == "__main__":
    main()
