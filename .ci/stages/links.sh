#!/usr/bin/env bash
# No link of the documentation leads nowhere, offline: pages, anchors, pictures, paths that comments and alerts name, and every page two
# clicks from the README (.ci/links/check.py). First, that mistakes made on purpose are found.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need python3 python3
need git git
export PYTHONDONTWRITEBYTECODE=1
python3 .ci/links/control.py || fail "the check of links does not see what it has to"
python3 .ci/links/check.py || fail "links that lead nowhere"
