"""Measures a step of two ranks at both ends of a slow link, beside what `burin scale` computes.

    sudo python3 scripts/slow_link.py [--rounds 3] [--steps 20] s8 bn 5ms:100Mb 1ms:1Gb ...

The ranks, of build/<net>_<norm> and Open MPI, are in two network namespaces, and all that goes
between them passes this process, which holds each packet for the latency and sends no more than the
bandwidth: what netem does, where the kernel has it. Each link, and none, in turns. Of the time
between ranks that `--profile` tells, what it is more than without a link is the link's; median of
the rounds. Of Open MPI whatever OMPI_MCA_... says, such as btl_tcp_eager_limit.
"""
import argparse
import ctypes
import fcntl
import heapq
import os
import re
import select
import statistics
import struct
import subprocess
import tempfile
import threading
import time

ENDS = {"burin_a": "10.97.0.1", "burin_b": "10.97.0.2"}
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
LARGEST = 9000  # bytes of a packet


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def open_end(namespace, address):
    """A network device in a namespace, whose packets this process reads and writes."""
    run("ip", "netns", "add", namespace)
    libc, here = ctypes.CDLL(None, use_errno=True), os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"burin", IFF_TUN | IFF_NO_PI))
    run("ip", "addr", "add", f"{address}/24", "dev", "burin")
    run("ip", "link", "set", "burin", "up", "mtu", str(LARGEST))
    run("ip", "link", "set", "lo", "up")
    libc.setns(here, CLONE_NEWNET)
    os.close(here)
    os.close(there)
    return device


class Link:
    """Carries packets both ways in a thread. latency in seconds, bandwidth in bits a second."""

    def __init__(self, ends):
        self.ends, self.latency, self.bandwidth = ends, 0.0, float("inf")
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        waiting, free, count = [], [0.0, 0.0], 0  # free: when the last packet of a way has left
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, to, packet = heapq.heappop(waiting)
                os.write(self.ends[to], packet)
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for end in select.select(self.ends, [], [], pause)[0]:
                packet, way = os.read(end, LARGEST), self.ends.index(end)
                free[way] = max(free[way], time.monotonic()) + 8 * len(packet) / self.bandwidth
                count += 1
                heapq.heappush(waiting, (free[way] + self.latency, count, 1 - way, packet))


def between_ranks(program, steps, folder):
    """Milliseconds of a step that rank 0 spends between ranks, on two hosts."""
    agent = os.path.join(folder, "agent")
    with open(agent, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nshift\nexec ip netns exec burin_b unshare --uts sh -c "
                   "'hostname burin-b; exec sh -c \"$*\"' sh \"$@\"\n")
    os.chmod(agent, 0o755)
    hosts = ",".join(f"{address}:1" for address in ENDS.values())
    said = run("ip", "netns", "exec", "burin_a", "mpirun", "--allow-run-as-root", "-n", "2",
               "--host", hosts, "--mca", "plm_rsh_agent", agent, "--mca", "btl", "tcp,self",
               "--mca", "btl_tcp_if_include", "burin", "--mca", "oob_tcp_if_include", "burin",
               "--bind-to", "none", os.path.abspath(program), "train", "--data", "synthetic",
               "--seed", "1", "--epochs", "50", "--max-steps", str(steps), "--threads", "1",
               "--profile", "--out", os.path.join(folder, "run"))
    return float(re.search(r"between ranks +([\d.]+)", said).group(1))


def computed(net, norm, latency, bandwidth):
    """What `burin scale` says of two ranks: gradients, parameters and norms."""
    said = run("build/burin", "scale", "--step", "1", "--norm", norm, "--latency", latency,
               "--bandwidth", bandwidth, net)
    row = re.search(r"^ +2 +\S+ +(\S+) +(\S+) +(\S+)", said, re.MULTILINE)
    return sum(float(column) for column in row.groups())


def number(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|Mb|Gb)", text).groups()
    return float(value) * {"us": 1e-6, "ms": 1e-3, "Mb": 1e6, "Gb": 1e9}[unit]


def measure(arguments, folder):
    link = Link([open_end(*end) for end in ENDS.items()])
    program = f"build/{arguments.net}_{arguments.norm}"
    links = [None] + [tuple(text.split(":")) for text in arguments.links]
    times = {one: [] for one in links}
    for _ in range(arguments.rounds):
        for one in links:
            link.latency, link.bandwidth = map(number, one) if one else (0.0, float("inf"))
            times[one].append(between_ranks(program, arguments.steps, folder))
    print("| link | between ranks, ms a step | more than without | computed |\n|---|---|---|---|")
    print(f"| none | {statistics.median(times[None]):.1f} | | |")
    for one in links[1:]:
        more = statistics.median(a - b for a, b in zip(times[one], times[None]))
        print(f"| {one[0]}, {one[1]} | {statistics.median(times[one]):.1f} | {more:.1f} | "
              f"{computed(arguments.net, arguments.norm, *one):.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("net")
    parser.add_argument("norm")
    parser.add_argument("links", nargs="+", metavar="LATENCY:BANDWIDTH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure(parser.parse_args(), folder)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{' '.join(error.cmd)}:\n{error.stdout}{error.stderr}") from error
        finally:
            for namespace in ENDS:
                subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


if __name__ == "__main__":
    main()
