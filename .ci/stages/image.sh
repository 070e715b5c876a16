#!/usr/bin/env bash
# deploy/Dockerfile, whole, with no daemon and nothing pulled: buildah runs its builder stage with this machine's toolchain,
# mounted into an empty image, then the image runs as it would anywhere.
# With STATIC_BINARY=FILE only the last stage is built, around that (static) program.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
apt_install buildah procps
OUT=$WORK/image
as_root rm -rf "$OUT" && mkdir -p "$OUT"
BUILDAH=$(command -v buildah)
buildah() { as_root "$BUILDAH" --storage-driver vfs --root "$OUT/storage" --runroot "$OUT/run" "$@"; }
IMAGE=localhost/mq-gateway:ci
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)

if [[ -n ${STATIC_BINARY:-} ]]; then
  say "around $STATIC_BINARY"
  mkdir -p "$OUT/binary/rootfs" && mkdir -m 0700 "$OUT/binary/rootfs/data"
  cp "$STATIC_BINARY" "$OUT/binary/mq-gateway"
  buildah bud --isolation chroot --build-context "binary=$OUT/binary" --build-arg "REVISION=$REVISION" \
    -f deploy/Dockerfile -t "$IMAGE" . >"$OUT/build.log" 2>&1 || { tail -30 "$OUT/build.log" >&2; fail "the image does not build"; }
else
  # The toolchain as it is here. Mounted, not copied; the crates are those that the earlier stages fetched.
  cargo fetch --locked
  TOOLS=${CARGO_HOME:-$HOME/.cargo} RUSTUP=${RUSTUP_HOME:-$HOME/.rustup}
  builder=$(buildah from scratch)
  buildah config --env "PATH=$TOOLS/bin:/usr/local/bin:/usr/bin:/bin" --env "CARGO_HOME=$TOOLS" --env "RUSTUP_HOME=$RUSTUP" \
    --env CARGO_NET_OFFLINE=true "$builder"
  top=$(buildah mount "$builder")
  as_root mkdir -p "$top"/{dev,etc,proc,root,run,sys,tmp,usr,var/tmp}
  as_root chmod 1777 "$top/tmp" "$top/var/tmp"
  for dir in bin lib lib64 sbin; do [[ -L /$dir ]] && as_root ln -s "usr/$dir" "$top/$dir"; done
  as_root cp /etc/passwd /etc/group "$top/etc/"
  buildah umount "$builder" >/dev/null
  buildah commit -q "$builder" localhost/toolchain >/dev/null
  say "building from source"
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
  buildah bud --isolation chroot --layers=false --build-arg BUILDER_IMAGE=localhost/toolchain --build-arg "TARGETARCH=$arch" \
    --build-arg "REVISION=$REVISION" \
    -v /usr:/usr:ro -v /etc/alternatives:/etc/alternatives:ro -v "$TOOLS:$TOOLS" -v "$RUSTUP:$RUSTUP:ro" \
    -f deploy/Dockerfile -t "$IMAGE" . >"$OUT/build.log" 2>&1 || { tail -30 "$OUT/build.log" >&2; fail "the image does not build"; }
fi

say "what is in it"
container=$(buildah from "$IMAGE")
top=$(buildah mount "$container")
as_root find "$top" -mindepth 1 -printf '%M %U:%G %10s /%P\n' | tee "$OUT/files.txt"
[[ $(wc -l <"$OUT/files.txt") == 2 ]] || fail "the image holds more than the program and /data"
grep -q '^drwx------ 65532:65532 .* /data$' "$OUT/files.txt" || fail "/data is not 65532's own"
grep -q '^-rwxr-xr-x 0:0 .* /mq-gateway$' "$OUT/files.txt" || fail "the program is not root's, or not executable"
[[ $(buildah inspect --format '{{.OCIv1.Config.User}}' "$container") == 65532:65532 ]] || fail "the image does not run as 65532"

say "it tells its version, with no file system but its own"
run() { buildah run --isolation chroot --network host --user 65532:65532 "$container" -- "$@"; }
run /mq-gateway --version

say "it serves"
run /mq-gateway --listen 127.0.0.1:0 --management-listen 127.0.0.1:0 --embedded-listen 127.0.0.1:0 >"$OUT/gateway.log" 2>&1 </dev/null &
RUN_PID=$!
trap 'for pid in $(program_below "$RUN_PID") "$RUN_PID"; do as_root kill "$pid" 2>/dev/null || true; done' EXIT
# The program runs some levels below buildah; a signal to it, and to nothing else, is what an orchestrator sends.
program_below() {
  local child
  for child in $(pgrep -P "$1"); do
    if [[ $(cat "/proc/$child/comm" 2>/dev/null) == mq-gateway ]]; then printf '%s\n' "$child"; else program_below "$child"; fi
  done
}
serves() { [[ -n $(address_of management "$OUT/gateway.log") ]] && answers "http://$(address_of management "$OUT/gateway.log")/livez"; }
wait_for 30 "/livez answers" serves || { tail -20 "$OUT/gateway.log" >&2; fail "the image does not serve"; }
data=$(address_of data "$OUT/gateway.log")
if [[ -n $data ]]; then
  curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"body":"from the image"}' "http://$data/v1/topics/orders/messages"
  echo
fi
pid=$(program_below "$RUN_PID")
[[ -n $pid ]] || fail "the image's process was not found"
trap - EXIT
as_root kill -TERM "$pid"
wait "$RUN_PID" || { tail -20 "$OUT/gateway.log" >&2; fail "the image's gateway did not end well after SIGTERM"; }
buildah umount "$container" >/dev/null

buildah push -q "$IMAGE" "oci-archive:$OUT/mq-gateway.tar"
ls -l "$OUT/mq-gateway.tar"
as_root rm -rf "$OUT/storage" "$OUT/run"
