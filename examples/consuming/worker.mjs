// Works on a group's messages as they come, over one stream. Node 18 or newer, no package.
//
//     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing node worker.mjs

const { GATEWAY_URL = 'http://127.0.0.1:8080', TOPIC = 'orders', GROUP = 'billing', MESSAGES = '0' } = process.env;
const messages = `${GATEWAY_URL}/v1/topics/${TOPIC}/groups/${GROUP}/messages`;
// So many may be under way here. What waits for its turn does so within its visibility timeout: that has to be longer than the work
// on all of them.
const inFlight = 10;
const silence = 45_000; // the gateway says something every 15 s
let enough = Number(MESSAGES); // ends after so many; 0: never

/** What the service is for. It may be called twice for one message, and has to bear that. */
async function work(message) {
  console.log('processing', message.message_id, message.body);
}

async function acknowledge(message) {
  const answer = await fetch(`${messages}:ack`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ receipt_handles: [message.receipt_handle] }),
    signal: AbortSignal.timeout(30_000),
  });
  // 207: not acknowledged, `results` say why.
  if (answer.status !== 200) throw new Error(await answer.text());
  console.log('acknowledged', message.message_id);
}

/** The lines of a stream; it is given up where nothing comes for too long. */
async function* lines(body, giveUp) {
  const decoder = new TextDecoder();
  let rest = '';
  let timer = setTimeout(giveUp, silence);
  try {
    for await (const bytes of body) {
      timer.refresh();
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = parts.pop();
      for (const part of parts) {
        clearTimeout(timer); // the work on a message takes as long as it takes
        yield part.replace(/\r$/, '');
        timer = setTimeout(giveUp, silence);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

let pause = 3000;
for (;;) {
  try {
    const given = new AbortController();
    const stream = await fetch(`${messages}:stream?max_in_flight=${inFlight}`, {
      headers: { Accept: 'text/event-stream' },
      signal: given.signal,
    });
    if (stream.status !== 200) {
      console.error('stream:', stream.status, await stream.text());
      // Such as a topic that is not there: coming back does not help.
      if (stream.status < 500 && stream.status !== 429) process.exit(1);
    } else {
      let data = [];
      for await (const line of lines(stream.body, () => given.abort())) {
        if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
        else if (/^retry: ?\d+$/.test(line)) pause = Number(line.slice(6));
        else if (line === '' && data.length > 0) {
          const message = JSON.parse(data.join('\n'));
          data = [];
          try {
            // The work comes first, then the acknowledgement: whatever ends in between brings the message again.
            await work(message);
            await acknowledge(message);
          } catch (error) {
            // Not acknowledged: it comes again after its visibility timeout.
            console.error('left for later:', message.message_id, error);
            continue;
          }
          enough -= 1;
          if (enough === 0) process.exit();
        }
      }
    }
  } catch (error) {
    console.error('stream:', String(error));
  }
  // A stream ends whenever a gateway is replaced. What was not acknowledged comes again.
  await new Promise((resume) => setTimeout(resume, pause));
}
