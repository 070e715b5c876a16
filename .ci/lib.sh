# shellcheck shell=bash
# What the stages share: installing tools, starting and stopping the gateway. Sourced, never run.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=$ROOT/target/ci # all that the stages make lives here
GATEWAY=${MQ_GATEWAY_BIN:-$ROOT/target/release/mq-gateway}
GATEWAY_PID=
export DEBIAN_FRONTEND=noninteractive CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
if [[ -n ${CI:-} ]]; then export CARGO_INCREMENTAL=0; fi
mkdir -p "$WORK"
cd "$ROOT"

say() { printf '   %s\n' "$*"; }

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# repeatedly COMMAND…: three tries, for what needs the network.
repeatedly() {
  local pause
  for pause in 5 20 0; do
    "$@" && return
    sleep "$pause"
  done
  return 1
}

# ---- tools -------------------------------------------------------------------------------------------------------------

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@" || fail "root is needed for: $*"; fi
}

# One stage at a time: those beside it wait until it has what it needs.
with_apt() { (flock 9 && "$@") 9>"$WORK/apt.lock"; }

# Package lists are fetched once for all stages of a checkout.
apt_update() {
  [[ -e $WORK/apt-updated ]] && return
  repeatedly as_root apt-get -qq update || fail "apt-get update"
  touch "$WORK/apt-updated"
}

# apt_install PACKAGE…: Debian packages, where they are not there yet.
apt_install() { with_apt apt_install_alone "$@"; }

apt_install_alone() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  apt_update
  as_root apt-get -qq install -y --no-install-recommends "${missing[@]}" >"$WORK/apt.log" 2>&1 ||
    { tail -20 "$WORK/apt.log" >&2; fail "apt-get install ${missing[*]}"; }
}

# need COMMAND PACKAGE…: the command, from Debian where it is missing.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null || apt_install "$@"
  command -v "$command" >/dev/null || fail "no $command after installing $*"
}

# unpacked_package PACKAGE: a Debian package's files below target/ci, for programs that would start a service if installed.
# Prints the folder.
unpacked_package() {
  local package=$1 dir=$WORK/packages/$1
  if [[ ! -e $dir.done ]]; then
    with_apt apt_update
    rm -rf "$dir" && mkdir -p "$dir/deb"
    (cd "$dir/deb" && apt-get -qq download "$package" >&2) || fail "apt-get download $package"
    dpkg-deb -x "$dir"/deb/*.deb "$dir" || fail "unpacking $package"
    touch "$dir.done"
  fi
  printf '%s\n' "$dir"
}

# cargo_tool NAME VERSION: a program of crates.io below target/ci, first on PATH.
cargo_tool() {
  local name=$1 version=$2 dir=$WORK/cargo/$1-$2
  if [[ ! -x $dir/bin/$name ]]; then
    say "installing $name $version"
    CARGO_TARGET_DIR=$dir/target cargo install --quiet --locked --root "$dir" --version "$version" "$name" || fail "cargo install $name"
    rm -rf "$dir/target"
  fi
  PATH=$dir/bin:$PATH
}

# venv NAME: a Python environment with .ci/requirements/NAME.txt, first on PATH.
venv() {
  local name=$1 dir=$WORK/venv/$1 wanted=$ROOT/.ci/requirements/$1.txt
  if ! cmp -s "$wanted" "$dir/installed.txt"; then
    say "installing $(tr '\n' ' ' <"$wanted")"
    rm -rf "$dir"
    python3 -m venv "$dir" || { apt_install python3-venv && python3 -m venv "$dir"; } || fail "python3 -m venv"
    repeatedly "$dir/bin/pip" install -q --disable-pip-version-check -r "$wanted" || fail "pip install -r $wanted"
    cp "$wanted" "$dir/installed.txt"
  fi
  PATH=$dir/bin:$PATH
}

# npm_packages NAME: what .ci/requirements/NAME-npm locks, in the folder NODE_PACKAGES.
npm_packages() {
  local wanted=$ROOT/.ci/requirements/$1-npm dir=$WORK/$1-npm
  need node nodejs
  need npm npm
  if ! cat "$wanted"/package*.json | cmp -s - "$dir/installed-from"; then
    say "installing npm packages"
    rm -rf "$dir" && mkdir "$dir"
    cp "$wanted"/package*.json "$dir"
    (cd "$dir" && repeatedly npm ci --ignore-scripts --no-audit --no-fund --silent) || fail "npm ci of $wanted"
    cat "$wanted"/package*.json >"$dir/installed-from"
  fi
  export NODE_PACKAGES=$dir
}

# own_ports COUNT: sets PORTS, ports that stay this script's own while it runs: for programs that do not say which port 0 gave them.
own_ports() {
  coproc KEEPER { exec python3 -B "$ROOT/tests/support/ports.py" "$1"; }
  # shellcheck disable=SC2034 # used where this is sourced
  read -ra PORTS <&"${KEEPER[0]}" || fail "no free ports"
}

# ---- the gateway -------------------------------------------------------------------------------------------------------

# need_gateway: the release binary, built where it is missing. MQ_GATEWAY_BIN names another one.
need_gateway() {
  if [[ ! -x $GATEWAY ]]; then
    [[ -z ${MQ_GATEWAY_BIN:-} ]] || fail "no program at MQ_GATEWAY_BIN=$MQ_GATEWAY_BIN"
    cargo build --release --locked
  fi
}

# address_of LISTENER LOGFILE: where a listener listens, from its log event; nothing while it does not.
address_of() {
  sed -n "/\"message\":\"listening\"/{/\"listener\":\"$1\"/s/.*\"address\":\"\([^\"]*\)\".*/\1/p}" "$2" 2>/dev/null | tail -1
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    ((SECONDS < end)) || return 1
    if [[ -n $GATEWAY_PID ]] && ! kill -0 "$GATEWAY_PID" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
  say "$what"
}

is_listening() { [[ -n $(address_of data "$1") && -n $(address_of management "$1") ]]; }
answers() { curl -fsS -m 5 -o /dev/null "$1" 2>/dev/null; }

# start_gateway NAME FLAG…: on free ports, with a new data directory; sets DATA_URL and MANAGEMENT_URL.
start_gateway() {
  local name=$1 log=$WORK/$1.log
  shift
  need_gateway
  rm -rf "$WORK/$name.data"
  "$GATEWAY" --listen 127.0.0.1:0 --management-listen 127.0.0.1:0 --embedded-listen 127.0.0.1:0 \
    --data-dir "$WORK/$name.data" "$@" >"$log" 2>&1 </dev/null &
  GATEWAY_PID=$!
  trap 'kill "$GATEWAY_PID" 2>/dev/null || true' EXIT
  wait_for 60 "listening" is_listening "$log" || { tail -20 "$log" >&2; fail "the gateway does not listen"; }
  DATA_URL=http://$(address_of data "$log")
  MANAGEMENT_URL=http://$(address_of management "$log")
  wait_for 60 "ready at $DATA_URL" answers "$MANAGEMENT_URL/readyz" || { tail -20 "$log" >&2; fail "the gateway is not ready"; }
}

# stop_gateway: SIGTERM, as an orchestrator stops it; it must end by itself, with 0.
stop_gateway() {
  local code=0 pid=$GATEWAY_PID end=$((SECONDS + 40))
  GATEWAY_PID=
  trap - EXIT
  kill -TERM "$pid" 2>/dev/null || fail "the gateway has died"
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS > end)); then
      kill -KILL "$pid"
      fail "the gateway did not end 40 s after SIGTERM"
    fi
    sleep 0.2
  done
  wait "$pid" || code=$?
  [[ $code == 0 ]] || fail "the gateway ended with $code after SIGTERM"
  say "stopped"
}
