"""Faults of those around a gateway: targets of pushes, readers of streams, publishers, whoever touches its files."""

import asyncio
import json

from faults_of_processes import BURNS, FAILING, SLOW, Kind
from gateway import call
from ledger import CUT_OFF, NO_ANSWER

AWAY = ("A subscription's target is away",)
AT_ONCE = 25  # bad requests


class OfTarget(Kind):
    resource, explains = "target", AWAY

    @staticmethod
    def fits(lane):
        return True

    async def behave_for(self, shortest, longest, **behaviour):
        self.lane.target.behave(**behaviour)
        try:
            await self.pause(shortest, longest)
        finally:
            self.lane.target.behave()


class TargetAway(OfTarget):
    name = "the target of pushes is away"

    async def provoke(self):
        self.lane.target.go_away()
        try:
            await self.pause(2, 40)
        finally:
            await self.lane.target.start(self.lane.target_host)


class TargetSlow(OfTarget):
    name = "the target of pushes is slow"

    async def provoke(self):
        delay = self.chance.choice([0.3, 1, 3, 5.5, 8])
        self.notes.append(f"{delay} s for each")
        await self.behave_for(5, 30, delay=delay)


class TargetFails(OfTarget):
    name = "the target of pushes answers 500"

    async def provoke(self):
        await self.behave_for(2, 30, status=500)


class TargetThrottles(OfTarget):
    name = "the target of pushes answers 429"

    async def provoke(self):
        seconds = self.chance.randint(1, 10)
        self.notes.append(f"Retry-After: {seconds}")
        await self.behave_for(2, 25, status=429, headers=f"Retry-After: {seconds}\r\n")


class TargetGone(OfTarget):
    """An operator resumes what the answer has paused."""

    name, longest = "the target of pushes answers 410", 60
    explains = (*AWAY, "A subscription's target answers that it is gone")

    async def provoke(self):
        await self.behave_for(1, 8, status=410)
        paused = True
        for _ in range(40):
            await asyncio.sleep(0.5)
            paused = False
            for pod in self.lane.gateways:
                paused |= await self.run.in_thread(self.resumed, pod)
            if not paused:
                return
        self.run.wrong(f"{self.lane.name}: a subscription could not be resumed")

    @staticmethod
    def resumed(pod):
        """Whether it was paused."""
        status, answer = call(f"http://{pod.gateway.management}/v1/subscriptions", timeout=5)
        if status != 200 or json.loads(answer)["subscriptions"][0]["state"] != "paused":
            return False
        pod.resume()
        return True


class SlowReaders(Kind):
    name, resource = "readers of streams do not read", "stream"

    @staticmethod
    def fits(lane):
        return True

    async def provoke(self):
        for stream in self.lane.callers.streams:
            stream.reading.clear()
        try:
            await self.pause(5, 40)
        finally:
            for stream in self.lane.callers.streams:
                stream.reading.set()


class HangingUpReaders(SlowReaders):
    name = "readers of streams hang up"

    async def provoke(self):
        for _ in range(self.chance.randint(3, 25)):
            for stream in self.lane.callers.streams:
                stream.hang_up()
            await self.pause(0.1, 1.5)
        self.notes = [f"{len(self.notes)} times"]


class HangingUpPublishers(Kind):
    """Some send part of a head or of a body, some all, and nobody waits for the answer."""

    name, resource = "publishers hang up", "publishers"
    explains = (*FAILING, *BURNS)

    @staticmethod
    def fits(lane):
        return True

    async def provoke(self):
        number = self.chance.randint(40, 300)
        self.notes.append(f"{number} of them")
        for _ in range(number):
            await self.hang_up(self.chance.choice(self.lane.gateways).address_of_data)
            await asyncio.sleep(self.chance.uniform(0, 0.1))

    async def hang_up(self, address):
        ledger = self.lane.ledger
        message = ledger.new()
        body = json.dumps({"body": ledger.body(message)}).encode()
        head = f"POST /v1/topics/{self.lane.topic}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        whole = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        cut = self.chance.choice(
            [len(whole), len(whole), len(whole) - 1, len(whole) - len(body), self.chance.randrange(1, len(whole))]
        )
        # What was sent whole may have arrived, and its publisher will never know; what was not must not.
        ledger.answered(message, NO_ANSWER if cut == len(whole) else CUT_OFF)
        waits, resets = self.chance.choice([0, 0.002, 0.02]), self.chance.random() < 0.5
        if address is None:
            return
        try:
            _, writer = await asyncio.open_connection(*address)
            writer.write(whole[:cut])
            await asyncio.sleep(waits)
            writer.transport.abort() if resets else writer.close()
        except OSError:
            pass


class BadRequests(Kind):
    """Each has to be answered with a status of 4xx, or by the end of the connection."""

    name, resource = "a burst of bad requests", "bad"

    @staticmethod
    def fits(lane):
        return True

    def requests(self):
        topic = f"/v1/topics/{self.lane.topic}"
        json_head = "Host: localhost\r\nContent-Type: application/json\r\n"

        def post(path, body, length=None, head=json_head):
            return (
                f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"
            )

        return [
            post(f"{topic}/messages", '{"body":'),
            post(f"{topic}/messages", '{"body": 7}'),
            post(f"{topic}/messages", "[" * 3000),
            post(f"{topic}/messages", '{"body":"x","nonsense":1}'),
            post(f"{topic}/messages", '{"body":"x"}', head="Host: localhost\r\nContent-Type: text/html\r\n"),
            post(f"{topic}/messages", "", length=10**12),
            post(f"{topic}/messages", "", length="-1"),
            post(f"{topic}-unknown/messages", '{"body":"x"}'),
            post(f"{topic}/messages:batch", '{"messages":[]}'),
            post(f"{topic}/groups/GID_poll/messages:ack", '{"receipt_handles":["nonsense"]}'),
            post(f"{topic}/groups/GID_nobody/messages:receive", "{}"),
            post(f"{topic}/groups/GID_poll/messages:receive", '{"max_messages":100000}'),
            f"GET {topic}/groups/GID_stream/messages:stream?max_in_flight=0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            f"DELETE {topic}/messages HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            f"GET /{'x' * 20_000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\n" + "".join(f"x-{n}: {n}\r\n" for n in range(200)) + "\r\n",
            "NONSENSE\r\n\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 50,
        ]

    async def provoke(self):
        requests, number = self.requests(), self.chance.randint(100, 500)
        self.notes.append(f"{number} of them")
        chosen = [(self.chance.choice(self.lane.gateways), self.chance.choice(requests)) for _ in range(number)]
        for at in range(0, number, AT_ONCE):
            await asyncio.gather(
                *(self.ask(pod, request) for pod, request in chosen[at : at + AT_ONCE] if pod.address_of_data)
            )

    async def ask(self, pod, request):
        try:
            reader, writer = await asyncio.open_connection(*pod.address_of_data)
        except OSError:
            return
        try:
            writer.write(request.encode("latin-1"))
            line = await asyncio.wait_for(reader.readline(), 7)
            status, rest = line[9:12].decode(), b""
            if status == "503":
                rest = await asyncio.wait_for(reader.read(4000), 7)
            if line and not self.is_right(request, status, rest):
                shown = request[:60].encode()
                self.run.wrong(f"{pod.name} of {self.lane.name} answers {line + rest!r} to the bad request {shown!r}")
        except TimeoutError:
            # The head or body that is announced never comes: their timeouts are tested elsewhere.
            pass
        except OSError:
            pass
        finally:
            writer.close()

    @staticmethod
    def is_right(request, status, rest):
        if status == "503":
            # While the MQ is away, nobody reads the body.
            return any(
                f'"code":"{code}"'.encode() in rest for code in ("circuit-open", "upstream-unreachable", "draining")
            )
        # A handle that is none is answered by itself, within 207.
        return status.startswith("4") or (status == "207" and "nonsense" in request)


class TouchedConfiguration(Kind):
    """It is read at the start only: nothing happens."""

    name, resource = "the configuration is written anew", "configuration"

    @staticmethod
    def fits(lane):
        return True

    async def provoke(self):
        for pod in self.lane.gateways:
            path = pod.gateway.configuration
            new = path.with_suffix(".new")
            new.write_text(pod.gateway.configuration.read_text())
            new.rename(path)
            path.touch()


class FullDisk(Kind):
    """The folder of the store is a file system of its own, and somebody fills it."""

    name, resource = "the disk of the embedded endpoint is full", "disk"
    explains = ("The embedded store is full", "The embedded store's disk fails", *FAILING, *BURNS, SLOW)

    @staticmethod
    def fits(lane):
        return lane.has_small_disk

    async def provoke(self):
        filler = self.lane.steady().directory / "data/filler"
        await self.run.in_thread(self.fill, filler)
        try:
            await self.pause(3, 20)
        finally:
            filler.unlink(missing_ok=True)

    @staticmethod
    def fill(path):
        try:
            with path.open("wb", buffering=0) as file:
                while file.write(bytes(1 << 16)):
                    pass
        except OSError:
            pass


KINDS = [
    TargetAway,
    TargetSlow,
    TargetFails,
    TargetThrottles,
    TargetGone,
    SlowReaders,
    HangingUpReaders,
    HangingUpPublishers,
    BadRequests,
    TouchedConfiguration,
    FullDisk,
]
