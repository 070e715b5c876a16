"""An MQ that answers each request of either protocol with the same success, so that asking it costs the same every time.

    python3 upstream.py

Prints its port, reads the gateway's process id, then serves until it is ended. It checks nothing, and its queues are endless. GET
/counts, each on a connection of its own, tells how many connections and how many requests of each method there were besides.
"""

import asyncio
import hashlib
import json
import socket
import time
from email.utils import formatdate
from pathlib import Path

BODY = "x" * 1024
MESSAGE_ID = "0A0A0A0A00002A9F00000000000000%02X"
DAY_MS = 24 * 60 * 60 * 1000


def response(status, content_type=None, body="", headers=""):
    head = f"HTTP/1.1 {status}\r\nServer: mq\r\n{headers}"
    if content_type:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n{body}".encode()


def ons_http_responses():
    def message(index):
        return {"body": BODY, "bornTime": "1503907519000", "key": "cost", "msgHandle": f"X1BFTkRJTkdNU0dfJVJFVFJZJSQx{index:032d}",
                "msgId": MESSAGE_ID % index, "reconsumeTimes": 0, "tag": "cost"}

    content_type = "text/html;charset=UTF-8"
    return {
        "POST": response("201 Created", content_type, f'{{"msgId":"{MESSAGE_ID % 1}","sendStatus":"SEND_OK"}}'),
        "GET": response("200 OK", content_type, json.dumps([message(index) for index in range(32)], separators=(",", ":"))),
        "DELETE": response("204 No Content"),
    }


def mq_http_responses():
    digest = hashlib.md5(BODY.encode()).hexdigest().upper()
    now = int(time.time() * 1000)

    def document(root, content):
        return f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="http://mq.aliyuncs.com/doc/v1/">{content}</{root}>'

    def message(index):
        return (f"<Message><MessageId>{MESSAGE_ID % index}</MessageId><MessageBodyMD5>{digest}</MessageBodyMD5>"
                f"<ReceiptHandle>{MESSAGE_ID % index}-MTUwMzkwNzUxOTAwMCAyIDMw{index:08d}</ReceiptHandle>"
                f"<PublishTime>{now}</PublishTime><FirstConsumeTime>{now}</FirstConsumeTime>"
                f"<NextConsumeTime>{now + DAY_MS}</NextConsumeTime><ConsumedTimes>1</ConsumedTimes>"
                f"<MessageTag>cost</MessageTag><Properties>KEYS:cost|</Properties><MessageBody>{BODY}</MessageBody></Message>")

    content_type, headers = "text/xml;charset=utf-8", "x-mq-request-id: 5EB4C0A5373236303200104D\r\nx-mq-version: 2015-06-06\r\n"
    published = f"<MessageId>{MESSAGE_ID % 1}</MessageId><MessageBodyMD5>{digest}</MessageBodyMD5>"
    consumed = "".join(message(index) for index in range(16))
    return {
        "POST": response("201 Created", content_type, document("Message", published), headers),
        "GET": response("200 OK", content_type, document("Messages", consumed), headers),
        "DELETE": response("204 No Content", headers=headers),
    }


ONS_HTTP, MQ_HTTP = ons_http_responses(), mq_http_responses()
COUNTS = {"POST": 0, "GET": 0, "DELETE": 0, "connections": 0}


class Waiting:
    """Responses that wait until the gateway is idle, and then leave together.

    If they left at once, what the gateway does at the next millisecond, or between the responses to requests that it sent side by side,
    would fall into some requests and not into others: counts would differ by up to 1 %.
    """

    LOOK_SECONDS = 0.004

    def __init__(self, gateway):
        self.gateway, self.responses, self.timer, self.seen = gateway, [], None, None

    def add(self, transport, response):
        self.responses.append((transport, response))
        self.look_later()

    def look_later(self):
        if self.timer:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(self.LOOK_SECONDS, self.look)

    def look(self):
        """Idle is a process whose threads sleep, and did not wake since the last look."""
        before, self.seen = self.seen, self.sleep()
        if self.seen is None or self.seen != before:
            self.look_later()
            return
        self.seen = None
        date = f"\r\nDate: {formatdate(usegmt=True)}\r\n".encode()
        for transport, response in self.responses:
            transport.write(response.replace(b"\r\n", date, 1))
        self.responses.clear()

    def sleep(self):
        """How often each thread went to sleep; nothing while one is awake."""
        times = {}
        for status in Path(f"/proc/{self.gateway}/task").glob("*/status"):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            if not fields["State"].startswith("S"):
                return None
            times[status] = fields["voluntary_ctxt_switches"]
        return times


class Caller(asyncio.Protocol):
    """One connection of the gateway, or of who asks for the counts."""

    def __init__(self, waiting):
        self.waiting = waiting

    def connection_made(self, transport):
        self.transport, self.received = transport, b""
        COUNTS["connections"] += 1

    def data_received(self, data):
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            lines = self.received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            whole = end + 4 + int(headers.get("content-length", 0))
            if len(self.received) < whole:
                return
            self.received = self.received[whole:]
            method, target, _ = lines[0].split(" ")
            self.respond(method, target)

    def respond(self, method, target):
        if target == "/counts":
            COUNTS["connections"] -= 1
            self.transport.write(response("200 OK", "application/json", json.dumps(COUNTS)))
            return
        COUNTS[method] += 1
        self.waiting.add(self.transport, (ONS_HTTP if target.startswith("/message/") else MQ_HTTP)[method])


async def main():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        waiting = Waiting(int(input()))
        server = await asyncio.get_running_loop().create_server(lambda: Caller(waiting), sock=listener)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
