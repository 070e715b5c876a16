"""An MQ that takes nothing on trust: it recomputes each signature, and its answers show what it saw.

    python3 checking_mq.py PORT

Speaks ONS HTTP (/message/) and MQ HTTP (/topics/TOPIC/messages). The id of a published message is the MD5 of its body. What it hands out
is counted, and each delivery can be acknowledged once. GET /counts tells how many messages were published and acknowledged, how many
requests were refused, and the last reasons.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import xml.etree.ElementTree as xml
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from names import ACCESS_KEY, CONSUMER_GROUP, MQ_TOPIC, PRODUCER_GROUP, SECRET_KEY, TOPIC

CLOCK_MS, DAY_MS = 30_000, 86_400_000
NAMESPACE = "http://mq.aliyuncs.com/doc/v1/"
COUNTS = {"published": 0, "acknowledged": 0, "refused": 0, "reasons": []}
given = 0
out = set()  # handles of what was handed out and not acknowledged


class Refused(Exception):
    """The request is not what the protocol wants. The caller hears 403."""


def must(holds, reason):
    if not holds:
        raise Refused(reason)


def signature(*parts):
    text = "\n".join(parts)
    return base64.b64encode(hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha1).digest()).decode()


def md5(content):
    return hashlib.md5(content).hexdigest()


def deliveries(count):
    """Id, handle and body of the next deliveries."""
    global given
    for given in range(given + 1, given + 1 + count):
        body = f'delivery {given}: "quoted" \\ 中文 <&>\n' + "x" * 900
        handle = f"handle+/={given}"
        out.add(handle)
        yield md5(body.encode()).upper(), handle, body


def acknowledge(handles):
    for handle in handles:
        must(handle in out, f"handle {handle}")
        out.remove(handle)
        COUNTS["acknowledged"] += 1


# ---- ONS HTTP ----------------------------------------------------------------------------------------------------------


def ons_http(method, target, headers, body):
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    now = query.get("time", "")
    must(now.isdigit() and abs(int(now) - time.time() * 1000) < CLOCK_MS, f"time {now}")
    must(query.get("topic") == TOPIC, "topic")
    must(headers.get("accesskey") == ACCESS_KEY, "AccessKey")

    def must_be_signed(group_header, group, *parts):
        must(headers.get(group_header) == group, group_header)
        must(headers.get("signature") == signature(TOPIC, group, *parts, now), "Signature")

    if method == "POST":
        must_be_signed("producerid", PRODUCER_GROUP, md5(body))
        must(query.get("tag") == "http" and query.get("key") == "http", "tag or key")
        COUNTS["published"] += 1
        return 201, "application/json", json.dumps({"msgId": md5(body).upper(), "sendStatus": "SEND_OK"})
    if method == "GET":
        must_be_signed("consumerid", CONSUMER_GROUP)
        messages = [{"body": text, "bornTime": now, "key": "http", "msgHandle": handle, "msgId": message_id, "reconsumeTimes": 0,
                     "tag": "http"}
                    for message_id, handle, text in deliveries(int(query.get("num", 1)))]
        return 200, "application/json", json.dumps(messages)
    must_be_signed("consumerid", CONSUMER_GROUP, query.get("msgHandle", ""))
    acknowledge([query["msgHandle"]])
    return 204, None, ""


# ---- MQ HTTP -----------------------------------------------------------------------------------------------------------


def mq_http(method, target, headers, body):
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    must(target.path == f"/topics/{MQ_TOPIC}/messages", f"path {unquote(target.path)}")
    digest = base64.b64encode(md5(body).encode()).decode() if body else ""
    must(headers.get("content-md5", digest) == digest, "Content-MD5")
    signed = [method, headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", ""),
              f"x-mq-version:{headers.get('x-mq-version')}", target.geturl()]
    must(headers.get("authorization") == f"MQ {ACCESS_KEY}:{signature(*signed)}", "Authorization")
    if method == "POST":
        message = {element.tag.partition("}")[2]: element.text or "" for element in xml.fromstring(body)}
        must(message.get("MessageTag") == "http" and message.get("Properties") == "KEYS:http|", "MessageTag or Properties")
        text = message["MessageBody"].encode()
        COUNTS["published"] += 1
        return 201, "text/xml", document("Message", element("MessageId", md5(text).upper()) + element("MessageBodyMD5", md5(text).upper()))
    must(query.get("consumer") == CONSUMER_GROUP, "consumer")
    if method == "GET":
        now = int(time.time() * 1000)
        return 200, "text/xml", document("Messages", "".join(
            element("Message", element("MessageId", message_id) + element("MessageBodyMD5", message_id) + element("ReceiptHandle", handle)
                    + element("PublishTime", now) + element("FirstConsumeTime", now) + element("NextConsumeTime", now + DAY_MS)
                    + element("ConsumedTimes", 1) + element("MessageTag", "http") + element("Properties", "KEYS:http|")
                    + f"<MessageBody>{escape(text)}</MessageBody>")
            for message_id, handle, text in deliveries(int(query["numOfMessages"]))))
    acknowledge(handle.text for handle in xml.fromstring(body))
    return 204, None, ""


def element(name, content):
    return f"<{name}>{content}</{name}>"


def document(root, content):
    return f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="{NAMESPACE}">{content}</{root}>'


# ---- the server --------------------------------------------------------------------------------------------------------


def respond(method, target, headers, body):
    if target.path == "/counts":
        return 200, "application/json", json.dumps(COUNTS)
    try:
        return (ons_http if target.path == "/message/" else mq_http)(method, target, headers, body)
    except Refused as reason:
        COUNTS["refused"] += 1
        COUNTS["reasons"] = [*COUNTS["reasons"][-4:], str(reason)]
        if target.path == "/message/":
            return 403, None, ""
        return 403, "text/xml", document("Error", element("Code", "AccessDenied") + element("Message", "refused"))


async def serve(reader, writer):
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = lines[0].split(" ")
            status, content_type, content = respond(method, urlsplit(target), headers, body)
            content = content.encode()
            writer.write(f"HTTP/1.1 {status} -\r\n".encode())
            if status != 204:
                writer.write(f"Content-Type: {content_type or 'text/plain'};charset=UTF-8\r\nContent-Length: {len(content)}\r\n".encode())
            writer.write(b"\r\n" + content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
