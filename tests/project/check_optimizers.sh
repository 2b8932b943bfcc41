#!/bin/sh
# Runs check_optimizers.py; PYTHON may name a Python that has PyTorch. Without it, it is skipped.
exec "${PYTHON:-python3}" tests/project/check_optimizers.py "$@"
