# shellcheck shell=bash
# Helm, kustomize and kubectl for the stage `manifests` and for tests/kubernetes: built from Go modules of fixed versions
# into target/ci/bin. Sourced after lib.sh.
# shellcheck disable=SC2034 # used where this is sourced
HELM_VERSION=v3.22.0 KUSTOMIZE_VERSION=v5.5.0 KWOK_VERSION=v0.8.0 PROMETHEUS_OPERATOR_VERSION=v0.85.0 KUBERNETES_VERSION=1.37.2
BIN=$WORK/bin

need_go() {
  need go golang-go
  # Older ones cannot fetch the version that a module asks for.
  [[ $(go env GOVERSION) =~ ^go1\.(2[1-9]|[3-9][0-9]) ]] || fail "Go 1.21 or newer is needed, here is $(go env GOVERSION): https://go.dev/dl"
}

# built NAME VERSION: whether target/ci/bin has the tool in this version; `remember_built` says so once it has.
built() { [[ -x $BIN/$1 && $(cat "$BIN/$1.version" 2>/dev/null) == "$2" ]]; }
remember_built() { printf '%s\n' "$2" >"$BIN/$1.version"; }

# helm_tool: sets HELM. Without the linker's flags, `helm template` would take the cluster for a 1.20. Not optimised, as it
# compiles for longer than it runs: a fifth less.
helm_tool() {
  HELM=$BIN/helm
  built helm "$HELM_VERSION" && return
  need_go
  say "building Helm $HELM_VERSION"
  local minor=${KUBERNETES_VERSION#*.} flags='-s -w' package
  for package in pkg/chartutil pkg/lint/rules; do
    flags+=" -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=${minor%%.*}"
  done
  CGO_ENABLED=0 GOBIN=$BIN go install -gcflags 'all=-N -l' -ldflags "$flags -X helm.sh/helm/v3/internal/version.version=$HELM_VERSION" \
    "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" 2>"$WORK/helm-build.log" || { tail -5 "$WORK/helm-build.log" >&2; fail "Helm does not build"; }
  remember_built helm "$HELM_VERSION"
}

# kustomize_tool: sets KUSTOMIZE, the command that renders a folder. kubectl has it built in; else the tool itself.
kustomize_tool() {
  if command -v kubectl >/dev/null; then KUSTOMIZE=(kubectl kustomize); return; fi
  if ! built kustomize "$KUSTOMIZE_VERSION"; then
    need_go
    say "building kustomize $KUSTOMIZE_VERSION"
    GOBIN=$BIN go install "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE_VERSION" 2>"$WORK/kustomize-build.log" ||
      { tail -5 "$WORK/kustomize-build.log" >&2; fail "kustomize does not build"; }
    remember_built kustomize "$KUSTOMIZE_VERSION"
  fi
  KUSTOMIZE=("$BIN/kustomize" build)
}

# go_module MODULE@VERSION: fetches it and prints its folder.
go_module() {
  need_go >&2
  local answer
  answer=$(cd "$WORK" && go mod download -json "$1") || fail "go mod download $1: $answer"
  python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])' <<<"$answer"
}

# prometheus_operator_crds: prints the folder with the CRDs.
prometheus_operator_crds() {
  local folder
  folder=$(go_module "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR_VERSION")
  [[ -d $folder/example/prometheus-operator-crd ]] || fail "prometheus-operator $PROMETHEUS_OPERATOR_VERSION has no folder of CRDs"
  printf '%s\n' "$folder/example/prometheus-operator-crd"
}
