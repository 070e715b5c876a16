#!/usr/bin/env bash
# The commands of the README and of the pages in tests/it/readme/documents.rs, word for word, with the answers that they print.
# tests/it/readme/blocks.rs says what their blocks mean.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
# Each begins without data: what earlier trials left is set aside and comes back.
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
