#!/usr/bin/env bash
# deploy/: rendered, validated against the Kubernetes schemas, linted; and the scripts here.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
venv manifests
OUT=$WORK/kubernetes
rm -rf "$OUT" && mkdir -p "$OUT"

say "YAML"
yamllint --strict deploy

say "shell"
shellcheck -x --source-path=SCRIPTDIR .ci/run .ci/lib.sh .ci/stages/*.sh .ci/image/*.sh examples/rest/*.sh

say "Dockerfile"
hadolint deploy/Dockerfile

say "systemd: every setting is known, and the service is exposed at 2.0 of 10 at most"
need systemd-analyze systemd
sed "s#/usr/local/bin/mq-gateway#$(command -v true)#" deploy/systemd/mq-gateway.service >"$OUT/mq-gateway.service"
systemd-analyze verify --man=no "$OUT/mq-gateway.service" >"$OUT/systemd.log" 2>&1 || true
[[ ! -s $OUT/systemd.log ]] || { cat "$OUT/systemd.log" >&2; fail "deploy/systemd"; } # what it only warns of is not meant, either
systemd-analyze security --offline=yes --threshold=20 "$OUT/mq-gateway.service" >"$OUT/systemd.log" || { cat "$OUT/systemd.log"; fail "deploy/systemd"; }
tail -1 "$OUT/systemd.log"

# kubectl has kustomize built in; without it, the tool itself comes as a Go module.
render() {
  if command -v kubectl >/dev/null; then
    kubectl kustomize "$1"
  else
    [[ -x $WORK/bin/kustomize ]] || GOBIN=$WORK/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.5.0 >&2
    "$WORK/bin/kustomize" build "$1"
  fi
}

say "kustomize: the base, and the overlay that deploy/kubernetes/README.md prints"
render deploy/kubernetes/base >"$OUT/base.yaml"
cp -r deploy/kubernetes/base "$OUT/base"
mkdir "$OUT/overlay"
awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' deploy/kubernetes/README.md >"$OUT/overlay/kustomization.yaml"
cp deploy/kubernetes/base/gateway.toml "$OUT/overlay/"
render "$OUT/overlay" >"$OUT/overlay.yaml"
grep -q 'image: registry.example.com/mq-gateway:' "$OUT/overlay.yaml" || fail "the overlay does not change the image"

say "schemas, strictly: the oldest and the newest Kubernetes of this validator that we support"
for version in 1.30 1.37; do
  kubernetes-validate --strict -k "$version" "$OUT/base.yaml" "$OUT/overlay.yaml" deploy/kubernetes/credentials.example.yaml \
    >"$OUT/validate-$version.log" 2>&1 || { cat "$OUT/validate-$version.log" >&2; fail "not valid for Kubernetes $version"; }
done

say "what we promise about the pod"
python3 .ci/manifest_promises.py "$OUT/base.yaml"

# Not followed: 11 no CPU limit, on purpose (latency); 15 and 43 the pull policy and a digest belong to the overlay that names a
# real image; 21 so does the namespace.
say "policies"
checkov --quiet --compact --skip-download --framework kubernetes -f "$OUT/base.yaml" \
  --skip-check CKV_K8S_11,CKV_K8S_15,CKV_K8S_43,CKV_K8S_21

if [[ -x $GATEWAY ]]; then
  say "the gateway reads the ConfigMap's gateway.toml"
  mkdir "$OUT/keys"
  printf 'placeholder-access-key' >"$OUT/keys/access_key"
  printf 'placeholder-secret-key' >"$OUT/keys/secret_key"
  sed "s#/run/secrets/mq#$OUT/keys#" deploy/kubernetes/base/gateway.toml >"$OUT/gateway.toml"
  "$GATEWAY" check "$OUT/gateway.toml"
fi
