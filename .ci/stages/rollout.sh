#!/usr/bin/env bash
# Rolling updates under load, with the Deployment's own probes and times: no request fails, nothing is lost (tests/rollout). On a real
# RocketMQ 5 the same runs in the stage `rocketmq`.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_gateway
need python3 python3
PYTHONDONTWRITEBYTECODE=1 timeout 180 python3 tests/rollout/run "$GATEWAY" || fail "requests or messages were lost in a rolling update"
