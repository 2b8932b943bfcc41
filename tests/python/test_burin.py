"""python/burin.py against a real program: python3 test_burin.py PROGRAM BURIN CC WORK

PROGRAM is made of tests/nets/tiny.lua with batch norm. Prints `skipped: ...` and ends with 77 where
there is no NumPy.
"""

import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

try:
    import numpy
except ImportError as problem:
    print(f"skipped: {problem}: setup.sh installs it")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
sys.dont_write_bytecode = True
import burin # noqa: E402

PROGRAM, GENERATOR, COMPILER, WORK = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])


def arrays(count, seed):
    """Images of two classes: dark and light ones."""
    random = numpy.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = random.integers(0, 128, (count, 32, 32, 3)) + 127 * labels[:, None, None, None]
    return images.astype(numpy.uint8), labels


class Python(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        cls.test = arrays(96, 2)
        cls.run_ = burin.train(PROGRAM, *arrays(320, 1), test=cls.test, out=WORK / "run", epochs=3,
                               seed=5, threads=1, no_augment=True,
                               class_names=["dark", "light", *map(str, range(2, 10))])
        samples = WORK / "samples.safetensors"
        numpy.savez(WORK / "test.npz", x_train=cls.test[0], y_train=cls.test[1], x_test=cls.test[0],
                    y_test=cls.test[1], class_names=[str(k) for k in range(10)])
        subprocess.run([PROGRAM, "eval", "--model", WORK / "run", "--data", WORK / "test.npz",
                        "--samples", samples], check=True, stdout=subprocess.DEVNULL)
        cls.samples = burin.load(samples)
        subprocess.run([GENERATOR, "freeze", WORK / "run", "-o", WORK / "frozen"], check=True,
                       stdout=subprocess.DEVNULL)
        cls.frozen = burin.Frozen(WORK / "frozen", compiler=COMPILER, flags=["-O1"])

    def raises(self, text, function, *arguments, **named):
        with self.assertRaises(burin.Error) as caught:
            function(*arguments, **named)
        self.assertIn(text, str(caught.exception))
        return caught.exception

    def test_train(self):
        self.assertEqual([epoch["epoch"] for epoch in self.run_.epochs], [1, 2, 3])
        self.assertEqual(self.run_.epochs[-1]["test_acc"], 100)
        self.assertEqual(self.run_.end["reason"], "finished")
        self.assertEqual(sorted(path.name for path in WORK.glob(".burin-*")), [])

    def test_train_is_the_program(self):
        """The same training by the program itself, from a file, has the same bytes."""
        train, test = arrays(320, 1), self.test
        numpy.savez(WORK / "all.npz", x_train=train[0], y_train=train[1], x_test=test[0],
                    y_test=test[1], class_names=["dark", "light", *map(str, range(2, 10))])
        burin.call([PROGRAM, "train", "--data", WORK / "all.npz", "--out", WORK / "again",
                    "--epochs", 3, "--seed", 5, "--threads", 2, "--no-augment", "--quiet"])
        for name, values in burin.state_dict(WORK / "run").items():
            again = burin.state_dict(WORK / "again")[name]
            numpy.testing.assert_array_equal(values, again, name)

    def test_errors(self):
        train = arrays(64, 3)
        problem = self.raises("--epochs: 'many': expected an integer", burin.train, PROGRAM, *train,
                              test=train, out=WORK / "bad", epochs="many")
        self.assertEqual(problem.code, 2)
        self.raises("expected a program", burin.train, WORK / "none", *train, test=train,
                    out=WORK / "bad")
        self.raises("train images: has type int64", burin.train, PROGRAM, [[[1]]], [1], train,
                    WORK / "bad")
        self.raises("test labels: int64 (63,)", burin.train, PROGRAM, *train,
                    (train[0], train[1][:63]), WORK / "bad")

    def test_state_dict(self):
        state = burin.state_dict(WORK / "run")
        self.assertEqual(state["conv1.weight"].shape, (8, 3, 3, 3))
        self.assertEqual(state["conv1.weight"].dtype, numpy.float32)
        self.assertEqual(state["norm1.num_batches_tracked"].dtype, numpy.int64)
        last = burin.load(WORK / "run/last.safetensors")
        self.assertIn("optim.momentum.conv1.weight", last)
        self.assertEqual(set(burin.state_dict(WORK / "run/last.safetensors")), set(state))
        said = burin.metadata(WORK / "run")
        self.assertEqual((said["network"], said["norm"]), ("tiny", "bn"))
        self.assertEqual(said["description"],
                         (Path(__file__).parents[1] / "nets/tiny.lua").read_text("utf-8"))
        self.assertEqual(json.loads(said["classes"])[:2], ["dark", "light"])

    def test_bfloat16(self):
        header = json.dumps({"x": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
        path = WORK / "bf16.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x80\x3f\x00\xc0\x80\x7f")
        numpy.testing.assert_array_equal(burin.load(path)["x"], [1, -2, numpy.inf])

    def test_broken_files(self):
        path = WORK / "broken.safetensors"
        good = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        for change in ({"dtype": "F31"}, {"shape": [3]}, {"shape": [-1]}, {"data_offsets": [0, 9]},
                       {"data_offsets": [8, 16]}, {"shape": "2"}, {"data_offsets": [-8, 0]}):
            header = json.dumps({"x": {**good, **change}}).encode()
            path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
            self.raises("x: its entry", burin.load, path)
        for text in (b"", b"\xff" * 16, (9).to_bytes(8, "little") + b"{", b"\2" + bytes(7) + b"[]"):
            path.write_bytes(text)
            self.raises("no safetensors file", burin.load, path)
        self.raises("expected a run", burin.load, WORK / "frozen")
        self.raises("No such file", burin.load, WORK / "none.safetensors")

    def test_frozen(self):
        images, want = self.samples["images"], self.samples["logits"]
        got = self.frozen.logits(images)
        self.assertLess(abs(got - want).max(), 2e-5 * abs(want).max())
        wide = want.astype(numpy.float64)
        softmax = numpy.exp(wide - wide.max(1, keepdims=True))
        softmax /= softmax.sum(1, keepdims=True)
        numpy.testing.assert_allclose(self.frozen.predict(images), softmax, atol=1e-5)
        self.assertEqual(self.frozen.class_names[:2], ["dark", "light"])
        self.assertEqual(self.frozen.shape, (3, 32, 32))

    def test_layouts(self):
        images, labels = self.test
        classes = self.frozen.predict(images).argmax(1)
        numpy.testing.assert_array_equal(classes, labels)
        planes = numpy.ascontiguousarray(images.transpose(0, 3, 1, 2))
        numpy.testing.assert_array_equal(self.frozen.logits(planes), self.frozen.logits(images))
        numpy.testing.assert_array_equal(self.frozen.logits(images[::2]),
                                         self.frozen.logits(images)[::2])
        self.assertEqual(self.frozen.predict(images[:0]).shape, (0, 10))
        self.raises("have shape (96, 32, 32)", self.frozen.predict, images[..., 0])
        self.raises("have type float64", self.frozen.predict, images / 255)
        self.raises("have shape (96, 32, 32, 3)", self.frozen.predict, images, layout="nchw")

    def test_frozen_errors(self):
        self.raises("expected one, of a frozen network", burin.Frozen, WORK)
        self.raises("as a shared object", burin.Frozen, WORK / "frozen",
                    library=WORK / "frozen/tiny.c")

    def test_weights_apart(self):
        weights = WORK / "apart/tiny.weights"
        subprocess.run([GENERATOR, "freeze", WORK / "run", "-o", WORK / "apart", "--weights",
                        weights], check=True, stdout=subprocess.DEVNULL)
        how = {"compiler": COMPILER, "flags": ["-O1"]}
        apart = burin.Frozen(WORK / "apart", weights=weights, **how)
        numpy.testing.assert_array_equal(apart.logits(self.test[0]),
                                         self.frozen.logits(self.test[0]))
        self.raises("has its weights apart: expected weights=", burin.Frozen, WORK / "apart", **how)
        self.raises("it does not hold frozen weights", burin.Frozen, WORK / "apart",
                    weights=WORK / "apart/tiny.c", **how)
        self.raises("expected no weights=", burin.Frozen, WORK / "frozen", weights=weights, **how)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
