// Takes a subscription's messages, which the gateway sends, signed by Standard Webhooks. Node 18 or newer, no package; npm
// `standardwebhooks` verifies the same.
//
//     PORT=9000 WEBHOOK_SECRETS=whsec_… node receiver.mjs

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT = '9000', HOST = '127.0.0.1', WEBHOOK_SECRETS } = process.env;
// One, or several with blanks between while they rotate.
const secrets = WEBHOOK_SECRETS.trim().split(/\s+/).map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
const tolerance = 300; // seconds
const largest = 8 << 20; // bytes: above what the MQ takes, as 413 makes a dead letter
// Ids of what was done, and of what is being done. A service remembers them where it keeps the work's result, in the same transaction, and
// for longer than the retry schedule takes.
const done = new Set();
const busy = new Set();

/** What the service is for. */
async function work(event) {
  console.log('processing', event.id, JSON.stringify(event.data));
}

/** Whether somebody who has a secret signed these very bytes a moment ago. */
function isGenuine(headers, body) {
  const { 'webhook-id': id = '', 'webhook-timestamp': at = '', 'webhook-signature': given = '' } = headers;
  if (!/^\d{1,12}$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > tolerance) return false;
  const signatures = given.split(' ').filter((one) => one.startsWith('v1,')).map((one) => Buffer.from(one.slice(3), 'base64'));
  return secrets.some((secret) => {
    const good = createHmac('sha256', secret).update(`${id}.${at}.`).update(body).digest();
    return signatures.some((one) => one.length === good.length && timingSafeEqual(one, good));
  });
}

/** The status that answers a request. */
async function answer(request) {
  if (request.method !== 'POST') return 405;
  // The bytes as they came: whatever parses them first cannot verify them any more.
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > largest) return 413;
    pieces.push(piece);
  }
  const body = Buffer.concat(pieces);
  if (!isGenuine(request.headers, body)) return 401; // comes again by the schedule: the secret may be on its way to us
  const id = request.headers['webhook-id'];
  if (done.has(id)) return 204; // the answer to the first did not arrive
  if (busy.has(id)) return 409; // comes again, when the first has ended
  busy.add(id);
  try {
    await work(JSON.parse(body.toString('utf8')));
    done.add(id);
    return 204; // after the work: the message is acknowledged now
  } catch (error) {
    console.error('failed:', id, error);
    return 500; // comes again by the schedule
  } finally {
    busy.delete(id);
  }
}

const server = createServer(async (request, response) => {
  try {
    response.writeHead(await answer(request), { 'content-length': 0 }).end();
  } catch {
    response.destroy(); // it broke off in its body
  }
});
server.listen(Number(PORT), HOST, () => console.log('listening on', server.address().port));
