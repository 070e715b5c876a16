#!/usr/bin/env bash
# /docs/ in a browser that reaches nothing but this machine: it shows every operation, breaks no policy, and has a picture.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
apt_install chromium fonts-dejavu-core
OUT=$WORK/docs-page
rm -rf "$OUT" && mkdir -p "$OUT"

start_gateway docs-gateway
curl -fsS -m 10 -D "$OUT/headers.txt" -o "$OUT/index.html" "$DATA_URL/docs/"
grep -qi "^content-security-policy:.*default-src 'self'" "$OUT/headers.txt" || fail "/docs/ has no content security policy"
# Every file of the page is served.
for file in init.js page.css swagger-ui/swagger-ui-bundle.js swagger-ui/swagger-ui.css swagger-ui/favicon-32x32.png; do
  curl -fsS -m 10 "$DATA_URL/docs/$file" | cmp - "docs/api/$file" || fail "/docs/$file is not the file in docs/api"
done
curl -fsS -m 10 "$DATA_URL/docs/problems" | grep -q 'id="validation-failed"' || fail "/docs/problems has no anchor validation-failed"

browse() {
  rm -rf "$OUT/profile"
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$OUT/profile" \
    --host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" --window-size=1300,2000 --virtual-time-budget=15000 \
    --enable-logging=stderr "$@" 2>>"$OUT/chromium.log"
}
browse --dump-dom "$DATA_URL/docs/" >"$OUT/page.html" || fail "chromium"
browse --screenshot="$OUT/page.png" "$DATA_URL/docs/" || fail "chromium"
if grep -E 'CONSOLE.*(Refused|violates|Uncaught|Failed to load)' "$OUT/chromium.log"; then fail "the page has errors"; fi
[[ -s $OUT/page.png ]] || fail "no picture"
operations=$(python3 - <<'PY'
import json
for path in json.load(open("docs/api/openapi.json"))["paths"].values():
    for operation in path.values():
        print(f'operations-{operation["tags"][0]}-{operation["operationId"]}')
PY
)
for operation in $operations; do
  grep -q "id=\"$operation\"" "$OUT/page.html" || fail "the page does not show $operation"
done
say "$(wc -w <<<"$operations") operations shown, picture in ${OUT#"$ROOT"/}/page.png"
stop_gateway
