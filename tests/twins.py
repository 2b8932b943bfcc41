"""The PyTorch modules that `burin twin` writes, for the scripts beside this file."""

import importlib.util
from pathlib import Path


def load_twin(path):
    """The module at `path`: Net, RECIPE, optimizer, loss_function, model_state."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
