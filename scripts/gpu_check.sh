#!/usr/bin/env bash
# The whole proof on a machine with an NVIDIA GPU, in under ten minutes: build, tests, digests against the CPU, replay
# of receipts both ways, benchmarks, compute-sanitizer. What fails does not keep the rest from being tried, and what it
# costs is in the exit code: of the first failure. The JSON report says what was run, what was left out and how it
# ended; it is written anew after each step, so that a machine that is taken away leaves what was found until then.
#
# usage: scripts/gpu_check.sh [--build DIR | --programs DIR] [--model MODEL.gguf]... [--report FILE] [--minutes N]
#                             [--no-sanitizer] [--no-bench]
#        scripts/gpu_check.sh --pack DIR [--arch 90]
#   --model     also checked and measured, beside the built-in model and random ones in the shape of 2B-4T
#   --report    default: gpu_check.json in the folder of the build
#   --minutes   all of it ends by then (default 9); no step takes more than a third of it, the build apart
#   --pack      builds here, for a GPU elsewhere, and puts the programs and the libraries that they need into DIR
#   --programs  takes them from there and builds nothing: for a machine without compilers or packages. It needs the
#               source tree beside them, for the test data
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/gpu programs="" pack="" arch="" report="" models=() do_sanitizer=1 do_bench=1 minutes=9
usage() { sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2; }
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
[[ $minutes =~ ^[1-9][0-9]*$ && ${arch:-90} =~ ^[1-9][0-9]*$ ]] || usage
PATH=$PATH:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer:/usr/local/nvidia/bin
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
commit() { git rev-parse HEAD 2>/dev/null || echo unknown; }

if [[ -n $pack ]]; then
  [[ $build != build/gpu ]] || build=build/gpu-pack  # its options would stay in the cache of the other
  make_it "$build" "${arch:=90}" -DBUILD_SHARED_LIBS=OFF -DBITNET_TEST_ROOT=.
  mkdir -p "$pack/bin" "$pack/lib"
  for name in "${names[@]}"; do
    cp "$build/$name" "$pack/bin/"
    strip "$pack/bin/$(basename "$name")"
    # All but what belongs to the system's loader.
    ldd "$build/$name" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
      { grep -vE '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so' || true; } | xargs -r cp -Lt "$pack/lib/"
  done
  commit >"$pack/commit"  # the tree may travel without its history
  echo "gpu_check: packed for compute capability $arch into $pack ($(du -sh "$pack" | cut -f1))"
  exit 0
fi

folder=${programs:-$build}
report=${report:-$folder/gpu_check.json}
work=$(mktemp -d)
made_of=$(if [[ -n $programs ]]; then cat "$programs/commit" 2>/dev/null || echo unknown; else commit; fi)
steps=() left_out=() ended=false  # steps: JSON objects
first_failure=0                   # exit code of the first step that failed
pid=""                            # of the step that runs, in a process group of its own
write_report() {
  mkdir -p "$(dirname "$report")"
  local out="" passed=false
  [[ $ended != true || $first_failure != 0 ]] || passed=true
  ((${#left_out[@]} == 0)) || out=$(printf '"%s",' "${left_out[@]}")
  printf '{"passed": %s, "ended": %s, "commit": "%s", "seconds": %d, "left_out": [%s], "steps": [%s]}\n' "$passed" \
    "$ended" "$made_of" "$SECONDS" "${out%,}" "$(IFS=,; echo "${steps[*]-}")" >"$report.part"
  mv -f "$report.part" "$report"
}
finish() {
  [[ -z $pid ]] || kill -KILL -- "-$pid" 2>/dev/null || true
  write_report
  rm -rf "$work"
  echo "gpu_check: report in $report"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# step NAME COMMAND...: runs it in the time that is left, and keeps its name, time and exit code; $passed says whether
# it went well. Never part of a condition: in one, bash would go on after a failure inside COMMAND.
limit=$((minutes * 60 / 3))  # of a step, in seconds: a GPU that hangs does not take the time of what comes after
step() {
  local name=$1 started=$SECONDS status=0 end
  shift
  passed=0
  if ((SECONDS >= minutes * 60)); then
    left_out+=("$name")
    ((first_failure)) || first_failure=124
    write_report
    return 0
  fi
  echo "== $name"
  end=$((SECONDS + limit < minutes * 60 ? SECONDS + limit : minutes * 60))
  set -m  # a process group of its own, which can be ended whole
  (
    set -e
    "$@"
  ) &
  pid=$!
  set +m
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS >= end)); then
      echo "gpu_check: its time is over: $name" >&2
      kill -TERM -- "-$pid" 2>/dev/null || true
      sleep 1
      kill -KILL -- "-$pid" 2>/dev/null || true
      status=124
      break
    fi
    sleep 0.1
  done
  wait "$pid" || status=$((status ? status : $?))
  pid=""
  ((status)) || passed=1
  steps+=("{\"name\": \"$name\", \"passed\": $([[ $status == 0 ]] && echo true || echo false), \"status\": $status, \"seconds\": $((SECONDS - started))}")
  write_report
  ((status == 0)) || echo "gpu_check: failed: $name" >&2
  ((status == 0 || first_failure)) || first_failure=$status
}
# keep NAME FILE: the JSON that the last step left, where it passed.
keep() {
  ((passed)) || return 0
  steps+=("{\"name\": \"$1\", \"result\": $(cat "$2")}")
  write_report
}
# Nothing is to be found without it.
needed() { ((passed)) || die "$first_failure" "stopped: the rest needs what failed"; }

((do_sanitizer)) || left_out+=(sanitizer)
((do_bench)) || left_out+=(bench)
write_report

if [[ -n $programs ]]; then
  for name in "${names[@]}"; do
    [[ -x $programs/bin/$(basename "$name") ]] || die 2 "no program $programs/bin/$(basename "$name"); --pack makes it"
  done
else
  if [[ -z $arch ]]; then
    command -v nvidia-smi >/dev/null || die 17 "no nvidia-smi, so no NVIDIA driver; if there is one, say --arch"
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d '. ') || true
    [[ $arch =~ ^[0-9]+$ ]] || die 17 "nvidia-smi finds no GPU"
  fi
  one_step=$limit limit=$((minutes * 60))
  step build make_it "$build" "$arch"
  limit=$one_step
  needed
fi
run() {  # run PROGRAM ARGUMENTS...
  local name=$1 path
  shift
  for path in "${names[@]}"; do [[ $(basename "$path") != "$name" ]] || break; done
  if [[ -z $programs ]]; then "$build/$path" "$@"; return; fi
  LD_LIBRARY_PATH=$programs/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$programs/bin/$name" "$@"
}
to_file() {  # to_file FILE COMMAND...
  local file=$1
  shift
  "$@" >"$file"
}

step doctor to_file "$work/doctor.json" run bitnet doctor --json
keep doctor "$work/doctor.json"
needed
grep -q '"name":"cuda:0","available":true' "$work/doctor.json" ||
  die 17 "no GPU that this build can use: $(grep -o '"name":"cuda[^}]*' "$work/doctor.json" || true)"

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
    grep -q '"device": *"cuda"' "$work/cuda.json" || die 1 "a receipt of the GPU that does not name it"
    same "$(digest "$work/cpu.json")" "$(digest "$work/cuda.json")"
  done
  run bitnet verify-receipt "$work/cpu.json" "$@" --replay --device cuda | tee "$work/replay"
  grep -q ' with --device cuda ' "$work/replay" || die 1 "a replay on the GPU that does not name it"
  run bitnet verify-receipt "$work/cuda.json" "$@" --replay --device cpu
}
step "digests and replays, built-in model" check_model 48
for model in "${models[@]}"; do
  step "digests and replays, $(basename "$model")" check_model 24 --model "$model"
done

bench() {  # bench NAME COMMAND...
  local name=$1
  shift
  step "$name" to_file "$work/result.json" run "$@"
  keep "$name" "$work/result.json"
}
bench_model() {
  bench "bench, $(basename "$1")" bitnet bench --device cuda -t 1 -o json --model "$1" -p 512 -n 64
  bench "passes, $(basename "$1")" bitnet_gpu_bench passes "$1"
}
if ((do_bench)); then
  bench "bench, kernels" bitnet_gpu_bench kernels
  bench "bench, built-in model" bitnet bench --device cuda -t 1 -o json -p 128 -n 64
  for model in "${models[@]}"; do bench_model "$model"; done
  for head in q6_k f16; do
    step "write the random model, $head" run bitnet_gpu_bench write-model $head "$work/$head.gguf"
    ((passed)) || continue
    bench_model "$work/$head.gguf"
    step "digests and replays, random model, $head" check_model 8 --model "$work/$head.gguf"
  done
fi

# What is slowest, and what needs no GPU, last.
within=()  # what the sanitizer runs under where no step ends it
sanitize() {  # sanitize TOOL PROGRAM ARGUMENTS...
  local tool=$1 program=$2 path
  shift 2
  command -v compute-sanitizer >/dev/null || die 1 "no compute-sanitizer in PATH; --no-sanitizer leaves it out"
  for path in "${names[@]}"; do [[ $(basename "$path") != "$program" ]] || break; done
  path=$build/$path
  [[ -z $programs ]] || path=$programs/bin/$program
  LD_LIBRARY_PATH=${programs:+$programs/lib:}${LD_LIBRARY_PATH:-/usr/lib} \
    "${within[@]}" compute-sanitizer --tool "$tool" --error-exitcode 1 "$path" "$@"
}
# Some virtual machines let no sanitizer watch their GPU. That says nothing about the kernels: left out, by name.
if ((do_sanitizer && SECONDS + 65 < minutes * 60)) && command -v compute-sanitizer >/dev/null; then
  (within=(timeout -k 5 60) && sanitize memcheck bitnet doctor --json) >"$work/sees" 2>&1 || true
  if grep -q 'Device not supported' "$work/sees"; then
    left_out+=("sanitizer: it says that it does not support this device")
    do_sanitizer=0
    write_report
  fi
fi
if ((do_sanitizer)); then
  for kind in memcheck racecheck synccheck; do
    # A prompt of 70 tokens meets the large tiles, one of 9 the small ones, what is drawn the products of one token.
    long=$(printf 'word %.0s' {1..70})
    step "compute-sanitizer $kind" sanitize $kind bitnet run --device cuda --prompt "$long" -n 3 --quiet
    step "compute-sanitizer $kind, short" sanitize $kind bitnet run --device cuda --prompt "Once upon" -n 3 --kv f32 --quiet
  done
fi
step "kernels, emulated" run bitnet_gpu_test "gpu:*"

ended=true
((first_failure == 0)) || die "$first_failure" "something failed, in $SECONDS s"
((${#left_out[@]} == 0)) || printf 'gpu_check: left out: %s\n' "${left_out[@]}"
echo "gpu_check: all that was run passed in $SECONDS s"
