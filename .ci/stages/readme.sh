#!/usr/bin/env bash
# The README's commands, word for word, with the answers that it prints. The convention is in .ci/readme.py.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
python3 .ci/readme.py README.md
