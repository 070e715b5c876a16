#!/usr/bin/env bash
# Consuming over HTTP, as its users do: streams, pushes, CloudEvents and the examples with the official libraries and real clients, and gateways that
# are killed meanwhile (tests/consuming). Each part is a program of its own, `tests/consuming/NAME/run PROGRAM`; they run side by side.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
need python3 python3
# Everything that is installed or compiled, before the parts that have deadlines.
need curl curl
need go golang-go
need java default-jdk-headless
need chromium chromium fonts-dejavu-core
for name in cloud-events pushes streams; do npm_packages "$name"; done
for name in cloud-events pushes; do (venv "$name"); done
cargo build --locked --example worker --example receiver
OUT=$WORK/consuming
rm -rf "$OUT" && mkdir -p "$OUT"
export PYTHONDONTWRITEBYTECODE=1

parts=(tests/consuming/*/run)
names=() pids=()
for part in "${parts[@]}"; do
  name=$(basename "$(dirname "$part")")
  timeout 600 "$part" "$GATEWAY" >"$OUT/$name.log" 2>&1 </dev/null &
  names+=("$name") pids+=("$!")
done
bad=()
for index in "${!names[@]}"; do
  name=${names[index]} code=0
  wait "${pids[index]}" || code=$?
  sed "s/^/   $name: /" "$OUT/$name.log"
  [[ $code == 0 ]] || bad+=("$name ended with $code")
done
((${#bad[@]} == 0)) || fail "$(printf '%s; ' "${bad[@]}")"
