"""Programs and models of burin from Python: one file, NumPy and ctypes, nothing to install.

    import burin

    run = burin.train("build/digits_bn", x, y, test=(x_test, y_test), out="runs/digits", epochs=5)
    run.epochs[-1]["test_acc"]                  what the log says of an epoch, in percent
    burin.state_dict(run.folder)                the parameters, by PyTorch's names

    model = burin.Frozen("frozen")              what `burin freeze RUN -o frozen` wrote
    model.predict(pictures)                     probabilities, (N, classes)
    model.class_names

Images are uint8 or float32: (N, H, W), (N, H, W, C) or (N, C, H, W). A program that fails raises
burin.Error with what it said; so does a file that is not what it should be.
"""

import ctypes
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy

MOST_HEADER = 16_000_000 # bytes of a safetensors header, as in runtime/file/safetensors.h
ALIGNMENT = 64


class Error(Exception):
    """What a program said, or what is wrong with a file. code: of a program that ended, or None."""

    def __init__(self, message, code=None):
        super().__init__(message)
        self.code = code


# -- Training --------------------------------------------------------------------------------------


class Run:
    """A training and its folder. epochs: what log.jsonl says of each; end: why it ended."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.epochs, self.end = [], None
        log = self.folder / "log.jsonl"
        try:
            with log.open(encoding="utf-8") as lines:
                events = [json.loads(line) for line in lines]
        except (OSError, ValueError) as problem:
            raise Error(f"{log}: {problem}: expected the log of a training") from problem
        for event in events:
            if event.get("event") == "epoch":
                self.epochs.append(event)
            elif event.get("event") == "end":
                self.end = event


def options_of(options):
    """The words of a command line: max_steps=3 is --max-steps 3, pin=True is --pin."""
    words = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return words


def images_of(images, what):
    images = numpy.asarray(images)
    if images.dtype == numpy.float64:
        images = images.astype(numpy.float32)
    if images.dtype not in (numpy.uint8, numpy.float32):
        raise Error(f"{what}: has type {images.dtype}: expected uint8, float32 or float64")
    if images.ndim not in (3, 4):
        raise Error(f"{what}: has shape {images.shape}: expected (N, H, W), (N, H, W, C) or "
                    "(N, C, H, W)")
    return numpy.ascontiguousarray(images)


def pair_of(pair, what):
    images, labels = images_of(pair[0], f"{what} images"), numpy.asarray(pair[1])
    if labels.dtype.kind not in "ui" or labels.shape != images.shape[:1]:
        raise Error(f"{what} labels: {labels.dtype} {labels.shape}: expected one whole number for "
                    f"each of {len(images)} images")
    return images, labels.astype(numpy.int64)


def train(program, images, labels, test, out, class_names=None, **options):
    """Trains a generated program on arrays and returns its Run.

    test: images and labels to evaluate on. out: the folder of the run. options: those of the
    program's train, --lr as lr=, --max-steps as max_steps=, --pin as pin=True. The arrays go
    through a temporary .npz beside the folder, which is removed when the training ends.
    """
    images, labels = pair_of((images, labels), "train")
    test_images, test_labels = pair_of(test, "test")
    arrays = {"x_train": images, "y_train": labels, "x_test": test_images, "y_test": test_labels}
    if class_names is not None:
        arrays["class_names"] = numpy.array([str(name) for name in class_names])
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".burin-", dir=out.parent) as folder:
        data = Path(folder) / "arrays.npz"
        numpy.savez(data, **arrays)
        call([program, "train", "--data", data, "--out", out, "--quiet", *options_of(options)])
    return Run(out)


def call(words):
    """Runs a program; a failure becomes an Error. A bare name is looked for in the PATH."""
    words = [str(word) for word in words]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as problem:
        raise Error(f"{words[0]}: {problem.strerror}: expected a program") from problem
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"ended with {done.returncode}"
        raise Error(said, done.returncode)
    return done.stdout.decode(errors="replace")


# -- Models ----------------------------------------------------------------------------------------

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
         "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}


def read_header(path):
    """The header of a safetensors file, checked, and the offset of its data."""
    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            total = os.fstat(file.fileno()).st_size
            if total < 8 or size > min(MOST_HEADER, total - 8):
                raise Error(f"{path}: no safetensors file: a header of {size} bytes in {total}")
            header = json.loads(file.read(size))
    except OSError as problem:
        raise Error(f"{path}: {problem.strerror}") from problem
    except ValueError as problem:
        raise Error(f"{path}: no safetensors file: {problem}") from problem
    if not isinstance(header, dict):
        raise Error(f"{path}: no safetensors file: its header is no object")
    return header, 8 + size, total - 8 - size


def model_file(path):
    """The file of a model, or that of the best model, or else the last, in the folder of a run."""
    path = Path(path)
    if not path.is_dir():
        return path
    for name in ("best.safetensors", "last.safetensors"):
        if (path / name).exists():
            return path / name
    raise Error(f"{path}: holds no best.safetensors or last.safetensors: expected a run")


def load(path):
    """Every tensor of a safetensors file, or of the model of a run, by its name. BF16 becomes
    float32, which has all its values."""
    path = model_file(path)
    header, start, size = read_header(path)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape = numpy.dtype(TYPES[entry["dtype"]]), tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            count = int(numpy.prod(shape, dtype=object))
            good = min(shape, default=0) >= 0 <= begin <= end <= size
            good = good and end - begin == count * kind.itemsize
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise Error(f"{path}: {name}: its entry {str(entry)[:200]} does not fit {size} bytes")
        values = numpy.fromfile(path, kind, count, offset=start + begin).reshape(shape)
        if entry["dtype"] == "BF16":
            values = (values.astype(numpy.uint32) << 16).view(numpy.float32)
        tensors[name] = values
    return tensors


def metadata(path):
    """What a model says of itself: network, norm, classes, mean, std, ..., as texts."""
    return dict(read_header(model_file(path))[0].get("__metadata__", {}))


def state_dict(path):
    """The parameters and statistics alone, without what a training keeps beside them."""
    return {name: value for name, value in load(path).items()
            if not name.startswith(("train.", "optim.", "ema."))}


# -- Frozen networks -------------------------------------------------------------------------------


class Frozen:
    """A network that `burin freeze` wrote, as a shared object. shape: (C, H, W) of an image."""

    def __init__(self, folder, library=None, compiler="cc", flags=("-O3",), weights=None):
        """folder: what freeze wrote; library: the shared object made of it, or None to compile
        <net>.c where that is newer than <net>.so beside it; weights: what --weights wrote."""
        folder = Path(folder)
        headers = sorted(folder.glob("*.h"))
        if len(headers) != 1:
            raise Error(f"{folder}: holds {len(headers)} headers: expected one, of a frozen "
                        "network")
        name = headers[0].stem
        numbers = dict(re.findall(r"^#define \w+_(CHANNELS|HEIGHT|WIDTH|CLASSES|WORK_BYTES) (\d+)$",
                                  headers[0].read_text(encoding="utf-8"), re.MULTILINE))
        if len(numbers) != 5:
            raise Error(f"{headers[0]}: says {sorted(numbers)}: expected a frozen network's header")
        self.shape = tuple(int(numbers[side]) for side in ("CHANNELS", "HEIGHT", "WIDTH"))
        self.classes, self._work_bytes = int(numbers["CLASSES"]), int(numbers["WORK_BYTES"])
        if library is None:
            source, library = folder / f"{name}.c", folder / f"{name}.so"
            if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
                call([compiler, "-std=c99", *flags, "-shared", "-fPIC", source, "-o", library,
                      "-lm"])
        try:
            self._library = ctypes.CDLL(os.path.abspath(library))
            self._functions = {what: getattr(self._library, f"{name}_{what}")
                               for what in ("predict", "logits")}
        except (OSError, AttributeError) as problem:
            raise Error(f"{library}: {problem}: expected {name}.c as a shared object") from problem
        self._weights = self._map_weights(name, weights)
        names = (ctypes.c_char_p * self.classes).in_dll(self._library, f"{name}_class_names")
        self.class_names = [text.decode() for text in names]

    def _map_weights(self, name, path):
        """The weights of a network that has them apart, as the list of what its functions take."""
        if not hasattr(self._library, f"{name}_weights_problem"):
            if path is not None:
                raise Error(f"{path}: the network {name} has its weights inside: expected no weights=")
            return []
        if path is None:
            raise Error(f"the network {name} has its weights apart: expected weights=")
        weights = numpy.memmap(path, numpy.uint8, "r")
        problem = getattr(self._library, f"{name}_weights_problem")
        problem.restype = ctypes.c_char_p
        words = problem(ctypes.c_void_p(weights.ctypes.data), ctypes.c_size_t(len(weights)))
        if words:
            raise Error(f"{path}: {words.decode()}: expected what was written with {name}.c")
        return [weights]

    def _planes(self, images, layout):
        images = numpy.asarray(images)
        c, h, w = self.shape
        if images.dtype != numpy.uint8:
            raise Error(f"images: have type {images.dtype}: expected uint8, as the data's files")
        shapes = {"nchw": (c, h, w), "nhwc": (h, w, c), "nhw": (h, w)}
        fits = [one for one, shape in shapes.items() if images.shape[1:] == shape
                and (one != "nhw" or c == 1) and layout in (None, one)]
        if not fits:
            raise Error(f"images: have shape {images.shape}: expected (N, {c}, {h}, {w}) or "
                        f"(N, {h}, {w}, {c})")
        if len(fits) > 1 and c > 1:
            raise Error(f"images: shape {images.shape} can be read as {' and '.join(fits)}: "
                        "expected layout=")
        if fits[0] == "nhwc":
            images = images.transpose(0, 3, 1, 2)
        return numpy.ascontiguousarray(images).reshape(len(images), c, h, w)

    def _call(self, what, images, layout):
        planes = self._planes(images, layout)
        out = numpy.empty((len(planes), self.classes), numpy.float32)
        work = numpy.empty(self._work_bytes + ALIGNMENT, numpy.uint8)
        aligned = work.ctypes.data + -work.ctypes.data % ALIGNMENT
        self._functions[what](ctypes.c_void_p(out.ctypes.data), ctypes.c_void_p(planes.ctypes.data),
                              ctypes.c_int(len(planes)),
                              *(ctypes.c_void_p(one.ctypes.data) for one in self._weights),
                              ctypes.c_void_p(aligned))
        return out

    def predict(self, images, layout=None):
        """Probabilities, (N, classes), of bytes as the training data have them. layout: "nchw" or
        "nhwc", where the shape leaves it open. Threads may call at once."""
        return self._call("predict", images, layout)

    def logits(self, images, layout=None):
        """The same before the softmax."""
        return self._call("logits", images, layout)
