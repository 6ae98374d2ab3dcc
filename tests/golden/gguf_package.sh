#!/usr/bin/env bash
# Has the public `gguf` package read converted files: gguf_package.sh TOOL ORIGINAL VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or the package is not to be had.
set -euo pipefail
tool=$1 original=$2 venv=$3
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../support/python_with.sh" "$venv" 'import gguf' gguf)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/gguf_package.py" "$tool" "$original" "$scratch"
