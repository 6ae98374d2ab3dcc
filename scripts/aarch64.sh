#!/usr/bin/env bash
# Builds for 64-bit Arm on an x86 Debian machine and runs the kernel tests and the short golden prompts under qemu.
# With BITNET_NATIVE_TOOL, a bitnet that runs on this machine, receipts cross between the two processors; the tool for Arm
# that this needs takes another minute to build.
# The libraries are unpacked beside the build, not installed; apt's own lists and architectures stay as they are.
#
# usage: scripts/aarch64.sh [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/aarch64}
jobs=${BITNET_JOBS:-$(nproc)}
sysroot=$PWD/build/aarch64-sysroot
packages=(libhwy-dev libhwy1 libsimdjson-dev libsimdjson14 libssl-dev libssl3 libyaml-cpp-dev libyaml-cpp0.7
  libcli11-dev catch2)
programs=(bitnet_kernels_test bitnet_base_test bitnet_format_test bitnet_tokenizer_test bitnet_runtime_test)
native=${BITNET_NATIVE_TOOL:-}
crossing='receipts cross between two processors'
# Emulation is some twenty times slower: long prompts and long texts are left to the native run, and so are huge pages,
# of which it does not tell the kernel.
native_only='in linear time|threads and chunks change no bit|near the binary64 reference'
# So are searches over everything that integers and tables answer: the recorded texts, ids and bits run here too.
native_only+='|both forms of every character|merging by score finds what a search|exp_c is within 1.0104 ulp'
native_only+='|huge pages has them where the kernel offers them|the long golden prompt on an f32 cache|time, memory, depth and output of a template are bounded'

if [[ ! -f $sysroot/.complete ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/lists/partial "$work"/cache/archives/partial
  apt=(apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::Lists="$work/lists"
    -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache" -o Acquire::Retries=3 -o APT::Sandbox::User=root)
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" download "${packages[@]}")
  rm -rf "$sysroot"
  mkdir -p "$sysroot"
  for package in "$work"/*.deb; do dpkg -x "$package" "$sysroot"; done
  touch "$sysroot/.complete"
fi

launcher= unity=ALL  # as in scripts/test.sh
if [[ -z ${CI:-} ]] && command -v ccache >/dev/null; then launcher=ccache unity=OFF; fi
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER_LAUNCHER="$launcher" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" -DBITNET_UNITY="$unity" -DBITNET_UPPER_OPTIONS=-O1 -DBITNET_WARNINGS_AS_ERRORS=ON \
  -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/toolchains/aarch64-linux-gnu.cmake" -DBITNET_SYSROOT="$sysroot" \
  -DBITNET_INSTALL=OFF -DBITNET_NATIVE_TOOL="$native"
cmake --build "$build" -j "$jobs" --target "${programs[@]}" ${native:+bitnet_tool}
ctest --test-dir "$build" -j "$jobs" --output-on-failure --no-tests=error \
  -R "^(($(IFS="|"; echo "${programs[*]}")):${native:+|$crossing})" -E "$native_only"
