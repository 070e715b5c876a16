"""The least of a vendor's client, for the drop-in rows. Signatures are left out: the gateways of these tests look at none
(`client_auth = "none"`); the vendors' own SDKs are run by the stage `clients`."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

QUOTED = "<Message><MessageBody>{}</MessageBody><MessageTag>{}</MessageTag><Properties>{}</Properties></Message>"


def send(method, url, headers, body=None):
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class OnsHttp:
    """ONS HTTP: JSON, everything in the query."""

    def __init__(self, url):
        self.url = url
        self.headers = {"AccessKey": "any", "Signature": "any", "ProducerID": "PID_any", "Content-Type": "text/plain"}

    def request(self, method, headers=(), body=None, **query):
        query["time"] = int(time.time() * 1000)
        url = f"{self.url}/message/?{urllib.parse.urlencode(query)}"
        return send(method, url, {**self.headers, **dict(headers)}, body)

    def publish(self, topic, body, tag, key):
        status, answer = self.request("POST", topic=topic, tag=tag, key=key, body=body.encode())
        assert status == 201, (status, answer)
        answer = json.loads(answer)
        assert answer["sendStatus"] == "SEND_OK", answer
        return answer["msgId"]

    def consume(self, topic, group, seconds=5):
        headers = {"ConsumerID": group}
        status, answer = self.request("GET", headers, topic=topic, num=32, timeout=seconds * 1000)
        assert status == 200, (status, answer)
        return [
            {"id": m["msgId"], "body": m["body"], "tag": m.get("tag"), "key": m.get("key"), "handle": m["msgHandle"]}
            for m in json.loads(answer)
        ]

    def acknowledge(self, topic, group, handle):
        return self.request("DELETE", {"ConsumerID": group}, topic=topic, msgHandle=handle)[0]


class MqHttp:
    """MQ HTTP: XML."""

    def __init__(self, url):
        self.url = url

    def request(self, method, topic, query, body=None):
        headers = {
            "Authorization": "MQ any:any",
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "x-mq-version": "2015-06-06",
            "Content-Type": "text/xml",
        }
        url = f"{self.url}/topics/{urllib.parse.quote(topic, safe='')}/messages?{urllib.parse.urlencode(query)}"
        return send(method, url, headers, body)

    def publish(self, topic, body, tag, key):
        document = QUOTED.format(body, tag, f"KEYS:{key}|")
        status, answer = self.request("POST", topic, {}, document.encode())
        assert status == 201, (status, answer)
        return text(ElementTree.fromstring(answer), "MessageId")

    def consume(self, topic, group, seconds=5):
        query = {"consumer": group, "numOfMessages": 16, "waitseconds": seconds}
        status, answer = self.request("GET", topic, query)
        if status == 404:
            code = text(ElementTree.fromstring(answer), "Code")
            assert code == "MessageNotExist", answer
            return []
        assert status == 200, (status, answer)
        return [
            {
                "id": text(message, "MessageId"),
                "body": text(message, "MessageBody"),
                "tag": text(message, "MessageTag"),
                "key": properties(message).get("KEYS"),
                "handle": text(message, "ReceiptHandle"),
            }
            for message in ElementTree.fromstring(answer)
        ]

    def acknowledge(self, topic, group, handle):
        document = f"<ReceiptHandles><ReceiptHandle>{handle}</ReceiptHandle></ReceiptHandles>"
        return self.request("DELETE", topic, {"consumer": group}, document.encode())[0]


def text(element, name):
    """A child's text, whatever its namespace."""
    return next((child.text for child in element if child.tag.rsplit("}", 1)[-1] == name), None)


def properties(message):
    pairs = (text(message, "Properties") or "").rstrip("|").split("|")
    return dict(pair.split(":", 1) for pair in pairs if ":" in pair)
