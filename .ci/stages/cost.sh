#!/usr/bin/env bash
# User instructions per request, counted by valgrind, against tests/cost/recorded.toml. `--record` writes them there.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
OUT=$WORK/cost
rm -rf "$OUT" && mkdir -p "$OUT"

need python3 python3
need valgrind valgrind
need strip binutils
need_gateway

# Valgrind reads all debug information at each start, which takes longer than what is counted.
strip -o "$OUT/mq-gateway" "$GATEWAY"
PYTHONDONTWRITEBYTECODE=1 python3 tests/cost/cost.py "$OUT/mq-gateway" "$OUT" "$@"
