"""A target of pushes: takes each at once, and notes what it was sent."""

import asyncio
import json


class Target:
    """A server of HTTP/1.1 that answers 204."""

    def __init__(self, note):
        self.note, self.writers = note, set()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").lower().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                body = await reader.readexactly(int(headers["content-length"]))
                self.note(json.loads(body)["data"])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def stop(self):
        self.server.close()
        for writer in list(self.writers):
            writer.close()
