"""Publishes one message, receives it, acknowledges it. Standard library only.

    GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing python3 example.py
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

API = f"{os.environ.get('GATEWAY_URL', 'http://127.0.0.1:8080')}/v1/topics/{os.environ.get('TOPIC', 'orders')}"
GROUP = f"{API}/groups/{os.environ.get('GROUP', 'billing')}"


def post(url, value):
    """The status and the JSON of the answer; 0 when there was none."""
    request = urllib.request.Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError as error:
        return 0, {"detail": str(error), "outcome": "unknown"}


status, answer = post(f"{API}/messages", {"body": {"order": 17, "state": "paid"}, "tag": "paid", "keys": ["order-17"]})
if status != 201 and answer.get("outcome") == "unknown":
    # Nobody knows whether it was stored. Sending it again may publish it twice: do so only if consumers bear that.
    sys.exit(f"publish: unknown whether it was stored: {answer}")
if status != 201:
    # Certainly not stored. Where `retryable` is true, the same request may succeed after Retry-After.
    sys.exit(f"publish: not stored: {answer}")
published = answer["message_id"]
print("published", published)

end, received = time.monotonic() + 60, None
while received != published:
    if time.monotonic() > end:
        sys.exit("the message did not come")
    # Returns as soon as there is a message, with [] after 20 s at the latest.
    status, answer = post(f"{GROUP}/messages:receive", {"max_messages": 1, "wait_seconds": 20})
    if status != 200:
        print("receive:", answer, file=sys.stderr)
        time.sleep(1)
    for message in answer.get("messages", []):
        received = message["message_id"]
        # The work comes first, then the acknowledgement: whatever ends in between brings the message again. So the same
        # message may come twice, and the work must bear that.
        print("processing", received, message["body"])
        status, answer = post(f"{GROUP}/messages:ack", {"receipt_handles": [message["receipt_handle"]]})
        if status != 200:  # 207: not acknowledged, `results` say why; the message comes again
            sys.exit(f"acknowledge: {answer}")
        print("acknowledged", received)
