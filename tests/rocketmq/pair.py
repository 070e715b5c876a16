"""Two proxies in local mode, one of them configured. `pair.py all`: what is published is on both, and everything is received, kept, given
back and acknowledged. `pair.py part`, with `follow_routes = false` after that: another group gets one proxy's part only."""

import os
import sys
import time

from rest import Gateway

gateway = Gateway(os.environ["GATEWAY"])
TOPIC, COUNT = "T-normal", 40


def received(group, enough, seconds):
    """Messages by body, until there are enough or the time is over."""
    messages, end = {}, time.monotonic() + seconds
    while len(messages) < enough and time.monotonic() < end:
        status, answer = gateway.receive(TOPIC, group, wait=2, visibility_timeout_seconds=12)
        assert status == 200, answer
        messages.update((message["body"], message) for message in answer["messages"])
    return messages


def results(answered):
    status, answer = answered
    assert status == 200, answer
    return answer["results"]


def everything():
    received("GID_b", 1, 1)
    gateway.drain(TOPIC, "GID_a")
    bodies = {f"m{number}" for number in range(COUNT)}
    for body in sorted(bodies):
        status, answer = gateway.publish(TOPIC, body)
        assert status == 201 and answer["attempts"] == 1, answer
    messages = received("GID_a", COUNT, 60)
    assert set(messages) == bodies, f"missing: {sorted(bodies - set(messages))}"
    handles = [message["receipt_handle"] for message in messages.values()]
    kept = [item["receipt_handle"] for item in results(gateway.extend(TOPIC, "GID_a", handles, 15))]
    half = COUNT // 2
    results(gateway.ack(TOPIC, "GID_a", kept[:half]))
    results(gateway.nack(TOPIC, "GID_a", kept[half:]))
    again = received("GID_a", COUNT - half, 60)
    attempts = sorted(it["delivery_attempt"] for it in again.values())
    assert len(again) == COUNT - half and attempts[0] >= 2, attempts
    results(gateway.ack(TOPIC, "GID_a", [message["receipt_handle"] for message in again.values()]))
    # Longer than everything was hidden: what an acknowledgement did not reach would come again.
    left = received("GID_a", 1, 20)
    assert not left, f"acknowledged, and back: {sorted(left)}"
    return f"{COUNT} messages through one endpoint, {half} of them given back first"


def part():
    count = len(received("GID_b", COUNT, 8))
    assert 0 < count < COUNT, f"{count} of {COUNT}: the messages were not on both"
    return f"a control without routes sees {count} of {COUNT}"


print("  ok    ", {"all": everything, "part": part}[sys.argv[1]](), flush=True)
