"""Which fault comes when, by the seed; and who sets them off."""

import asyncio
import contextlib
import random
import traceback
from dataclasses import dataclass

import faults_of_callers
import faults_of_processes

KINDS = faults_of_processes.KINDS + faults_of_callers.KINDS
# Every so many seconds nothing is set off for a while, to see what stays of what was before.
CALM_EVERY, CALM = 1500, 180


@dataclass
class Planned:
    number: int
    at: float
    kind: type
    lane: str


def plan(seed, seconds, lanes, words):
    """Each kind once in each lane that it fits, in random order, and again: with random pauses, so that some are there at once. With
    words: only those that have one of them in their name."""
    chance = random.Random(seed)
    pairs = [(kind, lane.name) for kind in KINDS for lane in lanes if kind.fits(lane)]
    pairs = [(kind, lane) for kind, lane in pairs if not words or any(word in kind.name for word in words)]
    mean = min(15, max(2.5, seconds / 1.1 / max(1, len(pairs))))
    planned, bag, at = [], [], 0.0
    while True:
        at += chance.expovariate(1 / mean)
        if at % CALM_EVERY > CALM_EVERY - CALM:
            at += CALM
        if at > seconds:
            return planned
        if not bag:
            if not pairs:
                return []
            bag = list(pairs)
            chance.shuffle(bag)
        kind, lane = bag.pop()
        planned.append(Planned(len(planned) + 1, at, kind, lane))


class Faults:
    def __init__(self, run, seed, seconds):
        self.run, self.seed = run, seed
        self.lanes = {lane.name: lane for lane in run.lanes}
        self.planned = plan(seed, seconds, run.lanes, run.arguments.faults)
        self.busy, self.tasks, self.active, self.skipped = {}, [], {}, 0

    def start(self):
        self.tasks = [asyncio.create_task(self.come(it)) for it in self.planned]

    async def come(self, planned):
        await asyncio.sleep(planned.at)
        lock = self.busy.setdefault((planned.kind.resource, planned.lane), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), 60)
        except TimeoutError:
            self.skipped += 1
            return
        try:
            await self.provoke(planned)
        finally:
            lock.release()

    async def provoke(self, planned):
        run = self.run
        what = planned.kind(run, self.lanes[planned.lane], random.Random(f"{self.seed} {planned.number}"))
        fault = run.journal.begin(planned.number, what.name, planned.lane, what.explains)
        self.active[planned.number] = what.name
        try:
            await asyncio.wait_for(what.provoke(), what.longest + 60)
        except Exception as error:  # what the harness cannot do ends the run, with a word of it
            traceback.print_exc()
            run.broken(f"fault {planned.number} ({what.name}, {planned.lane}): {error!r}")
        finally:
            fault.ended = asyncio.get_running_loop().time()
            fault.notes = what.notes
            del self.active[planned.number]
            run.note_fault(fault)

    async def over(self, seconds):
        """All have come and gone; whoever is still at it after so many seconds broke."""
        if not self.tasks:
            return 0
        done, late = await asyncio.wait(self.tasks, timeout=seconds)
        for task in late:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            for task in done:
                task.result()
        return len(late)
