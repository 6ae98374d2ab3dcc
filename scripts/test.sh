#!/usr/bin/env bash
# Builds and tests everything, from nothing. The last line counts the checks that really ran.
#
# usage: scripts/test.sh [--full] [--only STAGE]... [--list]
#   (none)   gcc: every test but those labelled slow
#   --full   and the slow tests, clang, the sanitizers, aarch64 under qemu, the format, CUDA where nvcc is
#   --only   these stages alone, without installing packages; --list names them
#
# Builds go to build/<stage>, logs to build/logs/<stage>.log. BITNET_JOBS overrides the number of jobs.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

quick_stages=(deps gcc)
full_stages=(deps format gcc aarch64 clang asan-ubsan tsan)
# CUDA kernels are compiled where nvcc is; nothing here needs a GPU.
nvcc=$(command -v nvcc || true)
[[ -n $nvcc || ! -x /usr/local/cuda/bin/nvcc ]] || nvcc=/usr/local/cuda/bin/nvcc
[[ -z $nvcc ]] || full_stages+=(cuda)
only=()
full=0
while (($#)); do
  case "$1" in
    --full) full=1 ;;
    --only) only+=("${2:?--only needs the name of a stage}"); shift ;;
    --list) printf '%s\n' "${full_stages[@]}"; exit 0 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
stages=("${quick_stages[@]}")
((full)) && stages=("${full_stages[@]}")
((${#only[@]})) && stages=("${only[@]}")

jobs=${BITNET_JOBS:-$(nproc)}
logs=build/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0
prefix=()  # put before builds (which run the test programs to list their tests) and tests
summary=()
skip_reasons=$logs/skipped.txt
: >"$skip_reasons"

configure() {  # configure BUILD_DIR CMAKE_ARGS...
  local dir=$1 launcher=()
  shift
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -S . -B "$dir" -G Ninja -DBITNET_WARNINGS_AS_ERRORS=ON "${launcher[@]}" "$@"
}

build() {  # build BUILD_DIR ARGS...
  local dir=$1
  shift
  "${prefix[@]}" cmake --build "$dir" -j "$jobs" "$@" -- -k 0
}

run_ctest() {  # run_ctest BUILD_DIR CTEST_ARGS...
  local dir=$1 status=0
  shift
  # No test at all is a failure: a filter that matches nothing checks nothing.
  "${prefix[@]}" ctest --test-dir "$dir" -j "$jobs" --output-on-failure --no-tests=error "$@" || status=$?
  grep -h '^skipped: ' "$dir/Testing/Temporary/LastTest.log" >>"$skip_reasons" || true
  return $status
}

stage_deps() {
  if ((full)); then scripts/install_deps.sh --full; else scripts/install_deps.sh --test; fi
}

stage_format() {
  scripts/format.sh --check
}

stage_gcc() {
  configure build/gcc -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ &&
    build build/gcc || return
  if ((full)); then run_ctest build/gcc; else run_ctest build/gcc -LE slow; fi
}

# The optimised kernels as clang makes them, and all that computes with them: whether clang takes the rest, without a
# warning, and whether its tests pass, shows the build with sanitizers.
stage_clang() {
  local programs=(bitnet_kernels_test bitnet_runtime_test bitnet_golden_test)
  configure build/clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ &&
    build build/clang --target "${programs[@]}" examples/all &&
    run_ctest build/clang -R "^($(IFS='|'; echo "${programs[*]}")):" -LE 'slow|install'
}

sanitized() {  # sanitized BUILD_DIR SANITIZERS: little optimisation and no debug information, which halves the time
  # Newer kernels spread addresses wider than clang 14's shadow memory allows.
  setarch -R true 2>/dev/null && prefix=(setarch -R)
  configure "$1" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_C_FLAGS=-O1 -DCMAKE_CXX_FLAGS=-O1 -DBITNET_SANITIZE="$2" -DBITNET_INSTALL=OFF -DBITNET_BUILD_EXAMPLES=OFF
}

# Repeats of what one run shows: left to the builds without sanitizers.
repeats='threads and chunks change no bit|near the binary64 reference|within 1.0104 ulp|on an emulated gpu give|layers split over'
repeats+='|gpu: norm and quantisation|gpu: the largest logits'

stage_asan_ubsan() {
  sanitized build/asan-ubsan address,undefined && build build/asan-ubsan &&
    run_ctest build/asan-ubsan -LE 'slow|install' -E "$repeats|^layering"
}

stage_tsan() {
  local programs=(bitnet_base_test bitnet_runtime_test bitnet_capi_threads_test)
  sanitized build/tsan thread && build build/tsan --target "${programs[@]}" &&
    run_ctest build/tsan -R "^($(IFS='|'; echo "${programs[*]}")):" -E "$repeats|golden"
}

stage_aarch64() {
  scripts/aarch64.sh
}

# One architecture: the others differ in code generation alone. The kernels' arithmetic is tested where gcc's build is.
stage_cuda() {
  local programs=(bitnet_gpu_device_test bitnet_capi_test)
  [[ -n $nvcc ]] || { echo "cuda: no nvcc"; return 1; }
  configure build/cuda -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1 -DBITNET_CUDA=ON -DCMAKE_CUDA_COMPILER="$nvcc" \
    -DCMAKE_CUDA_ARCHITECTURES=90-real -DBITNET_INSTALL=OFF &&
    build build/cuda --target "${programs[@]}" bitnet_tool &&
    run_ctest build/cuda -R "^bitnet_gpu_device_test:|the cpu is a device|a device or a target|exports what"
}

run_stage() {  # run_stage NAME: runs stage_NAME, keeps its log, counts its tests
  local name=$1 log=$logs/$1.log started=$SECONDS status=0 counts
  if ! declare -F "stage_${name//-/_}" >/dev/null; then
    echo "test: no stage '$name'; scripts/test.sh --list names them" >&2
    exit 2
  fi
  echo "== $name: $(date +%H:%M:%S)"
  (time "stage_${name//-/_}") >"$log" 2>&1 || status=$?
  # What ctest printed for each test; a stage without tests counts as one check.
  counts=$(awk '
    /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
      if (/ Passed +[0-9.]+ sec/) p++; else if (/\*\*\*Skipped/) s++; else f++
    }
    END { print p + 0, f + 0, s + 0 }' "$log")
  read -r p f s <<<"$counts"
  if ((p + f + s == 0 || (status != 0 && f == 0))); then
    if ((status)); then ((f += 1)); else ((p += 1)); fi
  fi
  ((passed += p, failed += f, skipped += s)) || true
  local line
  line=$(printf '%-12s %5d s  %5d passed %4d failed %4d skipped' "$name" $((SECONDS - started)) "$p" "$f" "$s")
  summary+=("$line")
  echo "   $line"
  if ((status || f)); then
    echo "-- the end of $log:"
    grep -E '\*\*\*(Failed|Timeout|Exception|Not Run)' "$log" | head -50 || true
    tail -n 60 "$log"
    return 1
  fi
}

for stage in "${stages[@]}"; do
  run_stage "$stage" || [[ $stage != deps ]] || break
done

echo
echo "== summary: $SECONDS s"
printf '%s\n' "${summary[@]}"
if [[ -s $skip_reasons ]]; then
  echo "-- skipped for want of"
  sort "$skip_reasons" | uniq -c
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
