"""A client of the gateway's REST API, and the way rows of a table are checked and shown."""

import json
import os
import threading
import time
import urllib.error
import urllib.request

GATEWAY = os.environ["GATEWAY"]


def call(path, body, content_type="application/json", timeout=60):
    """One POST: the status and the answer's JSON; status 0 where nobody answers."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(GATEWAY + path, data=data, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError as error:
        return 0, {"detail": str(error)}


def publish(topic, body, **fields):
    return call(f"/v1/topics/{topic}/messages", {"body": body, **fields})


def receive(topic, group, wait=0, count=32, **fields):
    options = {"wait_seconds": wait, "max_messages": count, **fields}
    return call(f"/v1/topics/{topic}/groups/{group}/messages:receive", options)


def ack(topic, group, handles):
    return call(f"/v1/topics/{topic}/groups/{group}/messages:ack", {"receipt_handles": handles})


def collect(topic, group, count, seconds=30, **fields):
    """Receives and acknowledges until so many messages came or the time is over."""
    end, found = time.monotonic() + seconds, []
    while len(found) < count and time.monotonic() < end:
        status, answer = receive(topic, group, wait=5, **fields)
        assert status == 200, answer
        messages = answer["messages"]
        found += messages
        if messages:
            status, answer = ack(topic, group, [message["receipt_handle"] for message in messages])
            assert status == 200, answer
    return found


def drain(topic, group):
    """Leaves nothing of earlier rows."""
    while collect(topic, group, 1, seconds=1):
        pass


ROWS = []


def row(function):
    """Registers a promise; its docstring is the row's text."""
    ROWS.append(function)
    return function


def run_rows():
    """Checks every row, and says whether all hold."""
    good = True
    for function in ROWS:
        began = time.monotonic()
        try:
            note, result = function() or "", "ok"
        except (AssertionError, LookupError, ValueError) as error:
            note, result, good = repr(error)[:500], "FAILED", False
        print(f"  {result:6} {function.__doc__:70} {time.monotonic() - began:5.1f} s  {note}", flush=True)
    return good


class Traffic:
    """Publishes and receives until it is told to stop; counts what became of every message."""

    def __init__(self, topic, group):
        self.topic, self.group = topic, group
        self.acknowledged, self.unknown, self.refused = set(), set(), 0
        self.delivered, self.duplicates, self.failed_receives = set(), 0, 0
        self.publishing, self.receiving = True, True
        self.last_success = time.monotonic()
        self.longest_gap = 0.0
        self.threads = [threading.Thread(target=self.publish), threading.Thread(target=self.receive)]
        for thread in self.threads:
            thread.start()

    def publish(self):
        number = 0
        while self.publishing:
            number += 1
            body = f"m{number}"
            status, answer = publish(self.topic, body)
            if status == 201:
                self.acknowledged.add(body)
            elif answer.get("outcome") == "not_published":
                self.refused += 1
            else:
                self.unknown.add(body)
            time.sleep(0.02)

    def receive(self):
        while self.receiving:
            # What was delivered to nobody, since something broke on the way, comes again after this.
            status, answer = receive(self.topic, self.group, wait=2, visibility_timeout_seconds=15)
            if status != 200:
                self.failed_receives += 1
                time.sleep(0.1)
                continue
            now = time.monotonic()
            if answer["messages"]:
                self.longest_gap = max(self.longest_gap, now - self.last_success)
                self.last_success = now
            for message in answer["messages"]:
                if message["body"] in self.delivered:
                    self.duplicates += 1
                self.delivered.add(message["body"])
            if answer["messages"]:
                ack(self.topic, self.group, [message["receipt_handle"] for message in answer["messages"]])

    def lost(self):
        return self.acknowledged - self.delivered

    def finish(self, seconds):
        """Stops publishing, waits until what was stored has come, and tells the counts."""
        self.publishing = False
        self.threads[0].join()
        end = time.monotonic() + seconds
        while self.lost() and time.monotonic() < end:
            time.sleep(0.2)
        self.receiving = False
        self.threads[1].join()
        return (
            f"acknowledged {len(self.acknowledged)}, delivered {len(self.delivered)}, duplicates {self.duplicates}, "
            f"unknown {len(self.unknown)} (of them stored {len(self.unknown & self.delivered)}), refused {self.refused}, "
            f"lost {len(self.lost())}, failed receives {self.failed_receives}, longest gap {self.longest_gap:.1f} s"
        )
