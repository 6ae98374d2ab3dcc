#!/usr/bin/env bash
# Renders the chat templates of the tests with jinja2 again and compares with the record that the interpreter is tested
# against: check_chat_templates.sh RECORD.json VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no jinja2 to be had.
set -euo pipefail
record=$1 venv=$2
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v python3 >/dev/null; then
  echo "skipped: no python3"
  exit 77
fi
python=$venv/bin/python
if ! "$python" -c 'import jinja2' 2>/dev/null; then
  rm -rf "$venv"
  if ! python3 -m venv "$venv" || ! "$venv/bin/pip" --quiet install 'jinja2>=3.1.5,<3.2'; then
    echo "skipped: no jinja2 for python3"
    exit 77
  fi
fi
"$python" "$here/chat_templates.py" --check "$record"
