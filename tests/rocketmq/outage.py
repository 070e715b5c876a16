"""Traffic over a fault: `outage.py TEXT COMMAND…` runs the command in mid-traffic; nothing that was acknowledged may be lost."""

import os
import subprocess
import sys
import time

from rest import Gateway
from traffic import Traffic

gateway = Gateway(os.environ["GATEWAY"])

text, command = sys.argv[1], sys.argv[2:]


def until(what, attempt):
    """Seconds until it succeeds; more than ten is too many."""
    began = time.monotonic()
    while True:
        status, answer = attempt()
        if status in (200, 201):
            return time.monotonic() - began
        assert time.monotonic() - began < 10, f"no {what} within 10 s: {answer}"
        time.sleep(0.1)


def published():
    return gateway.publish("T-normal", "probe")


def received():
    status, answer = gateway.receive("T-normal", "GID_a", wait=1, visibility_timeout_seconds=15)
    if status == 200 and answer["messages"]:
        traffic.delivered.update(message["body"] for message in answer["messages"])
        gateway.ack("T-normal", "GID_a", [message["receipt_handle"] for message in answer["messages"]])
    return status, answer


gateway.drain("T-normal", "GID_a")
traffic = Traffic(gateway, "T-normal", "GID_a")
time.sleep(4)
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
recovery = f"publishes again after {until('publish', published):.1f} s, receives after {until('receive', received):.1f} s"
time.sleep(3)
counts = traffic.finish(90)
lost = traffic.lost()
print(f"  {'FAILED' if lost else 'ok':6} {text}: {counts}; {recovery}", sorted(lost)[:5] or "", flush=True)
sys.exit(1 if lost or len(traffic.acknowledged) < 100 else 0)
