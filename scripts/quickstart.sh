#!/usr/bin/env bash
# From a fresh checkout to a story: installs what is missing, builds the tool, runs the embedded model.
#
# usage: scripts/quickstart.sh [PROMPT]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh
cmake -S . -B build/quickstart -G Ninja -DCMAKE_BUILD_TYPE=Release -DBITNET_BUILD_TESTS=OFF
cmake --build build/quickstart

tool=build/quickstart/examples/bitnet/bitnet
prompt=${1:-Tell me a story.}
echo
echo "+ $tool run --prompt \"$prompt\""
exec "$tool" run --prompt "$prompt"
