#!/usr/bin/env bash
# The pages below /docs/ in a browser that reaches nothing but this machine (tests/pages): on a desk and on a phone, in light and in dark, by
# keyboard, and to axe-core. They show every operation and every problem, break no policy, and have their pictures in target/ci/docs-page.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# Liberation has the measures of the fonts that most readers see.
apt_install chromium fonts-dejavu-core fonts-liberation
need node nodejs
need npm npm
need curl curl
OUT=$WORK/docs-page
rm -rf "$OUT" && mkdir -p "$OUT"
NPM=$ROOT/.ci/requirements/docs-page-npm
export NODE_PACKAGES=$WORK/docs-page-npm
if ! cat "$NPM"/package*.json | cmp -s - "$NODE_PACKAGES/installed-from"; then
  say "installing npm packages"
  rm -rf "$NODE_PACKAGES" && mkdir "$NODE_PACKAGES"
  cp "$NPM"/package*.json "$NODE_PACKAGES"
  (cd "$NODE_PACKAGES" && npm ci --ignore-scripts --no-audit --no-fund --silent) || fail "npm ci"
  cat "$NPM"/package*.json >"$NODE_PACKAGES/installed-from"
fi

start_gateway docs-gateway
# policy_of PATH: its content security policy.
policy_of() { curl -fsS -m 10 -o /dev/null -D - "$DATA_URL$1" | sed -n 's/\r$//; s/^content-security-policy: //Ip'; }
[[ $(policy_of /docs/) == "default-src 'self'; "* ]] || fail "/docs/ has the policy $(policy_of /docs/)"
[[ $(policy_of /docs/problems) == "default-src 'none'; "* ]] || fail "/docs/problems has the policy $(policy_of /docs/problems)"
if policy_of /docs/ | grep -o 'script-src.*\|default-src[^;]*' | grep "unsafe"; then fail "/docs/ allows scripts of any kind"; fi
# Every file of the pages is served as it is.
for file in init.js page.css operations.css problems.css icon.svg swagger-ui/swagger-ui-bundle.js swagger-ui/swagger-ui.css; do
  curl -fsS -m 10 "$DATA_URL/docs/$file" | cmp - "docs/api/$file" || fail "/docs/$file is not the file in docs/api"
done

timeout 600 node tests/pages/look.mjs "$DATA_URL" "$OUT" >"$OUT/look.log" 2>&1 ||
  { tail -60 "$OUT/look.log" | cut -c1-300 >&2; fail "the pages are not as they should be; see ${OUT#"$ROOT"/}"; }
say "$(tail -1 "$OUT/look.log"), pictures in ${OUT#"$ROOT"/}"
stop_gateway
