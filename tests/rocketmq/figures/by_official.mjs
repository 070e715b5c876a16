// The same by the official Node client: by_official.mjs HOST PORT publish|consume TOPIC COUNT WORKERS
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { figures } from './figures_of.mjs';

const [host, port, what, topic, countText, workersText] = process.argv.slice(2);
const [count, workers] = [Number(countText), Number(workersText)];
const endpoints = `${host}:${port}`;
const quiet = { info() {}, warn() {}, error() {}, debug() {}, log() {} };
let left = count;
const times = [];
let work;

if (what === 'publish') {
  const producer = new Producer({ endpoints, logger: quiet, topics: [topic] });
  await producer.startup();
  const body = Buffer.from('x'.repeat(1000));
  work = async () => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      await producer.send({ topic, tag: 'TagA', keys: ['k1'], body });
      times.push(performance.now() - began);
    }
  };
} else {
  const consumer = new SimpleConsumer({
    endpoints,
    logger: quiet,
    consumerGroup: 'GID_figures',
    subscriptions: new Map().set(topic, '*'),
    awaitDuration: 2000,
  });
  await consumer.startup();
  work = async () => {
    while (left > 0) {
      const began = performance.now();
      const messages = await consumer.receive(32, 300000).catch(() => []);
      await Promise.all(messages.map((message) => consumer.ack(message)));
      if (messages.length === 0) continue;
      times.push(performance.now() - began);
      left -= messages.length;
    }
  };
}
await figures(work, workers, count, times);
process.exit(0);
