"""Publishes and receives all the time, and counts what became of every message."""

import os
import threading
import time


class Traffic:
    """Publishes and receives until it is told to stop; counts what became of every message."""

    def __init__(self, gateway, topic, group):
        self.gateway, self.topic, self.group = gateway, topic, group
        self.acknowledged, self.unknown, self.refused = set(), set(), 0
        self.delivered, self.duplicates, self.failed_receives = set(), 0, 0
        self.publishing, self.receiving = True, True
        self.last_success = time.monotonic()
        self.longest_gap = 0.0
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.publish, self.receive)]
        for thread in self.threads:
            thread.start()

    def publish(self):
        number = 0
        while self.publishing:
            number += 1
            body = f"{os.getpid()}-m{number}"  # another run's leftovers are not taken for its own
            status, answer = self.gateway.publish(self.topic, body)
            if status == 201:
                self.acknowledged.add(body)
            elif answer.get("outcome") == "not_published":
                self.refused += 1
            else:
                self.unknown.add(body)
            time.sleep(0.02)

    def receive(self):
        while self.receiving:
            # What was delivered to nobody, since something broke on the way, comes again after this.
            status, answer = self.gateway.receive(self.topic, self.group, wait=2, visibility_timeout_seconds=15)
            if status != 200:
                self.failed_receives += 1
                time.sleep(0.1)
                continue
            now = time.monotonic()
            if answer["messages"]:
                self.longest_gap = max(self.longest_gap, now - self.last_success)
                self.last_success = now
            for message in answer["messages"]:
                if message["body"] in self.delivered:
                    self.duplicates += 1
                self.delivered.add(message["body"])
            if answer["messages"]:
                self.gateway.ack(self.topic, self.group, [message["receipt_handle"] for message in answer["messages"]])

    def lost(self):
        return self.acknowledged - self.delivered

    def finish(self, seconds):
        """Stops publishing, waits until what was stored has come, and tells the counts."""
        self.publishing = False
        self.threads[0].join()
        end = time.monotonic() + seconds
        while self.lost() and time.monotonic() < end:
            time.sleep(0.2)
        self.receiving = False
        self.threads[1].join()
        return (
            f"acknowledged {len(self.acknowledged)}, delivered {len(self.delivered)}, duplicates {self.duplicates}, "
            f"unknown {len(self.unknown)} (of them stored {len(self.unknown & self.delivered)}), refused {self.refused}, "
            f"lost {len(self.lost())}, failed receives {self.failed_receives}, longest gap {self.longest_gap:.1f} s"
        )
