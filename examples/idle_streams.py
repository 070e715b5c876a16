"""Thousands of streams on which nothing happens, through a gateway in front of an MQ in another process.

    ulimit -n 25000
    python3 examples/idle_streams.py target/release/mq-gateway [streams] [groups] [seconds]

Starts `embedded-mq` in memory and a gateway that reaches it over ONS HTTP, and opens so many streams. Prints what that costs while
nothing is published: the gateway's memory and processor time, for each stream, and how often it asks the MQ; then how long
each of 100 publishes takes to reach a stream of each group; last, how many streams ended.
"""

import select
import socket
import sys
import tempfile
import time

from waiting_receives import TOPIC, connections_to, publish_and_wait, start_gateway, start_mq


class Streams:
    """Readers that count what comes."""

    def __init__(self, address, count, groups):
        host, port = address.rsplit(":", 1)
        self.poll, self.all = select.epoll(), {}
        self.pings = self.ended = 0
        self.arrivals = []
        for number in range(count):
            # One address has too few ports for very many.
            connection = socket.create_connection((host, int(port)), 30, (f"127.0.0.{2 + number // 5000}", 0))
            target = f"/v1/topics/{TOPIC}/groups/CID_{number % groups}/messages:stream"
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
            self.all[connection.fileno()] = connection
            self.poll.register(connection, select.EPOLLIN)
            self.work(0)

    def work(self, seconds):
        for number, _ in self.poll.poll(seconds, 1000):
            piece = self.all[number].recv(1 << 16)
            if not piece:
                self.ended += 1
                self.poll.unregister(number)
                continue
            self.pings += piece.count(b"\n:\n")
            self.arrivals += [(number, time.monotonic())] * piece.count(b"\ndata: ")


def at_rest(gateway, mq, streams, seconds):
    receives = ("mq_gateway_upstream_requests_total", 'operation="receive"')
    before, asked, pings = gateway.processor(), gateway.metric(*receives), streams.pings
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        streams.work(0.05)
    busy = (gateway.processor() - before) / seconds * 100
    print(f"at rest for {seconds} s: RSS {gateway.resident():.0f} MB, {busy:.2f} % of a core, {streams.pings - pings} signs of life")
    print(f"upstream: {gateway.metric('mq_gateway_upstream_polls'):.0f} polls, {connections_to(mq.addresses['embedded'])} connections, "
          f"{(gateway.metric(*receives) - asked) / seconds:.2f} polls ended per second")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    count, groups, seconds = (int(text) for text in (sys.argv[2:] + ["10000", "1", "60"][len(sys.argv) - 2:]))
    with tempfile.TemporaryDirectory() as directory:
        mq = start_mq(path, directory)
        try:
            gateway = start_gateway(path, directory, mq)
            try:
                empty, started = gateway.resident(), time.monotonic()
                streams = Streams(gateway.addresses["data"], count, groups)
                while gateway.metric("mq_gateway_streams") < count:
                    streams.work(0.05)
                each = (gateway.resident() - empty) * 1024 / count
                print(f"{count} streams for {groups} groups after {time.monotonic() - started:.1f} s; "
                      f"RSS before {empty:.0f} MB, {each:.1f} KiB for each stream")
                at_rest(gateway, mq, streams, seconds)
                publish_and_wait(gateway, streams, groups)
                print(f"{streams.ended} of {count} streams ended")
            finally:
                gateway.stop()
        finally:
            mq.stop()


if __name__ == "__main__":
    main()
