// The unmodified MQ HTTP SDK for Node (npm @aliyunmq/mq-http-sdk) against an endpoint.
//
//     NODE_PACKAGES=DIR MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… node mq_http_node.mjs

import { createHash } from 'node:crypto';

import {
  ACCESS_KEY, SECRET_KEY, URL_, assert, check, fresh, main, require, sleep, untilHiddenNoMore,
} from './checks.mjs';

const { MQClient, MessageProperties } = require('@aliyunmq/mq-http-sdk');

const INSTANCE = 'MQ_INST_1234567890_BXxxxxxx';
const GROUP = 'GID_sdk';
const md5 = (text) => createHash('md5').update(text).digest('hex').toUpperCase();

/** A producer and a consumer of a topic of their own. */
function pair({ tag, instance, topic = fresh('sdk-node'), url = URL_, accessKey = ACCESS_KEY, secretKey = SECRET_KEY } = {}) {
  const client = new MQClient(url, accessKey, secretKey);
  const producer = client.getProducer(instance, topic);
  const consumer = client.getConsumer(instance, topic, GROUP, tag);

  const publish = async (body, { tag: of, key, shard, deliverAt, properties = {} } = {}) => {
    const props = new MessageProperties();
    for (const [name, value] of Object.entries(properties)) props.putProperty(name, value);
    props.messageKey(key);
    props.shardingKey(shard);
    props.startDeliverTime(deliverAt);
    const answer = await producer.publishMessage(body, of, props);
    assert.equal(answer.code, 201);
    return answer.body;
  };
  /** What one poll brings; an empty one is no error. */
  const poll = async (batch = 16, wait = undefined, ordered = false) => {
    try {
      const answer = await (ordered ? consumer.consumeMessageOrderly(batch, wait) : consumer.consumeMessage(batch, wait));
      assert.equal(answer.code, 200);
      return answer.body;
    } catch (error) {
      if (error.Code === 'MessageNotExist') return [];
      throw error;
    }
  };
  const ack = async (...messages) => {
    const answer = await consumer.ackMessage(messages.map((message) => message.ReceiptHandle));
    assert.equal(answer.code, 204);
  };
  const take = async (count, { acknowledge = true, seconds = 15 } = {}) => {
    const taken = [];
    for (const end = Date.now() + seconds * 1000; taken.length < count && Date.now() < end;) {
      const messages = await poll(16, 2);
      taken.push(...messages);
      if (messages.length && acknowledge) await ack(...messages);
    }
    assert.equal(taken.length, count, `${taken.length} messages came instead of ${count}`);
    return taken;
  };
  return { topic, client, producer, consumer, publish, poll, ack, take };
}

/** The SDK throws the server's error of this code. */
async function refused(code, action) {
  const error = await action().then(() => null, (found) => found);
  assert.ok(error, `nothing was thrown instead of ${code}`);
  assert.equal(error.Code, code, `${error.Code ?? error.message} instead of ${code}`);
  assert.ok(error.RequestId, 'there is no request id');
  return error;
}

check('publish: a message id of 32 upper-case hex digits, the body\'s MD5, a request id', async () => {
  const answer = await pair().producer.publishMessage('Hello, mq!');
  assert.equal(answer.code, 201);
  assert.ok(answer.requestId);
  assert.match(answer.body.MessageId, /^[0-9A-F]{32}$/);
  assert.equal(answer.body.MessageBodyMD5, md5('Hello, mq!'));
  assert.equal(answer.body.ReceiptHandle, undefined);
});

check('consume: body with what XML escapes, tag, key, properties, times', async () => {
  const of = pair();
  const body = 'Hello <b>&"\'世界</b> &amp; \n\ttail 😀 ';
  const before = Date.now();
  const sent = await of.publish(body, { tag: 'TagA', key: 'K1', properties: { a: '值', b: 'two words' } });
  assert.equal(sent.MessageBodyMD5, md5(body));
  const [message] = await of.take(1);
  assert.equal(message.MessageBody, body);
  assert.equal(message.MessageBodyMD5, md5(body));
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.MessageTag, 'TagA');
  assert.equal(message.MessageKey, 'K1');
  assert.equal(message.Properties.a, '值');
  assert.equal(message.Properties.b, 'two words');
  assert.equal(Number(message.ConsumedTimes), 1);
  for (const name of ['PublishTime', 'FirstConsumeTime']) {
    assert.ok(Math.abs(Number(message[name]) - before) < 10_000, `${name} is ${message[name]}`);
  }
  assert.ok(Number(message.NextConsumeTime) > before);
});

check('consume: neither tag nor key nor properties', async () => {
  const of = pair();
  await of.publish('bare');
  const [message] = await of.take(1);
  assert.ok(!message.MessageTag && !message.MessageKey);
  assert.deepEqual(message.Properties, {});
});

check('line ends and white space survive', async () => {
  const of = pair();
  const body = '  one\r\ntwo\rthree\n\n';
  assert.equal((await of.publish(body)).MessageBodyMD5, md5(body));
  assert.equal((await of.take(1))[0].MessageBody, body);
});

check('a body with ]]>, which this SDK does not escape, is refused: MalformedXML', async () => {
  // Its documents are one CDATA section for each value, so nothing better can be made of it (protocol notes MQ HTTP 3).
  await refused('MalformedXML', () => pair().producer.publishMessage('Hello ]]> tail'));
});

check('a body of 20,000 characters of three bytes each survives', async () => {
  const of = pair();
  const body = '世'.repeat(20_000);
  await of.publish(body);
  assert.equal((await of.take(1))[0].MessageBodyMD5, md5(body));
});

check('delayed: not before its time, and not long after', async () => {
  const of = pair();
  const due = Date.now() + 2000;
  await of.publish('later', { deliverAt: due });
  assert.deepEqual(await of.poll(), []);
  await of.take(1);
  assert.ok(Date.now() >= due, `it came ${due - Date.now()} ms early`);
  assert.ok(Date.now() < due + 6000, `it came ${Date.now() - due} ms late`);
});

check('in order: two shards, each locked until it is acknowledged', async () => {
  const of = pair();
  for (let number = 0; number < 4; number += 1) {
    for (const shard of ['s1', 's2']) await of.publish(String(number), { shard });
  }
  const seen = { s1: [], s2: [] };
  const note = (messages) => messages.forEach((message) => seen[message.ShardingKey].push(Number(message.MessageBody)));
  const [first] = await of.poll(1, 5, true);
  assert.equal(first.MessageBody, '0');
  const other = await of.poll(16, 5, true);
  assert.ok(other.length, 'the other shard is locked, too');
  assert.ok(other.every((message) => message.ShardingKey !== first.ShardingKey), 'a shard came before its acknowledgement');
  note([first, ...other]);
  await of.ack(first);
  await of.ack(...other);
  for (const end = Date.now() + 15_000; seen.s1.length + seen.s2.length < 8 && Date.now() < end;) {
    const messages = await of.poll(16, 2, true);
    note(messages);
    if (messages.length) await of.ack(...messages);
  }
  assert.deepEqual(seen, { s1: [0, 1, 2, 3], s2: [0, 1, 2, 3] });
});

check('in order: not acknowledged, the same ones come again, and nothing after them before', async () => {
  const of = pair();
  for (const body of ['0', '1', '2']) await of.publish(body, { shard: 's1' });
  const [first] = await of.poll(1, 5, true);
  assert.deepEqual(await of.poll(16, undefined, true), []);
  await untilHiddenNoMore();
  const again = await of.poll(16, 5, true);
  assert.equal(again[0]?.MessageId, first.MessageId);
  assert.deepEqual(again.map((message) => message.MessageBody), ['0', '1', '2'].slice(0, again.length));
  await of.ack(...again);
});

check('tag filter TagA||TagB', async () => {
  const of = pair({ tag: 'TagA||TagB' });
  for (const tag of ['TagA', 'TagC', 'TagB', undefined, 'TagAB']) await of.publish(`with ${tag}`, { tag });
  assert.deepEqual((await of.take(2)).map((message) => message.MessageTag).sort(), ['TagA', 'TagB']);
  assert.deepEqual(await of.poll(16, 1), []);
});

check('a batch of 16, and the rest; nothing comes again after the acknowledgement of all', async () => {
  const of = pair();
  const ids = [];
  for (let number = 0; number < 20; number += 1) ids.push((await of.publish(`message ${number}`)).MessageId);
  const batch = await of.poll(16, 5);
  assert.equal(batch.length, 16);
  const rest = await of.poll(16, 5);
  assert.equal(rest.length, 4);
  assert.deepEqual([...batch, ...rest].map((message) => message.MessageId).sort(), ids.sort());
  await of.ack(...batch);
  await of.ack(...rest);
  await untilHiddenNoMore();
  assert.deepEqual(await of.poll(), []);
});

check('an empty poll throws MessageNotExist: at once without a wait, after it with one', async () => {
  const of = pair();
  let begun = Date.now();
  assert.match((await refused('MessageNotExist', () => of.consumer.consumeMessage(1))).message, /failed with 404/);
  assert.ok(Date.now() - begun < 2000, `it took ${Date.now() - begun} ms`);
  begun = Date.now();
  await refused('MessageNotExist', () => of.consumer.consumeMessage(1, 2));
  const waited = Date.now() - begun;
  assert.ok(waited > 1500 && waited < 6000, `it waited ${waited} ms`);
});

check('a poll of 30 s ends before the SDK\'s 33', async () => {
  await refused('MessageNotExist', () => pair().consumer.consumeMessage(1, 30));
});

check('a waiting poll is woken by another client\'s publish', async () => {
  const of = pair();
  const begun = Date.now();
  const waiting = of.poll(16, 25);
  await sleep(1000);
  await pair({ topic: of.topic }).publish('wake up');
  assert.deepEqual((await waiting).map((message) => message.MessageBody), ['wake up']);
  assert.ok(Date.now() - begun < 8000, `it took ${Date.now() - begun} ms`);
});

check('a partly failed acknowledgement resolves with 404 and the bad handle only; the good one stays acknowledged', async () => {
  const of = pair();
  await of.publish('good');
  const [message] = await of.take(1, { acknowledge: false });
  const bogus = '0CDF995D144446189BB88022596156CA-1eVQN8N1RbOiIL60mWdT8Q==';
  // It does not throw: the caller has to look at the code.
  const answer = await of.consumer.ackMessage([message.ReceiptHandle, bogus]);
  assert.equal(answer.code, 404);
  assert.deepEqual(answer.body.map((error) => [error.ErrorCode, error.ReceiptHandle]), [['ReceiptHandleError', bogus]]);
  await untilHiddenNoMore();
  assert.deepEqual(await of.poll(), []);
});

check('an acknowledgement that is repeated is no error', async () => {
  const of = pair();
  await of.publish('once');
  const [message] = await of.take(1);
  await of.ack(message);
});

check('not acknowledged, it comes again: consumed times 2, the same id, another handle; the old handle is stale', async () => {
  const of = pair();
  const sent = await of.publish('again');
  const [first] = await of.take(1, { acknowledge: false });
  assert.deepEqual(await of.poll(), []);
  await untilHiddenNoMore();
  const [second] = await of.take(1, { acknowledge: false });
  assert.deepEqual([first.ConsumedTimes, second.ConsumedTimes], ['1', '2']);
  assert.deepEqual([first.MessageId, second.MessageId], [sent.MessageId, sent.MessageId]);
  assert.equal(second.FirstConsumeTime, first.FirstConsumeTime);
  assert.notEqual(first.ReceiptHandle, second.ReceiptHandle);
  const stale = await of.consumer.ackMessage([first.ReceiptHandle]);
  assert.deepEqual([stale.code, stale.body[0].ErrorCode], [404, 'ReceiptHandleError']);
  await of.ack(second);
});

check('a wrong secret key: 403 SignatureDoesNotMatch, for publish, consume and acknowledge', async () => {
  const of = pair({ secretKey: 'not-the-secret-key' });
  for (const action of [() => of.publish('x'), () => of.consumer.consumeMessage(1), () => of.consumer.ackMessage(['handle'])]) {
    assert.match((await refused('SignatureDoesNotMatch', action)).message, /failed with 403/);
  }
});

check('an unknown access key: InvalidAccessKeyId', async () => {
  const of = pair({ accessKey: 'nobodys-key' });
  assert.match((await refused('InvalidAccessKeyId', () => of.publish('x'))).message, /failed with 403/);
});

check('with an instance, and without one', async () => {
  for (const instance of [INSTANCE, '', undefined]) {
    const of = pair({ instance });
    const { MessageId } = await of.publish(`instance ${instance}`, { tag: 'TagA' });
    assert.equal((await of.take(1))[0].MessageId, MessageId);
  }
});

check('half messages are refused: publish, consume, commit and rollback', async () => {
  const of = pair();
  const producer = of.client.getTransProducer(INSTANCE, of.topic, GROUP);
  const props = new MessageProperties();
  props.transCheckImmunityTime(10);
  await refused('InvalidArgument', () => producer.publishMessage('half', '', props));
  await refused('InvalidArgument', () => producer.consumeHalfMessage(1, 1));
  await refused('InvalidArgument', () => producer.commit('handle'));
  await refused('InvalidArgument', () => producer.rollback('handle'));
});

check('more than 16 messages or 30 s are refused, and so is nothing to acknowledge', async () => {
  const of = pair();
  await refused('InvalidArgument', () => of.consumer.consumeMessage(17));
  await refused('InvalidArgument', () => of.consumer.consumeMessage(1, 31));
  await refused('MissingReceiptHandle', () => of.consumer.ackMessage([]));
});

check('a base URL with a slash at its end: //topics on the wire, /topics in what is signed', async () => {
  const of = pair({ url: `${URL_}/` });
  await of.publish('x');
  await of.take(1);
});

check('20 messages, three consumers at once: none lost, none twice', async () => {
  const of = pair();
  const ids = [];
  for (let number = 0; number < 20; number += 1) ids.push((await of.publish(`message ${number}`)).MessageId);
  const taken = [];
  const end = Date.now() + 15_000;
  await Promise.all([1, 2, 3].map(async () => {
    const worker = pair({ topic: of.topic });
    while (Date.now() < end && taken.length < 20) {
      const messages = await worker.poll(3, 1);
      taken.push(...messages.map((message) => message.MessageId));
      if (messages.length) await worker.ack(...messages);
    }
  }));
  assert.deepEqual(taken.sort(), ids.sort());
});

await main();
