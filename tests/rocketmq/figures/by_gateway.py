"""Publishes, receives and acknowledges through the gateway, with nothing but Python's HTTP client: `by_gateway.py HOST PORT publish|consume
TOPIC COUNT WORKERS`; prints what it took as JSON."""

import http.client
import json
import sys
import threading
import time

from figures_of import figures

host, port, what, topic, count, workers = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], *map(int, sys.argv[5:7])
BODY = json.dumps({"body": "x" * 1000, "tag": "TagA", "keys": ["k1"]}).encode()
JSON = {"Content-Type": "application/json"}
lock = threading.Lock()
left = count
times = []


def post(connection, path, body):
    connection.request("POST", f"/v1/topics/{topic}{path}", body, JSON)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status in (200, 201), (answer.status, text)
    return text


def publish():
    global left
    connection = http.client.HTTPConnection(host, port)
    while True:
        with lock:
            if left == 0:
                return
            left -= 1
        began = time.perf_counter()
        post(connection, "/messages", BODY)
        times.append(time.perf_counter() - began)


def consume():
    global left
    connection = http.client.HTTPConnection(host, port)
    path = "/groups/GID_figures/messages"
    while left > 0:
        began = time.perf_counter()
        messages = json.loads(post(connection, f"{path}:receive", b'{"wait_seconds":2}'))["messages"]
        if messages:
            handles = [message["receipt_handle"] for message in messages]
            post(connection, f"{path}:ack", json.dumps({"receipt_handles": handles}).encode())
            times.append(time.perf_counter() - began)
            with lock:
                left -= len(messages)


figures(publish if what == "publish" else consume, workers, count, times)
