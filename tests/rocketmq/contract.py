"""What the contract promises, on a real cluster: topics T-normal, T-fifo, T-delay, T-tx and groups GID_a, GID_b, GID_fifo."""

import base64
import sys
import threading
import time

from client import ack, call, collect, drain, publish, receive, row, run_rows

MIB4 = 4 << 20


@row
def everything_is_carried():
    """publish, receive, ack: body, tag, keys, properties, id"""
    drain("T-normal", "GID_a")
    fields = {"tag": "TagA", "keys": ["k1", "k2"], "properties": {"a": "1", "b": "zwei"}}
    status, answer = publish("T-normal", "订单 1", **fields)
    assert status == 201 and answer["attempts"] == 1, answer
    [message] = collect("T-normal", "GID_a", 1)
    assert message["message_id"] == answer["message_id"], message
    assert (message["body"], message["encoding"], message["delivery_attempt"]) == ("订单 1", "text", 1), message
    assert {name: message[name] for name in fields} == fields, message
    assert not receive("T-normal", "GID_a", wait=2)[1]["messages"], "it was acknowledged"


@row
def a_batch():
    """a batch of 20: each once, under its own id"""
    status, answer = call("/v1/topics/T-normal/messages:batch", {"messages": [{"body": f"m{i}"} for i in range(20)]})
    assert status == 200, answer
    sent = {item["message_id"]: f"m{item['index']}" for item in answer["results"]}
    found = collect("T-normal", "GID_a", 20)
    assert sorted((m["message_id"], m["body"]) for m in found) == sorted(sent.items()), found


@row
def any_bytes():
    """bodies that are no text, the largest, one byte more, none"""
    body = bytes(range(256))
    status, answer = call("/v1/topics/T-normal/messages", body, "application/octet-stream")
    assert status == 201, answer
    [message] = collect("T-normal", "GID_a", 1)
    assert base64.b64decode(message["body"]) == body and message["encoding"] == "base64", message
    status, answer = call("/v1/topics/T-normal/messages", b"x" * MIB4, "application/octet-stream")
    assert status == 201, answer
    [message] = collect("T-normal", "GID_a", 1)
    assert len(message["body"]) == MIB4
    assert call("/v1/topics/T-normal/messages", b"x" * (MIB4 + 1), "application/octet-stream")[0] == 413
    status, answer = publish("T-normal", "")
    assert (status, answer["code"]) == (422, "capability-not-supported"), answer


@row
def a_delay():
    """a delay of 3 s"""
    began = time.monotonic()
    status, answer = publish("T-delay", "later", delay_seconds=3)
    assert status == 201, answer
    assert len(collect("T-delay", "GID_a", 1)) == 1
    took = time.monotonic() - began
    assert 2.9 < took < 12, took
    return f"came after {took:.1f} s"


@row
def in_order():
    """a FIFO topic: messages of a group in order, by an ordered receive"""
    for number in range(10):
        status, answer = publish("T-fifo", f"s{number}", message_group="user 7")
        assert status == 201, answer
    found = collect("T-fifo", "GID_fifo", 10)
    assert [message["body"] for message in found] == [f"s{number}" for number in range(10)], found
    assert found[0]["message_group"] == "user 7", found[0]


@row
def woken():
    """a waiting receive is woken by a publish"""
    result = {}

    def wait():
        result["answer"] = receive("T-normal", "GID_a", wait=20)
        result["at"] = time.monotonic()

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    published = time.monotonic()
    publish("T-normal", "woken")
    waiting.join()
    status, answer = result["answer"]
    assert status == 200 and [m["body"] for m in answer["messages"]] == ["woken"], answer
    ack("T-normal", "GID_a", [m["receipt_handle"] for m in answer["messages"]])
    took = result["at"] - published
    assert took < 2, took
    return f"after {took * 1000:.0f} ms"


@row
def a_glance_loses_nothing():
    """a receive that does not wait: what comes later is for the next, or given back"""
    assert receive("T-normal", "GID_a")[1]["messages"] == []
    publish("T-normal", "for the next")
    assert [m["body"] for m in collect("T-normal", "GID_a", 1)] == ["for the next"]
    assert receive("T-normal", "GID_a")[1]["messages"] == []
    publish("T-normal", "given back")
    time.sleep(8)
    [message] = collect("T-normal", "GID_a", 1)
    return f"attempt {message['delivery_attempt']}"


@row
def late_and_stale():
    """not acknowledged in time: comes again, and the old handle is 410"""
    time.sleep(6)  # what earlier rows left under way would take them for another visibility timeout
    publish("T-normal", "slow")
    publish("T-normal", "quick")
    held = []
    while len(held) < 2:
        status, answer = receive("T-normal", "GID_a", wait=5, visibility_timeout_seconds=1)
        assert status == 200 and answer["applied"]["visibility_timeout_seconds"] == 10, answer
        held += answer["messages"]
    slow = next(m["receipt_handle"] for m in held if m["body"] == "slow")
    quick = next(m["receipt_handle"] for m in held if m["body"] == "quick")
    status, answer = ack("T-normal", "GID_a", [quick])
    assert status == 200, answer
    began = time.monotonic()
    [message] = collect("T-normal", "GID_a", 1, seconds=40)
    assert (message["body"], message["delivery_attempt"]) == ("slow", 2), message
    status, answer = ack("T-normal", "GID_a", [slow, message["receipt_handle"]])
    assert status == 207, answer
    codes = [item.get("problem", {}).get("code") for item in answer["results"]]
    assert codes[0] == "receipt-handle-expired" and answer["results"][0]["status"] == 410, answer
    assert answer["results"][1]["status"] == 204, answer
    return f"came again {time.monotonic() - began:.1f} s after the ack of the other"


@row
def groups_of_their_own():
    """each group gets every message"""
    drain("T-other", "GID_a")
    drain("T-other", "GID_b")
    publish("T-other", "both")
    assert [m["body"] for m in collect("T-other", "GID_a", 1)] == ["both"]
    assert [m["body"] for m in collect("T-other", "GID_b", 1)] == ["both"]


@row
def what_is_not_there():
    """unknown topic and group, topics of another type: told before or without harm"""
    status, answer = publish("T-none", "x")
    assert (status, answer["code"], answer["outcome"]) == (502, "upstream-misconfigured", "not_published"), answer
    assert "mqadmin updateTopic -t T-none" in answer["detail"], answer
    status, answer = receive("T-normal", "GID_none", wait=1)
    assert (status, answer["code"]) == (502, "upstream-misconfigured"), answer
    assert "updateSubGroup" in answer["detail"], answer
    for topic, fields, word in [
        ("T-fifo", {}, "FIFO"),
        ("T-normal", {"message_group": "g"}, "NORMAL"),
        ("T-delay", {}, None),
        ("T-tx", {}, "TRANSACTION"),
    ]:
        status, answer = publish(topic, "x", **fields)
        if word:
            assert (status, answer["code"]) == (422, "capability-not-supported") and word in answer["detail"], answer
        else:
            assert status in (201, 422), answer
    status, answer = receive("T-ordered", "GID_a", wait=1)
    assert (status, answer["code"]) == (502, "upstream-misconfigured") and "-o true" in answer["detail"], answer


sys.exit(0 if run_rows() else 1)
