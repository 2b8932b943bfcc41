#!/usr/bin/env python3
"""How fast a frozen network is beside onnxruntime, on one thread: `make bench-freeze`.

    bench_freeze.py BURIN MODEL NETWORK NORM FOLDER

MODEL, a trained model or the folder of a run, is frozen in portable C and for each instruction set of
this processor, exported as ONNX with its preprocessing inside, and asked for the same images, one and
128 at a time. All take turns within each round. Times are medians, of the processor, which may have
other work; ratios are medians of the ratios of a round. What is not within 1e-4 of onnxruntime's
probabilities is not timed.
"""
import argparse
import ctypes
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

INSTALL = """\
bench_freeze: {python}: {reason}
It needs onnxruntime for this comparison only, in a virtual environment:
    python3 -m venv build/venv
    build/venv/bin/pip install onnxruntime
    make bench-freeze PYTHON=build/venv/bin/python3"""

TOLERANCE = 1e-4
SECONDS = 0.05 # that each of them runs in a round


def parse_arguments():
    parser = argparse.ArgumentParser(description="Frozen networks beside onnxruntime.")
    parser.add_argument("--check", action="store_true", help="only say whether onnxruntime is there")
    parser.add_argument("--rounds", type=int, default=15, help="default 15")
    for name in ("burin", "model", "network", "norm", "folder"):
        parser.add_argument(name, nargs="?")
    arguments = parser.parse_args()
    if not arguments.check and arguments.folder is None:
        parser.error("expected BURIN MODEL NETWORK NORM FOLDER")
    if arguments.rounds < 1:
        parser.error("--rounds: expected at least 1")
    return arguments


def import_onnxruntime():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        import numpy
        import onnxruntime
    except ImportError as problem:
        sys.exit(INSTALL.format(python=sys.executable, reason=problem))
    return numpy, onnxruntime


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench_freeze: {' '.join(map(str, command))}: ended with {done.returncode}\n"
                 + done.stdout + done.stderr)
    return done.stdout


def instruction_sets():
    flags = Path("/proc/cpuinfo").read_text().split()
    return ["c"] + ["avx2"] * ("fma" in flags) + ["avx512"] * ("avx512vl" in flags)


class Frozen:
    """The network frozen for an instruction set, as a shared object, and its sizes in bytes."""

    def __init__(self, arguments, isa):
        folder = Path(arguments.folder) / isa
        shutil.rmtree(folder, ignore_errors=True) # perhaps of another network
        run(arguments.burin, "freeze", "--isa", isa, "--norm", arguments.norm, arguments.model,
            "-o", folder, arguments.network)
        source = next(path for path in folder.glob("*.c") if path.name != "main.c")
        header = source.with_suffix(".h").read_text()
        flags = re.search("CFLAGS = (.*)", (folder / "Makefile").read_text()).group(1).split()
        made, shared = source.with_suffix(".o"), (folder / "network.so").resolve()
        run("cc", *flags, "-fPIC", "-c", source, "-o", made)
        run("cc", "-shared", made, "-o", shared, "-lm")
        self.name = "frozen, " + isa
        self.predict = getattr(ctypes.CDLL(str(shared)), source.stem + "_predict")
        self.work = ctypes.create_string_buffer(int(re.search(r"_WORK_BYTES (\d+)", header).group(1)))
        self.weights = 4 * int(re.search(r"(\d+) numbers,", source.read_text()).group(1))
        self.code = int(run("size", made).splitlines()[1].split()[0]) - self.weights
        self.lines = self.count_lines(source)

    @staticmethod
    def count_lines(source):
        return sum(not re.match(r" *-?(0x|0\.0f)", line) for line in source.read_text().splitlines())

    def caller(self, probabilities, pixels):
        arguments = [ctypes.c_void_p(probabilities.ctypes.data), ctypes.c_void_p(pixels.ctypes.data),
                     len(pixels), self.work]
        return lambda: self.predict(*arguments)


def open_session(onnxruntime, path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def softmax(numpy, logits):
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def bind(session, pixels):
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, pixels)
    binding.bind_output(session.get_outputs()[0].name)
    return binding


def callers_of(numpy, session, frozen, pixels):
    """A function without arguments for each, the last one onnxruntime's."""
    expected = softmax(numpy, session.run(None, {session.get_inputs()[0].name: pixels})[0])
    calls = []
    for network in frozen:
        probabilities = numpy.empty(expected.shape, numpy.float32)
        calls.append(network.caller(probabilities, pixels))
        calls[-1]()
        worst = abs(probabilities - expected).max()
        if not worst <= TOLERANCE:
            sys.exit(f"bench_freeze: {network.name}: {worst:.1e} off: expected at most {TOLERANCE}")
    binding = bind(session, pixels)
    return calls + [lambda: session.run_with_iobinding(binding)]


def measure(calls, rounds):
    """Seconds of the processor that a call takes, by caller and round."""
    repeats = []
    for call in calls:
        start = time.process_time()
        call()
        repeats.append(max(1, int(SECONDS / max(1e-6, time.process_time() - start))))
    times = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, list_of in zip(calls, repeats, times):
            call()
            start = time.process_time()
            for _ in range(count):
                call()
            list_of.append((time.process_time() - start) / count)
    return times


def main():
    arguments = parse_arguments()
    numpy, onnxruntime = import_onnxruntime()
    if arguments.check:
        return
    onnx = Path(arguments.folder) / "network.onnx"
    onnx.parent.mkdir(parents=True, exist_ok=True)
    run(arguments.burin, "export", "--norm", arguments.norm, "--preprocess", "inside",
        arguments.model, "-o", onnx, arguments.network)
    session = open_session(onnxruntime, onnx)
    frozen = [Frozen(arguments, isa) for isa in instruction_sets()]
    shape = session.get_inputs()[0].shape[1:]
    print(f"{arguments.network} {arguments.norm}, one thread, onnxruntime {onnxruntime.__version__}")
    print(f"{'':16}{'lines':>7}{'code KB':>9}{'weights KB':>12}{'work KB':>9}")
    for network in frozen:
        print(f"{network.name:16}{network.lines:7}{network.code / 1024:9.0f}"
              f"{network.weights / 1024:12.0f}{len(network.work) / 1024:9.0f}")
    for images in (1, 128):
        pixels = numpy.random.default_rng(1).integers(0, 256, (images, *shape), dtype=numpy.uint8)
        times = measure(callers_of(numpy, session, frozen, pixels), arguments.rounds)
        print(f"\n{images} at a time: milliseconds an image, times as fast as onnxruntime")
        for name, own in zip([network.name for network in frozen] + ["onnxruntime"], times):
            ratio = statistics.median(b / a for a, b in zip(own, times[-1]))
            print(f"{name:16}{1e3 * statistics.median(own) / images:9.4f}{ratio:8.2f}")


main()
