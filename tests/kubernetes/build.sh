# shellcheck shell=bash
# A real control plane out of Go modules (go.mod), into target/ci/bin: kube-apiserver, kube-controller-manager,
# kube-scheduler, kubectl, etcd; and kwok, which plays nodes on which every pod runs at once. Sourced by run. With nothing
# cached it takes up to 20 minutes on two cores, and 7 GB; afterwards nothing, until a version changes.

build_control_plane() {
  local here=$ROOT/tests/kubernetes wanted cmd=k8s.io/kubernetes/cmd version=k8s.io/component-base/version
  wanted="$KUBERNETES_VERSION $KWOK_VERSION $(cksum <"$here/go.mod")"
  built control-plane "$wanted" && return
  need_go
  grep -qE "k8s.io/kubernetes v$KUBERNETES_VERSION( |\$)" "$here/go.mod" ||
    fail "KUBERNETES_VERSION in .ci/kubernetes_tools.sh is $KUBERNETES_VERSION, tests/kubernetes/go.mod has another"
  local minor=${KUBERNETES_VERSION#*.} log=$WORK/control-plane-build.log
  say "building Kubernetes $KUBERNETES_VERSION: up to 20 minutes, once"
  (
    cd "$here"
    export GOFLAGS=-mod=readonly CGO_ENABLED=0
    # Whoever builds on a busy machine may say how many at once.
    parallel=${KUBERNETES_BUILD_JOBS:-$(nproc)}
    go build -p "$parallel" -trimpath -o "$BIN/" \
      -ldflags "-s -w -X $version.gitVersion=v$KUBERNETES_VERSION -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}" \
      "$cmd/kube-apiserver" "$cmd/kube-controller-manager" "$cmd/kube-scheduler" "$cmd/kubectl"
    go build -p "$parallel" -trimpath -ldflags '-s -w' -o "$BIN/etcd" go.etcd.io/etcd/server/v3
    GOFLAGS='' GOBIN=$BIN go install -p "$parallel" "sigs.k8s.io/kwok/cmd/kwok@$KWOK_VERSION"
  ) >"$log" 2>&1 || { tail -5 "$log" >&2; fail "Kubernetes does not build: $log"; }
  # How kwok plays nodes and pods: ready at once.
  "$BIN/kubectl" kustomize "$(go_module "sigs.k8s.io/kwok@$KWOK_VERSION")/kustomize/stage/fast" >"$BIN/kwok-stages.yaml" ||
    fail "kwok $KWOK_VERSION has no stages where they are expected"
  printf '#!/bin/sh\nexit 0\n' >"$BIN/control-plane" && chmod +x "$BIN/control-plane"
  remember_built control-plane "$wanted"
}
