# shellcheck shell=bash
# What the scripts of this folder share. Sourced, not run.

# shellcheck disable=SC2034  # used by the scripts that source this
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=(openmpi-bin libopenmpi-dev libopenblas-dev pkg-config)

say() { printf '%s\n' "$@"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# Wrong usage of the script that calls it, in one line.
refuse() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }

# takes_value OPTION [VALUE]...: refuses an option at the end of the command line.
takes_value() { [ $# -gt 1 ] || refuse "$1 needs a value"; }

# whole WHAT VALUE LEAST GREATEST
whole() {
  if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
    refuse "$1 takes a whole number from $3 to $4, found $2"
  fi
}

# Prints the comment block at the top of the script that calls it.
usage() { sed -n '2,/^[^#]/{/^#/!d; s/^# \{0,1\}//; p}' "$0"; }

# Installs what is missing for building and running Rondo; returns at once when nothing is.
setup() {
  command -v swift > /dev/null || die "swift is not in PATH: install Swift 6.2 or newer from https://www.swift.org/install/linux"
  if command -v mpirun > /dev/null && pkg-config --exists ompi-c openblas 2> /dev/null; then return; fi
  if [ "$(id -u)" -eq 0 ]; then
    as_root=()
  elif sudo -n true 2> /dev/null; then
    as_root=(sudo)
  else
    die "packages are missing; run this as root, then this script again: apt-get update && apt-get install -y ${packages[*]}"
  fi
  command -v apt-get > /dev/null || die "this system has no apt-get: install what Debian calls ${packages[*]}, then run this script again"
  say "installing ${packages[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
  pkg-config --exists ompi-c openblas || die "pkg-config does not find ompi-c and openblas, though ${packages[*]} are installed: look at PKG_CONFIG_PATH"
  mpirun --version 2> /dev/null | grep -q "Open MPI" || die "mpirun is not Open MPI's: select it with update-alternatives --config mpirun"
}

# build_release: sets `rondo` to the release build of this clone, made if it is not up to date. Swift's libraries are linked into it: it
# runs on machines without Swift.
build_release() {
  local options=(-c release --static-swift-stdlib)
  swift build "${options[@]}" --product rondo -j "${JOBS:-$(nproc)}"
  # shellcheck disable=SC2034  # used by the scripts that source this
  rondo=$(swift build "${options[@]}" --show-bin-path)/rondo
}

# launch RANKS SECONDS COMMAND...: mpirun on this machine, for at most SECONDS, with what it takes to run as root and with more ranks than
# cores. Ranks are not bound: on one machine their threads share its cores.
launch() {
  # Open MPI counts cores as slots where nproc counts hardware threads: it need not count here.
  local ranks=$1 seconds=$2 options=(--bind-to none --oversubscribe)
  shift 2
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  if [ "$ranks" -gt "$(nproc)" ]; then options+=(--mca mpi_yield_when_idle 1); fi
  timeout --kill-after=10 "$((seconds + 10))" \
    mpirun -n "$ranks" "${options[@]}" --timeout "$seconds" "$@"
}
