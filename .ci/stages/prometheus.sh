#!/usr/bin/env bash
# A real Prometheus with deploy/prometheus/scrape.yml against a running gateway, and promtool over its metrics.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
PACKAGE=$(unpacked_package prometheus)
PATH=$PACKAGE/usr/bin:$PATH
OUT=$WORK/prometheus
rm -rf "$OUT" && mkdir -p "$OUT"

promtool check config deploy/prometheus/scrape.yml
awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' docs/metrics.md >"$OUT/alerts.yml"
promtool check rules "$OUT/alerts.yml"

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
  deploy/prometheus/scrape.yml >"$OUT/scrape.yml"
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
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
