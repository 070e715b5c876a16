#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cargo clippy --all-targets --locked -- -D warnings
# The builds that docs/rocketmq5.md speaks of: without RocketMQ 5, and without traces as well.
for features in traces ''; do
  say "clippy with the features: ${features:-none}"
  cargo clippy --all-targets --locked --no-default-features --features "$features" -- -D warnings
done

venv lint
say "Python"
mapfile -t programs < <(git ls-files | xargs grep -lE '^#!/usr/bin/env python3')
((${#programs[@]} > 10)) || fail "only ${#programs[@]} programs are seen"
ruff check --config .ci/ruff.toml . "${programs[@]}"
