#!/usr/bin/env bash
# The README's commands, word for word, with the answers that it prints. tests/it/readme/blocks.rs says what its blocks mean.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
# The README begins without data: what earlier trials left is set aside and comes back.
aside=$(mktemp -d "$WORK/readme.XXXXXX")
good=0
restore() {
  rm -rf data
  if [[ -e $aside/data ]]; then mv "$aside/data" data; fi
  if ((good)); then rm -rf "$aside"; fi
}
if [[ -e data ]]; then mv data "$aside/data"; fi
trap restore EXIT
test=readme::every_command_answers_as_printed_in_bash
cargo test --locked --test it -- --ignored --exact "$test" | tee "$aside/log"
grep -q '^test result: ok\. 1 passed' "$aside/log" || fail "$test was not run"
good=1
