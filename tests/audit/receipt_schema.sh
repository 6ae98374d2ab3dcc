#!/usr/bin/env bash
# Receipts of runs of every kind against receipt.schema.json, judged by Python's jsonschema:
# receipt_schema.sh TOOL MAKE_BAD_MODEL TESTDATA VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no jsonschema to be had.
set -euo pipefail
tool=$1 make_bad_model=$2 testdata=$3 venv=$4
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../support/python_with.sh" "$venv" 'import jsonschema' jsonschema)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" "$here/receipt_schema.py" "$tool" "$make_bad_model" "$testdata" "$scratch"
