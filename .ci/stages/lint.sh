#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cargo clippy --all-targets --locked -- -D warnings

venv lint
say "Python"
mapfile -t programs < <(git ls-files | xargs grep -lE '^#!/usr/bin/env python3')
((${#programs[@]} > 10)) || fail "only ${#programs[@]} programs are seen"
ruff check --config .ci/ruff.toml . "${programs[@]}"
