#!/usr/bin/env bash
# The OpenAPI document is valid, it is the one served, and what it says is true: requests made from it, good and bad ones, of a gateway
# whose topics speak ONS HTTP, and of one whose topics speak MQ HTTP.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need curl curl
venv api
OUT=$WORK/api
rm -rf "$OUT" && mkdir -p "$OUT"

# try_out NAME EXAMPLES [SETTINGS]: asks the gateway that runs, by its own document.
# One worker: more of them trip over a bug of CPython 3.11's parser. SEED and EXAMPLES search further than a fixed run does.
# It keeps its notes where it runs, so it runs in target/ci.
try_out() {
  (
    mkdir "$OUT/$1" && cd "$OUT/$1"
    HYPOTHESIS_STORAGE_DIRECTORY=$OUT/$1/hypothesis PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/.ci \
      SCHEMATHESIS_HOOKS=schemathesis_hooks timeout 900 \
      schemathesis --config-file "${3:-$ROOT/.ci/schemathesis.toml}" run "$DATA_URL/openapi.json" \
      --checks all --seed "${SEED:-20261124}" --max-examples "${EXAMPLES:-$2}" --workers 1 --request-timeout 20 \
      --continue-on-failure --report junit --report-dir "$OUT/$1" --no-color
  ) >"$OUT/$1.log" 2>&1 || {
    sed -n '/= ERRORS =/,$p; /= FAILURES =/,$p' "$OUT/$1.log" | cut -c1-300 | head -300 >&2
    fail "the API is not as its document says ($1)"
  }
  sed -n '/= SUMMARY =/,$p' "$OUT/$1.log"
}

openapi-spec-validator docs/api/openapi.json
start_gateway api-gateway
curl -fsS -m 10 "$DATA_URL/openapi.json" >"$OUT/openapi.json"
openapi-spec-validator "$OUT/openapi.json"
try_out ons-http 40
stop_gateway

# Fewer examples: what differs is what the protocol carries.
cat >"$OUT/mq-http.toml" <<'TOML'
[embedded]
enabled = true
storage = "memory"

[profiles.embedded]
protocol = "mq-http"
endpoints = ["embedded"]
credentials = "embedded"
binary_bodies = "base64"

[[topics]]
name = "*"
profile = "embedded"
groups = ["*"]
TOML
# And it has no verbs to change a delivery.
cp .ci/schemathesis.toml "$OUT/schemathesis-mq-http.toml"
cat >>"$OUT/schemathesis-mq-http.toml" <<'TOML'

[[operations]]
include-operation-id = ["giveBackMessages", "extendMessages"]
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "501"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "501"]
TOML
start_gateway api-mq-http --config "$OUT/mq-http.toml"
try_out mq-http 20 "$OUT/schemathesis-mq-http.toml"
stop_gateway
