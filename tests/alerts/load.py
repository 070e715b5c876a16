"""Callers of one gateway: they publish, receive and acknowledge, and go on whatever they are answered."""

import threading
import time


class Load:
    """`threads` callers, each with `pause` seconds between its requests."""

    def __init__(self, gateway, threads=1, pause=0.2, topics=("orders",), receives=True):
        self.gateway, self.pause, self.topics, self.receives = gateway, pause, list(topics), receives
        self.ended = threading.Event()
        self.published, self.headers = 0, ()
        work = [self.publish] * threads + ([self.consume] if receives else [])
        self.threads = [threading.Thread(target=it, daemon=True) for it in work]
        for thread in self.threads:
            thread.start()

    def publish(self):
        while not self.ended.wait(self.pause):
            for topic in list(self.topics):
                status, _ = self.gateway.publish(topic, f"at {time.time()}", self.headers)
                self.published += status == 201

    def consume(self):
        """Only what has been there: a group begins with the oldest message."""
        while not self.ended.wait(self.pause):
            messages = self.gateway.receive(wait_seconds=1)
            if messages:
                self.gateway.acknowledge(messages)

    def end(self):
        self.ended.set()
