"""Whether this process itself stood still. It is callers, balancers, kubelets and auditor at once, on a machine that may be busy."""

import asyncio
import time

BEAT = 0.05


class Heart:
    def __init__(self):
        self.last, self.pauses = time.monotonic(), []

    async def beat(self):
        self.last = time.monotonic()
        while True:
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            if now - self.last > 4 * BEAT:
                self.pauses.append((now, now - self.last))
            self.last = now

    def longest_pause(self, since):
        """In seconds, of those that lasted to this time or longer; the one among them that has just ended and was not noted yet."""
        return max([time.monotonic() - self.last, *(pause for end, pause in self.pauses if end >= since)])
