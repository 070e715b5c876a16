#!/usr/bin/env bash
# Clients that generators make of the served document: the commands and examples of docs/generate-a-client.md as they stand there, but for
# the address and the topic, and then the programs in tests/generated, against a gateway whose topics speak MQ HTTP and ONS HTTP.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
PAGE=$ROOT/docs/generate-a-client.md
OUT=$WORK/generated
rm -rf "$OUT" && mkdir -p "$OUT"

need curl curl
need node nodejs
need npm npm
need javac default-jdk-headless
need mvn maven
need go golang-go
venv generated

# What the page's commands install is what is pinned here; `pip install` of a generated client builds with pinned tools, too.
PINNED=$ROOT/.ci/requirements/generated.txt
NPM=$ROOT/.ci/requirements/generated-npm
export PIP_CONSTRAINT=$PINNED PIP_BUILD_CONSTRAINT=$PINNED npm_config_audit=false npm_config_fund=false npm_config_prefer_offline=true
export PYTHONDONTWRITEBYTECODE=1 GOFLAGS=-buildvcs=false
# Short runs: the second compiler of the JVM costs them more than it brings.
export JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# By the clients' folders in tests/generated: the page's section, and what runs the program with the client that the section made.
export PROGRAMS=$ROOT/tests/generated
# shellcheck disable=SC2016 # $PROGRAMS is for the shell that runs them
declare -A SECTION=() PROGRAM=(
  [java]='java -cp "java-client/target/*:java-client/target/lib/*" "$PROGRAMS/java/Checks.java"'
  [go]='mkdir checks; cp "$PROGRAMS/go/main.go" checks; go vet . ./checks ./mqgateway; go run ./checks'
  [typescript]='cp "$PROGRAMS/typescript/checks.ts" .
    npx tsc --strict --noUncheckedIndexedAccess --target es2022 --module nodenext checks.ts; node checks.js'
  [python]='python "$PROGRAMS/python/checks.py"'
  [openapi-python-client]='python "$PROGRAMS/openapi-python-client/checks.py"'
)
SECTION[java]="Java"
SECTION[go]="Go"
SECTION[typescript]="TypeScript"
SECTION[python]="Python, with openapi-generator"
SECTION[openapi-python-client]="Python, with openapi-python-client"

# ---- the gateway: for each client a topic for the page's example, and two for its program ------------------------------

topic() { printf '\n[[topics]]\nname = "%s"\nprofile = "%s"\ngroups = ["%s"]\n' "$@"; }
{
  cat <<'TOML'
[embedded]
enabled = true
storage = "memory"

[profiles.mq-http]
protocol = "mq-http"
endpoints = ["embedded"]
credentials = "embedded"
binary_bodies = "base64"
max_message_bytes = "64KiB"

[profiles.ons-http]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_generated"
TOML
  for client in "${!SECTION[@]}"; do
    topic "orders-$client" mq-http CID_billing
    topic "checks-$client" mq-http GID_generated
    topic "jobs-$client" ons-http GID_generated
  done
} >"$OUT/gateway.toml"
start_gateway generated-gateway --config "$OUT/gateway.toml"

# ---- the page ----------------------------------------------------------------------------------------------------------

# page_script SECTION: the section as a script: its shell blocks as they are, and a block below a line `FILE`: written to that file.
page_script() {
  printf 'set -euo pipefail\n'
  awk -v section="$1" '
    /^# / || /^## / { inside = $0 ~ "^##? " section "$" }
    !inside { next }
    /^`[^`]+`:$/ { split($0, parts, "`"); file = parts[2]; next }
    /^```./ { shell = $0 == "```shell"; block = 1; if (!shell) print "cat >" file " <<\"END OF BLOCK\""; next }
    /^```$/ { if (!shell) print "END OF BLOCK"; block = 0; next }
    block { print }' "$PAGE" | sed "s|http://127.0.0.1:8080|$DATA_URL|g"
}

page_script "Generating a client" >"$OUT/document.sh"
(cd "$OUT" && bash document.sh) || fail "the page's first command"
cmp "$OUT/openapi.json" docs/api/openapi.json || fail "the page's first command brings another document than the repository's"

# ---- the clients -------------------------------------------------------------------------------------------------------

# amiss LOG WORDS: says what went wrong, with the log's end.
amiss() {
  printf '%s\n' "$2"
  grep -vE ' INFO |^#|^ok ' "$1" | cut -c1-400 | tail -30
  return 1
}

# try_client CLIENT: the page's section, whose example must bring its message back, and the program.
try_client() {
  local client=$1 began=$SECONDS
  mkdir -p "$OUT/$client" && cd "$OUT/$client" || return
  cp "$OUT/openapi.json" . || return
  if [[ $client == typescript ]]; then
    cp "$NPM"/package*.json . && npm ci --ignore-scripts --silent || amiss /dev/null "npm ci failed" || return
  fi
  page_script "${SECTION[$client]}" | sed "s|\"orders\"|\"orders-$client\"|g" >page.sh
  timeout 420 bash page.sh >page.log 2>&1 </dev/null || amiss page.log "the page's commands ended with $?" || return
  grep -q '^published as .' page.log || amiss page.log "the page's example did not publish" || return
  grep -q '^created {"order":7}$' page.log || amiss page.log "the page's example did not receive its message" || return
  MQ_GATEWAY_URL=$DATA_URL MQ_TOPIC=checks-$client MQ_JOBS=jobs-$client \
    timeout 300 bash -euo pipefail -c "${PROGRAM[$client]}" >checks.log 2>&1 </dev/null || amiss checks.log "the program ended with $?" || return
  grep -q '^[1-9][0-9]* checks good, 0 failed$' checks.log || amiss checks.log "the program counted no checks" || return
  printf '%s (%d s)\n' "$(tail -1 checks.log)" $((SECONDS - began)) >result
}

# Side by side; the two for Python one after the other, as they install into one environment.
begin() { for client in "$@"; do (try_client "$client") >"$OUT/$client.said" 2>&1 || true; done; }
begin java &
begin go &
begin typescript &
begin python openapi-python-client &
for job in $(jobs -p); do [[ $job == "$GATEWAY_PID" ]] || wait "$job"; done
stop_gateway

# ---- the table ---------------------------------------------------------------------------------------------------------

good=1
# row CLIENT GENERATOR VERSION
row() {
  local result="FAILED"
  if [[ -e $OUT/$1/result ]]; then result=$(<"$OUT/$1/result"); else good=0; fi
  say "$(printf '%-44s %-8s %s' "$2" "$3" "$result")"
  if [[ $result == FAILED ]]; then sed 's/^/      /' "$OUT/$1.said" >&2; fi
}
pip_version() { sed -n "s/^$1==//p" "$PINNED"; }
npm_version() { sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" "$NPM/package.json"; }
row java "openapi-generator, java (OkHttp, Gson)" "$(pip_version openapi-generator-cli)"
row go "openapi-generator, go" "$(pip_version openapi-generator-cli)"
row python "openapi-generator, python" "$(pip_version openapi-generator-cli)"
row openapi-python-client "openapi-python-client" "$(pip_version openapi-python-client)"
row typescript "openapi-typescript, openapi-fetch $(npm_version openapi-fetch)" "$(npm_version openapi-typescript)"
[[ $good == 1 ]] || fail "generated clients failed; logs are in ${OUT#"$ROOT"/}"
