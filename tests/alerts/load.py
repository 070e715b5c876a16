"""Callers of one gateway: they publish, receive, stream and acknowledge, and go on whatever they are answered."""

import json
import socket
import threading
import time
import urllib.request


class Load:
    """`threads` callers, each with `pause` seconds between its requests."""

    def __init__(self, gateway, threads=1, pause=0.2, topics=("orders",), receives=True):
        self.gateway, self.pause, self.topics, self.receives = gateway, pause, list(topics), receives
        self.ended = threading.Event()
        self.published, self.headers = 0, ()
        work = [self.publish] * threads + ([self.consume] if receives else [])
        self.threads = [threading.Thread(target=it, daemon=True) for it in work]
        for thread in self.threads:
            thread.start()

    def publish(self):
        while not self.ended.wait(self.pause):
            for topic in list(self.topics):
                status, _ = self.gateway.publish(topic, f"at {time.time()}", self.headers)
                self.published += status == 201

    def consume(self):
        """Only what has been there: a group begins with the oldest message."""
        while not self.ended.wait(self.pause):
            messages = self.gateway.receive(wait_seconds=1)
            if messages:
                self.gateway.acknowledge(messages)

    def end(self):
        self.ended.set()


class Stream:
    """A caller who streams, acknowledges what comes, and begins anew now and then."""

    seconds = 5

    def __init__(self, gateway, topic="orders", group="GID_stream"):
        self.gateway, self.group = gateway, group
        self.url = f"{gateway.data}/v1/topics/{topic}/groups/{group}/messages:stream?max_in_flight=10"
        self.ended = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.ended.wait(0.5):
            try:
                self.read(time.monotonic() + self.seconds)
            except (OSError, ValueError):
                pass

    def read(self, until):
        request = urllib.request.Request(self.url, headers={"Accept": "text/event-stream"})
        with urllib.request.urlopen(request, timeout=self.seconds) as events:
            for line in events:
                if line.startswith(b"data:") and b"receipt_handle" in line:
                    self.gateway.acknowledge([json.loads(line.removeprefix(b"data:"))], group=self.group)
                if self.ended.is_set() or time.monotonic() > until:
                    return

    def end(self):
        self.ended.set()


def open_streams(gateway, number, topic="orders", group="GID_stream"):
    """Streams that stay open, and of which nothing is read; the sockets."""
    host, port = gateway.data.removeprefix("http://").split(":")
    head = f"GET /v1/topics/{topic}/groups/{group}/messages:stream?max_in_flight=1 HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    sockets = [socket.create_connection((host, int(port)), timeout=30) for _ in range(number)]
    for stream in sockets:
        stream.sendall(head.encode())
        answer = stream.recv(1000)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"a stream was refused: {answer[:200]}")
    return sockets
