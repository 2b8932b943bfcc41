#!/usr/bin/env python3
"""Seconds and megabytes of `burin gen` for networks of 10 to 990 layers, and how they grow.

    python3 tests/project/bench_growth.py build/burin

A row is a kind of layers and a NORM; the last column is the exponent p of a fit seconds ~ layers^p
from 100 layers on: 1 is linear, and below it what every program has still counts.
"""
import math
import os
import sys
import tempfile

LAYERS = (10, 30, 100, 300, 990)
ROWS = (
    ("norm()", "bn"), ("norm()", "bn16"), ("norm()", "gn"), ("relu()", "none"),
    ("dropout(0.1)", "none"), ("conv { 8, window = 3, padding = 1 }", "bn"),
    ("conv { 8, window = 3, padding = 1, groups = 8 }", "bn"),
    ("conv { 8 + i % 64, window = 3, padding = 1 }", "bn"), ("linear(10)", "bn"),
    ("i % 2 == 0 and avgpool { 3, stride = 1, padding = 1 } or norm()", "bn"),
    ("i % 2 == 0 and add('first') or norm()", "bn"),
)
NETWORK = """local l = {} for i = 1, %d do l[i] = %s end
return network { name = "rows", input = { 3, 8, 8 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0.1 } },
    layers = { conv { 8, window = 3, padding = 1, name = "first" }, l, global_avgpool(), linear(10),
        softmax_cross_entropy() } }
"""


def measure(burin, folder, layer, norm, count):
    """Processor seconds and peak megabytes of one run."""
    network = os.path.join(folder, "rows.lua")
    with open(network, "w", encoding="utf-8") as file:
        file.write(NETWORK % (count, layer))
    child = os.posix_spawn(burin, [burin, "gen", "--norm", norm, "--isa", "avx2", network, "-o",
                                   os.path.join(folder, "rows.c")], os.environ,
                           file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{layer} under {norm}, {count} layers: burin ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def exponent(points):
    """The slope of a line through the logarithms."""
    xs, ys = [math.log(n) for n, _ in points], [math.log(max(s, 1e-3)) for _, s in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def main():
    burin = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/burin")
    print("".join(f"{n:>14}" for n in LAYERS) + "     p  layers, NORM")
    with tempfile.TemporaryDirectory() as folder:
        for layer, norm in ROWS:
            cells, points = "", []
            for count in LAYERS:
                seconds, megabytes = measure(burin, folder, layer, norm, count)
                cells += f"{seconds:6.2f} s {megabytes:3.0f} MB"
                if count >= 100:
                    points.append((count, seconds))
            print(f"{cells}  {exponent(points):4.2f}  {layer}, {norm}", flush=True)


if __name__ == "__main__":
    main()
