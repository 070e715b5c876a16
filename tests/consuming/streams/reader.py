"""Reads a stream with Python's own library, as a service without any package does: acknowledges each message and prints it.

    reader.py URL TOPIC GROUP

Comes back when the stream ends, after the time that it was told. The rules of the format: WHATWG HTML, 9.2.6.
"""

import http.client
import json
import sys
import time
import urllib.parse
import urllib.request


def events(answer):
    """The events of an answer: kind, id and data. Lines end with LF, as this server writes them."""
    kind, last_id, data = "message", "", []
    for line in answer:
        line = line.decode().rstrip("\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield kind, last_id, "\n".join(data)
            kind, data = "message", []
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            last_id = value
        elif name == "retry":
            yield "retry", "", value


def main():
    url, topic, group = sys.argv[1:]
    messages = f"{url}/v1/topics/{topic}/groups/{group}/messages"
    pause = 3.0
    while True:
        try:
            request = urllib.request.Request(f"{messages}:stream?max_in_flight=2", headers={"Accept": "text/event-stream"})
            # Without a word for 40 s (there is one each 15 s) the connection is dead.
            with urllib.request.urlopen(request, timeout=40) as answer:
                print(json.dumps({"open": answer.status}), flush=True)
                for kind, last_id, data in events(answer):
                    if kind == "retry":
                        pause = int(data) / 1000
                    elif kind == "message":
                        message = json.loads(data)
                        body = json.dumps({"receipt_handles": [message["receipt_handle"]]}).encode()
                        ack = urllib.request.Request(f"{messages}:ack", body, {"Content-Type": "application/json"})
                        with urllib.request.urlopen(ack, timeout=40) as acknowledged:
                            status = json.load(acknowledged)["results"][0]["status"]
                        print(json.dumps({"id": last_id, "message": message, "ack": status}), flush=True)
        except (OSError, http.client.HTTPException) as error:
            print(json.dumps({"cut": str(error)}), flush=True)
        time.sleep(pause)


if __name__ == "__main__":
    main()
