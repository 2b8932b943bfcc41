#!/bin/sh
# Runs a check of ONNX files beside PyTorch and onnxruntime; PYTHON may name a Python that has them.
# Where it has not, the check counts as skipped.
#
#     PYTHON=python3 tests/onnx/check.sh export|import build/burin FOLDER
set -eu
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, onnx, onnxruntime, safetensors' 2>/dev/null; then
    echo "skipped: $python has not torch, onnx, onnxruntime and safetensors: PYTHON= names another"
    exit 77
fi
if [ "$1" = export ]; then
    exec "$python" tests/onnx/check_export.py "$2" "$3" gen/nets/*.lua examples/*.lua \
        tests/nets/pools.lua tests/nets/ragged.lua tests/nets/grouped.lua
fi
exec "$python" tests/onnx/check_import.py "$2" "$3"
