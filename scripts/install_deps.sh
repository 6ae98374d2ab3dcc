#!/usr/bin/env bash
# Installs the Debian packages that a build needs (Debian 12, Ubuntu 24.04), and skips what is already there.
#
# usage: scripts/install_deps.sh [--test | --full]
#   (none)   compiler, CMake and the libraries: enough for scripts/quickstart.sh
#   --test   and what scripts/test.sh needs
#   --full   and what scripts/test.sh --full needs: clang, the cross compiler, qemu
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config libhwy-dev libsimdjson-dev libssl-dev libyaml-cpp-dev libcli11-dev)
case "${1:-}" in
  "") ;;
  --test | --full)
    packages+=(catch2 binutils abigail-tools python3 python3-numpy)
    if [[ $1 == --full ]]; then
      packages+=(clang libclang-rt-14-dev clang-format-14 g++-aarch64-linux-gnu qemu-user-static util-linux)
    fi
    ;;
  *)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "install_deps: this is not a Debian system; install by hand: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) != installed ]]; then
    missing+=("$package")
  fi
done
if ((${#missing[@]} == 0)); then
  echo "install_deps: all ${#packages[@]} packages are there"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install_deps: neither root nor sudo; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install_deps: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
  -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
# A repository that is of no use to us may be down; what matters is whether the packages can be installed.
"${apt[@]}" update || echo "install_deps: apt-get update failed in part" >&2
"${apt[@]}" install --no-install-recommends "${missing[@]}"
