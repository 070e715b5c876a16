// The official CloudEvents library for Node on both sides of a gateway: `checks.mjs publish TOPIC`, `checks.mjs receive TOPIC GROUP SENDER`.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const { CloudEvent, HTTP } = createRequire(`${process.env.NODE_PACKAGES}/`)("cloudevents");
const URL_ = process.env.MQ_GATEWAY_URL;
const BATCH = "application/cloudevents-batch+json";
const EVENTS = JSON.parse(readFileSync(new URL("events.json", import.meta.url), "utf8"));
const PATIENCE = 60_000; // milliseconds
let good = 0;
let bad = 0;

function check(what, found, expected) {
  const is = isDeepStrictEqual(found, expected);
  is ? good++ : bad++;
  console.log(is ? "ok" : "FAILED", what, ...(is ? [] : ["found", JSON.stringify(found), "expected", JSON.stringify(expected)]));
}

async function call(path, headers, body) {
  const answer = await fetch(URL_ + path, { method: "POST", headers, body });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}

/** In which modes a sender sends an event. */
function modesOf(event, sender) {
  const isBinary = !event.not_in_binary && !(event.not_in_binary_of ?? []).includes(sender);
  return ["structured", "batch", ...(isBinary ? ["binary"] : [])];
}

const dataOf = (event) => (event.kind === "bytes" ? Buffer.from(event.data, "base64") : event.data);

function made(event, mode) {
  const attributes = { id: `${mode}-${event.name}`, source: "/node/tests", type: `com.example.${event.name}` };
  return new CloudEvent({ ...attributes, ...event.attributes, data: dataOf(event) });
}

async function publish(topic) {
  const path = `/v1/topics/${topic}/messages`;
  const batch = [];
  for (const event of EVENTS) {
    for (const mode of modesOf(event, "node")) {
      if (mode === "batch") {
        batch.push(JSON.parse(HTTP.structured(made(event, mode)).body));
        continue;
      }
      const { headers, body } = HTTP[mode](made(event, mode));
      const { status, text } = await call(path, headers, body);
      check(`${mode} ${event.name} is stored`, [status, JSON.parse(text).outcome], [201, "published"]);
    }
  }
  const { status, text } = await call(path, { "content-type": BATCH }, JSON.stringify(batch));
  check("a batch is stored", [status, JSON.parse(text).results?.map((it) => it.status)], [200, batch.map(() => 201)]);
  const envelope = JSON.stringify({ body: { plain: true }, tag: "t", keys: ["k1", "k2"] });
  check("another message is stored", (await call(path, { "content-type": "application/json" }, envelope)).status, 201);
}

async function receive(topic, group, sender) {
  const path = `/v1/topics/${topic}/groups/${group}/messages`;
  const wanted = new Map(EVENTS.flatMap((event) => modesOf(event, sender).map((mode) => [`${mode}-${event.name}`, event])));
  const found = new Map();
  const plain = [];
  const end = Date.now() + PATIENCE;
  while ((found.size < wanted.size || plain.length === 0) && Date.now() < end) {
    const headers = { "content-type": "application/json", accept: BATCH };
    const { type, text } = await call(`${path}:receive`, headers, JSON.stringify({ wait_seconds: 5 }));
    check("the content type", type, BATCH);
    const events = HTTP.toEvent({ headers: { "content-type": type }, body: text });
    for (const event of events) {
      if (event.type === "mq.message") plain.push(event);
      else found.set(event.id, event);
    }
    if (events.length === 0) continue;
    const handles = JSON.stringify({ receipt_handles: events.map((event) => event.mqreceipthandle) });
    const answer = await call(`${path}:ack`, { "content-type": "application/json" }, handles);
    check("acknowledged", [...new Set(JSON.parse(answer.text).results.map((it) => it.status))], [204]);
  }
  check("every event has come", [...found.keys()].sort(), [...wanted.keys()].sort());
  for (const [name, event] of found) {
    checkEvent(name, event, wanted.get(name) ?? { attributes: {}, kind: "none" }, sender);
  }
  check("the other message", plain.length, 1);
  for (const event of plain) {
    check("its data", event.data, { plain: true });
    check("its fields", [event.mqtag, event.mqkeys, event.mqtopic, event.mqgroup], ["t", "k1 k2", topic, group]);
  }
}

function checkEvent(name, event, expected, sender) {
  check(`${name}: source and type`, [event.source, event.type], [`/${sender}/tests`, `com.example.${expected.name}`]);
  for (const [attribute, value] of Object.entries(expected.attributes)) {
    const found = event[attribute];
    if (attribute === "time") {
      check(`${name}: time`, new Date(found).getTime(), new Date(value).getTime());
    } else if (typeof value === "string") {
      check(`${name}: ${attribute}`, found, value);
    } else {
      // Headers and properties have strings only; the library for Python writes a header's boolean as Python does.
      check(`${name}: ${attribute}`, String(found).toLowerCase(), String(value));
    }
  }
  if (expected.kind === "bytes") {
    check(`${name}: data`, Buffer.from(event.data_base64, "base64"), dataOf(expected));
  } else {
    check(`${name}: data`, event.data ?? undefined, expected.kind === "none" ? undefined : expected.data);
  }
}

const [what, ...rest] = process.argv.slice(2);
await { publish, receive }[what](...rest);
console.log(`${good} checks good, ${bad} failed`);
process.exitCode = bad ? 1 : 0;
