#!/usr/bin/env bash
# The whole proof on a machine with an NVIDIA GPU, in under ten minutes: build, tests, digests against the CPU, replay
# of receipts both ways, compute-sanitizer, benchmarks. Fails at the first thing that is not as it must be; the JSON
# report says what was run, what was left out, and where it ended.
#
# usage: scripts/gpu_check.sh [--build DIR | --programs DIR] [--model MODEL.gguf]... [--report FILE] [--minutes N]
#                             [--no-sanitizer] [--no-bench]
#        scripts/gpu_check.sh --pack DIR [--arch 90]
#   --model     also checked and measured, beside the built-in model and random ones in the shape of 2B-4T
#   --report    default: gpu_check.json in the folder of the build
#   --minutes   all of it ends by then (default 10)
#   --pack      builds here, for a GPU elsewhere, and puts the programs and the libraries that they need into DIR
#   --programs  takes them from there and builds nothing: for a machine without compilers or packages. It needs the
#               source tree beside them, for the test data
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/gpu programs="" pack="" arch=90 report="" models=() do_sanitizer=1 do_bench=1 minutes=10
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while (($#)); do
  case "$1" in
    --build | --programs | --pack | --arch | --report | --minutes | --model)
      [[ -n ${2:-} ]] || usage
      if [[ $1 == --model ]]; then models+=("$2"); else printf -v "${1#--}" %s "$2"; fi
      shift ;;
    --no-sanitizer) do_sanitizer=0 ;;
    --no-bench) do_bench=0 ;;
    *) usage ;;
  esac
  shift
done
[[ $minutes =~ ^[1-9][0-9]*$ && $arch =~ ^[1-9][0-9]*$ ]] || usage
PATH=$PATH:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer
die() { echo "gpu_check: $2" >&2; exit "$1"; }

make_it() {  # make_it DIR ARCHITECTURE CMAKE_OPTIONS...
  local dir=$1 architecture=$2
  shift 2
  command -v nvcc >/dev/null || die 1 "no nvcc in PATH or /usr/local/cuda/bin"
  cmake -S . -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBITNET_CUDA=ON -DBITNET_INSTALL=OFF \
    -DCMAKE_CUDA_ARCHITECTURES="$architecture-real" "$@" ||
    die 1 "cmake failed: scripts/install_deps.sh --test installs what a build needs; --pack builds elsewhere"
  cmake --build "$dir" -j "$(nproc)" --target bitnet_tool bitnet_gpu_test bitnet_gpu_device_test bitnet_gpu_bench
}
names=(examples/bitnet/bitnet tests/unit/gpu/bitnet_gpu_test tests/unit/gpu/bitnet_gpu_device_test
  tests/bench/bitnet_gpu_bench)

if [[ -n $pack ]]; then
  [[ $build != build/gpu ]] || build=build/gpu-pack  # its options would stay in the cache of the other
  make_it "$build" "$arch" -DBUILD_SHARED_LIBS=OFF -DBITNET_TEST_ROOT=.
  mkdir -p "$pack/bin" "$pack/lib"
  for name in "${names[@]}"; do
    cp "$build/$name" "$pack/bin/"
    strip "$pack/bin/$(basename "$name")"
    # All but what belongs to the system's loader.
    ldd "$build/$name" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
      { grep -vE '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so' || true; } | xargs -r cp -Lt "$pack/lib/"
  done
  echo "gpu_check: packed for compute capability $arch into $pack ($(du -sh "$pack" | cut -f1))"
  exit 0
fi

folder=${programs:-$build}
report=${report:-$folder/gpu_check.json}
work=$(mktemp -d)
steps=() left_out=() verdict=false  # steps: JSON objects
pid=""  # of the step that runs, in a process group of its own
finish() {
  [[ -z $pid ]] || kill -TERM -- "-$pid" 2>/dev/null || true
  mkdir -p "$(dirname "$report")"
  local out=""
  ((${#left_out[@]} == 0)) || out=$(printf '"%s",' "${left_out[@]}")
  printf '{"passed": %s, "commit": "%s", "seconds": %d, "left_out": [%s], "steps": [%s]}\n' "$verdict" \
    "$(git rev-parse HEAD 2>/dev/null || echo unknown)" "$SECONDS" "${out%,}" "$(IFS=,; echo "${steps[*]-}")" >"$report"
  rm -rf "$work"
  echo "gpu_check: report in $report"
}
trap finish EXIT

# step NAME COMMAND...: runs it in the time that is left, keeps its name and time; the script ends where it fails. Never
# part of a condition: in one, bash would go on after a failure inside COMMAND.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  echo "== $name"
  set -m  # a process group of its own, which can be ended whole
  (
    set -e
    "$@"
  ) &
  pid=$!
  set +m
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS >= minutes * 60)); then
      echo "gpu_check: $minutes minutes are over" >&2
      kill -TERM -- "-$pid"
      status=124
      break
    fi
    sleep 0.1
  done
  wait "$pid" || status=$((status ? status : $?))
  pid=""
  steps+=("{\"name\": \"$name\", \"passed\": $([[ $status == 0 ]] && echo true || echo false), \"seconds\": $((SECONDS - started))}")
  [[ $status == 0 ]] || die "$status" "failed: $name"
}
keep() { steps+=("{\"name\": \"$1\", \"result\": $(cat "$2")}"); }

command -v nvidia-smi >/dev/null || die 17 "no nvidia-smi: this machine has no NVIDIA driver"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d '. ') || true
[[ $capability =~ ^[0-9]+$ ]] || die 17 "nvidia-smi finds no GPU"
if ((do_sanitizer)) && ! command -v compute-sanitizer >/dev/null; then
  die 1 "no compute-sanitizer in PATH; --no-sanitizer leaves it out, and the report says so"
fi
((do_sanitizer)) || left_out+=(sanitizer)
((do_bench)) || left_out+=(bench)

if [[ -n $programs ]]; then
  for name in "${names[@]}"; do
    [[ -x $programs/bin/$(basename "$name") ]] || die 2 "no program $programs/bin/$(basename "$name"); --pack makes it"
  done
else
  step build make_it "$build" "$capability"
fi
run() {  # run PROGRAM ARGUMENTS...
  local name=$1 path
  shift
  for path in "${names[@]}"; do [[ $(basename "$path") != "$name" ]] || break; done
  if [[ -z $programs ]]; then "$build/$path" "$@"; return; fi
  LD_LIBRARY_PATH=$programs/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$programs/bin/$name" "$@"
}

run bitnet doctor --json >"$work/doctor.json" || die 1 "bitnet doctor: the CPU's kernels fail their own test"
keep doctor "$work/doctor.json"
grep -q '"name":"cuda:0","available":true' "$work/doctor.json" ||
  die 17 "no GPU that this build can use: $(grep -o '"name":"cuda[^}]*' "$work/doctor.json" || true)"

step "kernels, emulated" run bitnet_gpu_test "gpu:*"
# The golden prompts on the GPU itself. A run that skipped them for want of a GPU is no proof.
device_tests() {
  run bitnet_gpu_device_test | tee "$work/device_tests"
  ! grep -q '^skipped: ' "$work/device_tests"
}
step "golden prompts on the gpu" device_tests

draw() {  # draw DEVICE RECEIPT ARGS...
  local device=$1 receipt=$2
  shift 2
  run bitnet run --device "$device" --receipt "$receipt" --json --prompt "The quick brown fox" --ignore-eos "$@" >/dev/null
}
digest() { grep -o '"logits_sha256": *"[0-9a-f]*"' "$1" | grep -o '[0-9a-f]\{64\}'; }
same() { [[ -n $1 && $1 == "$2" ]] || die 1 "digests differ: '$1' on the CPU, '$2' on the GPU"; }

check_model() {  # check_model N FLAGS...: CPU and GPU draw N tokens from the same bits, receipts replay both ways
  local n=$1 kv
  shift
  for kv in f16 f32; do
    draw cpu "$work/cpu.json" "$@" --kv $kv -n "$n"
    draw cuda "$work/cuda.json" "$@" --kv $kv -n "$n"
    same "$(digest "$work/cpu.json")" "$(digest "$work/cuda.json")"
  done
  run bitnet verify-receipt "$work/cpu.json" "$@" --replay --device cuda
  run bitnet verify-receipt "$work/cuda.json" "$@" --replay --device cpu
}
step "digests and replays, built-in model" check_model 48

sanitize() {  # sanitize TOOL PROGRAM ARGUMENTS...
  local tool=$1 program=$2 path
  shift 2
  for path in "${names[@]}"; do [[ $(basename "$path") != "$program" ]] || break; done
  path=$build/$path
  [[ -z $programs ]] || path=$programs/bin/$program
  LD_LIBRARY_PATH=${programs:+$programs/lib:}${LD_LIBRARY_PATH:-/usr/lib} \
    compute-sanitizer --tool "$tool" --error-exitcode 1 "$path" "$@"
}
if ((do_sanitizer)); then
  for kind in memcheck racecheck synccheck; do
    # A prompt of 70 tokens meets the large tiles, one of 9 the small ones, what is drawn the products of one token.
    long=$(printf 'word %.0s' {1..70})
    step "compute-sanitizer $kind" sanitize $kind bitnet run --device cuda --prompt "$long" -n 3 --quiet
    step "compute-sanitizer $kind, short" sanitize $kind bitnet run --device cuda --prompt "Once upon" -n 3 --kv f32 --quiet
  done
fi

for model in "${models[@]}"; do
  step "digests and replays, $(basename "$model")" check_model 24 --model "$model"
done
if ((do_bench)); then
  for head in q6_k f16; do
    step "write the random model, $head" run bitnet_gpu_bench write-model $head "$work/$head.gguf"
    step "digests and replays, random model, $head" check_model 8 --model "$work/$head.gguf"
  done
  measure() { run "$@" >"$work/result.json"; }
  step "bench, kernels" measure bitnet_gpu_bench kernels
  keep "bench, kernels" "$work/result.json"
  step "bench, built-in model" measure bitnet bench --device cuda -t 1 -o json -p 128 -n 64
  keep "bench, built-in model" "$work/result.json"
  for model in "$work/q6_k.gguf" "$work/f16.gguf" "${models[@]}"; do
    step "bench, $(basename "$model")" measure bitnet bench --device cuda -t 1 -o json --model "$model" -p 512 -n 64
    keep "bench, $(basename "$model")" "$work/result.json"
    step "passes, $(basename "$model")" measure bitnet_gpu_bench passes "$model"
    keep "passes, $(basename "$model")" "$work/result.json"
  done
fi
verdict=true
echo "gpu_check: all passed in $SECONDS s"
