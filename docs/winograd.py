"""The matrices of docs/winograd.md, made of their points: prints those of the kernels, checks the three
identities in double, and measures the error of each algorithm in float against long double, also with
other points and with factors rounded to bf16. Needs numpy.

    python3 docs/winograd.py
"""

from fractions import Fraction

import numpy as np

OTHERS = [0, Fraction(3, 4), -Fraction(3, 4), Fraction(3, 2), -Fraction(3, 2)]
POINTS = [0, 1, -1, 2, -2]
rng = np.random.default_rng(1)


def times_root(polynomial, root):
    """The polynomial, lowest coefficient first, times (x - root)."""
    longer = [Fraction(0)] + polynomial
    for i, coefficient in enumerate(polynomial):
        longer[i] -= root * coefficient
    return longer


def matrices(points):
    """B', G and A' of five points and infinity, exact."""
    bt, g = [], []
    for a in points + [None]:
        polynomial, scale = [Fraction(1)], Fraction(1)
        for b in points:
            if b != a:
                polynomial = times_root(polynomial, b)
                scale *= 1 if a is None else a - b
        bt.append(polynomial + [Fraction(0)] * (6 - len(polynomial)))
        g.append([Fraction(0), Fraction(0), Fraction(1)] if a is None
                 else [Fraction(a) ** i / scale for i in range(3)])
    at = [[Fraction(a) ** i for a in points] + [Fraction(i == 3)] for i in range(4)]
    return bt, g, at


def use(points):
    """Makes the matrices of these points those of the transforms below."""
    global BT, G, AT
    BT, G, AT = (np.array(m, float) for m in matrices(points))


def both(left, tiles):
    """left t left' for every tile t, in the type of the tiles."""
    left = left.astype(tiles.dtype)
    return left @ tiles @ left.T


def correlate(x, w):
    """The valid correlation of tiles x with tiles w."""
    size, window = x.shape[-1] - w.shape[-1] + 1, w.shape[-1]
    out = np.zeros(x.shape[:-2] + (size, size), x.dtype)
    for i in range(window):
        for j in range(window):
            out += x[..., i:i + size, j:j + size] * w[..., i:i + 1, j:j + 1]
    return out


def add_up(terms):
    """The sum over the first axis, one term after the other, in the type of the terms."""
    total = np.zeros_like(terms[0])
    for term in terms:
        total += term
    return total


def bf16(x):
    """Floats rounded to the nearest of 8 bits, to even."""
    bits = x.view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).astype(np.uint32).view(np.float32)


def forward(x, w, rounded=lambda factor: factor):
    return both(AT, add_up(rounded(both(G, w)) * rounded(both(BT, x))))


def weight_gradient(x, dy, rounded=lambda factor: factor):
    return both(G.T, add_up(rounded(both(BT, x)) * rounded(both(AT.T, dy))))


def relative(approximate, exact):
    return np.sqrt(np.mean((approximate - exact) ** 2) / np.mean(exact ** 2))


def errors(terms, right_shape, transformed):
    """Relative rms errors of the direct and of the transformed algorithms, sums of `terms` products:
    direct, both points in float, both points in bf16."""
    x = rng.standard_normal((terms, 500, 6, 6)).astype(np.float32)
    right = rng.standard_normal((terms, 500) + right_shape).astype(np.float32)
    exact = np.sum(correlate(x.astype(np.longdouble), right.astype(np.longdouble)), axis=0)
    direct = add_up(np.concatenate([correlate_terms(x[t], right[t]) for t in range(terms)]))
    of_points, in_bf16 = [], []
    for points in (POINTS, OTHERS):
        use(points)
        of_points.append(relative(transformed(x, right), exact))
        in_bf16.append(relative(transformed(x, right, bf16), exact))
    return (relative(direct, exact), *of_points, *in_bf16)


def correlate_terms(x, w):
    """The products of a correlation, a tap each."""
    size = x.shape[-1] - w.shape[-1] + 1
    return np.stack([x[..., i:i + size, j:j + size] * w[..., i:i + 1, j:j + 1]
                     for i in range(w.shape[-1]) for j in range(w.shape[-1])])


def main():
    for name, rows in zip(("B'", "G ", "A'"), matrices(POINTS)):
        for row in rows:
            print(name + " ".join("%6s" % value for value in row))
    use(POINTS)
    x = rng.standard_normal((7, 1, 6, 6))
    w = rng.standard_normal((7, 1, 3, 3))
    dy = rng.standard_normal((7, 1, 4, 4))
    exact = np.sum(correlate(x, w), axis=0)
    print("forward:         largest difference %.0e" % np.abs(forward(x, w) - exact).max())
    exact = np.sum(correlate(x, dy), axis=0)
    print("weight gradient: largest difference %.0e" % np.abs(weight_gradient(x, dy) - exact).max())

    # Every output adds its gradient, times the window, to the pixels that it read.
    grad, window = rng.standard_normal((12, 12)), w[0, 0]
    dx = np.zeros((14, 14))
    for i in range(12):
        for j in range(12):
            dx[i:i + 3, j:j + 3] += grad[i, j] * window
    tile = forward(grad[None, 2:8, 2:8], window[None, ::-1, ::-1])
    print("data gradient:   largest difference %.0e" % np.abs(tile - dx[4:8, 4:8]).max())

    print("float, relative rms error     direct   points 0 1 2   0 3/4 3/2   in bf16: 0 1 2   0 3/4 3/2")
    for channels in (16, 32):
        print("forward, %2d channels         %.1e        %.1e     %.1e            %.1e     %.1e" % ((channels,) + errors(
            channels, (3, 3), forward)))
    for tiles in (64, 512):
        print("weight gradient, %3d tiles   %.1e        %.1e     %.1e            %.1e     %.1e" % ((tiles,) + errors(
            tiles, (4, 4), weight_gradient)))


main()
