"""The rows of the contract's table: each says what it did, `yes`, or how it was refused as the contract says.

Topics: T-normal, T-other (signed with a wrong secret where there are keys), T-fifo, T-delay, T-tx, T-ordered, and
each row that counts what it receives has topics or groups of its own. Groups: GID_a, GID_b, GID_fifo, GID_dead."""

import base64
import threading
import time

from vendors import MqHttp, OnsHttp

PROMISES = []


def promise(function):
    """A row; its docstring is the row's text."""
    PROMISES.append(function)
    return function


def refused(answer, status, code):
    """The cell of a request that was refused as the contract says."""
    assert answer[0] == status and answer[1]["code"] == code, answer
    assert answer[1].get("outcome", "not_published") == "not_published", answer
    return f"{status}"


def unsupported(answer, status=422):
    return refused(answer, status, "capability-not-supported")


def handles(messages):
    return [message["receipt_handle"] for message in messages]


def one(messages):
    assert len(messages) == 1, messages
    return messages[0]


@promise
def publish_and_ack(up):
    """publish, receive, ack: body, id, first attempt; then it is gone"""
    status, answer = up.gateway.publish("T-normal", "订单 1")
    assert status == 201 and answer["outcome"] == "published" and answer["attempts"] >= 1, answer
    message = one(up.gateway.collect("T-normal", "GID_a"))
    assert message["message_id"] == answer["message_id"], message
    assert (message["body"], message["encoding"], message["delivery_attempt"]) == ("订单 1", "text", 1), message
    assert (message["tag"], message["keys"], message["properties"], message["message_group"]) == (None, [], {}, None)
    assert not up.gateway.receive("T-normal", "GID_a", wait=2)[1]["messages"], "it was acknowledged"


@promise
def tags_and_keys(up):
    """tag and several keys"""
    fields = {"tag": "TagA", "keys": ["k1", "k2"]}
    status, answer = up.gateway.publish("T-normal", "x", **fields)
    assert status == 201, answer
    message = one(up.gateway.collect("T-normal", "GID_a"))
    assert {name: message[name] for name in fields} == fields, message


@promise
def properties(up):
    """properties"""
    answer = up.gateway.publish("T-normal", "x", properties={"a": "1", "b": "zwei"})
    if not up.properties:
        return unsupported(answer)
    assert answer[0] == 201, answer
    assert one(up.gateway.collect("T-normal", "GID_a"))["properties"] == {"a": "1", "b": "zwei"}


@promise
def batch(up):
    """batch of 20: each once, under its own id"""
    status, answer = up.gateway.batch("T-normal", [{"body": f"m{i}"} for i in range(20)])
    assert status == 200, answer
    sent = {item["message_id"]: f"m{item['index']}" for item in answer["results"]}
    found = up.gateway.collect("T-normal", "GID_a", 20)
    assert sorted((m["message_id"], m["body"]) for m in found) == sorted(sent.items()), found


@promise
def batch_with_one_bad(up):
    """batch with a message that cannot be sent: it fails alone"""
    bad, expected = ("x" * (up.max_bytes + 1), 413) if up.empty_body else ("", 422)
    status, answer = up.gateway.batch("T-normal", [{"body": "a"}, {"body": bad}])
    assert status == 207, answer
    assert [item["status"] for item in answer["results"]] == [201, expected], answer
    assert one(up.gateway.collect("T-normal", "GID_a"))["body"] == "a"
    return "yes, 207"


@promise
def binary(up):
    """a body that is no text"""
    body = bytes(range(256))
    answer = up.gateway.publish_bytes("T-normal", body)
    if not up.binary:
        return unsupported(answer)
    assert answer[0] == 201, answer
    message = one(up.gateway.collect("T-normal", "GID_a"))
    assert message["encoding"] == "base64" and base64.b64decode(message["body"]) == body, message


@promise
def empty(up):
    """an empty body"""
    answer = up.gateway.publish("T-normal", "")
    if not up.empty_body:
        return unsupported(answer)
    assert answer[0] == 201, answer
    assert one(up.gateway.collect("T-normal", "GID_a"))["body"] == ""


@promise
def largest(up):
    """the largest body; one byte more is 413"""
    status, answer = up.gateway.publish_bytes("T-normal", b"x" * up.max_bytes)
    assert status == 201, answer
    assert len(one(up.gateway.collect("T-normal", "GID_a"))["body"]) == up.max_bytes
    answer = up.gateway.publish_bytes("T-normal", b"x" * (up.max_bytes + 1))
    refused(answer, 413, "message-too-large")


@promise
def delay(up):
    """a delay of 3 s; one beyond the limit is 422"""
    began = time.monotonic()
    status, answer = up.gateway.publish("T-delay", "later", delay_seconds=3)
    assert status == 201, answer
    one(up.gateway.collect("T-delay", "GID_a"))
    took = time.monotonic() - began
    assert 2.9 < took < 15, took
    answer = up.gateway.publish("T-delay", "never", delay_seconds=41 * 86400)
    refused(answer, 422, "validation-failed")
    return f"yes, {took:.1f} s"


@promise
def order(up):
    """ten messages of a message group, in order"""
    for number in range(10):
        status, answer = up.gateway.publish("T-fifo", f"s{number}", message_group="user 7")
        assert status == 201, answer
    found = up.gateway.collect("T-fifo", "GID_fifo", 10)
    assert [message["body"] for message in found] == [f"s{number}" for number in range(10)], found
    assert found[0]["message_group"] == "user 7", found[0]


@promise
def order_locks(up):
    """ordered group: nothing more before what is out is acknowledged"""
    if not up.locks:
        return "–"
    for number in range(2):
        assert up.gateway.publish("T-fifo", f"s{number}", message_group="user 8")[0] == 201
    first = one(up.gateway.take("T-fifo", "GID_fifo", 1))
    assert first["body"] == "s0", first
    assert not up.gateway.receive("T-fifo", "GID_fifo", wait=2)[1]["messages"], "the first is still out"
    assert up.gateway.ack("T-fifo", "GID_fifo", handles([first]))[0] == 200
    second = one(up.gateway.collect("T-fifo", "GID_fifo"))
    assert second["body"] == "s1", second


@promise
def message_types(up):
    """a message of another type than its topic's"""
    if not up.typed:
        return "–"
    for topic, fields, word in [
        ("T-fifo", {}, "FIFO"),
        ("T-normal", {"message_group": "g"}, "NORMAL"),
        ("T-tx", {}, "TRANSACTION"),
    ]:
        answer = up.gateway.publish(topic, "x", **fields)
        unsupported(answer)
        assert word in answer[1]["detail"], answer
    status, answer = up.gateway.receive("T-ordered", "GID_a", wait=1)
    assert (status, answer["code"]) == (502, "upstream-misconfigured") and "-o true" in answer["detail"], answer
    return "422"


@promise
def woken(up):
    """a waiting receive is woken by a publish"""
    result = {}

    def wait():
        result["answer"] = up.gateway.receive("T-normal", "GID_a", wait=20)
        result["at"] = time.monotonic()

    waiting = threading.Thread(target=wait)
    waiting.start()
    # Long enough that the receive waits; were it later, it would find the message without waiting.
    time.sleep(1)
    published = time.monotonic()
    assert up.gateway.publish("T-normal", "woken")[0] == 201
    waiting.join()
    status, answer = result["answer"]
    assert status == 200 and [m["body"] for m in answer["messages"]] == ["woken"], answer
    assert up.gateway.ack("T-normal", "GID_a", handles(answer["messages"]))[0] == 200
    took = result["at"] - published
    # Far from the 20 s after which it would have ended by itself.
    assert took < 10, took
    return f"yes, {took * 1000:.0f} ms"


@promise
def glance(up):
    """a receive that does not wait leaves later messages to the next"""
    assert up.gateway.receive("T-glance", "GID_a")[1]["messages"] == []
    assert up.gateway.publish("T-glance", "for the next")[0] == 201
    assert one(up.gateway.collect("T-glance", "GID_a"))["body"] == "for the next"
    assert up.gateway.receive("T-glance", "GID_a")[1]["messages"] == []
    assert up.gateway.publish("T-glance", "later")[0] == 201
    # Longer than anything that was kept for the next receive is kept.
    time.sleep(8)
    message = one(up.gateway.collect("T-glance", "GID_a"))
    return "yes" if message["delivery_attempt"] == 1 else f"yes, attempt {message['delivery_attempt']}"


@promise
def more_than_it_gives(up):
    """32 messages are asked for: `applied` says what there is"""
    # Until a message of the topic was seen, each may be as large as any.
    assert up.gateway.publish("T-tags", "small")[0] == 201
    one(up.gateway.collect("T-tags", "GID_a"))
    status, answer = up.gateway.receive("T-tags", "GID_a", count=32)
    assert status == 200, answer
    if up.max_receive == 32:
        assert "max_messages" not in answer.get("applied", {}), answer
        return "32"
    assert answer["applied"]["max_messages"] == up.max_receive, answer
    return str(up.max_receive)


@promise
def tag_filter(up):
    """`tags` of a receive"""
    answer = up.gateway.receive("T-normal", "GID_a", tags=["A"])
    if not up.tags:
        return unsupported(answer)
    for tag in ("B", "A"):
        assert up.gateway.publish("T-tags", tag, tag=tag)[0] == 201
    status, answer = up.gateway.receive("T-tags", "GID_tags", wait=5, tags=["A"])
    assert status == 200 and [m["body"] for m in answer["messages"]] == ["A"], answer
    assert up.gateway.ack("T-tags", "GID_tags", handles(answer["messages"]))[0] == 200


@promise
def group_tags(up):
    """tags of a group's configuration: what it receives by; other ones are 422"""
    if not up.group_tags:
        return "–"
    for tag in ("B", "A", None, "A"):
        assert up.gateway.publish("T-tags", str(tag), tag=tag)[0] == 201
    found = up.gateway.collect("T-tags", "GID_tags", 2)
    assert [m["tag"] for m in found] == ["A", "A"], found
    status, answer = up.gateway.receive("T-tags", "GID_tags", wait=6, tags=["A"])
    assert (status, answer["messages"]) == (200, []), answer
    for group, tags in (("GID_tags", ["B"]), ("GID_tags", ["A", "B"]), ("GID_a", ["A"])):
        unsupported(up.gateway.receive("T-tags", group, tags=tags))
    assert len(up.gateway.collect("T-tags", "GID_a", 4)) == 4, "another group has them all"


@promise
def groups(up):
    """each group gets every message"""
    assert up.gateway.publish("T-groups", "both")[0] == 201
    for group in ("GID_a", "GID_b"):
        assert one(up.gateway.collect("T-groups", group))["body"] == "both"


@promise
def partial_ack(up):
    """ack of good, damaged and foreign handles: told one by one"""
    for body in ("1", "2"):
        assert up.gateway.publish("T-normal", body)[0] == 201
    messages = up.gateway.take("T-normal", "GID_a", 2)
    good, kept = handles(messages)
    status, answer = up.gateway.ack("T-normal", "GID_a", [good, "v2.nonsense", good])
    assert status == 207, answer
    assert [item["status"] for item in answer["results"]] == [204, 400, 204], answer
    assert answer["results"][1]["problem"]["code"] == "invalid-receipt-handle", answer
    status, answer = up.gateway.ack("T-normal", "GID_b", [kept])
    assert (status, answer["results"][0]["problem"]["code"]) == (207, "foreign-receipt-handle"), answer
    status, answer = up.gateway.ack("T-normal", "GID_a", [kept])
    assert status == 200, answer
    return "yes, 207"


@promise
def comes_again(up):
    """not acknowledged in time: comes again, as attempt 2"""
    assert up.gateway.publish("T-stale", "slow")[0] == 201
    fields = {"visibility_timeout_seconds": up.shortest_lease} if up.leases else {}
    first = one(up.gateway.take("T-stale", "GID_a", **fields))
    began = time.monotonic()
    second = one(up.gateway.take("T-stale", "GID_a", seconds=60))
    assert (second["body"], second["delivery_attempt"]) == ("slow", 2), second
    assert second["message_id"] == first["message_id"], second
    took = time.monotonic() - began
    status, answer = up.gateway.ack("T-stale", "GID_a", handles([first]))
    item = answer["results"][0]
    if up.tells_stale:
        assert (status, item["status"], item["problem"]["code"]) == (207, 410, "receipt-handle-expired"), answer
    else:
        assert (status, item["status"], item["late"]) == (200, 204, True), answer
    # Whatever was told of the old one, the new one is good.
    status, answer = up.gateway.ack("T-stale", "GID_a", handles([second]))
    assert status == 200, answer
    return f"yes, {took:.0f} s; old handle {item['status']}{'' if up.tells_stale else ' late'}"


@promise
def chosen_lease(up):
    """`visibility_timeout_seconds` of a receive"""
    answer = up.gateway.receive("T-normal", "GID_a", visibility_timeout_seconds=1)
    if not up.leases:
        return unsupported(answer)
    assert answer[0] == 200, answer
    applied = answer[1].get("applied", {}).get("visibility_timeout_seconds", 1)
    assert applied == up.shortest_lease, answer
    refused(up.gateway.receive("T-normal", "GID_a", visibility_timeout_seconds=43201), 422, "validation-failed")
    return f"from {up.shortest_lease} s"


@promise
def nack(up):
    """nack: comes again soon, with a delay after it"""
    assert up.gateway.publish("T-nack", "again")[0] == 201
    fields = {"visibility_timeout_seconds": 300} if up.leases else {}
    first = one(up.gateway.take("T-nack", "GID_a", **fields))
    answer = up.gateway.nack("T-nack", "GID_a", handles([first]))
    if not up.leases:
        assert up.gateway.ack("T-nack", "GID_a", handles([first]))[0] == 200
        return unsupported(answer, 501)
    assert answer[0] == 200 and answer[1]["results"][0]["status"] == 204, answer
    began = time.monotonic()
    second = one(up.gateway.take("T-nack", "GID_a", **fields))
    soon = time.monotonic() - began
    assert (second["message_id"], second["delivery_attempt"]) == (first["message_id"], 2), second
    if up.tells_stale:
        gone(up, "T-nack", handles([first]))
    assert up.gateway.nack("T-nack", "GID_a", handles([second]), delay_seconds=6)[0] == 200
    began = time.monotonic()
    third = one(up.gateway.collect("T-nack", "GID_a"))
    later = time.monotonic() - began
    assert third["delivery_attempt"] == 3 and later > 5.9, (later, third)
    return f"yes, {soon:.1f} and {later:.1f} s"


def gone(up, topic, stale):
    """Handles that a nack or an extend replaced are told as stale by every verb."""
    for answer in (up.gateway.ack(topic, "GID_a", stale), up.gateway.extend(topic, "GID_a", stale, 60)):
        codes = [item.get("problem", {}).get("code") for item in answer[1]["results"]]
        assert answer[0] == 207 and codes == ["receipt-handle-expired"] * len(stale), answer


@promise
def extend(up):
    """extend: hidden for longer; the handle that it answers is good"""
    assert up.gateway.publish("T-extend", "longer")[0] == 201
    # What comes next must be done within the first time.
    lease = max(up.shortest_lease, 5)
    fields = {"visibility_timeout_seconds": lease} if up.leases else {}
    began = time.monotonic()
    first = one(up.gateway.take("T-extend", "GID_a", **fields))
    answer = up.gateway.extend("T-extend", "GID_a", handles([first]), lease * 2 + 4)
    if not up.leases:
        assert up.gateway.ack("T-extend", "GID_a", handles([first]))[0] == 200
        return unsupported(answer, 501)
    item = answer[1]["results"][0]
    assert answer[0] == 200 and item["status"] == 204, answer
    assert item["visible_again_at"] > first["visible_again_at"], (item, first)
    assert item["receipt_handle"] != first["receipt_handle"], item
    if up.tells_stale:
        gone(up, "T-extend", handles([first]))
    # Beyond the first time, and what a server takes to deliver again.
    while time.monotonic() - began < lease + 4:
        assert not up.gateway.receive("T-extend", "GID_a", wait=1)[1]["messages"], "it is hidden for longer"
    status, answer = up.gateway.ack("T-extend", "GID_a", [item["receipt_handle"]])
    assert status == 200, answer
    assert not up.gateway.receive("T-extend", "GID_a", wait=lease + 5)[1]["messages"], "it was acknowledged"


@promise
def dead_letters(up):
    """after its deliveries a message is in %DLQ%GROUP, where it can be received"""
    assert up.gateway.publish("T-dead", "poison")[0] == 201
    for attempt in range(1, up.deliveries + 1):
        message = one(up.gateway.take("T-dead", "GID_dead", seconds=60))
        assert message["delivery_attempt"] == attempt, message
        if up.leases:
            assert up.gateway.nack("T-dead", "GID_dead", handles([message]))[0] == 200
    # RocketMQ's proxy finds out that it is dead when the group asks for it once more, whenever that message comes due.
    letters, end = [], time.monotonic() + 120
    while not letters and time.monotonic() < end:
        assert not up.gateway.receive("T-dead", "GID_dead", wait=up.hidden + 3)[1]["messages"], "it is dead"
        letters = up.gateway.collect("%DLQ%GID_dead", "GID_letters", seconds=5, made_by_mq=True)
    letter = one(letters)
    assert letter["body"] == "poison", letter


@promise
def wrong_key(up):
    """a wrong secret: the gateway's fault, nothing stored"""
    if not up.wrong_keys:
        return "–"
    answer = up.gateway.publish("T-other", "x")
    assert answer[1].get("outcome") == "not_published", answer
    refused(answer, 502, "upstream-auth-rejected")
    refused(up.gateway.receive("T-other", "GID_a", wait=1), 502, "upstream-auth-rejected")
    return "502"


@promise
def unknown_topic(up):
    """a topic that the MQ does not have"""
    answer = up.gateway.publish("T-none", "x")
    if up.hides_topics:
        # The protocol has one answer, 403, for keys and for topics that are not theirs.
        assert "topic" in answer[1]["detail"], answer
        return refused(answer, 502, "upstream-auth-rejected")
    return refused(answer, 502, "upstream-misconfigured")


@promise
def unknown_group(up):
    """a group that nobody made"""
    status, answer = up.gateway.receive("T-normal", "GID_none", wait=1)
    if up.knows_groups:
        assert (status, answer["code"]) == (502, "upstream-misconfigured"), answer
        assert "updateSubGroup" in answer["detail"], answer
        return "502"
    assert status == 200, answer
    return "is made"


def drop_in(up, client, topic):
    """A program in a vendor's protocol: publishes, consumes, acknowledges; what one side sends the other gets."""
    sent = client.publish(topic, "from a vendor's client", "TagA", "k1")
    assert set(sent) <= set("0123456789ABCDEF"), sent
    message = one(up.gateway.collect(topic, "GID_b"))
    fields = (message["body"], message["tag"], message["keys"])
    assert fields == ("from a vendor's client", "TagA", ["k1"]), message
    assert message["message_id"] == sent, (message, sent)
    end, found = time.monotonic() + 30, []
    while not found and time.monotonic() < end:
        found = client.consume(topic, "GID_a")
    got = one(found)
    assert (got["id"], got["body"], got["tag"], got["key"]) == (sent, "from a vendor's client", "TagA", "k1"), got
    assert " " not in got["handle"], got
    assert client.acknowledge(topic, "GID_a", got["handle"]) == 204
    assert client.acknowledge(topic, "GID_a", got["handle"]) == 204, "once more is no failure"
    assert not client.consume(topic, "GID_a", 2), "it was acknowledged"


@promise
def ons_client(up):
    """an ONS HTTP client: publish, consume, acknowledge"""
    drop_in(up, OnsHttp(up.gateway.url), "T-ons")


@promise
def mq_client(up):
    """an MQ HTTP client: publish, consume, acknowledge"""
    drop_in(up, MqHttp(up.gateway.url), "T-mq")
