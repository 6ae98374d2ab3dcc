#!/usr/bin/env bash
# Builds and tests everything, from nothing. The last line counts the checks that really ran.
#
# usage: scripts/test.sh [--full] [--only STAGE]... [--list]
#   (none)   gcc: every test but those labelled slow
#   --full   and the slow tests, clang, the sanitizers, aarch64 under qemu, the format, CUDA where nvcc is
#   --only   these stages alone, without installing packages; --list names them
#
# Builds go to build/<stage>, logs to build/logs/<stage>.log. BITNET_JOBS overrides the number of jobs, of all stages
# together; with more than one, three run at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

quick_stages=(deps gcc)
full_stages=(deps asan-ubsan gcc aarch64 tsan clang format)  # the longest first
# CUDA kernels are compiled where nvcc is; nothing here needs a GPU.
nvcc=$(command -v nvcc || true)
[[ -n $nvcc || ! -x /usr/local/cuda/bin/nvcc ]] || nvcc=/usr/local/cuda/bin/nvcc
only=()
full=0
while (($#)); do
  case "$1" in
    --full) full=1 ;;
    --only) only+=("${2:?--only needs the name of a stage}"); shift ;;
    --list) printf '%s\n' "${full_stages[@]}"; exit 0 ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
stages=("${quick_stages[@]}")
((full)) && stages=("${full_stages[@]}")
((${#only[@]})) && stages=("${only[@]}")

lanes=3  # so that the cores work while one stage links, configures, waits for a long test or is the last
jobs=${BITNET_JOBS:-$(nproc)}
if ((full || ${#only[@]} > 1)); then
  ((lanes <= jobs + 1)) || lanes=$((jobs + 1))
  # Twice the cores in all, so that no core waits for the stage that is left alone.
  ((jobs == 1)) || jobs=$(((2 * jobs + lanes - 1) / lanes))
fi
export BITNET_JOBS=$jobs
logs=build/logs
rm -rf "$logs"
mkdir -p "$logs"
# Where nothing is cached, files that are compiled together and precompiled headers save a third of the time.
unity=ALL launcher=
if [[ -z ${CI:-} ]] && command -v ccache >/dev/null; then unity=OFF launcher=ccache; fi
prefix=()  # put before builds (which run the test programs to list their tests) and tests

configure() {  # configure BUILD_DIR CMAKE_ARGS...
  local dir=$1
  shift
  cmake -S . -B "$dir" -G Ninja -DBITNET_WARNINGS_AS_ERRORS=ON -DBITNET_UNITY="$unity" \
    -DCMAKE_C_COMPILER_LAUNCHER="$launcher" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" "$@"
}

build() {  # build BUILD_DIR ARGS...
  local dir=$1
  shift
  "${prefix[@]}" cmake --build "$dir" -j "$BITNET_JOBS" "$@" -- -k 0
}

run_ctest() {  # run_ctest BUILD_DIR CTEST_ARGS...
  local dir=$1 status=0 skipped=$logs/${1##*/}.skipped
  shift
  # No test at all is a failure: a filter that matches nothing checks nothing.
  "${prefix[@]}" ctest --test-dir "$dir" -j "$BITNET_JOBS" --output-on-failure --no-tests=error "$@" || status=$?
  grep -h '^skipped: ' "$dir/Testing/Temporary/LastTest.log" >"$skipped" || rm -f "$skipped"
  return $status
}

stage_deps() {
  if ((full)); then scripts/install_deps.sh --full; else scripts/install_deps.sh --test; fi
}

stage_format() {
  scripts/format.sh --check
}

# The library file by file, so that an include that is forgotten is found.
stage_gcc() {
  configure build/gcc -DBITNET_UNITY="${unity/ALL/TESTS}" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=gcc \
    -DCMAKE_CXX_COMPILER=g++ &&
    build build/gcc || return
  if ((full)); then run_ctest build/gcc; else run_ctest build/gcc -LE slow; fi
}

# The optimised kernels as clang makes them, and all that computes with them: whether clang takes the rest, without a
# warning, and whether its tests pass when it is optimised, shows the build with sanitizers. With nvcc the CUDA kernels
# are built too, for one architecture (the others differ in code generation alone), and run as PTX, that for 8.0; what they do in all
# orders of threads is tested where gcc's build is.
stage_clang() {
  local programs=(bitnet_kernels_test bitnet_runtime_test) cuda=() tests
  tests="^($(IFS='|'; echo "${programs[*]}")):"
  if [[ -n $nvcc ]]; then
    cuda=(-DBITNET_CUDA=ON -DCMAKE_CUDA_COMPILER="$nvcc" -DCMAKE_CUDA_ARCHITECTURES=90-real)
    programs+=(bitnet_gpu_device_test bitnet_gpu_ptx_test bitnet_gpu_bench)
    tests+='|^bitnet_gpu_device_test:|^cuda: |^gpu bench: '
  fi
  configure build/clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DBITNET_UPPER_OPTIONS=-O0 -DBITNET_INSTALL=OFF "${cuda[@]}" &&
    build build/clang --target "${programs[@]}" &&
    run_ctest build/clang -R "$tests" -LE 'slow|install'
}

sanitized() {  # sanitized BUILD_DIR SANITIZERS CMAKE_ARGS...: little optimisation and no debug information, which halves the time
  # Newer kernels spread addresses wider than clang 14's shadow memory allows.
  setarch -R true 2>/dev/null && prefix=(setarch -R)
  configure "$1" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_C_FLAGS=-O1 -DCMAKE_CXX_FLAGS=-O1 -DBITNET_SANITIZE="$2" -DBITNET_INSTALL=OFF -DBITNET_BUILD_EXAMPLES=OFF \
    "${@:3}"
}

# Repeats of what one run shows: left to the builds without sanitizers.
repeats='threads and chunks change no bit|near the binary64 reference|within 1.0104 ulp|on an emulated gpu give|layers split over'
repeats+='|gpu: norm and quantisation|gpu: the largest logits|every pattern cuts megabytes|public headers compile alone'
repeats+='|a megabyte of one|a megabyte of rep|time, memory, depth and output of a template|both forms of every character'

stage_asan_ubsan() {
  sanitized build/asan-ubsan address,undefined && build build/asan-ubsan &&
    run_ctest build/asan-ubsan -LE 'slow|install' -E "$repeats|^layering"
}

stage_tsan() {
  local programs=(bitnet_base_test bitnet_runtime_test bitnet_capi_threads_test)
  sanitized build/tsan thread -DBITNET_UPPER_OPTIONS=-O0 && build build/tsan --target "${programs[@]}" &&
    run_ctest build/tsan -R "^($(IFS='|'; echo "${programs[*]}")):" -E "$repeats|golden"
}

stage_aarch64() {
  scripts/aarch64.sh
}

run_stage() {  # run_stage NAME: runs stage_NAME, keeps its log, counts its tests
  local name=$1 log=$logs/$1.log started=$SECONDS status=0 p f s
  echo "== $name: $(date +%H:%M:%S)"
  (time "stage_${name//-/_}") >"$log" 2>&1 || status=$?
  # What ctest printed for each test; a stage without tests counts as one check.
  read -r p f s < <(awk '
    /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
      if (/ Passed +[0-9.]+ sec/) p++; else if (/\*\*\*Skipped/) s++; else f++
    }
    END { print p + 0, f + 0, s + 0 }' "$log")
  if ((p + f + s == 0 || (status != 0 && f == 0))); then
    if ((status)); then ((f += 1)); else ((p += 1)); fi
  fi
  echo "$name $((SECONDS - started)) $p $f $s" >"$logs/$name.count"
  if ((f)); then
    echo "-- $name failed; the end of $log:"
    grep -E '\*\*\*(Failed|Timeout|Exception|Not Run)' "$log" | head -50 || true
    tail -n 60 "$log"
  fi
  report "$name" | sed 's/^/   /'
  ((f == 0))
}

report() {  # report NAME: a line of its time and its counts
  local name seconds p f s
  read -r name seconds p f s <"$logs/$1.count"
  printf '%-12s %5d s  %5d passed %4d failed %4d skipped\n' "$name" "$seconds" "$p" "$f" "$s"
}

for stage in "${stages[@]}"; do
  declare -F "stage_${stage//-/_}" >/dev/null && continue
  echo "test: no stage '$stage'; scripts/test.sh --list names them" >&2
  exit 2
done

trap 'trap "" TERM; kill 0; wait; exit 130' INT TERM  # what runs beside this shell does not hear of Ctrl-C
for stage in "${stages[@]}"; do
  if [[ $stage == deps ]]; then
    run_stage deps || break
    continue
  fi
  while (($(jobs -pr | wc -l) >= lanes)); do wait -n || true; done
  run_stage "$stage" &
done
wait

echo
echo "== summary: $SECONDS s"
for stage in "${stages[@]}"; do
  # A stage that ended without a count, killed or never begun, has failed.
  [[ -f $logs/$stage.count ]] || echo "$stage 0 0 1 0" >"$logs/$stage.count"
  report "$stage"
done
if compgen -G "$logs/*.skipped" >/dev/null; then
  echo "-- skipped for want of"
  cat "$logs"/*.skipped | sort | uniq -c
fi
read -r passed failed skipped < <(awk '{ p += $3; f += $4; s += $5 } END { print p + 0, f + 0, s + 0 }' "$logs"/*.count)
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
