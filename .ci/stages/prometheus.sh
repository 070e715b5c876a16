#!/usr/bin/env bash
# A real Prometheus with deploy/prometheus/scrape.yml against a running gateway, and promtool over its metrics; the rules in simulated
# time; every outage on real gateways, and the dashboard's queries on what that gave.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
PROMETHEUS=$(unpacked_package prometheus)/usr/bin
ALERTMANAGER=$(unpacked_package prometheus-alertmanager)/usr/bin
PATH=$PROMETHEUS:$ALERTMANAGER:$PATH
OUT=$WORK/prometheus
rm -rf "$OUT" && mkdir -p "$OUT"
venv alerts
need python3 python3
need curl curl
need cc gcc
need unshare util-linux
need_gateway

promtool check config deploy/prometheus/scrape.yml # and the rules that it names
amtool check-config deploy/prometheus/alertmanager.yml

say "the rules in simulated time"
UNIT_TESTS=()
for file in deploy/prometheus/tests/*.yml; do
  promtool test rules "$file" >"$OUT/$(basename "$file" .yml).log" 2>&1 &
  UNIT_TESTS+=("$!:$file")
done
for it in "${UNIT_TESTS[@]}"; do
  wait "${it%%:*}" || { cat "$OUT/$(basename "${it#*:}" .yml).log" >&2; fail "promtool test rules ${it#*:}"; }
done

start_gateway prometheus-gateway
curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"body":"one for the counters"}' \
  "$DATA_URL/v1/topics/orders/messages" >/dev/null
curl -fsS -m 10 "$MANAGEMENT_URL/metrics" >"$OUT/metrics.txt"
say "promtool reads $(grep -c '^# TYPE' "$OUT/metrics.txt") metrics"
promtool check metrics <"$OUT/metrics.txt"
grep -q '^mq_gateway_' "$OUT/metrics.txt" || fail "no metric begins with mq_gateway_"

# The file's own target is the default port; here the gateway has another one, and people wait less.
[[ $(grep -c '127\.0\.0\.1:8081' deploy/prometheus/scrape.yml) == 1 ]] || fail "scrape.yml names not exactly one target"
sed -e "s/127\.0\.0\.1:8081/${MANAGEMENT_URL#http://}/" -e 's/scrape_interval: 15s/scrape_interval: 1s/' \
  -e "s#rules/\*\.yml#$ROOT/deploy/prometheus/rules/*.yml#" deploy/prometheus/scrape.yml >"$OUT/scrape.yml"
own_ports 1
PORT=${PORTS[0]}
prometheus --config.file="$OUT/scrape.yml" --storage.tsdb.path="$OUT/data" --web.listen-address="127.0.0.1:$PORT" \
  >"$OUT/prometheus.log" 2>&1 </dev/null &
PROMETHEUS_PID=$!
trap 'kill "$PROMETHEUS_PID" "$GATEWAY_PID" 2>/dev/null || true' EXIT

query() { curl -fsS -m 5 -G "http://127.0.0.1:$PORT/api/v1/query" --data-urlencode "query=$1" 2>/dev/null; }
target_is_up() { query 'up{job="mq-gateway"} == 1' | grep -q '"value":\[[^]]*,"1"\]'; }
has_series() { query "count({__name__=~\"mq_gateway_.+\"})" | grep -q '"value":'; }
wait_for 60 "Prometheus says the target is up" target_is_up || { tail -20 "$OUT/prometheus.log" >&2; fail "the target is not up"; }
wait_for 30 "Prometheus has series of ours" has_series || fail "Prometheus scraped no mq_gateway_ series"

kill "$PROMETHEUS_PID" && wait "$PROMETHEUS_PID" || true
stop_gateway

say "every outage, on real gateways"
PYTHONDONTWRITEBYTECODE=1 timeout -k 60 600 python3 tests/alerts/run "$GATEWAY" --prometheus "$PROMETHEUS/prometheus" \
  --alertmanager "$ALERTMANAGER/prometheus-alertmanager" --data "$OUT/dashboard.json" || fail "the alerts are not as docs/operate/alerts.md has them"
PYTHONDONTWRITEBYTECODE=1 python3 tests/alerts/plot.py "$OUT/dashboard.json" "$OUT/dashboard.png"
say "the dashboard as a picture: $OUT/dashboard.png"
