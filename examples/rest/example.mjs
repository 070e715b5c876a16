// Publishes one message, receives it, acknowledges it. Node 18 or newer, no package.
//
//     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing node example.mjs

const { GATEWAY_URL = 'http://127.0.0.1:8080', TOPIC = 'orders', GROUP = 'billing' } = process.env;
const api = `${GATEWAY_URL}/v1/topics/${TOPIC}`;
const group = `${api}/groups/${GROUP}`;

/** The status and the JSON of the answer; 0 when there was none. */
async function post(url, value) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(value),
      signal: AbortSignal.timeout(40_000),
    });
    return { status: answer.status, ...(await answer.json()) };
  } catch (error) {
    return { status: 0, detail: String(error), outcome: 'unknown' };
  }
}

function fail(what, answer = {}) {
  console.error(what, answer);
  process.exit(1);
}

// `status` of a publish's answer is the HTTP status; a problem carries the same number in its body.
const sent = await post(`${api}/messages`, { body: { order: 17, state: 'paid' }, tag: 'paid', keys: ['order-17'] });
if (sent.status !== 201 && sent.outcome === 'unknown') {
  // Nobody knows whether it was stored. Sending it again may publish it twice: do so only if consumers bear that.
  fail('publish: unknown whether it was stored:', sent);
}
// Certainly not stored. Where `retryable` is true, the same request may succeed after Retry-After.
if (sent.status !== 201) fail('publish: not stored:', sent);
console.log('published', sent.message_id);

let received;
for (const end = Date.now() + 60_000; received !== sent.message_id;) {
  if (Date.now() > end) fail('the message did not come');
  // Returns as soon as there is a message, with [] after 20 s at the latest.
  const answer = await post(`${group}/messages:receive`, { max_messages: 1, wait_seconds: 20 });
  if (answer.status !== 200) {
    console.error('receive:', answer);
    await new Promise((done) => setTimeout(done, 1000));
  }
  for (const message of answer.messages ?? []) {
    received = message.message_id;
    // The work comes first, then the acknowledgement: whatever ends in between brings the message again. So the same
    // message may come twice, and the work must bear that.
    console.log('processing', received, message.body);
    const acknowledged = await post(`${group}/messages:ack`, { receipt_handles: [message.receipt_handle] });
    // 207: not acknowledged, `results` say why; the message comes again.
    if (acknowledged.status !== 200) fail('acknowledge:', acknowledged);
    console.log('acknowledged', received);
  }
}
