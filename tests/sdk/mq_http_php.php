<?php
// A client that sends what the MQ HTTP SDK for PHP sends, against an endpoint.
//
//     MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… php mq_http_php.php

require __DIR__ . '/checks.php';
require __DIR__ . '/mq_http_php_client.php';

const INSTANCE = 'MQ_INST_1234567890_BXxxxxxx';
const GROUP = 'GID_sdk';
const BOGUS = '0CDF995D144446189BB88022596156CA-1eVQN8N1RbOiIL60mWdT8Q==';

/** A producer and a consumer of a topic of their own. */
class Pair
{
    public readonly string $topic;
    public readonly MqClient $client;

    public function __construct(
        private string $tag = '',
        private string $instance = '',
        ?string $topic = null,
        ?MqClient $of = null,
    ) {
        $this->topic = $topic ?? fresh('sdk-php');
        $this->client = $of ?? new MqClient(URL, ACCESS_KEY, SECRET_KEY);
    }

    public function publish(string $body, string $tag = '', array $properties = []): Message
    {
        return $this->client->publish($this->topic, $this->instance, $body, $tag, $properties);
    }

    public function consume(int $count = 16, int $wait = -1, bool $ordered = false): array
    {
        return $this->client->consume($this->topic, $this->instance, GROUP, $this->tag, $count, $wait, $ordered);
    }

    /** What one poll brings; an empty one is no error. */
    public function poll(int $count = 16, int $wait = -1, bool $ordered = false): array
    {
        try {
            return $this->consume($count, $wait, $ordered);
        } catch (MqError $error) {
            same('the error', [$error->status, $error->type], [404, 'MessageNotExist']);
            return [];
        }
    }

    public function ack(Message ...$messages): void
    {
        $this->ackHandles(array_map(fn (Message $message) => $message->receiptHandle, $messages));
    }

    public function ackHandles(array $handles): void
    {
        $this->client->acknowledge($this->topic, $this->instance, GROUP, $handles);
    }

    public function take(int $count, bool $acknowledge = true): array
    {
        [$taken, $end] = [[], microtime(true) + 15];
        while (count($taken) < $count && microtime(true) < $end) {
            $messages = $this->poll(16, 2);
            if ($messages && $acknowledge) {
                $this->ack(...$messages);
            }
            array_push($taken, ...$messages);
        }
        same('the number of messages', count($taken), $count);
        return $taken;
    }
}

function md5_of(string $text): string
{
    return strtoupper(md5($text));
}

function now(): int
{
    return (int) (microtime(true) * 1000);
}

/** @return string[] */
function bodies(array $messages): array
{
    return array_map(fn (Message $message) => $message->messageBody, $messages);
}

/** The server's error of this code. */
function refused(string $code, callable $action): MqError
{
    try {
        $action();
    } catch (MqError $error) {
        same('the code', $error->type, $code);
        return $error;
    }
    throw new Exception("nothing was raised instead of $code");
}

check("publish: a message id of 32 upper-case hex digits, and the body's MD5", function () {
    $result = (new Pair())->publish('Hello, mq!');
    true_("the id is $result->messageId", preg_match('/^[0-9A-F]{32}$/', $result->messageId) === 1);
    same('the MD5', $result->messageBodyMD5, md5_of('Hello, mq!'));
    same('the receipt handle', $result->receiptHandle, '');
});

check('consume with nothing but a number, which waits for -1 seconds: body, tag, key, properties, times', function () {
    [$pair, $body, $before] = [new Pair(), "Hello <b>&\"'世界</b> ]]> \n\ttail 😀 ", now()];
    $sent = $pair->publish($body, 'TagA', ['KEYS' => 'K1', 'a' => '值', 'b' => 'two words']);
    same('the MD5 of the publish', $sent->messageBodyMD5, md5_of($body));
    [$message] = $pair->consume(16);
    same('body', $message->messageBody, $body);
    same('MD5', $message->messageBodyMD5, md5_of($body));
    same('id', $message->messageId, $sent->messageId);
    same('tag', $message->messageTag, 'TagA');
    same('key', $message->messageKey(), 'K1');
    same('properties', [$message->properties['a'], $message->properties['b']], ['值', 'two words']);
    same('the time that it was given', $message->startDeliverTime(), 0);
    same('consumed times', $message->consumedTimes, 1);
    foreach ([$message->publishTime, $message->firstConsumeTime] as $time) {
        true_("$time is not the time", $before - 2000 <= $time && $time <= now() + 2000);
    }
    true_('NextConsumeTime is not ahead', $message->nextConsumeTime > $before);
    $pair->ack($message);
});

check('consume: neither tag nor key nor properties', function () {
    $pair = new Pair();
    // With an empty MessageTag.
    $pair->publish('bare');
    [$message] = $pair->take(1);
    same('tag, key and properties', [$message->messageTag, $message->messageKey(), $message->properties], ['', '', []]);
});

check('white space and line ends survive', function () {
    [$pair, $body] = [new Pair(), "  one\ntwo\t\n\n"];
    same('the MD5 of the publish', $pair->publish($body)->messageBodyMD5, md5_of($body));
    same('body', $pair->take(1)[0]->messageBody, $body);
    $pair->publish(' ');
    same('a blank body', $pair->take(1)[0]->messageBody, ' ');
});

check('a body of 20,000 characters of three bytes each survives', function () {
    // 60,000 bytes: below the smallest limit of any profile.
    [$pair, $body] = [new Pair(), str_repeat('世', 20_000)];
    $pair->publish($body);
    same('the MD5', $pair->take(1)[0]->messageBodyMD5, md5_of($body));
});

check('delayed: not before its time, not long after, and getStartDeliverTime tells the time', function () {
    [$pair, $due] = [new Pair(), now() + 2000];
    $pair->publish('later', '', ['__STARTDELIVERTIME' => $due]);
    same('before', $pair->poll(), []);
    [$message] = $pair->take(1);
    true_('it came early', now() >= $due);
    true_('it came late', now() < $due + 6000);
    same('the time', $message->startDeliverTime(), $due);
});

check('in order: two shards, each locked until it is acknowledged', function () {
    $pair = new Pair();
    foreach (range(0, 3) as $number) {
        foreach (['s1', 's2'] as $shard) {
            $pair->publish((string) $number, '', ['__SHARDINGKEY' => $shard]);
        }
    }
    [$first] = $pair->poll(1, 5, true);
    $seen = ['s1' => [], 's2' => []];
    same('the first of its shard', $first->messageBody, '0');
    $other = $pair->poll(16, 5, true);
    true_('the other shard is locked, too', (bool) $other);
    $shards = array_values(array_unique(array_map(fn (Message $message) => $message->shardingKey(), $other)));
    same('the shards', $shards, array_values(array_diff(['s1', 's2'], [$first->shardingKey()])));
    $taken = [$first, ...$other];
    $end = microtime(true) + 15;
    while ($taken && microtime(true) < $end) {
        foreach ($taken as $message) {
            $seen[$message->shardingKey()][] = (int) $message->messageBody;
        }
        $pair->ack(...$taken);
        $taken = count($seen['s1']) + count($seen['s2']) < 8 ? $pair->poll(16, 2, true) : [];
    }
    same('the order', $seen, ['s1' => [0, 1, 2, 3], 's2' => [0, 1, 2, 3]]);
});

check('in order: not acknowledged, the same ones come again, and nothing after them before', function () {
    $pair = new Pair();
    foreach (range(0, 2) as $number) {
        $pair->publish((string) $number, '', ['__SHARDINGKEY' => 's1']);
    }
    [$first] = $pair->poll(1, 5, true);
    same('while the shard is locked', $pair->poll(16, -1, true), []);
    until_hidden_no_more();
    $again = $pair->poll(16, 5, true);
    same('the first again', [$again[0]->messageId, $again[0]->messageBody], [$first->messageId, '0']);
    same('the order', bodies($again), array_slice(['0', '1', '2'], 0, count($again)));
    $pair->ack(...$again);
});

check('tag filter "Tag A||TagB", whose blank travels as +', function () {
    $pair = new Pair('Tag A||TagB');
    foreach (['Tag A', 'TagC', 'TagB', '', 'Tag A+'] as $tag) {
        $pair->publish("with $tag", $tag);
    }
    $tags = array_map(fn (Message $message) => $message->messageTag, $pair->take(2));
    sort($tags);
    same('the tags', $tags, ['Tag A', 'TagB']);
    same('afterwards', $pair->poll(16, 1), []);
});

check('a batch of 16, and the rest; nothing comes again after the acknowledgement of all', function () {
    $pair = new Pair();
    $ids = array_map(fn (int $number) => $pair->publish("message $number")->messageId, range(1, 20));
    $batch = $pair->poll(16, 5);
    same('the batch', count($batch), 16);
    $rest = $pair->poll(16, 5);
    same('the rest', count($rest), 4);
    $seen = array_map(fn (Message $message) => $message->messageId, [...$batch, ...$rest]);
    sort($seen);
    sort($ids);
    same('the ids', $seen, $ids);
    $pair->ack(...$batch);
    $pair->ack(...$rest);
    until_hidden_no_more();
    same('after the acknowledgement', $pair->poll(), []);
});

check('an empty poll is MessageNotExist: at once by default, after its wait with one, over the same connection', function () {
    $pair = new Pair();
    $begun = microtime(true);
    $error = refused('MessageNotExist', fn () => $pair->consume(1));
    true_('there is no request id', $error->requestId !== '');
    true_('it did not come at once', microtime(true) - $begun < 2);
    [$port, $begun] = [$pair->client->localPort(), microtime(true)];
    refused('MessageNotExist', fn () => $pair->consume(1, 2));
    $waited = microtime(true) - $begun;
    true_("it waited $waited s", 1.5 < $waited && $waited < 6);
    same('our port', $pair->client->localPort(), $port);
});

check("a waiting poll is woken by another client's publish", function () {
    [$pair, $published] = [new Pair(), false];
    $target = $pair->client->consumeTarget($pair->topic, '', GROUP, '', 16, 25, null);
    $begun = microtime(true);
    [$messages] = MqClient::consumeAtOnce([$pair->client], $target, function (float $seconds) use ($pair, &$published) {
        if ($seconds > 1 && !$published) {
            $published = true;
            (new Pair(topic: $pair->topic))->publish('wake up');
        }
    });
    $waited = microtime(true) - $begun;
    same('the bodies', bodies($messages), ['wake up']);
    true_("it took $waited s", 1 < $waited && $waited < 8);
    $pair->ack(...$messages);
});

check('a partly failed acknowledgement lists the bad handle only; the good one stays acknowledged', function () {
    $pair = new Pair();
    $pair->publish('good');
    [$message] = $pair->take(1, false);
    $error = refused('ReceiptHandleError', fn () => $pair->ackHandles([$message->receiptHandle, BOGUS]));
    same('the status', $error->status, 404);
    same('the handles', $error->handles, [BOGUS]);
    until_hidden_no_more();
    same('after the acknowledgement', $pair->poll(), []);
});

check('an acknowledgement that is repeated is no error', function () {
    $pair = new Pair();
    $pair->publish('once');
    [$message] = $pair->take(1);
    $pair->ack($message);
});

check('not acknowledged, it comes again: consumed times 2, the same id, another handle; the old handle is stale', function () {
    $pair = new Pair();
    $sent = $pair->publish('again');
    [$first] = $pair->take(1, false);
    same('while it is hidden', $pair->poll(), []);
    until_hidden_no_more();
    [$second] = $pair->take(1, false);
    same('consumed times', [$first->consumedTimes, $second->consumedTimes], [1, 2]);
    same('the ids', [$first->messageId, $second->messageId], [$sent->messageId, $sent->messageId]);
    same('first consume time', $second->firstConsumeTime, $first->firstConsumeTime);
    true_('the handle is the old one', $first->receiptHandle !== $second->receiptHandle);
    refused('ReceiptHandleError', fn () => $pair->ack($first));
    $pair->ack($second);
});

check('a wrong secret key: 403 SignatureDoesNotMatch, for publish, consume and acknowledge', function () {
    $pair = new Pair(of: new MqClient(URL, ACCESS_KEY, 'not-the-secret-key'));
    foreach ([fn () => $pair->publish('x'), fn () => $pair->consume(1), fn () => $pair->ackHandles(['handle'])] as $action) {
        same('the status', refused('SignatureDoesNotMatch', $action)->status, 403);
    }
});

check('an unknown access key: InvalidAccessKeyId', function () {
    $pair = new Pair(of: new MqClient(URL, 'nobodys-key', SECRET_KEY));
    refused('InvalidAccessKeyId', fn () => $pair->publish('x'));
    refused('InvalidAccessKeyId', fn () => $pair->consume(1));
});

check('with an instance, and without one', function () {
    foreach ([INSTANCE, ''] as $instance) {
        $pair = new Pair(instance: $instance);
        $id = $pair->publish("instance $instance", 'TagA')->messageId;
        same('the id', $pair->take(1)[0]->messageId, $id);
    }
});

check('half messages are refused: publish, consume, commit and rollback', function () {
    $pair = new Pair(instance: INSTANCE);
    $client = $pair->client;
    foreach ([
        fn () => $pair->publish('half', '', ['__TransCheckT' => 10]),
        fn () => $client->consumeHalf($pair->topic, INSTANCE, GROUP, 1, 1),
        fn () => $client->acknowledge($pair->topic, INSTANCE, GROUP, ['handle'], 'commit'),
        fn () => $client->acknowledge($pair->topic, INSTANCE, GROUP, ['handle'], 'rollback'),
    ] as $action) {
        refused('InvalidArgument', $action);
    }
});

check('more than 16 messages or 30 s are refused, and so is nothing to acknowledge', function () {
    $pair = new Pair();
    refused('InvalidArgument', fn () => $pair->consume(17));
    refused('InvalidArgument', fn () => $pair->consume(0));
    refused('InvalidArgument', fn () => $pair->consume(1, 31));
    refused('MissingReceiptHandle', fn () => $pair->ackHandles([]));
});

check('two groups get a copy each', function () {
    $pair = new Pair();
    $pair->publish('for both');
    same('one', bodies($pair->take(1)), ['for both']);
    same('the other', bodies($pair->client->consume($pair->topic, '', 'GID_other', '', 1, 5)), ['for both']);
});

check('20 messages, three consumers at once: none lost, none twice', function () {
    $pair = new Pair();
    $ids = array_map(fn (int $number) => $pair->publish("message $number")->messageId, range(1, 20));
    $workers = array_map(fn () => new MqClient(URL, ACCESS_KEY, SECRET_KEY), range(1, 3));
    $target = $pair->client->consumeTarget($pair->topic, '', GROUP, '', 3, 1, null);
    [$taken, $end] = [[], microtime(true) + 15];
    while (count($taken) < 20 && microtime(true) < $end) {
        foreach (MqClient::consumeAtOnce($workers, $target, fn () => null) as $messages) {
            if ($messages) {
                $pair->ack(...$messages);
            }
            array_push($taken, ...array_map(fn (Message $message) => $message->messageId, $messages));
        }
    }
    sort($taken);
    sort($ids);
    same('the ids', $taken, $ids);
});

check("what C# does: a byte order mark before the document, and a poll with a body of one byte", function () {
    $pair = new Pair();
    $document = "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><Message xmlns=\"http://mq.aliyuncs.com/doc/v1\">"
        . '<MessageBody>by C#</MessageBody></Message>';
    [$status, $text] = $pair->client->send('POST', "/topics/$pair->topic/messages", $document);
    true_("the publish: $status $text", $status === 201);
    $port = $pair->client->localPort();
    // Its parameters are sorted by name.
    $target = "/topics/$pair->topic/messages?consumer=" . GROUP . '&numOfMessages=16';
    [$status, $text] = $pair->client->send('GET', $target, 'a');
    true_("the poll: $status $text", $status === 200 && str_contains($text, '<MessageBody>by C#</MessageBody>'));
    [$status] = $pair->client->send('GET', $target, 'a');
    same('the empty poll', $status, 404);
    same('our port', $pair->client->localPort(), $port);
});

main();
