"""The same by the official Python client: `by_official.py HOST PORT publish|consume TOPIC COUNT WORKERS`."""

import sys
import threading
import time

from figures_of import figures
from rocketmq import ClientConfiguration, Credentials, FilterExpression, Message, Producer, SimpleConsumer

host, port, what, topic, count, workers = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], *map(int, sys.argv[5:7])
configuration = ClientConfiguration(f"{host}:{port}", Credentials())
lock = threading.Lock()
left = count
times = []

if what == "publish":
    client = Producer(configuration, (topic,))
else:
    client = SimpleConsumer(configuration, "GID_figures", {topic: FilterExpression()}, 2)
client.startup()


def publish():
    global left
    while True:
        with lock:
            if left == 0:
                return
            left -= 1
        message = Message()
        message.topic, message.body, message.tag, message.keys = topic, b"x" * 1000, "TagA", "k1"
        began = time.perf_counter()
        client.send(message)
        times.append(time.perf_counter() - began)


def consume():
    global left
    while left > 0:
        began = time.perf_counter()
        messages = client.receive(32, 300)
        for message in messages:
            client.ack(message)
        if messages:
            times.append(time.perf_counter() - began)
            with lock:
                left -= len(messages)


figures(publish if what == "publish" else consume, workers, count, times)
client.shutdown()
