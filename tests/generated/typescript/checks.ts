// Uses openapi-fetch with the types that openapi-typescript makes; ../README.md says how it is run.
import { deepStrictEqual } from "node:assert";
import createClient from "openapi-fetch";
import type { components, paths } from "./mq-gateway.js";

type Message = components["schemas"]["Message"];
type ReceivedMessage = components["schemas"]["ReceivedMessage"];

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const [topic, jobs, group] = [setting("MQ_TOPIC"), setting("MQ_JOBS"), "GID_generated"];
const client = createClient<paths>({ baseUrl: setting("MQ_GATEWAY_URL") });
let good = 0;
let failed = 0;

function check<T>(what: string, actual: T, expected: T): void {
  try {
    deepStrictEqual(actual, expected);
    good += 1;
    console.log(`ok      ${what}`);
  } catch {
    failed += 1;
    console.log(`FAILED  ${what}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }
}

/** What a call brought, or an error that says why it did not. */
function required<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const publish = (to: string, body: Message) =>
  client.POST("/v1/topics/{topic}/messages", { params: { path: { topic: to } }, body });

const acknowledge = (of: string, receipt_handles: string[]) =>
  client.POST("/v1/topics/{topic}/groups/{group}/messages:ack", { params: { path: { topic: of, group } }, body: { receipt_handles } });

/** So many messages, by long polls; fewer after ten seconds. */
async function received(from: string, count: number): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = [];
  const end = Date.now() + 10_000;
  while (messages.length < count && Date.now() < end) {
    const answer = await client.POST("/v1/topics/{topic}/groups/{group}/messages:receive", {
      params: { path: { topic: from, group } },
      body: { wait_seconds: 2 },
    });
    messages.push(...required(answer).messages);
  }
  return messages;
}

async function discovery() {
  const info = required(await client.GET("/v1/topics/{topic}", { params: { path: { topic } } }));
  check("a topic's protocol", info.protocol, "mq-http");
  check("a topic's capabilities", [info.capabilities.properties, info.capabilities.idempotency], [true, false]);
  check("a topic's limits", info.limits.max_message_bytes, 65_536);
  const list = required(await client.GET("/v1/topics"));
  check("the list has the topic", list.topics.some((each) => each.topic === topic), true);
}

async function publishing() {
  const stored = await publish(topic, { body: "hello", tag: "created", keys: ["order-7", "user-3"], properties: { source: "checks" } });
  check("a text is published", [stored.response.status, stored.data?.topic, stored.data?.outcome, stored.data?.attempts], [201, topic, "published", 1]);
  check("its id is told", required(stored).message_id.length > 0, true);
  const json = await publish(topic, { body: { order: 7, lines: [1, null] } });
  check("a JSON document is published", json.data?.outcome, "published");
  const plain = await publish(topic, { body: "only a body" });
  check("a message with a body alone is published", plain.response.status, 201);
}

async function problems() {
  const { error: wrong } = await publish(topic, { body: "x", delay_seconds: 1, deliver_at: "2026-01-01T00:00:00Z" });
  check("its code", [wrong?.status, wrong?.code], [422, "validation-failed"]);
  check("where it is", wrong?.errors?.map((error) => error.pointer), ["/delay_seconds"]);
  check("the outcome", [wrong?.outcome, wrong?.retryable], ["not_published", false]);
  const { error: unknown } = await client.GET("/v1/topics/{topic}", { params: { path: { topic: "no-such-topic" } } });
  check("an unknown topic", [unknown?.status, unknown?.code, unknown?.outcome], [404, "unknown-topic", undefined]);
  const { error: lacking } = await client.POST("/v1/topics/{topic}/groups/{group}/messages:nack", {
    params: { path: { topic, group } },
    body: { receipt_handles: ["v2.x"] },
  });
  check("a verb that the protocol lacks", [lacking?.status, lacking?.code], [501, "capability-not-supported"]);
}

async function batch() {
  const answer = await client.POST("/v1/topics/{topic}/messages:batch", {
    params: { path: { topic } },
    body: { messages: [{ body: { line: 1 } }, { body: "x".repeat(70_000) }] },
  });
  const [first, second] = required(answer).results;
  check("a mixed batch", [answer.response.status, first?.status, second?.status], [207, 201, 413]);
  check("its published message", [first?.index, first?.outcome, first?.problem, Boolean(first?.message_id)], [0, "published", undefined, true]);
  check("its refused message", [second?.index, second?.problem?.code, second?.problem?.outcome], [1, "message-too-large", "not_published"]);
  check("the limit", [second?.problem?.limit, second?.message_id], [65_536, undefined]);
}

async function receiving() {
  const messages = await received(topic, 4);
  check("the messages", messages.map((message) => message.body).sort(), ["hello", '{"order":7,"lines":[1,null]}', "only a body", '{"line":1}'].sort());
  const text = messages.find((message) => message.body === "hello");
  const plain = messages.find((message) => message.body === "only a body");
  check("tag, keys and properties", [text?.tag, text?.keys, text?.properties], ["created", ["order-7", "user-3"], { source: "checks" }]);
  check("what is not set", [plain?.tag, plain?.keys, plain?.properties, plain?.message_group], [null, [], {}, null]);
  check("the delivery", [text?.encoding, text?.delivery_attempt], ["text", 1]);
  const handles = messages.map((message) => message.receipt_handle);
  const answer = await acknowledge(topic, [...handles, "v2.damaged"]);
  const results = required(answer).results;
  check("each handle has a result", results.map((result) => result.status), [204, 204, 204, 204, 400]);
  check("of the one that failed", [answer.response.status, results.at(-1)?.problem?.code], [207, "invalid-receipt-handle"]);
  check("of one that was done", [results[0]?.receipt_handle, results[0]?.problem], [handles[0], undefined]);
}

async function changing() {
  required(await publish(jobs, { body: "job" }));
  const [job] = await received(jobs, 1);
  if (!job) throw new Error("no job came");
  const kept = await client.POST("/v1/topics/{topic}/groups/{group}/messages:extend", {
    params: { path: { topic: jobs, group } },
    body: { receipt_handles: [job.receipt_handle], visibility_timeout_seconds: 600 },
  });
  const [longer] = required(kept).results;
  check("a delivery is kept longer", [longer?.status, (longer?.visible_again_at ?? "") > job.visible_again_at], [204, true]);
  const back = await client.POST("/v1/topics/{topic}/groups/{group}/messages:nack", {
    params: { path: { topic: jobs, group } },
    body: { receipt_handles: [longer?.receipt_handle ?? ""] },
  });
  check("a delivery is given back", required(back).results.map((result) => [result.status, result.problem]), [[204, undefined]]);
  const [again] = await received(jobs, 1);
  check("and comes again", [again?.message_id, again?.delivery_attempt], [job.message_id, 2]);
  const done = await acknowledge(jobs, [again?.receipt_handle ?? ""]);
  check("and is done", required(done).results.map((result) => result.status), [204]);
}

for (const part of [discovery, publishing, problems, batch, receiving, changing]) {
  try {
    await part();
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${part.name}: ${error instanceof Error ? error.stack : error}`);
  }
}
console.log(`${good} checks good, ${failed} failed`);
process.exitCode = failed === 0 && good > 0 ? 0 : 1;
