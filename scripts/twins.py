"""The PyTorch modules that `burin twin` writes and the files of programs, for scripts of tests."""

import importlib.util
import json
from pathlib import Path


def load_twin(path):
    """The module at `path`: Net, RECIPE, optimizer, loss_function, model_state."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_tensors(torch, path):
    """{name: tensor} of a safetensors file; see runtime/file/safetensors.h for the format."""
    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}
    content = bytearray(path.read_bytes())
    end = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:end]).items():
        if name != "__metadata__":
            first, last = (end + offset for offset in entry["data_offsets"])
            flat = torch.frombuffer(content[first:last], dtype=types[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors
