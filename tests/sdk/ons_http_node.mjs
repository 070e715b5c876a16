// ONS HTTP clients for Node: the unmodified HTTP client of the npm package `ons`, and requests in the manner of others that exist:
// header names in lower case, `+` for a blank, parameters in another order, `timeout=35000`.
//
//     NODE_PACKAGES=DIR MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… node ons_http_node.mjs

import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { promisify } from 'node:util';

import {
  ACCESS_KEY, SECRET_KEY, URL_, assert, check, fresh, main, require, sleep, untilHiddenNoMore,
} from './checks.mjs';

// The package's entry would want its native part; this is what it uses for HTTP.
const { ONSProducer, ONSConsumer } = require('ons/lib/http');
const authority = URL_.replace('http://', '');

/** The package's producer, with promises. `delay` is an absolute time. */
function producer({ order = false, secret = SECRET_KEY } = {}) {
  const client = new ONSProducer('PID_sdk', ACCESS_KEY, secret, { httpDomain: authority, order });
  return (topic, tag, key, content, delay, shardingKey) => new Promise((done, fail) => {
    client.send(topic, tag, key, content, delay, shardingKey, (error, id) => (error ? fail(error) : done(id)));
  });
}

/** The package's consumer, with promises. */
function consumer(topic, { group = 'CID_sdk', wait = 5000, secret = SECRET_KEY } = {}) {
  const client = new ONSConsumer(group, topic, '*', ACCESS_KEY, secret, { httpDomain: authority, sendTimeout: wait });
  return { client, fetch: promisify(client.fetch.bind(client)), ack: promisify(client.ack.bind(client)) };
}

async function take(from, count, seconds = 15) {
  const taken = [];
  for (const end = Date.now() + seconds * 1000; taken.length < count && Date.now() < end;) taken.push(...(await from.fetch()));
  assert.equal(taken.length, count, `${taken.length} messages came instead of ${count}`);
  return taken;
}

/** One request as it stands, over a connection that is kept. */
const agent = new http.Agent({ keepAlive: true });
function request(method, query, headers, body) {
  const url = new URL(`${URL_}/message/?${new URLSearchParams(query)}`);
  return new Promise((done, fail) => {
    const sent = http.request(url, { method, headers, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on('error', fail);
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

const sign = (...parts) => createHmac('sha1', SECRET_KEY).update(parts.join('\n')).digest('base64');
const md5 = (text) => createHash('md5').update(text).digest('hex');

function post(topic, body, query = {}, headers = {}) {
  const time = String(Date.now());
  // In the order of other clients, time first.
  return request('POST', { time, topic, ...query }, {
    signature: sign(topic, 'PID-lower', md5(body), time), accesskey: ACCESS_KEY, producerid: 'PID-lower', ...headers,
  }, body);
}

function get(topic, query = {}) {
  const time = String(Date.now());
  return request('GET', { num: '32', timeout: '35000', time, topic, ...query }, {
    accesskey: ACCESS_KEY, consumerid: 'CID-lower', signature: sign(topic, 'CID-lower', time), 'content-type': 'text/html;charset=UTF-8',
  });
}

function remove(topic, handle) {
  const time = String(Date.now());
  return request('DELETE', { timeout: '300000', time, msgHandle: handle, topic }, {
    accesskey: ACCESS_KEY, consumerid: 'CID-lower', signature: sign(topic, 'CID-lower', handle, time), 'content-type': 'text/html;charset=UTF-8',
  });
}

check('npm ons: send with tag and key, a Chinese body, fetch, ack', async () => {
  const topic = fresh('sdk-ons-node');
  const id = await producer()(topic, 'TagA', 'K1', '你好 <b>&"\'\n世界');
  assert.match(id, /^[0-9A-F]{32}$/);
  const from = consumer(topic);
  const [message] = await take(from, 1);
  assert.equal(message.msgId, id);
  assert.equal(message.body, '你好 <b>&"\'\n世界');
  assert.equal(message.tag, 'TagA');
  assert.equal(message.key, 'K1');
  assert.equal(message.reconsumeTimes, 0);
  assert.equal(typeof message.bornTime, 'string');
  await from.ack(message.msgHandle);
  await untilHiddenNoMore();
  assert.deepEqual(await consumer(topic, { wait: 100 }).fetch(), []);
});

check('npm ons: its listener gets a message and acknowledges it', async () => {
  const topic = fresh('sdk-ons-node');
  await producer()(topic, 'TagA', 'K1', 'for the listener');
  const { client } = consumer(topic);
  const body = await new Promise((done, fail) => {
    client.setListener((error, message, ack) => {
      if (error) return fail(error);
      ack.done();
      return done(message.body);
    });
    client.listen();
    setTimeout(() => fail(new Error('nothing came in 10 s')), 10_000).unref();
  });
  assert.equal(body, 'for the listener');
  await new Promise((done) => client.stop(done));
  await untilHiddenNoMore();
  assert.deepEqual(await consumer(topic, { wait: 100 }).fetch(), []);
});

check('npm ons: delayed delivery, not before and not long after', async () => {
  const topic = fresh('sdk-ons-node');
  const due = Date.now() + 2000;
  await producer()(topic, 'TagA', 'K1', 'later', due);
  assert.deepEqual(await consumer(topic, { wait: 100 }).fetch(), []);
  await take(consumer(topic, { wait: 10_000 }), 1);
  assert.ok(Date.now() >= due, `it came ${due - Date.now()} ms early`);
  assert.ok(Date.now() < due + 6000, `it came ${Date.now() - due} ms late`);
});

check('npm ons: an ordered producer', async () => {
  const topic = fresh('sdk-ons-node');
  const send = producer({ order: true });
  for (let number = 0; number < 10; number += 1) await send(topic, 'TagA', '', String(number), -1, 'user-7');
  const taken = await take(consumer(topic), 10);
  assert.deepEqual(taken.map((message) => Number(message.body)), [...Array(10).keys()]);
});

check('npm ons: an unordered producer sends isOrder=false', async () => {
  const topic = fresh('sdk-ons-node');
  await producer()(topic, '', '', 'bare');
  const [message] = await take(consumer(topic), 1);
  assert.deepEqual([message.tag, message.key], ['', '']);
});

check('npm ons: a used handle acknowledged again is no error', async () => {
  const topic = fresh('sdk-ons-node');
  await producer()(topic, 'TagA', 'K1', 'once');
  const from = consumer(topic);
  const [message] = await take(from, 1);
  await from.ack(message.msgHandle);
  await from.ack(message.msgHandle);
});

check('npm ons: a stale handle acknowledged is no error', async () => {
  // Its consumer would repeat a failed acknowledgement twice a second, for ever, and take no further message.
  const topic = fresh('sdk-ons-node');
  await producer()(topic, 'TagA', 'K1', 'again');
  const from = consumer(topic);
  const [first] = await take(from, 1);
  await untilHiddenNoMore();
  const [second] = await take(from, 1);
  assert.notEqual(first.msgHandle, second.msgHandle);
  await from.ack(first.msgHandle);
  await from.ack(second.msgHandle);
});

check('npm ons: not acknowledged, it comes again with reconsumeTimes 1', async () => {
  const topic = fresh('sdk-ons-node');
  const id = await producer()(topic, 'TagA', 'K1', 'again');
  const from = consumer(topic);
  await take(from, 1);
  await untilHiddenNoMore();
  const [message] = await take(from, 1);
  assert.deepEqual([message.msgId, message.reconsumeTimes], [id, 1]);
});

check('npm ons: a wrong secret key is its 403', async () => {
  const topic = fresh('sdk-ons-node');
  await assert.rejects(producer({ secret: 'not-the-secret-key' })(topic, 'TagA', 'K1', 'x'), /鉴权失败/);
  await assert.rejects(consumer(topic, { secret: 'not-the-secret-key' }).fetch(), /鉴权失败/);
  await assert.rejects(consumer(topic, { secret: 'not-the-secret-key' }).ack('abc'), /鉴权失败/);
});

check('npm ons: a body over 64 KiB is its error BODY_TOO_BIG', async () => {
  const error = await producer()(fresh('sdk-ons-node'), 'TagA', 'K1', 'x'.repeat(65_537)).then(() => null, (found) => found);
  assert.equal(error?.code, 'BODY_TOO_BIG');
});

check('lower-case header names, + for a blank, another order of parameters', async () => {
  const topic = fresh('sdk-ons-node');
  const published = await post(topic, 'hello', { key: 'k1 k2', tag: 'two words' });
  assert.equal(published.status, 201);
  assert.equal(JSON.parse(published.body).sendStatus, 'SEND_OK');
  const consumed = await get(topic);
  assert.equal(consumed.status, 200);
  const [message] = JSON.parse(consumed.body);
  assert.deepEqual([message.body, message.tag, message.key], ['hello', 'two words', 'k1 k2']);
  const removed = await remove(topic, message.msgHandle);
  assert.deepEqual([removed.status, removed.body], [204, '']);
});

check('isOrder=1 with a shardingKey', async () => {
  const topic = fresh('sdk-ons-node');
  for (let number = 0; number < 5; number += 1) {
    assert.equal((await post(topic, String(number), {}, { isorder: '1', shardingkey: 's1' })).status, 201);
  }
  const taken = await take(consumer(topic), 5);
  assert.deepEqual(taken.map((message) => message.body), ['0', '1', '2', '3', '4']);
});

check('timeout=35000: a waiting GET is woken by a publish', async () => {
  const topic = fresh('sdk-ons-node');
  const begun = Date.now();
  const waiting = get(topic);
  await sleep(1000);
  assert.equal((await post(topic, 'wake up')).status, 201);
  const [message] = JSON.parse((await waiting).body);
  assert.equal(message.body, 'wake up');
  assert.ok(Date.now() - begun < 8000, `it took ${Date.now() - begun} ms`);
});

check('nothing there: [] and no other body', async () => {
  const answer = await get(fresh('sdk-ons-node'), { timeout: '100' });
  assert.deepEqual([answer.status, answer.body], [200, '[]']);
  assert.doesNotMatch(answer.headers['content-type'], /json/);
});

check('parameters that mean nothing are ignored', async () => {
  const topic = fresh('sdk-ons-node');
  assert.equal((await post(topic, 'x', { num: '5', tag: '' }, { consumerid: 'CID-too' })).status, 201);
  assert.equal(JSON.parse((await get(topic, { tag: 'another', key: 'another' })).body).length, 1);
});

await main();
