#!/usr/bin/env bash
# Backups of the embedded store, made and restored as docs/operate/backup.md says.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
need python3 python3
PYTHONDONTWRITEBYTECODE=1 timeout 150 python3 tests/backup/run "$GATEWAY" || fail "docs/operate/backup.md is not true"
