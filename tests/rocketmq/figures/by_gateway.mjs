// Publishes, receives and acknowledges through the gateway with Node's HTTP client: by_gateway.mjs HOST PORT publish|consume TOPIC COUNT WORKERS
import http from 'node:http';
import { figures } from './figures_of.mjs';

const [host, port, what, topic, countText, workersText] = process.argv.slice(2);
const [count, workers] = [Number(countText), Number(workersText)];
const agent = new http.Agent({ keepAlive: true, maxSockets: workers });
const BODY = JSON.stringify({ body: 'x'.repeat(1000), tag: 'TagA', keys: ['k1'] });

function post(path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const request = http.request({ host, port, path: `/v1/topics/${topic}${path}`, method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => { text += part; });
      answer.on('end', () => (answer.statusCode < 300 ? resolve(text) : reject(new Error(text))));
    });
    request.on('error', reject).end(body);
  });
}

let left = count;
const times = [];

async function publish() {
  while (left > 0) {
    left -= 1;
    const began = performance.now();
    await post('/messages', BODY);
    times.push(performance.now() - began);
  }
}

async function consume() {
  const path = '/groups/GID_figures/messages';
  while (left > 0) {
    const began = performance.now();
    const { messages } = JSON.parse(await post(`${path}:receive`, '{"wait_seconds":2}'));
    if (messages.length === 0) continue;
    await post(`${path}:ack`, JSON.stringify({ receipt_handles: messages.map((message) => message.receipt_handle) }));
    times.push(performance.now() - began);
    left -= messages.length;
  }
}

await figures(what === 'publish' ? publish : consume, workers, count, times);
process.exit(0);
