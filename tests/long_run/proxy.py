#!/usr/bin/env python3
"""TCP relays that misbehave on command: `proxy.py`, a process of its own. Commands are lines of JSON on standard input, one answer each.

{"open": NAME, "host": HOST}             listens at HOST, answers {"port": N}
{"target": NAME, "to": [HOST, PORT]}     where new connections lead
{"mode": NAME, "is": MODE, "value": X}   good; away: nobody listens; delay: answers come X seconds later; reset, truncate: of the
                                         answers that many (0 to 1) are replaced by a reset, or end in the middle
{"cut": NAME}                            open connections are reset
"""

import asyncio
import json
import random
import socket
import struct
import sys

LINGER = struct.pack("ii", 1, 0)


def reset(transport):
    """Closes with a reset, as a machine does that has lost the connection."""
    connection = transport.get_extra_info("socket")
    if connection and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    transport.abort()


class Half(asyncio.Protocol):
    """One end of a connection; what comes here is written at the other end."""

    def __init__(self, relay, other=None):
        self.relay, self.other, self.transport = relay, other, None
        self.early, self.last = [], 0.0

    def connection_made(self, transport):
        self.transport = transport
        if self.other is None:
            self.relay.halves.add(self)
            self.connecting = asyncio.ensure_future(self.connect())
            return
        if self.other.transport.is_closing():
            transport.abort()
            return
        self.other.other = self
        for data in self.other.early:
            transport.write(data)
        self.other.early = []

    async def connect(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: Half(self.relay, self), *self.relay.target)
        except OSError:
            reset(self.transport)

    def data_received(self, data):
        if self.other is None:
            self.early.append(data)
            return
        relay = self.relay
        if self in relay.halves or relay.mode == "good":  # a request, or nothing is wrong
            self.pass_on(data)
        elif relay.mode == "delay":
            loop = asyncio.get_running_loop()
            self.last = max(self.last, loop.time() + relay.value)
            loop.call_at(self.last, self.other.write, data)
        elif relay.mode in ("reset", "truncate") and relay.random.random() < relay.value:
            if relay.mode == "truncate":
                self.other.write(data[: len(data) // 2])
                self.other.transport.close()
            else:
                reset(self.other.transport)
            self.transport.abort()
        else:
            self.pass_on(data)

    def pass_on(self, data):
        loop = asyncio.get_running_loop()
        if self.last > loop.time():  # after what is delayed
            loop.call_at(self.last, self.other.write, data)
        else:
            self.other.write(data)

    def write(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self):
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self):
        if self.other:
            self.other.transport.resume_reading()

    def connection_lost(self, error):
        self.relay.halves.discard(self)
        if self.other is None or self.other.transport.is_closing():
            return
        if error:
            reset(self.other.transport)
        else:
            self.other.transport.close()


class Relay:
    def __init__(self, host):
        # A loopback address of its own: while nobody listens there, nobody else is given its port.
        self.host, self.port, self.server = host, 0, None
        self.target, self.mode, self.value = None, "good", 0
        self.halves, self.random = set(), random.Random(host)

    async def listen(self):
        if self.server is None:
            loop = asyncio.get_running_loop()
            self.server = await loop.create_server(lambda: Half(self), self.host, self.port, reuse_address=True)
            self.port = self.server.sockets[0].getsockname()[1]

    def cut(self):
        for half in list(self.halves):
            reset(half.transport)

    async def set(self, mode, value):
        self.mode, self.value = mode, value
        if mode != "away":
            await self.listen()
        elif self.server:
            self.server.close()
            self.server = None
            self.cut()


async def main():
    relays, loop = {}, asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command, answer = json.loads(line), {}
        if name := command.get("open"):
            relays[name] = Relay(command["host"])
            await relays[name].listen()
            answer = {"port": relays[name].port}
        elif name := command.get("target"):
            relays[name].target = command["to"]
        elif name := command.get("mode"):
            await relays[name].set(command["is"], command.get("value", 0))
        elif name := command.get("cut"):
            relays[name].cut()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
