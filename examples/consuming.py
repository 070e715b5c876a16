#!/usr/bin/env python3
"""The three ways to consume, side by side: poll and acknowledge, stream and acknowledge, pushes.

    python3 examples/consuming.py target/release/mq-gateway [messages] [rounds] [way …]

Starts `embedded-mq` in memory and a gateway that reaches it over MQ HTTP. In each round every way consumes as many messages of
1 KB, which are there already, in another order than in the round before. Prints, for each way, messages a second and the gateway's
processor time for a message (medians of the rounds); the reader, the target and the MQ share the machine, so a rate says what
this machine does, not what the gateway can. Then how long a message takes from its publish to the consumer while nothing else goes on.
"""

import json
import os
import re
import selectors
import socket
import statistics
import sys
import tempfile
import threading
import time

from waiting_receives import Program, start_mq

WAYS = ("poll", "stream", "push")
IN_FLIGHT, BODY, IDLE_PUBLISHES = 128, "x" * 1024, 300
LIMIT = 120  # seconds, of one round of one way


def configuration(directory, mq, port):
    pushes = f"""
[subscriptions.measured]
topic = "push"
group = "CID_a"
url = "http://127.0.0.1:{port}/"
format = "raw"
concurrency = 64
"""
    topics = "".join(f'[[topics]]\nname = "{way}"\nprofile = "main"\ngroups = ["CID_a"]\n' for way in WAYS)
    return (
        f'[server]\nlisten = "127.0.0.1:0"\n[management]\nlisten = "127.0.0.1:0"\n[credentials.main]\ndirectory = "{directory}"\n'
        f'[profiles.main]\nprotocol = "mq-http"\nendpoints = ["http://{mq.addresses["embedded"]}"]\ncredentials = "main"\n'
        f"{topics}{pushes}"
    )


class Caller:
    """A connection that is kept, for requests of JSON."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.connection = socket.create_connection((host, int(port)), LIMIT)
        self.rest = b""

    def post(self, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self.connection.sendall(head.encode() + data)
        return self.answer(path)

    def answer(self, path):
        head = self.until(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status >= 300 or status == 207:
            sys.exit(f"{path} was refused: {head!r} {self.rest!r}")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length:
            body = self.exactly(int(length[1]))
        else:
            body = b""
            if b"chunked" in head.lower():
                while size := int(self.until(b"\r\n"), 16):
                    body += self.exactly(size + 2)[:-2]
                self.exactly(2)
        return json.loads(body) if body else None

    def until(self, end):
        while end not in self.rest:
            self.more()
        found, self.rest = self.rest.split(end, 1)
        return found

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def more(self):
        data = self.connection.recv(1 << 18) or sys.exit("a connection ended")
        self.rest += data


class Target:
    """A server that takes every push at once, on a thread of its own; counts, and notes when the last one came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port, self.count, self.last = self.listener.getsockname()[1], 0, 0.0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ, None)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    connection, _ = self.listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ, bytearray())
                    continue
                data = key.fileobj.recv(1 << 18)
                if not data:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                key.data.extend(data)
                self.take(key.fileobj, key.data)

    def take(self, connection, waiting):
        while (end := waiting.find(b"\r\n\r\n")) >= 0:
            length = int(re.search(rb"content-length: (\d+)", waiting[:end], re.IGNORECASE)[1])
            if len(waiting) < end + 4 + length:
                return
            del waiting[: end + 4 + length]
            self.last, self.count = time.monotonic(), self.count + 1
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def wait(self, count):
        end = time.monotonic() + LIMIT
        while self.count < count:
            if time.monotonic() > end:
                sys.exit(f"{self.count} of {count} pushes after {LIMIT} s")
            time.sleep(0.0005)


class Measured:
    """One gateway, and its three consumers."""

    def __init__(self, gateway, target):
        self.gateway, self.target = gateway, target
        self.data = Caller(gateway.addresses["data"])
        self.management = Caller(gateway.addresses["management"])
        self.pushed(False)

    def pushed(self, runs):
        self.management.post(f"/v1/subscriptions/measured:{'resume' if runs else 'pause'}")

    def publish(self, topic, count):
        for first in range(0, count, 100):
            messages = [{"body": BODY}] * min(100, count - first)
            self.data.post(f"/v1/topics/{topic}/messages:batch", {"messages": messages})

    def poll(self, count, arrived=None):
        """Polls and acknowledges, as one consumer does, one request after the other."""
        path = "/v1/topics/poll/groups/CID_a/messages"
        while count > 0:
            messages = self.data.post(f"{path}:receive", {"wait_seconds": 10})["messages"]
            if arrived is not None and messages:
                arrived.append(time.monotonic())
            if messages:
                self.data.post(f"{path}:ack", {"receipt_handles": [message["receipt_handle"] for message in messages]})
            count -= len(messages)

    def open_stream(self):
        caller = Caller(self.gateway.addresses["data"])
        path = f"/v1/topics/stream/groups/CID_a/messages:stream?max_in_flight={IN_FLIGHT}"
        # HTTP/1.0: no chunks.
        request = f"GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        caller.connection.sendall(request.encode())
        head = caller.until(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            sys.exit(f"the stream was refused: {head!r}")
        return caller

    def stream(self, count, arrived=None, caller=None):
        """Reads, and acknowledges what has been read as often as nothing more is there."""
        path = "/v1/topics/stream/groups/CID_a/messages"
        caller, handles = caller or self.open_stream(), []
        while count > 0:
            line = caller.until(b"\n")
            if line.startswith(b"data:"):
                if arrived is not None:
                    arrived.append(time.monotonic())
                handles.append(json.loads(line[5:])["receipt_handle"])
            if handles and (len(handles) >= 100 or b"\n\n" not in caller.rest):
                self.data.post(f"{path}:ack", {"receipt_handles": handles})
                count, handles = count - len(handles), []
        return caller

    def push(self, count):
        wanted = self.target.count + count
        self.pushed(True)
        self.target.wait(wanted)
        self.pushed(False)

    def round(self, way, count):
        """Seconds, and the gateway's seconds of processor time, for `count` messages that are there."""
        self.publish(way, count)
        # What publishing left behind is over.
        time.sleep(0.3)
        busy, began = self.gateway.processor(), time.monotonic()
        getattr(self, way)(count)
        took = time.monotonic() - began
        # The last acknowledgements of pushes.
        time.sleep(0.3)
        return took, self.gateway.processor() - busy

    def idle(self, way):
        """Seconds from a publish to the consumer, one message at a time."""
        times, arrived = [], []
        consumer, stream = None, None
        if way == "push":
            self.pushed(True)
            time.sleep(1)
        elif way == "stream":
            stream = self.open_stream()
        publisher = Caller(self.gateway.addresses["data"])
        for number in range(IDLE_PUBLISHES):
            arrived.clear()
            if way != "push":
                work = (1, arrived) if way == "poll" else (1, arrived, stream)
                consumer = threading.Thread(target=getattr(self, way), args=work)
                consumer.start()
            # Another moment of whatever goes on each time.
            time.sleep(0.02 + number % 17 / 1000)
            wanted, began = self.target.count + 1, time.monotonic()
            publisher.post(f"/v1/topics/{way}/messages", {"body": BODY})
            if way == "push":
                self.target.wait(wanted)
                arrived.append(self.target.last)
            else:
                consumer.join(LIMIT)
            times.append(arrived[0] - began)
        if way == "push":
            self.pushed(False)
        times.sort()
        return [times[len(times) * part // 100] * 1000 for part in (50, 99)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    count, rounds = (int(text) for text in (sys.argv[2:4] + ["5000", "5"][len(sys.argv[2:4]):]))
    ways = sys.argv[4:] or WAYS
    with tempfile.TemporaryDirectory() as directory:
        mq, target = start_mq(path, directory), Target()
        file = os.path.join(directory, "gateway.toml")
        with open(file, "w", encoding="utf-8") as text:
            text.write(configuration(directory, mq, target.port))
        os.mkdir(os.path.join(directory, "gateway"))
        gateway = Program(path, ["--config", file], os.path.join(directory, "gateway"), {"data", "management"})
        try:
            measured = Measured(gateway, target)
            for way in ways:
                measured.round(way, min(count, 500))  # warm, and every group is known
            found = {way: [] for way in ways}
            for number in range(rounds):
                for way in ways[number % len(ways):] + ways[:number % len(ways)]:
                    found[way].append(measured.round(way, count))
            print("| way | messages/s | CPU µs a message | publish to consumer, idle: p50 ms | p99 ms |")
            print("| --- | ---: | ---: | ---: | ---: |")
            for way in ways:
                rate = statistics.median(count / took for took, _ in found[way])
                busy = statistics.median(busy / count for _, busy in found[way]) * 1e6
                p50, p99 = measured.idle(way)
                print(f"| {way} | {rate:,.0f} | {busy:.1f} | {p50:.1f} | {p99:.1f} |", flush=True)
        finally:
            gateway.stop()
            mq.stop()


if __name__ == "__main__":
    main()
