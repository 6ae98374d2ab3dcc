#!/usr/bin/env bash
# Receipts of runs of every kind against receipt.schema.json, judged by Python's jsonschema:
# receipt_schema.sh TOOL MAKE_BAD_MODEL TESTDATA VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no jsonschema to be had.
set -euo pipefail
tool=$1 make_bad_model=$2 testdata=$3 venv=$4
here=$(cd "$(dirname "$0")" && pwd)
python=python3
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3"
  exit 77
fi
if ! python3 -c 'import jsonschema' 2>/dev/null; then
  python=$venv/bin/python
  if ! "$python" -c 'import jsonschema' 2>/dev/null; then
    rm -rf "$venv"
    if ! python3 -m venv "$venv" || ! "$venv/bin/pip" --quiet install jsonschema; then
      echo "skipped: no jsonschema for python3"
      exit 77
    fi
  fi
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/receipt_schema.py" "$tool" "$make_bad_model" "$testdata" "$scratch"
