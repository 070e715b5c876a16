#!/usr/bin/env bash
# A real Apache RocketMQ 5 server for tests, from Maven Central jars. See usage() below.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: server.sh COMMAND DIR ..
  fetch DIR                    jars into DIR/lib (needs mvn and a network; skipped when there); RMQ_VERSION, default 5.3.3
  start DIR [--acl]            namesrv + proxy with the broker inside; prints the gRPC endpoint
  start-cluster DIR [--acl]    namesrv + 2 brokers + proxy in cluster mode
  start-pair DIR [--acl]       namesrv + 2 proxies with a broker inside each, at 127.0.0.1 and 127.0.0.2 (needs cc)
  topic DIR NAME TYPE          NORMAL, FIFO, DELAY, TRANSACTION or MIXED
  group DIR NAME [fifo] [retries=N]
  admin DIR ARGS..             mqadmin (a JVM, 2 to 4 s); fails when it reports a failure
  kill DIR PROCESS             kill -9 one of namesrv, proxy, broker-a, broker-b, proxy-b
  up DIR PROCESS               start it again and wait until all is ready
  stop DIR [--now | --wipe]    by pid; takes up to 20 s, at once (kill -9) with --now; --wipe also removes the store
environment, read by start, start-cluster and start-pair (ports, store and keys are kept in DIR/env for the rest):
  RMQ_PORTS   "namesrv broker grpc remoting", default "19876 20911 18081 18080"; a broker also takes
              its port - 2 and + 1, the second broker is 100 above, and so is the remoting port of a pair's second
  RMQ_STORE   default: a folder named after DIR on /dev/shm (DIR/store where there is none)
  RMQ_AK RMQ_SK   the user made by --acl, default rocketmq / rocketmq-secret
  RMQ_JAVA    more JVM options, default -XX:TieredStopAtLevel=1 (quick start, slower under load)
  RMQ_BROKER_CONF, RMQ_PROXY_CONF   more broker.conf lines; more members for the proxy's JSON ("k":v,..)
TXT
}

die() { printf 'server.sh: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || { usage >&2; exit 2; }
cmd=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2

# ---- remoting protocol: one request, one answer; spares a JVM per topic -------------------------

be32() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }

# rpc PORT CODE BODY key value ..  (keys in alphabetical order: the signature covers the values in that order)
rpc() {
  local port=$1 code=$2 body=$3 ext='' signed='' header len
  shift 3
  if [ "${ACL:-0}" = 1 ]; then set -- AccessKey "$AK" "$@"; fi
  while [ $# -gt 0 ]; do ext+="\"$1\":\"$2\","; signed+=$2; shift 2; done
  if [ "${ACL:-0}" = 1 ]; then
    ext+="\"Signature\":\"$(printf %s "$signed$body" | openssl dgst -sha1 -hmac "$SK" -binary | base64)\","
  fi
  header="{\"code\":$code,\"language\":\"OTHER\",\"version\":473,\"opaque\":1,\"flag\":0,\"extFields\":{${ext%,}}}"
  (
    export LC_ALL=C
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    # shellcheck disable=SC2059 # bytes, as printf's escapes
    { printf "$(be32 $((4 + ${#header} + ${#body})))$(be32 ${#header})"; printf %s "$header$body"; } >&3
    len=$((16#$(timeout 10 head -c 4 <&3 | od -An -tx1 | tr -d ' \n')))
    timeout 10 head -c "$len" <&3 | tail -c +5 | tr -d '\0'
  ) 2>/dev/null
}
ok() { case $1 in *'"code":0,'*) return 0 ;; *) return 1 ;; esac; }

# make_topic PORT NAME TYPE ; make_group PORT NAME fifo? retries
make_topic() {
  local order=false
  [ "$3" != FIFO ] || order=true
  rpc "$1" 17 '' attributes "+message.type=$3" defaultTopic TBW102 order "$order" perm 6 readQueueNums 4 \
    topic "$2" topicFilterType SINGLE_TAG topicSysFlag 0 writeQueueNums 4
}
make_group() {
  local json="{\"groupName\":\"$2\",\"consumeMessageOrderly\":$3,\"retryMaxTimes\":$4,\"retryQueueNums\":1,\"brokerId\":0"
  json+=',"consumeEnable":true,"consumeFromMinEnable":true,"consumeBroadcastEnable":true,"whichBrokerWhenConsumeSlowly":1'
  rpc "$1" 200 "$json,\"notifyConsumerIdsChangedEnable\":true,\"consumeTimeoutMinute\":15}"
}
on_brokers() { # on_brokers FUNCTION ARGS..: the same on every broker
  local f=$1 port out
  shift
  for port in $BROKERS; do
    out=$("$f" "$port" "$@") || true
    ok "$out" || die "$f $* on port $port: ${out:-no answer}"
  done
}

# ---- processes ----------------------------------------------------------------------------------

java_opts() {
  printf '%s\n' -cp "$dir/conf:$dir/lib/*" -Duser.home="$dir" -XX:+UseSerialGC -Djava.net.preferIPv4Stack=true
  # shellcheck disable=SC2086
  printf '%s\n' ${RMQ_JAVA:--XX:TieredStopAtLevel=1}
}
launch() { # launch NAME java-arguments.. (PRELOAD, BIND_HOST and BIND_PORT: see only_at)
  local name=$1
  shift
  mapfile -t opts < <(java_opts)
  # Here, not by the child: what an earlier one said must not be taken for this one's word.
  : >"$dir/$name.out"
  LD_PRELOAD=${PRELOAD:-} ROCKETMQ_HOME=$dir NAMESRV_ADDR=127.0.0.1:$NAMESRV setsid java "${opts[@]}" "$@" >>"$dir/$name.out" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
  # Until it is java: before that its command line is this script's.
  local end=$((SECONDS + 20))
  until alive "$name" || ! kill -0 $! 2>/dev/null || [ $SECONDS -ge $end ]; do sleep 0.05; done
}
alive() { # alive PROCESS: the pid lives and is ours (a zombie has no command line)
  [ -f "$dir/$1.pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$dir/$1.pid")/cmdline" | grep -qF "$dir/lib/"
} 2>/dev/null
wait_for() { # wait_for WHAT PROCESS COMMAND..: at most 180 s, at once when the process is gone
  local what=$1 proc=$2 end=$((SECONDS + 180))
  shift 2
  until "$@"; do
    sleep 0.2
    alive "$proc" || { tail -n 20 "$dir/$proc.out" >&2; die "$proc exited before $what"; }
    [ $SECONDS -lt $end ] || die "$what: not within 180 s, see $dir/$proc.out and $dir/logs"
  done
}
port_open() { (exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null; } # port_open PORT [HOST]
wait_closed() { # wait_closed PORT [HOST]: a killed process's listener outlives its command line by some tenths of a second
  local end=$((SECONDS + 20))
  while port_open "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}
ports_of() { # ports_of PROCESS: where it listens, a line of host and port each
  local broker=${BROKERS%% *}
  case $1 in
    namesrv) echo "127.0.0.1 $NAMESRV" ;;
    broker-?)
      [ "$1" = broker-a ] || broker=${BROKERS##* }
      printf '127.0.0.1 %s\n' "$broker" $((broker - 2)) $((broker + 1))
      ;;
    proxy)
      printf '127.0.0.1 %s\n' "$GRPC" "$REMOTING"
      [ "$MODE" = CLUSTER ] || ports_of broker-a
      ;;
    proxy-b)
      printf '127.0.0.2 %s\n' "$GRPC" $((REMOTING + 100))
      ports_of broker-b
      ;;
    *) die "no such process: $1" ;;
  esac
}
are_closed() { # are_closed PROCESS..: all of their ports, or this ends
  local process port host
  for process in "$@"; do
    while read -r host port; do wait_closed "$port" "$host" || die "port $port is taken"; done < <(ports_of "$process")
  done
}
is_gone() { # is_gone PID: no thread is left but the first, as a zombie that nobody waits for. The last to end closes files and ports.
  local threads=("/proc/$1/task/"*)
  [ ${#threads[@]} -eq 1 ] && [ -z "$(ls "/proc/$1/fd" 2>/dev/null)" ]
}
end_of() { # end_of PROCESS: kill -9, and until it is gone
  local pid end=$((SECONDS + 20))
  pid=$(cat "$dir/$1.pid")
  kill -9 "$pid" 2>/dev/null || true
  until is_gone "$pid"; do
    [ $SECONDS -lt $end ] || die "$1 does not end"
    sleep 0.05
  done
}
said() { grep -q "$2" "$dir/$1.out"; }
registered() { # every broker is in the name server's table
  local out b all=0
  out=$(rpc "$NAMESRV" 106 '') || return 1
  for b in $BROKERS; do
    case $out in
      *"127.0.0."[12]":$b\""*) ;;
      *)
        # a broker often misses its first turn, and the next is 10 s later: this setting makes it register at once
        rpc "$b" 25 'brokerPermission=6' >/dev/null || true
        all=1
        ;;
    esac
  done
  return $all
}
topic_ok() { local p; for p in $BROKERS; do ok "$(make_topic "$p" RMQ_READY NORMAL)" || return 1; done; }

only_at() { # only_at HOST: what is started next takes gRPC calls at this address only
  # A proxy in local mode says of every broker that its proxy has the same gRPC port, so two of them need two addresses; and it listens at
  # all that there are.
  cat >"$dir/bind.c" <<'C'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
int bind(int fd, const struct sockaddr *address, socklen_t length) {
  int (*real)(int, const struct sockaddr *, socklen_t) = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
  const char *host = getenv("BIND_HOST"), *port = getenv("BIND_PORT");
  if (host && port && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in own;
    memcpy(&own, address, sizeof own);
    if (ntohs(own.sin_port) == atoi(port)) {
      inet_pton(AF_INET, host, &own.sin_addr);
      return real(fd, (struct sockaddr *)&own, sizeof own);
    }
  }
  return real(fd, address, length);
}
C
  cc -shared -fPIC -O1 -o "$dir/bind.so" "$dir/bind.c" -ldl
  export PRELOAD=$dir/bind.so BIND_HOST=$1 BIND_PORT=$GRPC
}
broker_conf() { # broker_conf NAME PORT [HOST]
  cat >"$dir/conf/$1.conf" <<CONF
brokerClusterName=DefaultCluster
brokerName=$1
brokerId=0
brokerIP1=${3:-127.0.0.1}
listenPort=$2
brokerRole=ASYNC_MASTER
flushDiskType=ASYNC_FLUSH
storePathRootDir=$STORE/$1
mappedFileSizeCommitLog=67108864
mappedFileSizeConsumeQueue=600000
mappedFileSizeTimerLog=10485760
maxHashSlotNum=50000
maxIndexNum=200000
autoCreateTopicEnable=false
autoCreateSubscriptionGroup=false
recallMessageEnable=true
enableMixedMessageType=true
enableRetryTopicV2=true
timerPrecisionMs=100
timerFlushIntervalMs=5000
transactionTimeOut=3000
transactionCheckInterval=1000
transactionOpBatchInterval=200
transactionCheckMax=60
CONF
  if [ "$ACL" = 1 ]; then
    cat >>"$dir/conf/$1.conf" <<CONF
authenticationEnabled=true
authenticationProvider=org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider
authenticationMetadataProvider=org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider
authConfigPath=$STORE/$1/auth
initAuthenticationUser={"username":"$AK","password":"$SK"}
innerClientAuthenticationCredentials={"accessKey":"$AK","secretKey":"$SK"}
CONF
  fi
  printf '%s\n' "${RMQ_BROKER_CONF:-}" >>"$dir/conf/$1.conf"
}
proxy_conf() { # proxy_conf LOCAL|CLUSTER [FILE REMOTING-PORT]
  local file=${2:-rmq-proxy} remoting=${3:-$REMOTING}
  local more=${RMQ_PROXY_CONF:+,$RMQ_PROXY_CONF}
  if [ "$ACL" = 1 ]; then
    more+=",\"authenticationEnabled\":true,\"authenticationProvider\":\"org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider\""
    more+=",\"authenticationMetadataProvider\":\"org.apache.rocketmq.proxy.auth.ProxyAuthenticationMetadataProvider\""
    more+=",\"innerClientAuthenticationCredentials\":\"{\\\"accessKey\\\":\\\"$AK\\\",\\\"secretKey\\\":\\\"$SK\\\"}\",\"enableAclRpcHookForClusterMode\":true"
  fi
  local json="{\"rocketMQClusterName\":\"DefaultCluster\",\"proxyMode\":\"$1\",\"grpcServerPort\":$GRPC"
  json+=",\"remotingListenPort\":$remoting,\"localServeAddr\":\"127.0.0.1\",\"grpcClientConsumerMinLongPollingTimeoutMillis\":1000"
  json+=",\"minInvisibleTimeMillsForRecv\":1000,\"grpcShutdownTimeSeconds\":1,\"enablePrintJstack\":false$more}"
  printf '%s\n' "$json" >"$dir/conf/$file.json"
}

run() { # run PROCESS: the settings are in DIR/env and DIR/conf
  local mq=org.apache.rocketmq
  case $1 in
    namesrv)
      launch namesrv -Xms32m -Xmx96m -Drmq.logback.configurationFile=rmq.namesrv.logback.xml \
        $mq.namesrv.NamesrvStartup -c "$dir/conf/namesrv.conf"
      ;;
    broker-?)
      launch "$1" -Xms128m -Xmx256m -XX:MaxDirectMemorySize=256m -Drmq.logback.configurationFile=rmq.broker.logback.xml \
        $mq.broker.BrokerStartup -n "127.0.0.1:$NAMESRV" -c "$dir/conf/$1.conf"
      ;;
    proxy | proxy-b)
      local name=$1 file=rmq-proxy broker=broker-a host=127.0.0.1
      [ "$name" = proxy ] || file=rmq-proxy-b broker=broker-b host=127.0.0.2
      set -- -pm cluster
      [ "$MODE" = CLUSTER ] || set -- -pm local -bc "$dir/conf/$broker.conf"
      [ "$MODE" != PAIR ] || only_at $host
      launch "$name" -Xms128m -Xmx384m -XX:MaxDirectMemorySize=384m -Drmq.logback.configurationFile=rmq.proxy.logback.xml \
        $mq.proxy.ProxyStartup -n "127.0.0.1:$NAMESRV" -pc "$dir/conf/$file.json" "$@"
      ;;
    *) die "no such process: $1" ;;
  esac
}
ready() {
  if [ "$MODE" = PAIR ]; then
    wait_for "the second proxy has started" proxy-b said proxy-b 'startup successfully'
    wait_for "its gRPC port is open" proxy-b port_open "$GRPC" 127.0.0.2
  fi
  wait_for "the proxy has started" proxy said proxy 'startup successfully'
  wait_for "the gRPC port is open" proxy port_open "$GRPC"
  wait_for "the brokers are registered" proxy registered
  wait_for "a topic can be made" proxy topic_ok
}

start() { # start LOCAL|CLUSTER|PAIR [--acl]
  local mode=$1 name
  MODE=$mode
  ACL=0
  [ "${2:-}" != --acl ] || ACL=1
  [ -d "$dir/lib" ] || die "no jars in $dir/lib: fetch first"
  for name in namesrv proxy; do
    if alive "$name"; then die "$name already runs: stop first"; fi
  done
  read -r NAMESRV BROKER GRPC REMOTING <<<"${RMQ_PORTS:-19876 20911 18081 18080}"
  AK=${RMQ_AK:-rocketmq} SK=${RMQ_SK:-rocketmq-secret}
  STORE=${RMQ_STORE:-}
  if [ -z "$STORE" ]; then
    STORE=$dir/store
    if [ -w /dev/shm ]; then STORE=/dev/shm/rmq$(printf %s "$dir" | tr -c 'A-Za-z0-9\n' -); fi
  fi
  BROKERS=$BROKER
  [ "$mode" = LOCAL ] || BROKERS="$BROKER $((BROKER + 100))"
  case $mode in
    LOCAL) are_closed namesrv proxy ;;
    CLUSTER) are_closed namesrv broker-a broker-b proxy ;;
    PAIR) are_closed namesrv proxy proxy-b ;;
  esac
  mkdir -p "$dir/conf" "$STORE"
  printf '%s=%q\n' NAMESRV "$NAMESRV" BROKERS "$BROKERS" GRPC "$GRPC" REMOTING "$REMOTING" MODE "$mode" STORE "$STORE" \
    ACL "$ACL" AK "$AK" SK "$SK" >"$dir/env"
  printf 'listenPort=%s\nkvConfigPath=%s\n' "$NAMESRV" "$STORE/kvConfig.json" >"$dir/conf/namesrv.conf"
  printf 'accessKey: %s\nsecretKey: %s\n' "$AK" "$SK" >"$dir/conf/tools.yml"
  proxy_conf "${mode/PAIR/LOCAL}"

  broker_conf broker-a "$BROKER"
  [ "$mode" != CLUSTER ] || broker_conf broker-b $((BROKER + 100))
  if [ "$mode" = PAIR ]; then
    broker_conf broker-b $((BROKER + 100)) 127.0.0.2
    proxy_conf LOCAL rmq-proxy-b $((REMOTING + 100))
  fi
  trap 'stop --now' EXIT
  run namesrv
  if [ "$mode" = CLUSTER ]; then
    run broker-a
    run broker-b
    wait_for "the brokers are registered" broker-b registered
  fi
  run proxy
  [ "$mode" != PAIR ] || run proxy-b
  ready
  trap - EXIT
  printf '127.0.0.1:%s\n' "$GRPC"
}

stop() { # stop [--now|--wipe]
  local f pid end now=${1:-}
  for f in proxy proxy-b broker-a broker-b namesrv; do
    if alive "$f"; then
      pid=$(cat "$dir/$f.pid")
      [ -n "$now" ] || kill "$pid" 2>/dev/null || true
      end=$((SECONDS + (${#now} > 0 ? 0 : 30)))
      while alive "$f" && [ $SECONDS -lt $end ]; do sleep 0.1; done
      end_of "$f"
    fi
    rm -f "$dir/$f.pid"
  done
  if [ "$now" = --wipe ] && [ -n "${STORE:-}" ]; then rm -rf -- "$STORE"; fi
}

# -------------------------------------------------------------------------------------------------

case $cmd in
  fetch | start | start-cluster | start-pair) ;;
  *)
    # shellcheck source=/dev/null
    [ ! -f "$dir/env" ] || . "$dir/env"
    ;;
esac
case $cmd in
  fetch)
    version=${RMQ_VERSION:-5.3.3}
    if [ ! -e "$dir/lib/rocketmq-proxy-$version.jar" ]; then
      # What a network fails at once it often does a little later.
      for pause in 5 20 0; do
        rm -rf "$dir/lib.part"
        mvn -q -B -f "$here/pom.xml" -Drmq="$version" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/lib.part" && break
        [ $pause -gt 0 ] || die "Maven does not bring RocketMQ $version"
        sleep $pause
      done
      rm -rf "${dir:?}/lib"
      mv "$dir/lib.part" "$dir/lib"
    fi
    ;;
  start) start LOCAL "$@" ;;
  start-cluster) start CLUSTER "$@" ;;
  start-pair) start PAIR "$@" ;;
  topic)
    [ $# -eq 2 ] || { usage >&2; exit 2; }
    on_brokers make_topic "$1" "$2"
    ;;
  group)
    [ $# -ge 1 ] || { usage >&2; exit 2; }
    name=$1 fifo=false retries=16
    shift
    for a in "$@"; do case $a in fifo) fifo=true ;; retries=*) retries=${a#*=} ;; *) usage >&2; exit 2 ;; esac; done
    on_brokers make_group "$name" "$fifo" "$retries"
    ;;
  admin)
    mapfile -t opts < <(java_opts)
    out=$(ROCKETMQ_HOME=$dir NAMESRV_ADDR=127.0.0.1:$NAMESRV timeout 60 java "${opts[@]}" -Xmx128m \
      -Drmq.logback.configurationFile=rmq.tools.logback.xml org.apache.rocketmq.tools.command.MQAdminStartup "$@" 2>&1) || { printf '%s\n' "$out"; die "mqadmin failed"; }
    printf '%s\n' "$out"
    if grep -qE 'Exception|usage: mqadmin|is not exist' <<<"$out"; then die "mqadmin reported a failure"; fi
    ;;
  kill)
    alive "${1:-}" || die "${1:-} does not run"
    end_of "$1"
    ;;
  up)
    if alive "${1:-}"; then die "$1 already runs"; fi
    are_closed "$1"
    run "$1"
    ready
    ;;
  stop) stop "$@" ;;
  *) usage >&2; exit 2 ;;
esac
