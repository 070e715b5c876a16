"""A reader of a stream that goes on at the next gateway, and acknowledges at one that is never replaced."""

import asyncio
import json

from connection import Connection, Failed

# More than come within a visibility timeout: what is acknowledged at another gateway keeps its place for so long.
IN_FLIGHT = 1000


class Stream:
    """Reads, notes, then acknowledges, as a consumer does."""

    def __init__(self, topic, group, acknowledging, note):
        self.path = f"/v1/topics/{topic}/groups/{group}/messages"
        self.acknowledging, self.note = Connection(acknowledging), note
        self.refused, self.address, self.is_open = [], None, asyncio.Event()
        self.waiting = asyncio.Queue()
        self.tasks = []

    def follow(self, address):
        """Where the gateway is now."""
        self.address = address
        if not self.tasks:
            self.tasks = [asyncio.create_task(self.read()), asyncio.create_task(self.acknowledge())]

    async def opened(self, seconds):
        await asyncio.wait_for(self.is_open.wait(), seconds)

    async def read(self):
        while True:
            try:
                reader, writer = await asyncio.open_connection(*self.address)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                host = f"127.0.0.1:{self.address[1]}"
                query = f"max_in_flight={IN_FLIGHT}"
                # HTTP/1.0: no chunks, the body ends with the connection.
                request = f"GET {self.path}:stream?{query} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n"
                writer.write(request.encode())
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 200 " not in head.split(b"\r\n")[0]:
                    # One that has only begun to serve says so by a 503.
                    if b" 503 " not in head.split(b"\r\n")[0]:
                        raise SystemExit(f"the stream was refused: {head!r}")
                    await asyncio.sleep(0.2)
                    continue
                self.is_open.set()
                while line := await reader.readline():
                    # What was cut off within an event is none.
                    if line.startswith(b"data:") and line.endswith(b"\n"):
                        await self.waiting.put(json.loads(line[5:]))
            except (OSError, EOFError):
                pass
            finally:
                writer.close()
            await asyncio.sleep(0.02)

    async def acknowledge(self):
        while True:
            messages = [await self.waiting.get()]
            while not self.waiting.empty() and len(messages) < 100:
                messages.append(self.waiting.get_nowait())
            for message in messages:
                self.note(message["body"])
            handles = [message["receipt_handle"] for message in messages]
            try:
                status, answer = await self.acknowledging.post(f"{self.path}:ack", {"receipt_handles": handles})
            except Failed as error:
                self.refused.append(str(error))
                continue
            if status != 200:
                self.refused.append(str(answer)[:300])

    def check(self):
        """Whoever fails here fails the test."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.acknowledging.close()
