# shellcheck shell=bash
# What the runs on a real Apache RocketMQ 5 share: the server, and a gateway towards it. Sourced, never run; the first argument of
# who sources it is the gateway's program.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
program=${1:-$root/target/release/mq-gateway}
[[ -x $program ]] || { echo "no $program: cargo build --release, or name the program" >&2; exit 2; }
dir=${RMQ_DIR:-$root/target/rocketmq}
export RMQ_PORTS=${RMQ_PORTS:-29876 30911 28081 28080} PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/support
read -r _ _ grpc _ <<<"$RMQ_PORTS"
work=$(mktemp -d)
gateway=''

server() { "$here/server.sh" "$1" "$dir" "${@:2}"; }
cleanup() {
  stop_gateway
  server stop --wipe --now >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

stop_gateway() {
  [[ -n $gateway ]] || return 0
  kill "$gateway" 2>/dev/null || true
  wait "$gateway" 2>/dev/null || true
  gateway=''
}

listens_at() { sed -n "/\"message\":\"listening\"/{/\"listener\":\"$1\"/s/.*\"address\":\"\([^\"]*\)\".*/\1/p}" "$work/gateway.log" | tail -1; }

# start_gateway [SECRET [LINE]]: towards the proxy; with a secret its requests are signed, and LINE is one more of the profile.
start_gateway() {
  local keys='' table=''
  if [[ -n ${1:-} ]]; then
    mkdir -p "$work/keys" && chmod 700 "$work/keys"
    printf rocketmq >"$work/keys/access_key"
    printf %s "$1" >"$work/keys/secret_key"
    keys='credentials = "main"' table="[credentials.main]
directory = \"$work/keys\""
  fi
  cat >"$work/gateway.toml" <<TOML
[server]
listen = "127.0.0.1:0"
drain_delay = "0s"
[management]
listen = "127.0.0.1:0"
[profiles.main]
protocol = "rocketmq"
endpoints = ["http://127.0.0.1:$grpc"]
$keys
${2:-}
[[topics]]
name = "*"
profile = "main"
groups = ["*"]
$table
TOML
  "$program" --config "$work/gateway.toml" >"$work/gateway.log" 2>&1 &
  gateway=$!
  local end=$((SECONDS + 60))
  until curl -fsS -m 5 -o /dev/null "http://$(listens_at management)/readyz" 2>/dev/null; do
    if ((SECONDS > end)) || ! kill -0 "$gateway" 2>/dev/null; then
      cat "$work/gateway.log" >&2
      exit 1
    fi
    sleep 0.1
  done
  GATEWAY=http://$(listens_at data)
  export GATEWAY
}
