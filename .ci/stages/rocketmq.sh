#!/usr/bin/env bash
# One contract for every upstream (tests/contract), on a real Apache RocketMQ 5 from Maven Central, too: one broker with access control, two
# brokers, and outages (tests/rocketmq). Java and Maven are installed where they are missing.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need java default-jdk-headless
need mvn maven
need openssl openssl
need_gateway
export RMQ_DIR=$WORK/rocketmq
tests/rocketmq/server.sh fetch "$RMQ_DIR" || fail "Maven does not bring the server"
timeout 1200 tests/rocketmq/run "$GATEWAY" || fail "the contract does not hold on RocketMQ 5"
