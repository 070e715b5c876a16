#!/usr/bin/env bash
# deploy/: Helm's chart and kustomize, rendered by the tools themselves, validated against the Kubernetes schemas,
# compared, linted; and the scripts here. tests/kubernetes/run applies the same to a real API server.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR
source "$ROOT/.ci/kubernetes_tools.sh"
OUT=$WORK/kubernetes
CHART=deploy/helm/mq-gateway
rm -rf "$OUT" && mkdir -p "$OUT/rendered"
# What takes longest with nothing cached: Helm is built, and a module fetched, while Python's tools are fetched.
need_go
(helm_tool) &
HELM_BUILD=$!
(prometheus_operator_crds) >"$OUT/crds" &
CRDS_FETCH=$!
# Most of checkov is never imported, so it is not compiled in advance.
PIP_NO_COMPILE=1 venv manifests

say "YAML"
yamllint --strict deploy

say "shell"
mapfile -t scripts < <(git ls-files | xargs grep -lE '^(#!/usr/bin/env bash|# shellcheck shell=bash)')
((${#scripts[@]} > 30)) || fail "only ${#scripts[@]} scripts are seen"
shellcheck -x --source-path=SCRIPTDIR "${scripts[@]}"

say "Dockerfile"
hadolint deploy/Dockerfile

say "systemd: every setting is known, and the service is exposed at 2.0 of 10 at most"
need systemd-analyze systemd
sed "s#/usr/local/bin/mq-gateway#$(command -v true)#" deploy/systemd/mq-gateway.service >"$OUT/mq-gateway.service"
systemd-analyze verify --man=no "$OUT/mq-gateway.service" >"$OUT/systemd.log" 2>&1 || true
[[ ! -s $OUT/systemd.log ]] || { cat "$OUT/systemd.log" >&2; fail "deploy/systemd"; } # what it only warns of is not meant, either
systemd-analyze security --offline=yes --threshold=20 "$OUT/mq-gateway.service" >"$OUT/systemd.log" || { cat "$OUT/systemd.log"; fail "deploy/systemd"; }
tail -1 "$OUT/systemd.log"

say "what is generated is current, and says one version"
python3 deploy/generate.py --check
app=$(sed -n 's/^appVersion: \([0-9.]*\).*/\1/p' "$CHART/Chart.yaml") cargo=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' Cargo.toml)
[[ -n $app ]] || fail "no appVersion in $CHART/Chart.yaml"
grep -qx "    newTag: $app" deploy/kubernetes/base/kustomization.yaml || fail "the base's image is not of the version $app that $CHART/Chart.yaml has"
[[ $(printf '%s\n' "$app" "$cargo" | sort -V | tail -1) == "$app" ]] ||
  fail "Cargo.toml is at $cargo: set version and appVersion in $CHART/Chart.yaml and newTag in deploy/kubernetes/base/kustomization.yaml"

# ---- rendered ----------------------------------------------------------------------------------------------------------

kustomize_tool
wait "$HELM_BUILD" || fail "there is no Helm"
helm_tool
kustomized() { "${KUSTOMIZE[@]}" "$1" >"$OUT/rendered/$2.yaml" || fail "kustomize cannot render $1"; }
helmed() { # NAME FLAG…
  "$HELM" template mq-gateway "$CHART" --namespace mq-gateway "${@:2}" >"$OUT/rendered/$1.yaml" || fail "helm cannot render $1"
}

say "kustomize: the base, the overlays, and the one that deploy/kubernetes/README.md prints"
kustomized deploy/kubernetes/base base
for overlay in embedded rocketmq monitoring tracing consuming; do kustomized "deploy/kubernetes/overlays/$overlay" "$overlay"; done
cp -r deploy/kubernetes "$OUT/kustomize" && mkdir "$OUT/kustomize/mine"
awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' deploy/kubernetes/README.md >"$OUT/kustomize/mine/kustomization.yaml"
cp deploy/kubernetes/base/gateway.toml "$OUT/kustomize/mine/"
kustomized "$OUT/kustomize/mine" mine
grep -q 'image: registry.example.com/mq-gateway:' "$OUT/rendered/mine.yaml" || fail "the overlay does not change the image"
grep -q 'kind: HorizontalPodAutoscaler' "$OUT/rendered/mine.yaml" || fail "the overlay has no component for autoscaling"

say "Helm: the chart's defaults, its examples, and the values that its README prints"
# What lint says beside good and bad is advice: `icon is recommended`.
"$HELM" lint --strict --quiet "$CHART" "$CHART"
helmed helm-base
for example in embedded rocketmq monitoring tracing consuming; do
  "$HELM" lint --strict --quiet "$CHART" --values "$CHART/examples/$example.yaml"
  helmed "helm-$example" --values "$CHART/examples/$example.yaml"
done
awk '/^```yaml values$/ { on = 1; next } /^```$/ { on = 0 } on' "$CHART/README.md" >"$OUT/readme-values.yaml"
grep -q . "$OUT/readme-values.yaml" || fail "$CHART/README.md prints no values (a block \`\`\`yaml values)"
helmed helm-readme --values "$OUT/readme-values.yaml"
helmed helm-servicemonitor --values "$CHART/examples/monitoring.yaml" --set metrics.monitor.kind=ServiceMonitor
helmed helm-autoscaling --set autoscaling.enabled=true
"$HELM" template mq-gateway "$CHART" --set 'extraEnv[0].name=OTEL_EXPORTER_OTLP_ENDPOINT,extraEnv[0].value=http://collector:4317' |
  grep -q 'port: 4317' || fail "a collector that a variable names is not let through the network policy"
grep -q 'https://wiki.example.com/mq-gateway/docs/operate/alerts.md#' "$OUT/rendered/helm-readme.yaml" || fail "metrics.rules.runbooks has no effect"
mkdir "$OUT/unusual"
python3 .ci/bad_values.py "$HELM" "$CHART" "$OUT/unusual"
python3 .ci/notes.py "$HELM" "$CHART"

say "Helm and kustomize make the same"
for name in base embedded rocketmq monitoring tracing consuming; do python3 .ci/same_objects.py "$OUT/rendered/$name.yaml" "$OUT/rendered/helm-$name.yaml"; done

# ---- checked -----------------------------------------------------------------------------------------------------------

say "no key twice"
yamllint -d '{rules: {key-duplicates: enable}}' "$OUT/rendered" "$OUT/unusual"

# The last is the newest that this validator has, the first what the chart says is the oldest. Unusual values are tried
# with the newest alone.
grep -q '^kubeVersion: ">=1.30.0-0"$' "$CHART/Chart.yaml" || fail "kubeVersion in $CHART/Chart.yaml is not the oldest version that is validated here"
validating=()
for version in 1.30 1.34 1.37; do
  files=("$OUT"/rendered/*.yaml deploy/kubernetes/credentials.example.yaml)
  [[ $version != 1.37 ]] || files+=("$OUT"/unusual/*.yaml)
  kubernetes-validate --strict -k "$version" "${files[@]}" >"$OUT/validate-$version.log" 2>&1 &
  validating+=("$version=$!")
done
for one in "${validating[@]}"; do
  version=${one%=*} log=$OUT/validate-${one%=*}.log
  wait "${one#*=}" || { grep -v '^INFO' "$log" >&2; fail "not valid for Kubernetes $version"; }
  # Kinds that it does not know it only warns of: those are validated by their CRDs below.
  if grep '^WARN' "$log" | grep -v 'api version monitoring.coreos.com/v1 '; then fail "not validated for Kubernetes $version"; fi
  say "$(grep -c '^INFO.*passed' "$log") objects are valid for Kubernetes $version, strictly"
done
wait "$CRDS_FETCH" || fail "there are no CRDs of prometheus-operator"
CRDS=$(<"$OUT/crds")
python3 .ci/crd_schemas.py "$CRDS" "$OUT"/{rendered,unusual}/*.yaml

say "what we promise"
python3 .ci/manifest_promises.py "$OUT"/rendered/{base,embedded,rocketmq,monitoring,tracing,consuming,mine,helm-*}.yaml

# Not followed: 11 no CPU limit, on purpose (latency); 15 and 43 the pull policy and a digest belong to whoever names a
# real image.
say "policies"
checkov --quiet --compact --skip-download --framework kubernetes --skip-check CKV_K8S_11,CKV_K8S_15,CKV_K8S_43 \
  -f "$OUT"/rendered/{base,embedded,helm-base,helm-embedded}.yaml

need_gateway
say "the gateway reads every gateway.toml in them"
mkdir -m 700 "$OUT/keys"
printf 'placeholder-access-key' >"$OUT/keys/access_key"
printf 'placeholder-secret-key' >"$OUT/keys/secret_key"
printf 'authorization: Bearer placeholder' >"$OUT/keys/headers"
printf 'whsec_cGxhY2Vob2xkZXItb2YtMzItYnl0ZXMtaW4tYWxsLTE=' >"$OUT/keys/signing"
printf 'placeholder-of-a-token-for-operators' >"$OUT/keys/token"
chmod 600 "$OUT/keys"/*
python3 .ci/configurations.py "$OUT"
for file in "$OUT"/configurations/*.toml; do "$GATEWAY" check "$file"; done
