"""Which faults there were, where and when, and what they explain: what came twice, lines of logs, alerts."""

import collections
import time
from dataclasses import dataclass, field

from ledger import AFTER

# How long an alert may still fire, or begin to, after its cause has ended, in seconds; what docs/operate/alerts.md says under "It
# ends", and what the rules wait before.
TAILS = {
    "MqGatewayPublishFailing": 180,
    "MqGatewayPublishBurnFast": 420,
    "MqGatewayPublishBurnMedium": 2100,
    "MqGatewayPublishBurnSlow": 22_000,
    "MqGatewayUnknownOutcomes": 660,
    "MqGatewayPublishSlow": 420,
    "MqGatewayKeysRefused": 360,
    "MqGatewayKeysKeptOld": 330,
    "MqGatewayMisconfigured": 360,
    "MqGatewayConsumingFailing": 240,
    "MqGatewaySubscriptionFailing": 720,
}
TAIL = 120
# Lines of these kinds tell of what was before.
LINES_AFTER = 150
# What a log says at the level of errors, and the faults that explain it.
ERRORS = {
    "the MQ refuses what this profile is configured with": {"keys rotated at the MQ"},
    "the store is degraded": {"the disk of the embedded endpoint is full"},
}


@dataclass
class Fault:
    number: int
    kind: str
    lane: str
    rows: tuple
    began: float
    ended: float | None = None
    notes: list = field(default_factory=list)

    def there(self, began, ended, after):
        return self.began <= ended and (self.ended is None or self.ended + after >= began)


class Journal:
    def __init__(self, rows):
        # What may fire in each outage of the table.
        self.allowed = {row.outage: {row.alert, *row.beside} for row in rows}
        self.faults = {}
        self.count = collections.Counter()

    def begin(self, number, kind, lane, rows):
        for row in rows:
            assert row in self.allowed, f"docs/operate/alerts.md has no outage {row!r}"
        fault = Fault(number, kind, lane, rows, time.monotonic())
        self.faults.setdefault(lane, []).append(fault)
        self.count[kind] += 1
        return fault

    def touching(self, lane, began, ended, after=AFTER):
        """The newest first. Faults are short: what began an hour before ended long ago."""
        for fault in reversed(self.faults.get(lane, [])):
            if fault.began < began - 3600:
                return
            if fault.there(began, ended, after):
                yield fault

    def touches(self, lane, began, ended):
        return any(True for _ in self.touching(lane, began, ended))

    def explain_alert(self, lane, alert, at):
        """The newest fault that explains that the alert fires, as text."""
        tail = TAILS.get(alert, TAIL)
        for fault in reversed(self.faults.get(lane, [])):
            if fault.there(at, at, tail) and any(alert in self.allowed[row] for row in fault.rows):
                return f"{fault.kind} (number {fault.number})"
        return None

    def explain_line(self, lane, level, message, at):
        for fault in self.touching(lane, at, at + 1, LINES_AFTER):
            if level != "ERROR" or any(
                message.startswith(text) and fault.kind in kinds for text, kinds in ERRORS.items()
            ):
                return fault.kind
        return None
