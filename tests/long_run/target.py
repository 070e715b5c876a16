"""A target of pushes. What it answers with 2xx it has processed; how it behaves may be changed at any time."""

import asyncio
import json

NAMES = {200: "OK", 204: "No Content", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error"}


class Target:
    def __init__(self, ledger):
        self.ledger, self.server, self.port = ledger, None, 0
        self.status, self.delay, self.headers = 204, 0, ""
        self.writers = set()

    async def start(self, host):
        """At an address of its own, where nobody else is given its port while it is away."""
        self.host = host
        self.server = await asyncio.start_server(self.serve, host, self.port, reuse_address=True)
        self.port = self.server.sockets[0].getsockname()[1]

    def go_away(self):
        self.server.close()
        for writer in list(self.writers):
            writer.close()

    def behave(self, status=204, delay=0, headers=""):
        self.status, self.delay, self.headers = status, delay, headers

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                at = head.index("content-length:") + 15
                body = await reader.readexactly(int(head[at : head.index("\r\n", at)]))
                if self.delay:
                    await asyncio.sleep(self.delay)
                status = self.status
                if status < 300:
                    item = json.loads(body)
                    self.ledger.processed("push", item["body"], item["message_id"])
                length = "" if status == 204 else "Content-Length: 0\r\n"
                writer.write(f"HTTP/1.1 {status} {NAMES[status]}\r\n{length}{self.headers}\r\n".encode())
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()
