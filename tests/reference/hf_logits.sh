#!/usr/bin/env bash
# Compares the tool with Hugging Face transformers: hf_logits.sh TOOL MODEL.gguf GOLDEN_FOLDER
# BITNET_REFERENCE_PYTHON names a Python 3 with numpy, torch, transformers, accelerate and safetensors (default:
# python3). Exits with 77, which ctest counts as skipped, where it has not all of them: they take gigabytes, so nothing
# installs them here. tests/capi has the same comparison with recorded logits, which always runs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${BITNET_REFERENCE_PYTHON:-python3}
if ! "$python" -c 'import numpy, torch, transformers, accelerate, safetensors' 2>/dev/null; then
  echo "skipped: no torch and transformers for $python (BITNET_REFERENCE_PYTHON names another)"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/hf_logits.py" compare "$@" "$scratch" ${BITNET_MASTER_FOLDER:+"$BITNET_MASTER_FOLDER"}
