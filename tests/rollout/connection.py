"""A client of HTTP/1.1 that keeps its connection and never repeats a request: what fails is seen."""

import asyncio
import json


class Failed(Exception):
    """A request that got no whole answer."""


class Connection:
    """One connection, opened anew when the server has closed it between two requests, or has said that it will."""

    def __init__(self, address, keep=True):
        self.address, self.keep = address, keep
        self.reader = self.writer = None
        self.used = False

    async def post(self, path, body, timeout=40):
        """The status and the answer's JSON."""
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.address[1]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n" + ("" if self.keep else "Connection: close\r\n") + "\r\n"
        )
        try:
            return await asyncio.wait_for(self.exchange(head.encode() + data), timeout)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            state = "a kept connection" if self.used else "a new connection"
            self.close()
            raise Failed(f"{type(error).__name__} on {state}: {error}") from error

    async def exchange(self, request):
        if self.writer is None or self.reader.at_eof() or self.writer.is_closing():
            self.close()
            self.reader, self.writer = await asyncio.open_connection(*self.address)
        self.writer.write(request)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        if headers.get("transfer-encoding") == "chunked":
            body = await self.chunks()
        else:
            body = await self.reader.readexactly(int(headers["content-length"]))
        self.used = True
        if not self.keep or headers.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ")[1]), json.loads(body)

    async def chunks(self):
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None
        self.used = False
