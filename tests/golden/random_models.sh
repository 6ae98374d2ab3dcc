#!/usr/bin/env bash
# Compares the tool with the bit-exact twin in Python on random models: random_models.sh TOOL VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no numpy to be had.
set -euo pipefail
tool=$1 venv=$2
here=$(cd "$(dirname "$0")" && pwd)
python=python3
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3"
  exit 77
fi
if ! python3 -c 'import numpy' 2>/dev/null; then
  python=$venv/bin/python
  if ! "$python" -c 'import numpy' 2>/dev/null; then
    rm -rf "$venv"
    if ! python3 -m venv "$venv" || ! "$venv/bin/pip" --quiet install numpy; then
      echo "skipped: no numpy for python3"
      exit 77
    fi
  fi
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/random_models.py" "$tool" "$scratch"
