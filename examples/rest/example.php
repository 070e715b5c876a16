<?php
// Publishes one message, receives it, acknowledges it. PHP 7.4 or newer, no extension.
//
//     GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing php example.php

$api = (getenv('GATEWAY_URL') ?: 'http://127.0.0.1:8080') . '/v1/topics/' . (getenv('TOPIC') ?: 'orders');
$group = $api . '/groups/' . (getenv('GROUP') ?: 'billing');

/** The status and the JSON of the answer; 0 when there was none. */
function post(string $url, array $value): array
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/json',
        'content' => json_encode($value),
        'timeout' => 40,
        'ignore_errors' => true, // the body of a problem is wanted, too
    ]]);
    $text = @file_get_contents($url, false, $context);
    $answer = $text === false ? null : json_decode($text, true);
    if ($answer === null || !preg_match('#^HTTP/\S+ (\d+)#', $http_response_header[0] ?? '', $line)) {
        return [0, ['detail' => 'no answer', 'outcome' => 'unknown']];
    }
    return [(int) $line[1], $answer];
}

function fail(string $what, array $answer = []): void
{
    fwrite(STDERR, $what . ' ' . json_encode($answer) . "\n");
    exit(1);
}

[$status, $sent] = post("$api/messages", ['body' => ['order' => 17, 'state' => 'paid'], 'tag' => 'paid', 'keys' => ['order-17']]);
if ($status !== 201 && ($sent['outcome'] ?? '') === 'unknown') {
    // Nobody knows whether it was stored. Sending it again may publish it twice: do so only if consumers bear that.
    fail('publish: unknown whether it was stored:', $sent);
}
if ($status !== 201) {
    fail('publish: not stored:', $sent); // certainly; where `retryable` is true, it may succeed after Retry-After
}
echo "published {$sent['message_id']}\n";

for ($end = time() + 60, $received = null; $received !== $sent['message_id'];) {
    if (time() > $end) fail('the message did not come');
    // Returns as soon as there is a message, with [] after 20 s at the latest.
    [$status, $answer] = post("$group/messages:receive", ['max_messages' => 1, 'wait_seconds' => 20]);
    if ($status !== 200) sleep(1);
    foreach ($answer['messages'] ?? [] as $message) {
        $received = $message['message_id'];
        // The work comes first, then the acknowledgement: a message may come twice, and the work must bear that.
        echo "processing $received {$message['body']}\n";
        [$status, $answer] = post("$group/messages:ack", ['receipt_handles' => [$message['receipt_handle']]]);
        if ($status !== 200) fail('acknowledge:', $answer); // 207: `results` say why; the message comes again
        echo "acknowledged $received\n";
    }
}
