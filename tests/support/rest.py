"""A client of the gateway's REST API that knows nothing of the gateway's code."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request


def quoted(name):
    return urllib.parse.quote(name, safe="")


def answer_of(error):
    """Of a failure; one that no gateway wrote says so."""
    text = error.read()
    try:
        return json.loads(text)
    except ValueError:
        return {"detail": repr(text[:200])}


class Gateway:
    """One gateway, by the address of its data listener."""

    def __init__(self, url):
        self.url = url

    def call(self, path, body=None, content_type="application/json", timeout=60):
        """A POST, or a GET where there is no body: the status and the answer's JSON; status 0 where nobody answers."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, answer_of(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return 0, {"detail": str(error)}

    def publish(self, topic, body, **fields):
        return self.call(f"/v1/topics/{quoted(topic)}/messages", {"body": body, **fields})

    def publish_bytes(self, topic, body):
        return self.call(f"/v1/topics/{quoted(topic)}/messages", body, "application/octet-stream")

    def batch(self, topic, messages):
        return self.call(f"/v1/topics/{quoted(topic)}/messages:batch", {"messages": messages})

    def receive(self, topic, group, wait=0, count=32, **fields):
        options = {"wait_seconds": wait, "max_messages": count, **fields}
        return self.verb(topic, group, "receive", options)

    def ack(self, topic, group, handles):
        return self.verb(topic, group, "ack", {"receipt_handles": handles})

    def nack(self, topic, group, handles, **fields):
        return self.verb(topic, group, "nack", {"receipt_handles": handles, **fields})

    def extend(self, topic, group, handles, seconds):
        options = {"receipt_handles": handles, "visibility_timeout_seconds": seconds}
        return self.verb(topic, group, "extend", options)

    def verb(self, topic, group, verb, body):
        return self.call(f"/v1/topics/{quoted(topic)}/groups/{quoted(group)}/messages:{verb}", body)

    def take(self, topic, group, count=1, seconds=30, **fields):
        """Receives until so many messages came or the time is over; acknowledges nothing."""
        end, found = time.monotonic() + seconds, []
        while len(found) < count and time.monotonic() < end:
            status, answer = self.receive(topic, group, wait=5, count=min(32, count - len(found)), **fields)
            assert status == 200, answer
            found += answer["messages"]
        return found

    def collect(self, topic, group, count=1, seconds=30, made_by_mq=False, **fields):
        """Receives and acknowledges until so many messages came or the time is over. `made_by_mq`: the MQ makes the topic, some time."""
        end, found = time.monotonic() + seconds, []
        while len(found) < count and time.monotonic() < end:
            status, answer = self.receive(topic, group, wait=5, **fields)
            if made_by_mq and status == 502 and answer["code"] == "upstream-misconfigured":
                time.sleep(0.5)
                continue
            assert status == 200, answer
            messages = answer["messages"]
            found += messages
            if messages:
                status, answer = self.ack(topic, group, [message["receipt_handle"] for message in messages])
                assert status == 200, answer
        return found

    def drain(self, topic, group, **fields):
        """Leaves nothing of earlier rows. Whoever receives with a visibility timeout of its own drains with the same: a poll under way for
        another one may still take a message, and hide it for as long."""
        while self.collect(topic, group, seconds=1, **fields):
            pass
