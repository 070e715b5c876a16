"""Works on a group's messages as they come, over one stream. Standard library only.

    GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing python3 worker.py
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

GATEWAY = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080")
MESSAGES = f"{GATEWAY}/v1/topics/{os.environ.get('TOPIC', 'orders')}/groups/{os.environ.get('GROUP', 'billing')}/messages"
# So many may be under way here. What waits for its turn does so within its visibility timeout: that has to be longer than the work
# on all of them.
IN_FLIGHT = 10
SILENCE = 45  # seconds: the gateway says something every 15
enough = int(os.environ.get("MESSAGES", "0"))  # ends after so many; 0: never


def work(message):
    """What the service is for. It may be called twice for one message, and has to bear that."""
    print("processing", message["message_id"], message["body"], flush=True)


def acknowledge(message):
    body = json.dumps({"receipt_handles": [message["receipt_handle"]]}).encode()
    request = urllib.request.Request(f"{MESSAGES}:ack", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        if answer.status != 200:  # 207: not acknowledged, `results` say why
            raise OSError(answer.read().decode())
    print("acknowledged", message["message_id"], flush=True)


def events(stream):
    """The data of each event, and what the gateway says about coming back (server-sent events)."""
    data = []
    for line in stream:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "data":
            data.append(value)
        elif field == "retry" and value.isdigit():
            yield "retry", int(value) / 1000
        elif field == "" and value == "" and data:  # an empty line ends an event; a comment begins with a colon
            yield "data", "\n".join(data)
            data = []


pause = 3.0
while True:
    try:
        request = urllib.request.Request(f"{MESSAGES}:stream?max_in_flight={IN_FLIGHT}", headers={"Accept": "text/event-stream"})
        with urllib.request.urlopen(request, timeout=SILENCE) as stream:
            for kind, value in events(stream):
                if kind == "retry":
                    pause = value
                    continue
                message = json.loads(value)
                try:
                    # The work comes first, then the acknowledgement: whatever ends in between brings the message again.
                    work(message)
                    acknowledge(message)
                except Exception as error:  # not acknowledged: it comes again after its visibility timeout
                    print("left for later:", message["message_id"], error, file=sys.stderr)
                    continue
                enough -= 1
                if enough == 0:
                    sys.exit()
    except urllib.error.HTTPError as error:
        print("stream:", error.code, error.read().decode(), file=sys.stderr)
        if error.code < 500 and error.code != 429:
            sys.exit(1)  # such as a topic that is not there: coming back does not help
    except OSError as error:
        print("stream:", error, file=sys.stderr)
    # A stream ends whenever a gateway is replaced. What was not acknowledged comes again.
    time.sleep(pause)
