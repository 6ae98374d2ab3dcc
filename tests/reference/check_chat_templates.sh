#!/usr/bin/env bash
# Renders the chat templates of the tests with jinja2 again and compares with the record that the interpreter is tested
# against: check_chat_templates.sh RECORD.json VENV_FOLDER
# Exits with 77, which ctest counts as skipped, where there is no Python 3 or no jinja2 to be had.
set -euo pipefail
record=$1 venv=$2
here=$(cd "$(dirname "$0")" && pwd)
check='import jinja2; assert (3, 1, 5) <= tuple(map(int, jinja2.__version__.split(".")[:3])) < (3, 2)'
python=$("$here/../support/python_with.sh" "$venv" "$check" 'jinja2>=3.1.5,<3.2')
"$python" "$here/chat_templates.py" --check "$record"
