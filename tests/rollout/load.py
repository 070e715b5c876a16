"""Callers: most publish, some receive and acknowledge, some wait for messages that never come. Every answer counts, and no
request is repeated."""

import asyncio
import contextlib
import time

from connection import Connection, Failed
from pods import Broken

PUBLISHERS, FRESH, WORKERS, WAITERS = 23, 3, 4, 3
# Requests of each a second; a round of a worker is a receive and an acknowledgement.
EACH, ROUNDS = 10, 5
WAIT = 10  # seconds of a long poll


class Ledger:
    """What became of each message and of each request."""

    def __init__(self):
        self.stored = {}
        # By body: the ids under which it came, each time that it came.
        self.worked, self.audited = {}, {}
        self.requests = {"publish": 0, "receive": 0, "ack": 0, "wait": 0}
        self.failures = []
        self.seconds = []

    def failed(self, operation, why):
        self.failures.append((time.monotonic(), f"{operation}: {why}"))

    def lost(self, seen):
        return self.stored.keys() - seen.keys()


class Load:
    """Callers of one address on a topic of their own, and an auditor, who asks somebody that is never replaced."""

    def __init__(self, callers, auditor, topic, idle, hidden):
        self.callers, self.auditor, self.topic, self.idle = callers, auditor, topic, idle
        # How long what is received stays hidden, where that is the receive's own choice.
        self.hidden = {"visibility_timeout_seconds": hidden} if hidden else {}
        self.ledger = Ledger()
        self.publishing = self.auditing = True

    # ---- the callers ---------------------------------------------------------------------------------------------------

    def start(self):
        """Begins with the group that audits, and with the one that works; publishes come when both are there."""
        self.consumers = [self.work() for _ in range(WORKERS)] + [self.wait() for _ in range(WAITERS)]
        self.consumers = [asyncio.create_task(work) for work in self.consumers]
        self.audits = asyncio.create_task(self.audit())

    def begin(self):
        self.began = time.monotonic()
        work = [self.publish(number, number < PUBLISHERS) for number in range(PUBLISHERS + FRESH)]
        self.publishers = [asyncio.create_task(one) for one in work]

    async def request(self, connection, operation, path, body):
        """The answer, or `None` where it failed."""
        self.ledger.requests[operation] += 1
        began = time.monotonic()
        try:
            status, answer = await connection.post(path, body)
        except Failed as error:
            self.ledger.failed(operation, str(error))
            return None
        if status != (201 if operation == "publish" else 200):
            self.ledger.failed(operation, f"{status} {str(answer)[:300]}")
            return None
        if operation == "publish":
            self.ledger.seconds.append(time.monotonic() - began)
        return answer

    async def publish(self, number, keep):
        connection = Connection(self.callers, keep)
        due, count = time.monotonic() + number / EACH / (PUBLISHERS + FRESH), 0
        while self.publishing:
            await asyncio.sleep(due - time.monotonic())
            due, count = due + 1 / EACH, count + 1
            body = f"m-{number}-{count}"
            answer = await self.request(connection, "publish", f"/v1/topics/{self.topic}/messages", {"body": body})
            if answer:
                self.ledger.stored[body] = answer["message_id"]
        connection.close()

    async def take(self, connection, operation, topic, group, wait):
        """Receives and acknowledges; the messages' bodies and ids."""
        path = f"/v1/topics/{topic}/groups/{group}/messages"
        answer = await self.request(connection, operation, f"{path}:receive", {"wait_seconds": wait, **self.hidden})
        messages = answer["messages"] if answer else []
        if messages:
            handles = [message["receipt_handle"] for message in messages]
            answer = await self.request(connection, "ack", f"{path}:ack", {"receipt_handles": handles})
            for result in answer["results"] if answer else []:
                if result["status"] != 204:
                    self.ledger.failed("ack", str(result)[:300])
        return [(message["body"], message["message_id"]) for message in messages]

    async def work(self):
        connection, due = Connection(self.callers), time.monotonic()
        while True:
            due = max(due + 1 / ROUNDS, time.monotonic())
            for body, message in await self.take(connection, "receive", self.topic, "GID_work", WAIT):
                self.ledger.worked.setdefault(body, []).append(message)
            await asyncio.sleep(due - time.monotonic())

    async def wait(self):
        connection = Connection(self.callers)
        while True:
            if await self.take(connection, "wait", self.idle, "GID_work", WAIT):
                self.ledger.failed("wait", f"something came by the topic {self.idle}, to which nobody publishes")
            # One that fails at once must not be asked thousands of times.
            await asyncio.sleep(0.05)

    async def audit(self):
        """Reads the whole topic as another group."""
        connection, path = Connection(self.auditor), f"/v1/topics/{self.topic}/groups/GID_audit/messages"
        while self.auditing:
            try:
                status, answer = await connection.post(f"{path}:receive", {"wait_seconds": 2, **self.hidden})
            except Failed as error:
                raise Broken(f"the auditor's gateway, which is never replaced: {error}") from error
            if status != 200:
                raise Broken(f"the auditor's receive failed: {status} {answer}")
            if not answer["messages"]:
                continue
            handles = [message["receipt_handle"] for message in answer["messages"]]
            status, answer_to_ack = await connection.post(f"{path}:ack", {"receipt_handles": handles})
            if status != 200:
                raise Broken(f"the auditor's acknowledgement failed: {status} {answer_to_ack}")
            for message in answer["messages"]:
                self.ledger.audited.setdefault(message["body"], []).append(message["message_id"])
        connection.close()

    def look(self):
        """None of the callers ends by itself: one that did has failed, and the test with it."""
        for task in [*self.consumers, self.audits]:
            if task.done():
                task.result()

    # ---- begin and end -------------------------------------------------------------------------------------------------

    async def warm_up(self):
        """Publishes until both groups get what is published: a new group of some MQs begins at the end."""
        connection, end, count = Connection(self.auditor), time.monotonic() + 40, 0
        while not (warm(self.ledger.worked) and warm(self.ledger.audited)):
            self.look()
            if time.monotonic() > end:
                raise Broken(f"nothing comes by {self.topic}: {self.ledger.failures[:3]}")
            count += 1
            # Whether it was published is seen at the other end.
            with contextlib.suppress(Failed):
                await connection.post(f"/v1/topics/{self.topic}/messages", {"body": f"warm-up-{count}"})
            await asyncio.sleep(0.3)
        connection.close()

    async def finish(self, seconds):
        """No more publishes; what was stored may take some time to come."""
        self.publishing = False
        await asyncio.gather(*self.publishers)
        self.lasted = time.monotonic() - self.began
        end = time.monotonic() + seconds
        while (self.ledger.lost(self.ledger.worked) or self.ledger.lost(self.ledger.audited)) and time.monotonic() < end:
            self.look()
            await asyncio.sleep(0.1)
        # They hang up; what failed before counts, and an error of theirs is ours to see.
        for consumer in self.consumers:
            consumer.cancel()
        for ended in await asyncio.gather(*self.consumers, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise Broken(f"a consumer of this test broke: {ended!r}")
        self.auditing = False
        await self.audits


def warm(seen):
    return any(body.startswith("warm-up") for body in seen)
