#!/usr/bin/env bash
# Has the public `gguf` package read converted files: gguf_package.sh TOOL ORIGINAL VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or the package is not to be had.
set -euo pipefail
tool=$1 original=$2 venv=$3
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3"
  exit 77
fi
if ! "$venv/bin/python" -c 'import gguf' 2>/dev/null; then
  rm -rf "$venv"
  if ! python3 -m venv "$venv" || ! "$venv/bin/pip" --quiet install gguf; then
    echo "skipped: no gguf for python3"
    exit 77
  fi
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$venv/bin/python" "$here/gguf_package.py" "$tool" "$original" "$scratch"
