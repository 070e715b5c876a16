"""Two proxies in local mode, one of them configured. `pair.py all`: what is published is on both, and everything is received, kept, given
back and acknowledged. `pair.py part`, with `follow_routes = false` after that: another group gets one proxy's part only."""

import os
import sys
import time

from rest import Gateway

gateway = Gateway(os.environ["GATEWAY"])
TOPIC, COUNT = "T-normal", 40


def received(group, count=32):
    """What one receive brings."""
    status, answer = gateway.receive(TOPIC, group, wait=2, count=count, visibility_timeout_seconds=15)
    assert status == 200, answer
    return answer["messages"]


def done(answered):
    """The handle to use from then on."""
    status, answer = answered
    assert status == 200, answer
    return answer["results"][0].get("receipt_handle")


def everything():
    received("GID_b")
    gateway.drain(TOPIC, "GID_a", visibility_timeout_seconds=15)
    bodies = {f"m{number}" for number in range(COUNT)}
    for body in sorted(bodies):
        status, answer = gateway.publish(TOPIC, body)
        assert status == 201, answer
    acknowledged, given_back, end = set(), set(), time.monotonic() + 120
    while acknowledged != bodies:
        assert time.monotonic() < end, f"missing: {sorted(bodies - acknowledged)}"
        # One at a time: of several that it delivered together the server forgets that one was hidden anew.
        for message in received("GID_a", count=1):
            body, handle = message["body"], message["receipt_handle"]
            assert body not in acknowledged, f"{body} was acknowledged, and is back"
            handle = done(gateway.extend(TOPIC, "GID_a", [handle], 15))
            if body in given_back or len(given_back) * 2 >= COUNT:
                done(gateway.ack(TOPIC, "GID_a", [handle]))
                acknowledged.add(body)
            else:
                done(gateway.nack(TOPIC, "GID_a", [handle]))
                given_back.add(body)
    # Longer than anything was hidden.
    end = time.monotonic() + 20
    while time.monotonic() < end:
        back = received("GID_a")
        assert not back, f"acknowledged, and back: {[message['body'] for message in back]}"
    return f"{COUNT} messages through one endpoint, {len(given_back)} of them given back first"


def part():
    bodies, end = set(), time.monotonic() + 60
    while not bodies and time.monotonic() < end:
        bodies.update(message["body"] for message in received("GID_b"))
    end = time.monotonic() + 8
    while time.monotonic() < end:
        bodies.update(message["body"] for message in received("GID_b"))
    count = len(bodies)
    assert 0 < count < COUNT, f"{count} of {COUNT}: the messages were not on both"
    return f"a control without routes sees {count} of {COUNT}"


print("  ok    ", {"all": everything, "part": part}[sys.argv[1]](), flush=True)
