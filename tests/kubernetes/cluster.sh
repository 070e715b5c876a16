# shellcheck shell=bash
# Starts and stops the control plane on loopback, on free ports. Its state is below target/ci/kubernetes-cluster, and new
# each time. Sourced by run.
CLUSTER=$WORK/kubernetes-cluster
PARTS=() # name=pid, in the order of the start

part() { # NAME COMMAND…
  "${@:2}" >"$CLUSTER/$1.log" 2>&1 </dev/null &
  PARTS+=("$1=$!")
}

stop_cluster() {
  local index pid end
  for ((index = ${#PARTS[@]} - 1; index >= 0; index--)); do
    pid=${PARTS[index]#*=} end=$((SECONDS + 15))
    kill "$pid" 2>/dev/null || continue
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < end)); do sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  done
  PARTS=()
}

api_is_ready() { kubectl get --raw /readyz >/dev/null 2>&1; }
accounts_are_made() { kubectl --namespace default get serviceaccount default >/dev/null 2>&1; }
nodes_are_ready() { [[ $(kubectl get nodes 2>/dev/null | grep -c ' Ready ') == 3 ]]; }

start_cluster() {
  rm -rf "$CLUSTER" && mkdir -p "$CLUSTER/pki" && chmod 700 "$CLUSTER"
  local etcd peers api kwok token
  own_ports 4
  # shellcheck disable=SC2153 # PORTS is lib.sh's
  read -r etcd peers api kwok <<<"${PORTS[*]}"
  etcd=http://127.0.0.1:$etcd peers=http://127.0.0.1:$peers
  trap stop_cluster EXIT
  openssl genrsa -out "$CLUSTER/pki/accounts.key" 2048 2>/dev/null
  token=$(openssl rand -hex 16)
  (umask 077 && echo "$token,admin,admin,system:masters" >"$CLUSTER/pki/tokens.csv")

  part etcd "$BIN/etcd" --data-dir "$CLUSTER/etcd" --unsafe-no-fsync --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers"
  GOMEMLIMIT=400MiB part kube-apiserver "$BIN/kube-apiserver" --etcd-servers="$etcd" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 \
    --secure-port="$api" --cert-dir="$CLUSTER/pki" --endpoint-reconciler-type=none --service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112 \
    --authorization-mode=RBAC --token-auth-file="$CLUSTER/pki/tokens.csv" --allow-privileged=true \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$CLUSTER/pki/accounts.key" \
    --service-account-signing-key-file="$CLUSTER/pki/accounts.key"
  wait_for 60 "the API server has a certificate" test -s "$CLUSTER/pki/apiserver.crt" || cluster_failed
  # The file holds the server's own and then the CA's.
  awk '/BEGIN CERT/ { n++ } n == 2' "$CLUSTER/pki/apiserver.crt" >"$CLUSTER/pki/ca.crt"
  export KUBECONFIG=$CLUSTER/admin.conf
  (
    umask 077
    cat >"$KUBECONFIG" <<Y
{apiVersion: v1, kind: Config, current-context: test,
 clusters: [{name: test, cluster: {server: "https://127.0.0.1:$api", certificate-authority: $CLUSTER/pki/ca.crt}}],
 users: [{name: admin, user: {token: $token}}], contexts: [{name: test, context: {cluster: test, user: admin}}]}
Y
  )
  wait_for 120 "the API server is ready" api_is_ready || cluster_failed
  part kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$KUBECONFIG" --secure-port=0 --leader-elect=false \
    --service-account-private-key-file="$CLUSTER/pki/accounts.key" --root-ca-file="$CLUSTER/pki/ca.crt"
  part kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$KUBECONFIG" --secure-port=0 --leader-elect=false
  wait_for 60 "the controllers run" accounts_are_made || cluster_failed
  part kwok "$BIN/kwok" --kubeconfig="$KUBECONFIG" --manage-all-nodes=true --node-ip=127.0.0.1 --server-address="127.0.0.1:$kwok" \
    --node-lease-duration-seconds=40 --config="$BIN/kwok-stages.yaml"
  kubectl create -f "$ROOT/tests/kubernetes/nodes.yaml" >/dev/null
  wait_for 60 "three nodes are ready" nodes_are_ready || cluster_failed
}

cluster_failed() {
  tail -n 3 "$CLUSTER"/*.log | cut -c1-300 >&2
  fail "the control plane does not start; its logs are in $CLUSTER"
}
