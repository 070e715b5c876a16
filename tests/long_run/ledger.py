"""What was published and what came of it, a few bytes a message, so that millions fit.

A message's body names its lane and its number there. The numbers count from 0, so everything kept of a message is at its number in
arrays: what its publisher was answered, how often each kind of consumer processed it, when first, and under which message id."""

import collections
import time
import zlib
from array import array

KINDS = ("poll", "stream", "push")
# What a publisher was answered. Without an answer the message may or may not be stored, as with `unknown`.
WAITING, PUBLISHED, UNKNOWN, NOT_PUBLISHED, NO_ANSWER, UNSAID, CUT_OFF = range(7)
OUTCOMES = (
    "waiting",
    "published",
    "unknown",
    "not_published",
    "no answer",
    "an answer that names no outcome",
    "not wholly sent",
)
STEP = 10_000
# An acknowledgement that was under way when a fault ended may still have failed by it.
AFTER = 6.0


class Seen:
    """What one kind of consumer processed."""

    def __init__(self):
        self.times, self.first = bytearray(), array("f")
        self.acknowledged = bytearray()
        self.missing = self.repeated = self.unexplained = self.after_acknowledgement = 0
        self.examples = []

    def grow(self):
        self.times.extend(bytes(STEP))
        self.acknowledged.extend(bytes(STEP))
        self.first.extend([0.0] * STEP)


class Ledger:
    """Of one lane. `explains(began, ended)` is whether a fault of the lane was there meanwhile."""

    def __init__(self, lane, explains):
        self.lane, self.explains = lane, explains
        self.next, self.began = 0, time.monotonic()
        self.outcome, self.ids = bytearray(), array("I")
        self.seen = {kind: Seen() for kind in KINDS}
        self.answers = collections.Counter()
        self.problems, self.twice = collections.Counter(), 0
        self.foreign = 0

    def new(self):
        """The next message's number."""
        number, self.next = self.next, self.next + 1
        if number >= len(self.outcome):
            self.outcome.extend(bytes(STEP))
            self.ids.extend([0] * STEP)
            for seen in self.seen.values():
                seen.grow()
        return number

    def body(self, number):
        return f"{self.lane}:{number}:" + "x" * (number * 7919 % 400)

    def answered(self, number, outcome, why=""):
        self.outcome[number] = outcome
        self.answers[OUTCOMES[outcome]] += 1
        if why:
            self.problems[why] += 1
        if outcome == PUBLISHED:
            for seen in self.seen.values():
                seen.missing += not seen.times[number]

    def number(self, body):
        lane, number, _ = body.split(":", 2)
        if lane != self.lane or int(number) >= self.next or body != self.body(int(number)):
            self.foreign += 1
            return None
        return int(number)

    def processed(self, kind, body, message_id):
        """The message's number. Called once for each time that a consumer has done its work."""
        number = self.number(body)
        if number is None:
            return None
        seen, now = self.seen[kind], time.monotonic() - self.began
        if seen.times[number]:
            self.again(seen, kind, number, now)
        else:
            seen.first[number] = now
            seen.missing -= self.outcome[number] == PUBLISHED
        seen.times[number] = min(255, seen.times[number] + 1)
        digest = zlib.crc32(message_id.encode()) or 1
        if self.ids[number] not in (0, digest):
            self.twice += 1
            self.example(seen, f"{self.lane}:{number} came under another message id, too: {message_id}")
        self.ids[number] = digest
        return number

    def again(self, seen, kind, number, now):
        seen.repeated += 1
        began = seen.first[number]
        after = bool(seen.acknowledged[number])
        if after:
            seen.after_acknowledgement += 1
            self.example(
                seen,
                f"{self.lane}:{number} came to {kind} after {began:.1f} s, was acknowledged, came again after {now:.1f} s",
            )
        if not self.explains(self.began + began - 1, self.began + now):
            seen.unexplained += 1
            self.example(seen, f"{self.lane}:{number} came to {kind} after {began:.1f} s and again after {now:.1f} s")

    @staticmethod
    def example(seen, text):
        if len(seen.examples) < 10:
            seen.examples.append(text)

    def confirmed(self, kind, number):
        """Its acknowledgement was answered with success."""
        if number is not None:
            self.seen[kind].acknowledged[number] = 1

    def missing(self):
        return sum(seen.missing for seen in self.seen.values())

    def lost(self, kind):
        """Numbers that were answered with success and never processed."""
        times = self.seen[kind].times
        return [number for number in range(self.next) if self.outcome[number] == PUBLISHED and not times[number]]

    def arrived(self, outcome):
        """How many with this outcome were processed by anybody, and some of their numbers."""
        alike = [
            n
            for n in range(self.next)
            if self.outcome[n] == outcome and any(seen.times[n] for seen in self.seen.values())
        ]
        return len(alike), alike[:5]
