#!/usr/bin/env bash
# deploy/Dockerfile, whole, with no daemon and nothing pulled: buildah runs its builder stage with this machine's toolchain,
# mounted into an empty image. Then the image runs under a real container runtime, confined as the Deployment confines it
# (.ci/image/confined.sh), what it is made of is written down (.ci/sbom.py), and what it takes is measured (.ci/image/figures.py).
# The crates that the stage `release` compiled are not compiled again: cargo finds them below target, and takes those that have the
# same flags; IMAGE_FRESH=1 gives it none. With STATIC_BINARY=FILE only the last stage is built, around that (static) program.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
apt_install buildah
need strip binutils
venv image
OUT=$WORK/image
as_root rm -rf "$OUT" && mkdir -p "$OUT"
BUILDAH=$(command -v buildah)
buildah() { as_root "$BUILDAH" --storage-driver vfs --root "$OUT/storage" --runroot "$OUT/run" "$@"; }
IMAGE=localhost/mq-gateway:ci
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
SOURCE=https://git.example.com/mq-gateway
ARGUMENTS=(--build-arg "REVISION=$REVISION" --build-arg "VERSION=$VERSION" --build-arg "SOURCE=$SOURCE")

if [[ -n ${STATIC_BINARY:-} ]]; then
  say "around $STATIC_BINARY"
  mkdir -p "$OUT/binary/rootfs" && mkdir -m 0700 "$OUT/binary/rootfs/data"
  cp "$STATIC_BINARY" "$OUT/binary/mq-gateway"
  buildah bud --isolation chroot --build-context "binary=$OUT/binary" "${ARGUMENTS[@]}" \
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
  mkdir -p "$OUT/target"
  if [[ -z ${IMAGE_FRESH:-} && -d target/release ]]; then
    say "with the crates of target/release"
    for dir in .fingerprint build deps; do mkdir -p "$OUT/target/release" && cp -a "target/release/$dir" "$OUT/target/release/"; done
  fi
  say "building from source"
  buildah bud --isolation chroot --layers=false --build-arg BUILDER_IMAGE=localhost/toolchain "${ARGUMENTS[@]}" \
    -v "$OUT/target:/build/target" -v /usr:/usr:ro -v /etc/alternatives:/etc/alternatives:ro -v "$TOOLS:$TOOLS" -v "$RUSTUP:$RUSTUP:ro" \
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

say "its labels"
# A template, not the shell's variables.
# shellcheck disable=SC2016
buildah inspect --format '{{range $name, $value := .OCIv1.Config.Labels}}{{$name}}={{$value}}{{"\n"}}{{end}}' "$container" |
  sed -n 's/^org\.opencontainers\.image\.//p' | tee "$OUT/labels.txt"
# label NAME REGEX
label() { grep -qxE "$1=$2" "$OUT/labels.txt" || fail "the label $1 is not $2: deploy/Dockerfile"; }
label title mq-gateway
label description '.{20,}'
label licenses Apache-2.0
label version "$VERSION"
label revision "$REVISION"
label source "$SOURCE"
label documentation "$SOURCE"

say "what it is made of"
cp "$top/mq-gateway" "$OUT/mq-gateway" && chmod 755 "$OUT/mq-gateway"
python3 .ci/sbom.py --program "$OUT/mq-gateway" "$OUT/mq-gateway.cdx.json"

say "what it takes"
python3 .ci/image/figures.py "$OUT/mq-gateway"
buildah umount "$container" >/dev/null
buildah rm "$container" >/dev/null

say "it runs confined"
bash .ci/image/confined.sh "$IMAGE"

buildah push -q "$IMAGE" "oci-archive:$OUT/mq-gateway.tar"
ls -l "$OUT/mq-gateway.tar"
as_root rm -rf "$OUT/storage" "$OUT/run"
