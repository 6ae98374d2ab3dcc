#!/usr/bin/env bash
# Receipts cross between the processor of this machine and the emulated one of a cross build, both ways: each makes one
# and the other runs it again, bit for bit. The stored receipts of tests/data/receipts are replayed by the emulated one.
#
# usage: cross_receipts.sh NATIVE_TOOL RECEIPTS EMULATED_TOOL...   (the last ones: the emulator and what it runs)
# Exits with 77, which ctest counts as skipped, where there is no native tool.
set -euo pipefail
native=$1 receipts=$2
emulated=("${@:3}")
if [[ ! -x $native ]]; then
  echo "skipped: no native tool at $native"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sampled=(run --quiet --prompt "Once upon a time" -n 12 --temp 0.9 --top-k 40 --top-p 0.95 --seed 7)

replays=0
replay() { # replay TABLES RECEIPT TOOL...: the tool accepts the receipt, and computes with one of the tables
  local said
  said=$("${@:3}" verify-receipt "$2" --replay)
  echo "$(basename "$2"): $said"
  [[ $said =~ "accepted: the replay on "$1" gives the same tokens and logits" ]] || { echo "expected a replay on $1"; exit 1; }
  replays=$((replays + 1))
}

"$native" "${sampled[@]}" --receipt "$folder/native.json"
"${emulated[@]}" "${sampled[@]}" --receipt "$folder/emulated.json"
arch() { grep -o '"arch": "[^"]*"' "$1"; }
[[ $(arch "$folder/native.json") != "$(arch "$folder/emulated.json")" ]] || { echo "both are of one processor"; exit 1; }
for receipt in "$folder/native.json" "$receipts"/*.json; do replay 'NEON(_DOTPROD)?' "$receipt" "${emulated[@]}"; done
replay '(AVX2|AVX3|AVX3_VNNI|portable)' "$folder/emulated.json" "$native"
((replays >= 3))
echo "$replays replays gave the same bits"
