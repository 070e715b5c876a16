#!/usr/bin/env bash
# Clients as their users have them: the vendors' own SDKs and older HTTP clients, unmodified, against the embedded endpoint and through
# the drop-in relay (tests/sdk); and every example of the REST API (examples/rest). What is missing for that is installed, or it fails.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
OUT=$WORK/clients
SDKS=$ROOT/tests/sdk
rm -rf "$OUT" && mkdir -p "$OUT"

# ---- languages and packages --------------------------------------------------------------------------------------------

need curl curl
need node nodejs
need npm npm
need php php-cli
# What the program for PHP uses.
php_has_all() { php -r 'exit(extension_loaded("curl") && extension_loaded("simplexml") && extension_loaded("xmlwriter") ? 0 : 1);'; }
php_has_all || apt_install php-curl php-xml
php_has_all || fail "php has no curl or no XML after installing php-curl php-xml"
need javac default-jdk-headless
need mvn maven
need go golang-go
venv clients

# installed NAME FILE…: whether a folder below target/ci was made from these very files; says so once it is (`remember`).
installed() { cat "${@:2}" | cmp -s - "$WORK/$1/installed-from"; }
remember() { cat "${@:2}" >"$WORK/$1/installed-from"; }

# `ons` would build its native client; only its HTTP client is run.
npm_packages clients

if ! installed clients-jars .ci/requirements/clients-maven/pom.xml; then
  say "fetching jars"
  rm -rf "$WORK/clients-jars" && mkdir "$WORK/clients-jars"
  mvn -q -B -f .ci/requirements/clients-maven/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    "-DoutputDirectory=$WORK/clients-jars" >"$OUT/mvn.log" 2>&1 || { tail -20 "$OUT/mvn.log" >&2; fail "mvn"; }
  remember clients-jars .ci/requirements/clients-maven/pom.xml
fi
javac -d "$OUT/java" -cp "$WORK/clients-jars/*" "$SDKS/MqHttpJava.java" || fail "javac"
(cd "$SDKS/mq_http_go" && go build -mod=readonly -o "$OUT/mq_http_go" .) || fail "go build"

# ---- programs ----------------------------------------------------------------------------------------------------------

export PYTHONDONTWRITEBYTECODE=1 MQ_VISIBILITY_SECONDS=3
PIDS=() NAMES=()

# begin WAY NAME COMMAND…: runs a program beside the others; its lines go to a log. PIDs are those of this script alone.
begin() {
  local name=$2-$1
  shift 2
  timeout 150 "$@" >"$OUT/$name.log" 2>&1 </dev/null &
  PIDS+=("$!") NAMES+=("$name")
}

begin_mq() {
  begin "$1" mq-http-python python3 "$SDKS/mq_http_python.py"
  begin "$1" mq-http-node node "$SDKS/mq_http_node.mjs"
  begin "$1" mq-http-java java -cp "$OUT/java:$WORK/clients-jars/*" MqHttpJava
  begin "$1" mq-http-go "$OUT/mq_http_go"
  begin "$1" mq-http-php php "$SDKS/mq_http_php.php"
}

begin_ons() {
  begin "$1" ons-http-python python3 "$SDKS/ons_http_python.py"
  begin "$1" ons-http-node node "$SDKS/ons_http_node.mjs"
}

# finish: waits for all that began; their last lines count the checks. A program that says nothing about checks is not good.
finish() {
  local index name code good=1
  for index in "${!PIDS[@]}"; do
    name=${NAMES[$index]} code=0
    wait "${PIDS[$index]}" || code=$?
    say "$name: $(tail -1 "$OUT/$name.log")"
    if [[ $code != 0 ]] || ! grep -q '^[1-9][0-9]* checks good, 0 failed$' "$OUT/$name.log"; then
      good=0
      printf -- '-- %s ended with %d:\n' "$name" "$code" >&2
      grep -v '^ok ' "$OUT/$name.log" | cut -c1-400 | head -40 >&2
    fi
  done
  PIDS=() NAMES=()
  [[ $good == 1 ]] || fail "clients failed; logs are in ${OUT#"$ROOT"/}"
}

examples() {
  local example
  for example in "bash curl.sh" "python3 example.py" "node example.mjs" "php example.php" "java Example.java"; do
    # Words of a list above.
    # shellcheck disable=SC2086
    (cd examples/rest && GATEWAY_URL=$DATA_URL timeout 90 $example) >"$OUT/example-$1-${example##* }.log" 2>&1 </dev/null ||
      { tail -20 "$OUT/example-$1-${example##* }.log" >&2; fail "examples/rest: $example"; }
    say "examples/rest: $example"
  done
}

# ---- two gateways ------------------------------------------------------------------------------------------------------

# serve PROTOCOL LINE…: a gateway whose one profile speaks this protocol with the embedded endpoint, and has these lines besides;
# sets EMBEDDED_URL and the keys, which are good for both listeners as long as nothing is said about callers.
serve() {
  cat >"$OUT/$1.toml" <<TOML
[embedded]
enabled = true
storage = "memory"
visibility_timeout = "${MQ_VISIBILITY_SECONDS}s"

[profiles.local]
protocol = "$1"
endpoints = ["embedded"]
credentials = "embedded"
$(printf '%s\n' "${@:2}")
max_message_bytes = "64KiB"              # the same for both protocols, for the programs

[[topics]]
name = "*"
profile = "local"
groups = ["*"]
TOML
  start_gateway "clients-$1" --config "$OUT/$1.toml"
  EMBEDDED_URL=http://$(address_of embedded "$WORK/clients-$1.log")
  local pair
  pair=$("$GATEWAY" embedded-mq credentials --data-dir "$WORK/clients-$1.data") || fail "the embedded endpoint has no keys"
  [[ $pair =~ \"access_key\":\"([^\"]+)\",\"secret_key\":\"([^\"]+)\" ]] || fail "the embedded endpoint's keys cannot be read"
  export MQ_ACCESS_KEY=${BASH_REMATCH[1]} MQ_SECRET_KEY=${BASH_REMATCH[2]}
}

say "a profile that speaks MQ HTTP"
serve mq-http 'binary_bodies = "base64"'
MQ_URL=$EMBEDDED_URL begin_mq directly
MQ_URL=$EMBEDDED_URL begin_ons directly
finish
MQ_URL=$DATA_URL begin_mq relayed
MQ_URL=$DATA_URL begin_ons relayed-as-mq-http
finish
examples mq-http
stop_gateway

say "a profile that speaks ONS HTTP"
serve ons-http 'binary_bodies = true' 'zero_timeout = true' 'producer_group = "GID_local"' \
  "visibility_timeout = \"${MQ_VISIBILITY_SECONDS}s\""
MQ_URL=$DATA_URL begin_ons relayed-as-ons-http
finish
examples ons-http
stop_gateway
