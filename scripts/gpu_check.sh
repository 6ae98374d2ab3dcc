#!/usr/bin/env bash
# The whole proof on a machine with an NVIDIA GPU, in under ten minutes: build, tests, digests against the CPU, replay
# of receipts both ways, compute-sanitizer, benchmarks. Fails at the first thing that is not as it must be; the JSON
# report says what was run.
#
# usage: scripts/gpu_check.sh [--build DIR] [--model MODEL.gguf]... [--report FILE] [--no-build] [--no-sanitizer]
#   --model  also checked and measured, beside the built-in model
#   --report default: gpu_check.json in the build folder
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/gpu report="" models=() do_build=1 do_sanitizer=1
while (($#)); do
  case "$1" in
    --build) build=${2:?}; shift ;;
    --model) models+=("${2:?}"); shift ;;
    --report) report=${2:?}; shift ;;
    --no-build) do_build=0 ;;
    --no-sanitizer) do_sanitizer=0 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
report=${report:-$build/gpu_check.json}
PATH=$PATH:/usr/local/cuda/bin

steps=()  # JSON objects
finish() {
  local status=$?
  mkdir -p "$(dirname "$report")"
  printf '{"passed": %s, "seconds": %d, "steps": [%s]}\n' "$([[ $status == 0 ]] && echo true || echo false)" \
    "$SECONDS" "$(IFS=,; echo "${steps[*]-}")" >"$report"
  echo "report: $report"
}
trap finish EXIT

step() {  # step NAME COMMAND...: runs it, keeps its name and time; the script ends where it fails
  local name=$1 started=$SECONDS ok=true
  shift
  echo "== $name"
  "$@" || ok=false
  steps+=("{\"name\": \"$name\", \"passed\": $ok, \"seconds\": $((SECONDS - started))}")
  $ok
}
keep() { steps+=("{\"name\": \"$1\", \"result\": $(cat "$2")}"); }

make_it() {
  local architecture
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBITNET_CUDA=ON -DBITNET_INSTALL=OFF \
    -DCMAKE_CUDA_ARCHITECTURES="$architecture-real"
  cmake --build "$build" -j "$(nproc)" --target bitnet_tool bitnet_gpu_test bitnet_gpu_device_test
}
((do_build)) && step build make_it

tool=$build/examples/bitnet/bitnet
work=$(mktemp -d)
"$tool" doctor --json >"$work/doctor.json"
keep doctor "$work/doctor.json"
grep -q '"name":"cuda:0","available":true' <(tr -d ' ' <"$work/doctor.json") || {
  echo "gpu_check: no GPU that this build can use; bitnet doctor says why" >&2
  exit 17
}

step "kernels, emulated" "$build/tests/unit/gpu/bitnet_gpu_test"
# Every kernel and the golden prompts on the GPU itself.
step "kernels and golden prompts on the gpu" "$build/tests/unit/gpu/bitnet_gpu_device_test"

run() {  # run DEVICE RECEIPT ARGS...
  local device=$1 receipt=$2
  shift 2
  "$tool" run --device "$device" --receipt "$receipt" --json "$@" >/dev/null
}
digest() { grep -o '"logits_sha256": *"[0-9a-f]*"' "$1" | grep -o '[0-9a-f]\{64\}'; }
same() { [[ -n $1 && $1 == "$2" ]] || { echo "gpu_check: digests differ: $1 $2" >&2; return 1; }; }

check_model() {  # check_model NAME FLAGS...: CPU and GPU draw from the same bits, receipts replay both ways
  local name=$1
  shift
  for kv in f16 f32; do
    run cpu "$work/cpu.json" "$@" --kv $kv --prompt "The quick brown fox" -n 48 --ignore-eos
    run cuda "$work/cuda.json" "$@" --kv $kv --prompt "The quick brown fox" -n 48 --ignore-eos
    same "$(digest "$work/cpu.json")" "$(digest "$work/cuda.json")"
  done
  "$tool" verify-receipt "$work/cpu.json" "$@" --replay --device cuda
  "$tool" verify-receipt "$work/cuda.json" "$@" --replay --device cpu
}
step "digests and replays, built-in model" check_model tiny
for model in "${models[@]}"; do
  step "digests and replays, $(basename "$model")" check_model "$(basename "$model")" --model "$model"
done

if ((do_sanitizer)); then
  for kind in memcheck racecheck synccheck; do
    step "compute-sanitizer $kind" compute-sanitizer --tool $kind --error-exitcode 1 \
      "$tool" run --device cuda --prompt "Once upon a time" -n 4 --quiet
  done
fi

bench() { "$tool" bench --device cuda -t 1 -o json "$@" >"$work/bench.json"; }
step "bench, built-in model" bench -p 128 -n 64
keep "bench, built-in model" "$work/bench.json"
for model in "${models[@]}"; do
  step "bench, $(basename "$model")" bench --model "$model" -p 512 -n 64
  keep "bench, $(basename "$model")" "$work/bench.json"
done
rm -rf "$work"
echo "gpu_check: all passed in $SECONDS s"
