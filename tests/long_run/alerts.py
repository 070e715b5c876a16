"""Which alerts fire while the run goes on, and whether a fault explains each."""

import time

from gateway import Failed
from journal import TAIL, TAILS


class Firing:
    """One alert of one namespace, from its first look to its last."""

    def __init__(self, at):
        self.began, self.last = at, at


class Alerts:
    def __init__(self, monitoring, journal):
        self.monitoring, self.journal = monitoring, journal
        self.now, self.over, self.unanswered = {}, [], 0

    def look(self):
        at = time.monotonic()
        try:
            firing = self.monitoring.firing()
            self.unanswered = 0
        except Failed:
            # A busy machine; only a Prometheus that is gone ends the run.
            self.unanswered += 1
            if self.unanswered > 10:
                raise
            return
        for key in firing:
            self.now.setdefault(key, Firing(at)).last = at
        for key in [key for key in self.now if key not in firing]:
            self.over.append((key, self.now.pop(key)))

    @staticmethod
    def lane(namespace):
        return namespace.removesuffix("-mq")

    def rows(self):
        """Each alert and namespace: how often, how long in all, examples of what explains it, and how many nothing explains."""
        table = {}
        for (namespace, alert), firing in [*self.over, *self.now.items()]:
            row = table.setdefault((alert, namespace), {"times": 0, "seconds": 0.0, "because": {}, "unexplained": []})
            row["times"] += 1
            row["seconds"] += firing.last - firing.began
            because = self.journal.explain_alert(self.lane(namespace), alert, firing.began)
            if because:
                kind = because.split(" (")[0]
                row["because"][kind] = row["because"].get(kind, 0) + 1
            else:
                row["unexplained"].append(firing.began)
        return table

    def pending(self):
        """Those that fire and whose end is worth waiting for: some have windows of half an hour and of hours."""
        return {(namespace, alert) for namespace, alert in self.now if TAILS.get(alert, TAIL) < 1000}

    def overdue(self, quiet_since):
        """Those that fire for longer than their own time after the last fault."""
        now = time.monotonic()
        return {(namespace, alert) for namespace, alert in self.now if now > quiet_since + TAILS.get(alert, TAIL)}
