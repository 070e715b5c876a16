"""The official CloudEvents library for Python on both sides of a gateway: `checks.py publish TOPIC`,
`checks.py receive TOPIC GROUP SENDER`."""

import base64
import json
import os
import pathlib
import sys
import time
import urllib.request

from cloudevents.core.bindings.http import HTTPMessage, from_structured, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

URL = os.environ["MQ_GATEWAY_URL"]
BATCH = "application/cloudevents-batch+json"
EVENTS = json.loads((pathlib.Path(__file__).parent / "events.json").read_text())
PATIENCE = 60  # seconds
good = bad = 0


def check(what, found, expected):
    global good, bad
    if found == expected:
        good += 1
        print("ok", what)
    else:
        bad += 1
        print("FAILED", what, "found", repr(found), "expected", repr(expected))


def call(path, headers, body):
    request = urllib.request.Request(URL + path, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=40) as answer:
        return answer.status, answer.headers, answer.read()


def data_of(event):
    data = event.get("data")
    return base64.b64decode(data) if event["kind"] == "bytes" else data


def modes_of(event, sender):
    """In which modes a sender sends an event."""
    is_binary = "not_in_binary" not in event and sender not in event.get("not_in_binary_of", [])
    return ["structured", "batch"] + ["binary"] * is_binary


def made(event, mode):
    attributes = {"id": f"{mode}-{event['name']}", "source": "/python/tests", "type": f"com.example.{event['name']}"}
    attributes |= {"specversion": "1.0"} | event["attributes"]
    if "time" in attributes:
        attributes["time"] = time_of(attributes["time"])
    return CloudEvent(attributes, data_of(event))


def time_of(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def publish(topic):
    path, batch = f"/v1/topics/{topic}/messages", []
    for event in EVENTS:
        for mode in modes_of(event, "python"):
            message = (to_binary if mode == "binary" else to_structured)(made(event, mode), JSONFormat())
            if mode == "batch":
                batch.append(json.loads(message.body))
                continue
            status, _, answer = call(path, message.headers, message.body)
            check(f"{mode} {event['name']} is stored", (status, json.loads(answer)["outcome"]), (201, "published"))
    status, _, answer = call(path, {"content-type": BATCH}, json.dumps(batch).encode())
    statuses = [result["status"] for result in json.loads(answer)["results"]]
    check("a batch is stored", (status, statuses), (200, [201] * len(batch)))
    envelope = json.dumps({"body": {"plain": True}, "tag": "t", "keys": ["k1", "k2"]}).encode()
    check("another message is stored", call(path, {"content-type": "application/json"}, envelope)[0], 201)


def receive(topic, group, sender):
    path = f"/v1/topics/{topic}/groups/{group}/messages"
    wanted = {f"{mode}-{event['name']}": event for event in EVENTS for mode in modes_of(event, sender)}
    found, plain, end = {}, [], time.monotonic() + PATIENCE
    while (len(found) < len(wanted) or not plain) and time.monotonic() < end:
        options = json.dumps({"wait_seconds": 5}).encode()
        _, headers, body = call(f"{path}:receive", {"content-type": "application/json", "accept": BATCH}, options)
        check("the content type", headers["content-type"], BATCH)
        handles = []
        for raw in json.loads(body):
            # The library reads no batches: each of its events is one in the JSON format.
            message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(raw).encode())
            event = from_structured(message, JSONFormat())
            handles.append(event.get_extension("mqreceipthandle"))
            if event.get_type() == "mq.message":
                plain.append(event)
            else:
                found[event.get_id()] = event
        if handles:
            _, _, answer = call(f"{path}:ack", {"content-type": "application/json"}, json.dumps({"receipt_handles": handles}).encode())
            check("acknowledged", {result["status"] for result in json.loads(answer)["results"]}, {204})
    check("every event has come", sorted(found), sorted(wanted))
    for name, event in sorted(found.items()):
        check_event(name, event, wanted.get(name, {"attributes": {}, "kind": "none", "name": "?"}), sender)
    check("the other message", len(plain), 1)
    for event in plain:
        check("its data", event.get_data(), {"plain": True})
        check("its fields", (event.get_extension("mqtag"), event.get_extension("mqkeys")), ("t", "k1 k2"))
        check("its topic and group", (event.get_extension("mqtopic"), event.get_extension("mqgroup")), (topic, group))


def check_event(name, event, expected, sender):
    check(f"{name}: source and type", (event.get_source(), event.get_type()), (f"/{sender}/tests", f"com.example.{expected['name']}"))
    attributes = event.get_attributes()
    for attribute, value in expected["attributes"].items():
        if attribute == "time":
            check(f"{name}: time", attributes.get("time"), time_of(value))
        elif isinstance(value, (bool, int)):
            # Headers and properties have strings only; this library writes a header's boolean as Python does.
            check(f"{name}: {attribute}", str(attributes.get(attribute)).lower(), str(value).lower())
        else:
            check(f"{name}: {attribute}", attributes.get(attribute), value)
    check(f"{name}: data", event.get_data(), data_of(expected))


if __name__ == "__main__":
    {"publish": publish, "receive": receive}[sys.argv[1]](*sys.argv[2:])
    print(f"{good} checks good, {bad} failed")
    sys.exit(bad > 0)
