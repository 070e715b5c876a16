#!/usr/bin/env bash
# Consuming without an SDK, with clients as their users have them: each folder of tests/consuming has a program `run`.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
for part in tests/consuming/*/run; do
  say "$part"
  bash "$part" || fail "$part"
done
