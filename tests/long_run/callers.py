"""Publishers and consumers of one lane: cheap, never repeating what failed, and going on whatever they are answered."""

import asyncio
import collections
import datetime
import json
import sys
import time

from connection import Connection, Failed
from ledger import NO_ANSWER, NOT_PUBLISHED, PUBLISHED, UNKNOWN, UNSAID

PUBLISHERS = 8  # at each gateway; the first publishes batches
BATCH = 8
ROUND = 0.12  # seconds: the shortest time between two receives, or two acknowledgements, of a consumer
IN_FLIGHT = 1000
# How long before the end of its visibility timeout a message has to be acknowledged.
IN_TIME = datetime.timedelta(seconds=2)
BY_WORD = {"published": PUBLISHED, "unknown": UNKNOWN, "not_published": NOT_PUBLISHED}


class Caller:
    """A connection to a gateway that may be replaced."""

    def __init__(self, gateway):
        self.gateway, self.connection = gateway, None

    async def post(self, path, body, timeout=40):
        address = self.gateway.address_of_data
        if address is None:
            raise Failed("nobody is there")
        if self.connection is None or self.connection.address != address:
            self.close()
            self.connection = Connection(address)
        return await self.connection.post(path, body, timeout)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Callers:
    """Of all gateways of a lane."""

    def __init__(self, lane, rate):
        self.lane, self.ledger, self.rate = lane, lane.ledger, rate
        self.publishing = True
        self.tasks, self.publishers = [], []
        self.streams = [Stream(lane, gateway) for gateway in lane.gateways]
        # Counted by what went wrong, at gateways that are never killed apart from the others.
        self.unanswered, self.refused = collections.Counter(), collections.Counter()

    def start(self):
        each = self.rate / len(self.lane.gateways) / PUBLISHERS
        for gateway in self.lane.gateways:
            self.publishers += [
                asyncio.create_task(self.publish(gateway, number, each)) for number in range(PUBLISHERS)
            ]
            self.tasks += [asyncio.create_task(self.poll(gateway)) for _ in range(2)]
        for stream in self.streams:
            self.tasks += [asyncio.create_task(stream.read()), asyncio.create_task(stream.acknowledge())]

    async def publish(self, gateway, worker, rate):
        caller, path = Caller(gateway), f"/v1/topics/{self.lane.topic}/messages"
        size = BATCH if worker == 0 else 1
        due = time.monotonic() + worker / PUBLISHERS * size / rate
        while self.publishing:
            await asyncio.sleep(max(0, due - time.monotonic()))
            # Time that went by in a slow answer is not made up for: that would be a burst.
            due = max(due + size / rate, time.monotonic() - 1)
            if gateway.address_of_data is None:
                continue
            numbers = [self.ledger.new() for _ in range(size)]
            messages = [{"body": self.ledger.body(number)} for number in numbers]
            try:
                if size == 1:
                    status, answer = await caller.post(path, messages[0])
                    results = [{"status": status, **answer}]
                else:
                    status, answer = await caller.post(f"{path}:batch", {"messages": messages})
                    results = answer.get("results") or [{"status": status, **answer}] * size
                for number, result in zip(numbers, results, strict=True):
                    self.note(number, result)
            except Failed as error:
                if not gateway.is_killed:
                    self.unanswered[f"{gateway.name} publish: {str(error)[:100]}"] += 1
                for number in numbers:
                    self.ledger.answered(number, NO_ANSWER)
        caller.close()

    def note(self, number, result):
        problem = result.get("problem") or result
        word = result.get("outcome") or problem.get("outcome")
        code = problem.get("code", "")
        if result["status"] == 201:
            self.ledger.answered(number, PUBLISHED if word == "published" else UNSAID)
        else:
            outcome = BY_WORD.get(word, UNSAID)
            self.ledger.answered(number, outcome if outcome != PUBLISHED else UNSAID, f"{result['status']} {code}")

    async def poll(self, gateway):
        caller, path = Caller(gateway), f"/v1/topics/{self.lane.topic}/groups/GID_poll/messages"
        while True:
            began = time.monotonic()
            try:
                status, answer = await caller.post(f"{path}:receive", {"wait_seconds": 5, "max_messages": 32})
                if status == 200 and answer["messages"]:
                    await acknowledge(self.lane, caller, "poll", answer["messages"], self.refused)
                elif status != 200:
                    self.refused[f"receive: {status} {answer.get('code')}"] += 1
                    await asyncio.sleep(0.5)
            except Failed as error:
                if not gateway.is_killed:
                    self.unanswered[f"{gateway.name} receive or ack: {str(error)[:100]}"] += 1
                await asyncio.sleep(0.5)
            await asyncio.sleep(max(0, began + ROUND - time.monotonic()))

    def check(self):
        """Whoever broke here breaks the run."""
        for task in self.tasks + self.publishers:
            if task.done() and not task.cancelled():
                task.result()

    async def stop_publishing(self):
        self.publishing = False
        await asyncio.wait(self.publishers, timeout=60)

    async def stop(self):
        pending = self.tasks + self.publishers
        # A cancellation is lost where what is waited for comes at the same moment.
        for _ in range(50):
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)
            if not pending:
                return


async def acknowledge(lane, caller, kind, messages, refused):
    """Does the work, which is to note it, and acknowledges."""
    numbers = [lane.ledger.processed(kind, message["body"], message["message_id"]) for message in messages]
    handles = [message["receipt_handle"] for message in messages]
    path = f"/v1/topics/{lane.topic}/groups/GID_{kind}/messages:ack"
    status, answer = await caller.post(path, {"receipt_handles": handles})
    if status not in (200, 207):
        refused[f"ack: {status} {answer.get('code')}"] += 1
        return
    now = datetime.datetime.now(datetime.UTC) + IN_TIME
    for message, number, result in zip(messages, numbers, answer["results"], strict=True):
        if result["status"] == 204:
            # By ONS HTTP a late acknowledgement is a success, too, and the message comes again.
            if (until := message["visible_again_at"]) and datetime.datetime.fromisoformat(until) > now:
                lane.ledger.confirmed(kind, number)
        else:
            refused[f"one of an ack: {result['status']} {result['problem']['code']}"] += 1


class Stream:
    """A reader of a stream, and who acknowledges at the same gateway what comes there."""

    def __init__(self, lane, gateway):
        self.lane, self.gateway = lane, gateway
        self.waiting, self.writer = asyncio.Queue(IN_FLIGHT * 2), None
        self.reading = asyncio.Event()
        self.reading.set()
        self.opened, self.problems = 0, collections.Counter()
        self.refused = collections.Counter()

    async def read(self):
        query = f"max_in_flight={IN_FLIGHT}"
        path = f"/v1/topics/{self.lane.topic}/groups/GID_stream/messages:stream?{query}"
        while True:
            address = self.gateway.address_of_data
            try:
                if address is None:
                    raise OSError("nobody is there")
                reader, self.writer = await asyncio.open_connection(*address)
                # HTTP/1.0: no chunks, the body ends with the connection.
                head = f"GET {path} HTTP/1.0\r\nHost: {address[0]}:{address[1]}\r\nAccept: text/event-stream\r\n\r\n"
                self.writer.write(head.encode())
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                if b" 200 " not in head.split(b"\r\n")[0]:
                    raise OSError(f"refused: {head[:100]!r}")
                self.opened += 1
                await self.events(reader)
            except (OSError, EOFError, ValueError, TimeoutError):
                await asyncio.sleep(0.3)
            finally:
                self.hang_up()
            await asyncio.sleep(0.05)

    async def events(self, reader):
        name, rest = b"", b""
        # A comment comes every 15 s. Pieces rather than lines: a busy loop would have its turn for each line.
        while piece := await asyncio.wait_for(reader.read(1 << 16), 60):
            await self.reading.wait()
            # What was cut off within an event is none.
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"event:"):
                    name = line[6:].strip()
                elif line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if name in (b"", b"message"):
                        await self.waiting.put(event)
                    else:
                        self.problems[f"{name.decode()}: {event.get('code')}"] += 1
                    name = b""

    def hang_up(self):
        if self.writer:
            self.writer.close()
        self.writer = None

    async def acknowledge(self):
        caller = Caller(self.gateway)
        while True:
            messages = [await self.waiting.get()]
            await asyncio.sleep(ROUND)
            while not self.waiting.empty() and len(messages) < 100:
                messages.append(self.waiting.get_nowait())
            try:
                await acknowledge(self.lane, caller, "stream", messages, self.refused)
            except Failed as error:
                self.refused[f"ack: {str(error)[:80]}"] += 1


if __name__ == "__main__":
    sys.exit("this is a part of `run`")
