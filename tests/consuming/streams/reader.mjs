// Reads a stream with npm's eventsource, which comes back by itself: acknowledges each message and prints it.
//
//     NODE_PACKAGES=… node reader.mjs URL TOPIC GROUP

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.NODE_PACKAGES}/package.json`));
const { EventSource } = await import(pathToFileURL(require.resolve("eventsource")));

const [url, topic, group] = process.argv.slice(2);
const messages = `${url}/v1/topics/${topic}/groups/${group}/messages`;
const say = (line) => console.log(JSON.stringify(line));

const source = new EventSource(`${messages}:stream?max_in_flight=2`);
source.onopen = () => say({ open: 200 });
source.onerror = (error) => say({ cut: error.message ?? "", code: error.code ?? null });
source.onmessage = async (event) => {
  const message = JSON.parse(event.data);
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ receipt_handles: [message.receipt_handle] });
  // The gateway may be away: the message comes again then.
  try {
    const answer = await fetch(`${messages}:ack`, { method: "POST", headers, body });
    say({ id: event.lastEventId, message, ack: (await answer.json()).results[0].status });
  } catch (error) {
    say({ failed: String(error) });
  }
};
