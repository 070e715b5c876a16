"""An MQ that speaks just enough MQ HTTP, and does what an outage needs: fails, dawdles, or has another clock."""

import asyncio
import email.utils
import hashlib
import html
import re
import socket
import threading
import time

XML = '<?xml version="1.0" encoding="utf-8"?><{0} xmlns="http://mq.aliyuncs.com/doc/v1/">{1}</{0}>'
HELD = 2  # seconds: an empty poll


class FakeMq:
    """One listener on a free port. Its properties may be changed at any time."""

    LOOP = None

    def __init__(self):
        self.clock_offset = 0  # seconds
        self.publish_delay = 0  # seconds
        self.fails_publish = lambda number: False  # by the publish's number
        self.fails_receives = False
        self.knows_group = True
        self.publishes = 0
        self.server = self.on_loop(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        self.writers = set()

    @classmethod
    def on_loop(cls, work):
        if cls.LOOP is None:
            cls.LOOP = asyncio.new_event_loop()
            threading.Thread(target=cls.LOOP.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, cls.LOOP).result(30)

    def close(self):
        """Nobody listens there any more, and open connections break."""

        async def end():
            self.server.close()
            for writer in self.writers:
                writer.close()

        self.on_loop(end())

    def vanish(self):
        """As a machine that is off: who connects hears nothing. A listener whose queue is full, and whom nobody accepts, is the like."""
        address = self.server.sockets[0].getsockname()
        self.close()
        self.silent = socket.socket()
        self.silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.silent.bind(address)
        self.silent.listen(0)
        self.queue = [socket.socket() for _ in range(3)]
        for waiting in self.queue:
            waiting.setblocking(False)
            waiting.connect_ex(address)

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                writer.write(self.answer(*await self.decide(lines[0].split(" ")[0], body)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def decide(self, method, body):
        if method == "POST":
            self.publishes += 1
            number = self.publishes
            await asyncio.sleep(self.publish_delay)
            if self.fails_publish(number):
                return self.error(500, "InternalError")
            message = html.unescape(re.search(r"<MessageBody>(.*?)</MessageBody>", body.decode(), re.DOTALL)[1])
            digest = hashlib.md5(message.encode()).hexdigest().upper()
            document = f"<MessageId>{number:032X}</MessageId><MessageBodyMD5>{digest}</MessageBodyMD5>"
            return 201, XML.format("Message", document)
        if not self.knows_group:
            return self.error(404, "SubscriptionNotExist")
        if self.fails_receives:
            return self.error(500, "InternalError")
        await asyncio.sleep(HELD)
        return self.error(404, "MessageNotExist")

    @staticmethod
    def error(status, code):
        return status, XML.format("Error", f"<Code>{code}</Code><Message>as asked</Message><RequestId>1</RequestId>")

    def answer(self, status, document):
        date = email.utils.formatdate(time.time() + self.clock_offset, usegmt=True)
        head = f"HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: text/xml;charset=utf-8\r\nx-mq-version: 2015-06-06\r\n"
        return f"{head}Content-Length: {len(document.encode())}\r\n\r\n{document}".encode()
