"""Traffic over a fault: `outage.py TEXT COMMAND…` runs the command in mid-traffic; nothing that was acknowledged may be lost."""

import os
import subprocess
import sys
import time

from rest import Gateway
from traffic import Traffic

gateway = Gateway(os.environ["GATEWAY"])

text, command = sys.argv[1], sys.argv[2:]
LIMIT = 35
# Stored and delivered before the fault, and after it again.
ENOUGH = 60


def flows():
    """Until so many more have come through: a machine under load takes longer for them."""
    wanted, end = len(traffic.delivered & traffic.acknowledged) + ENOUGH, time.monotonic() + 60
    while len(traffic.delivered & traffic.acknowledged) < wanted:
        assert time.monotonic() < end, f"{ENOUGH} messages did not come through within a minute"
        time.sleep(0.1)


def until(what, attempt):
    """Seconds until it succeeds. After a long outage the gateway's tries are up to `breaker_open` apart, 30 s; more than that is too many.
    """
    began = time.monotonic()
    while True:
        status, answer = attempt()
        if status in (200, 201):
            return time.monotonic() - began
        assert time.monotonic() - began < LIMIT, f"no {what} within {LIMIT} s: {answer}"
        time.sleep(0.1)


def published():
    return gateway.publish("T-normal", "probe")


def received():
    status, answer = gateway.receive("T-normal", "GID_a", wait=1, visibility_timeout_seconds=15)
    if status == 200 and answer["messages"]:
        traffic.delivered.update(message["body"] for message in answer["messages"])
        gateway.ack("T-normal", "GID_a", [message["receipt_handle"] for message in answer["messages"]])
    return status, answer


gateway.drain("T-normal", "GID_a", visibility_timeout_seconds=15)
traffic = Traffic(gateway, "T-normal", "GID_a")
flows()
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
recovery = f"publishes again after {until('publish', published):.1f} s, receives after {until('receive', received):.1f} s"
flows()
counts = traffic.finish(90)
lost = traffic.lost()
print(f"  {'FAILED' if lost else 'ok':6} {text}: {counts}; {recovery}", sorted(lost)[:5] or "", flush=True)
sys.exit(1 if lost else 0)
