#!/usr/bin/env bash
# The image under a real container runtime, confined as the Deployment confines it: read-only root, no capability, no new privilege,
# the runtime's seccomp profile, 256 MiB. `confined.sh IMAGE`, for an image that .ci/stages/image.sh built. What must not be possible is shown to be
# possible without the confinement.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
IMAGE=$1
OUT=$WORK/image
apt_install podman runc procps
PODMAN=$(command -v podman) RUNC=$(command -v runc)
podman() {
  as_root "$PODMAN" --storage-driver vfs --root "$OUT/storage" --runroot "$OUT/run" --cgroup-manager cgroupfs --runtime "$RUNC" \
    --events-backend file "$@"
}
# The runtime would raise these limits, which not every machine allows.
FILES=$(ulimit -Hn)
LIMITS=(--ulimit "nofile=$FILES:$FILES" --ulimit nproc=1024:1024)
CONFINED=("${LIMITS[@]}" --memory 256m --read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges)
FREE=("${LIMITS[@]}" --user 0)
CONTAINER=mq-gateway-ci
trap 'podman rm --force --time 0 "$CONTAINER" >/dev/null 2>&1 || true' EXIT

podman run --rm --network none "${CONFINED[@]}" "$IMAGE" --version || fail "it does not tell its version"

# ---- what a command of the image may write -----------------------------------------------------------------------------

writes() { podman run --rm --network none "$@" >"$OUT/writes.log" 2>&1; }
as_root rm -rf "$OUT/data" && mkdir -p "$OUT/data" && as_root chown 65532:65532 "$OUT/data" && as_root chmod 0700 "$OUT/data"
writes "${FREE[@]}" "$IMAGE" issue-key --out /keys || { cat "$OUT/writes.log" >&2; fail "control: free, it cannot write to /"; }
writes "${CONFINED[@]}" "$IMAGE" issue-key --out /keys && fail "confined, it can write to /"
grep -q 'Read-only file system' "$OUT/writes.log" || { cat "$OUT/writes.log" >&2; fail "/ is not read-only, the write failed otherwise"; }
writes "${CONFINED[@]}" --volume "$OUT/data:/data" "$IMAGE" issue-key --out /data/keys ||
  { cat "$OUT/writes.log" >&2; fail "confined, it cannot write to a volume at /data"; }
say "/ is read-only for it, a volume at /data is not"

# ---- the running process -----------------------------------------------------------------------------------------------

log() { podman logs "$CONTAINER" >"$OUT/gateway.log" 2>&1; }
listens() { log && [[ -n $(address_of data "$OUT/gateway.log") && -n $(address_of management "$OUT/gateway.log") ]]; }
is_ready() { answers "http://$(address_of management "$OUT/gateway.log")/readyz"; }

# start OPTION… IMAGE ARGUMENT…: on the host's network, as there is no daemon that would publish ports; sets PID.
start() {
  podman run --detach --name "$CONTAINER" --network host "$@" >/dev/null || fail "the container does not start"
  wait_for 30 "it listens" listens || { log; tail -20 "$OUT/gateway.log" >&2; fail "the image does not serve"; }
  wait_for 30 "it is ready" is_ready || { log; tail -20 "$OUT/gateway.log" >&2; fail "the image is not ready"; }
  PID=$(podman inspect --format '{{.State.Pid}}' "$CONTAINER")
}

# stop: as an orchestrator does.
stop() {
  local code
  podman stop --time 45 "$CONTAINER" >/dev/null
  code=$(podman inspect --format '{{.State.ExitCode}}' "$CONTAINER")
  log
  [[ $code == 0 ]] || { tail -20 "$OUT/gateway.log" >&2; fail "the image's gateway ended with $code after SIGTERM"; }
  podman rm "$CONTAINER" >/dev/null
}

# confinement: what the kernel says of the process, in one line.
confinement() {
  awk '/^Uid:|^Gid:/ { printf "%s%s,%s,%s,%s ", $1, $2, $3, $4, $5 } /^Cap(Inh|Prm|Eff|Bnd|Amb):|^NoNewPrivs:|^Seccomp:/ { printf "%s%s ", $1, $2 }' \
    "/proc/$PID/status"
}
NOTHING=0000000000000000
EXPECTED="Uid:65532,65532,65532,65532 Gid:65532,65532,65532,65532 CapInh:$NOTHING CapPrm:$NOTHING CapEff:$NOTHING CapBnd:$NOTHING CapAmb:$NOTHING NoNewPrivs:1 Seccomp:2 "
LISTEN=(--listen 127.0.0.1:0 --management-listen 127.0.0.1:0)

# expect_confined WHAT
expect_confined() {
  [[ $(confinement) == "$EXPECTED" ]] || fail "$1: the process is not confined: $(confinement)"
  if as_root touch "/proc/$PID/root/trial" 2>/dev/null; then fail "$1: even / of the running container can be written"; fi
  say "$1: $(confinement)"
}

say "as the Deployment has it: the ConfigMap's file, the Secret's directory, nothing else"
as_root rm -rf "$OUT/config" "$OUT/secret" && mkdir -p "$OUT/config" "$OUT/secret"
sed -e 's/"0\.0\.0\.0:808[01]"/"127.0.0.1:0"/' deploy/kubernetes/base/gateway.toml >"$OUT/config/gateway.toml"
printf 'example-access-key' >"$OUT/secret/access_key"
printf 'example-secret-key' >"$OUT/secret/secret_key"
# As a mounted Secret with `defaultMode: 0440` and `fsGroup`.
as_root chown -R root:65532 "$OUT/secret" && as_root chmod 0440 "$OUT"/secret/*
start "${CONFINED[@]}" --volume "$OUT/config:/etc/mq-gateway:ro" --volume "$OUT/secret:/run/secrets/mq:ro" "$IMAGE" \
  --config /etc/mq-gateway/gateway.toml
expect_confined "direct delivery"
stop
# Nobody is at mq.example.com, which it says; of anything else it must not warn.
if grep '"level":"\(WARN\|ERROR\)"' "$OUT/gateway.log" | grep -v 'the MQ could not be reached' >&2; then fail "it warns"; fi

say "with the embedded endpoint and a volume"
start "${CONFINED[@]}" --volume "$OUT/data:/data" "$IMAGE" "${LISTEN[@]}"
expect_confined "embedded"
curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"body":"from the image"}' \
  "http://$(address_of data "$OUT/gateway.log")/v1/topics/orders/messages"
echo
[[ -n $(as_root find "$OUT/data" -name 'embedded.db') ]] || fail "its store is not in the volume"
stop

say "control: free, the same looks find otherwise"
start "${FREE[@]}" "$IMAGE" "${LISTEN[@]}"
[[ $(confinement) != "$EXPECTED" && $(confinement) == Uid:0,* ]] || fail "control: a free process looks confined: $(confinement)"
as_root touch "/proc/$PID/root/trial" || fail "control: / of a free container cannot be written"
stop
