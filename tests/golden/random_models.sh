#!/usr/bin/env bash
# Compares the tool with the bit-exact twin in Python on random models: random_models.sh TOOL VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no numpy to be had.
set -euo pipefail
tool=$1 venv=$2
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../support/python_with.sh" "$venv" 'import numpy' numpy)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/random_models.py" "$tool" "$scratch"
