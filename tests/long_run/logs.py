"""What the gateways logged at the levels of warnings and errors, and what they said that is no line of a log."""

import collections
import datetime
import json
import time

PIECE = 1 << 22


class Logs:
    def __init__(self, directory):
        self.directory, self.offsets, self.rests = directory, {}, {}
        self.counts = collections.Counter()
        self.examples = {}
        # At which seconds each kind came; a kind is lane, level and text.
        self.seconds = {}
        self.shift = time.monotonic() - time.time()

    def look(self):
        for path in self.directory.glob("*/*/log"):
            with path.open("rb") as log:
                log.seek(self.offsets.get(path, 0))
                while piece := log.read(PIECE):
                    *lines, self.rests[path] = (self.rests.get(path, b"") + piece).split(b"\n")
                    for line in lines:
                        self.line(path.parent.parent.name, line)
                self.offsets[path] = log.tell()

    def line(self, lane, line):
        if b'"level":"INFO"' in line or not line.strip():
            return
        try:
            fields = json.loads(line)
            level, message = fields["level"], fields["message"]
            at = datetime.datetime.fromisoformat(fields["timestamp"]).timestamp() + self.shift
        except (ValueError, KeyError, TypeError):
            level, message, at = "NO JSON", line.decode(errors="replace")[:120], time.monotonic()
        kind = (lane, level, message)
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < 3:
            examples.append(line.decode(errors="replace")[:600])
        self.seconds.setdefault(kind, set()).add(int(at))

    def unexplained(self, journal):
        """By kind: the seconds that no fault explains."""
        found = {}
        for (lane, level, message), seconds in self.seconds.items():
            if level == "NO JSON":
                found[lane, level, message] = sorted(seconds)
            elif bare := [at for at in sorted(seconds) if not journal.explain_line(lane, level, message, at)]:
                found[lane, level, message] = bare
        return found
