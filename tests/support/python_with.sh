#!/usr/bin/env bash
# Prints the path of a Python 3 that has a package: python_with.sh VENV_FOLDER CHECK REQUIREMENT
# That is python3 itself where the line CHECK runs there, else one in the folder, which tests share: it is made and gets
# what pip makes of REQUIREMENT when first needed. Exits with 77, which ctest counts as skipped, where neither can be had.
set -euo pipefail
venv=$1 check=$2 requirement=$3
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3" >&2
  exit 77
fi
if python3 -c "$check" 2>/dev/null; then
  echo python3
  exit
fi
exec 9>"$venv.lock"
flock 9  # tests run side by side
if ! "$venv/bin/python" -c "$check" 2>/dev/null; then
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then  # none, or of a Python that is gone
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 || true
  fi
  if ! "$venv/bin/python" -m pip --quiet install "$requirement" >&2; then
    echo "skipped: no $requirement for python3" >&2
    exit 77
  fi
fi
echo "$venv/bin/python"
