"""What a Service does: new connections go to one of the endpoints, by chance; those that are open stay where they are."""

import asyncio
import random
import socket
import struct


class Balancer:
    """Passes TCP connections on to the pods that are listed."""

    def __init__(self):
        self.listed = []
        # Connections for which no pod was listed, and those that a listed pod did not take.
        self.without_pod = self.not_taken = 0
        # Answers that pods gave after their SIGTERM.
        self.late_answers = 0

    async def start(self):
        self.server = await asyncio.get_running_loop().create_server(lambda: Front(self), "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()

    def set_listed(self, pod, listed):
        if listed and pod not in self.listed:
            self.listed.append(pod)
        elif not listed and pod in self.listed:
            self.listed.remove(pod)

    def pick(self):
        return random.choice(self.listed) if self.listed else None


class Half(asyncio.Protocol):
    """One side of a connection: what comes goes to the other."""

    other = transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.other.transport.write(data)

    def eof_received(self):
        if self.other and self.other.transport:
            self.other.transport.write_eof()
        # The other direction stays open.
        return True

    def connection_lost(self, error):
        if self.other and self.other.transport:
            reset(self.other.transport) if error else self.other.transport.close()

    def pause_writing(self):
        self.other.transport.pause_reading()

    def resume_writing(self):
        self.other.transport.resume_reading()


class Front(Half):
    """The caller's side."""

    def __init__(self, balancer):
        self.balancer = balancer

    def connection_made(self, transport):
        super().connection_made(transport)
        transport.pause_reading()
        pod = self.balancer.pick()
        if pod is None:
            self.balancer.without_pod += 1
            reset(transport)
            return
        self.opening = asyncio.ensure_future(self.open(pod))

    async def open(self, pod):
        loop = asyncio.get_running_loop()
        try:
            _, self.other = await loop.create_connection(lambda: Back(self, pod), *pod.data)
        except OSError:
            # As from a pod whose listener is closed.
            self.balancer.not_taken += 1
            reset(self.transport)
            return
        if self.transport.is_closing():
            self.other.transport.close()
        else:
            self.transport.resume_reading()


class Back(Half):
    """The pod's side."""

    def __init__(self, front, pod):
        self.other, self.pod = front, pod

    def data_received(self, data):
        if self.pod.terminated_at and data.startswith(b"HTTP/1."):
            self.other.balancer.late_answers += 1
        super().data_received(data)


def reset(transport):
    """Ends it as a machine without a listener would."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
