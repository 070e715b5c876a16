"""Faults of the gateways' processes, of the MQs and of the network between them. Each takes as long as it says and leaves all well.

`explains` are the rows of the table in docs/operate/alerts.md that a fault comes to."""

import asyncio

from gateway import write_keys

STOPPED = "The MQ is stopped"
HANGS = "The MQ hangs"
SLOW = "The MQ is slow"
UNKNOWN = "The outcome of a publish is unknown"
FAILING = ("The MQ fails some publishes", "The MQ fails every publish", "The MQ fails receives", UNKNOWN)
BURNS = ("The MQ fails few publishes for hours", "The MQ fails few publishes for days")
AWAY = (STOPPED, HANGS, SLOW, *FAILING, *BURNS)
POD = ("A pod is away", "All pods are away")


class Kind:
    """`resource`: what two faults of a lane must not use at once."""

    name = resource = ""
    explains = ()
    # The longest that it takes, what puts things right again included.
    longest = 60

    @staticmethod
    def fits(lane):
        return lane.is_foreign

    def __init__(self, run, lane, chance):
        self.run, self.lane, self.chance, self.notes = run, lane, chance, []

    async def pause(self, shortest, longest):
        seconds = self.chance.uniform(shortest, longest)
        self.notes.append(f"{seconds:.1f} s")
        await asyncio.sleep(seconds)

    async def relay(self, mode, value=0):
        await self.run.relays.tell(mode=self.lane.name, **{"is": mode, "value": value})


class KilledGateway(Kind):
    name, resource, explains = "kill -9 of a gateway", "gateway", POD

    @staticmethod
    def fits(lane):
        return lane.killed() is not None

    async def provoke(self):
        pod = self.lane.killed()
        pod.address_of_data = None
        await self.run.in_thread(pod.kill)
        try:
            await self.pause(0.2, 8)
        finally:
            await self.run.in_thread(pod.start)


class ReplacedGateway(KilledGateway):
    name = "SIGTERM of a gateway, and another one"

    async def provoke(self):
        wrong = await self.run.in_thread(self.lane.killed().replace)
        if wrong:
            self.run.wrong(wrong)


class FrozenMq(Kind):
    name, resource, explains = "the MQ is stopped and continued", "mq", AWAY

    async def provoke(self):
        self.lane.mq.freeze(True)
        try:
            await self.pause(2, 20)
        finally:
            self.lane.mq.freeze(False)


class KilledMq(Kind):
    name, resource, explains = "kill -9 of the MQ", "mq", (*AWAY, *POD)
    longest = 200

    async def provoke(self):
        lane, mq = self.lane, self.lane.mq
        hides = self.chance.random() < 0.5
        await self.run.in_thread(mq.kill)
        try:
            if hides:
                # Nobody takes connections; else the relay does, and resets them.
                await self.relay("away")
            await self.pause(0.5, 10)
        finally:
            await self.run.in_thread(mq.up if lane.protocol == "rocketmq" else mq.start)
            lane.found_mq()
            await lane.aim()
            if hides:
                await self.relay("good")


class Relay(Kind):
    resource = "relay"


class CutOff(Relay):
    name, explains = "the network is away", AWAY

    async def provoke(self):
        await self.relay("away")
        try:
            await self.pause(0.5, 12)
        finally:
            await self.relay("good")


class CutConnections(Relay):
    name, explains = "connections to the MQ are reset", AWAY

    async def provoke(self):
        for _ in range(self.chance.randint(1, 5)):
            await self.run.relays.tell(cut=self.lane.name)
            await self.pause(0.1, 2)


class Delayed(Relay):
    name, explains = "answers of the MQ are late", AWAY

    async def provoke(self):
        delay = self.chance.choice([0.05, 0.3, 1, 3, 6])
        self.notes.append(f"{delay} s late")
        await self.relay("delay", delay)
        try:
            await self.pause(4, 20)
        finally:
            await self.relay("good")


class ResetAnswers(Relay):
    name, mode, explains = "answers of the MQ are replaced by resets", "reset", AWAY

    async def provoke(self):
        share = self.chance.choice([0.02, 0.1, 0.4])
        self.notes.append(f"{share:.0%} of them")
        await self.relay(self.mode, share)
        try:
            await self.pause(4, 20)
        finally:
            await self.relay("good")


class TruncatedAnswers(ResetAnswers):
    name, mode = "answers of the MQ are truncated", "truncate"


class RotatedKeys(Kind):
    """The embedded endpoint reads its keys at its start only: it is restarted with a new pair.

    RocketMQ changes its user's password while it
    runs, and its proxy goes on with the old one for a while. The gateways' files follow sooner or later."""

    name, resource, longest = "keys rotated at the MQ", "mq", 180
    explains = ("The MQ refuses the keys", "The MQ has no such topic", "The MQ has no such group", *AWAY, *POD)

    async def provoke(self):
        lane, mq, thread = self.lane, self.lane.mq, self.run.in_thread
        if lane.protocol == "rocketmq":
            await thread(mq.rotate)
        else:
            await thread(mq.stop)
            try:
                mq.rotate()
                if self.chance.random() < 0.3:
                    await thread(lane.write_keys)
            finally:
                await thread(mq.start)
                lane.found_mq()
                await lane.aim()
        await self.pause(0, 8)
        await thread(lane.write_keys)
        await self.published_again()

    async def published_again(self):
        before, end = self.lane.ledger.answers["published"], asyncio.get_running_loop().time() + 120
        while self.lane.ledger.answers["published"] <= before + 20:
            if asyncio.get_running_loop().time() > end:
                self.run.wrong(f"{self.lane.name}: nothing is published within 120 s after keys were rotated")
                return
            await asyncio.sleep(0.2)


class HalfKeys(Kind):
    """As a rotation that is seen half-way: the old pair stays in use."""

    name, resource = "changed key files cannot be used", "mq"
    explains = ("Changed key files cannot be used",)

    async def provoke(self):
        lane = self.lane
        access_key, secret_key = await self.run.in_thread(lane.mq.pair)
        write_keys(
            lane.directory,
            *self.chance.choice([(access_key, ""), ("", secret_key), ("half", ""), ("a\nb", "c\nd")]),
            mode=0o600,
        )
        try:
            await self.pause(1, 20)
        finally:
            write_keys(lane.directory, access_key, secret_key, mode=0o600)


KINDS = [
    KilledGateway,
    ReplacedGateway,
    FrozenMq,
    KilledMq,
    CutOff,
    CutConnections,
    Delayed,
    ResetAnswers,
    TruncatedAnswers,
    RotatedKeys,
    HalfKeys,
]
