<?php
// What the MQ HTTP SDK for PHP (aliyunmq/mq-http-php-sdk 1.0.4) puts on the wire and takes from it, written after the protocol notes, where the
// SDK itself cannot be had: parameters in its order, its headers, documents and defaults, and success by exactly its statuses. curl keeps the
// connection, as it does below the SDK's HTTP library.

const NAMESPACE_ = 'http://mq.aliyuncs.com/doc/v1/';

/** An `Error` of the server's, or `Errors` of an acknowledgement, whose handles are `handles` then. */
class MqError extends Exception
{
    public function __construct(
        public readonly int $status,
        public readonly string $type,
        string $message,
        public readonly string $requestId,
        public readonly array $handles = [],
    ) {
        parent::__construct("$type ($status): $message");
    }
}

class Message
{
    public string $messageId;
    public string $messageBodyMD5;
    public string $receiptHandle = '';
    public string $messageBody = '';
    public string $messageTag = '';
    public int $publishTime = 0;
    public int $firstConsumeTime = 0;
    public int $nextConsumeTime = 0;
    public int $consumedTimes = 0;
    public array $properties = [];

    public function messageKey(): string
    {
        return $this->properties['KEYS'] ?? '';
    }

    public function shardingKey(): string
    {
        return $this->properties['__SHARDINGKEY'] ?? '';
    }

    /** 0 where the message has none, as `getStartDeliverTime` has it. */
    public function startDeliverTime(): int
    {
        return (int) ($this->properties['__STARTDELIVERTIME'] ?? 0);
    }
}

class MqClient
{
    private CurlHandle $curl;

    public function __construct(private string $url, private string $accessKey, private string $secretKey)
    {
        $this->curl = curl_init();
    }

    public function publish(string $topic, string $instance, string $body, string $tag = '', array $properties = []): Message
    {
        $writer = new XMLWriter();
        $writer->openMemory();
        $writer->startDocument('1.0', 'UTF-8');
        $writer->startElementNS(null, 'Message', NAMESPACE_);
        $writer->writeElement('MessageBody', $body);
        // Also where there is none.
        $writer->writeElement('MessageTag', $tag);
        if ($properties) {
            $pairs = array_map(fn ($name, $value) => "$name:$value", array_keys($properties), $properties);
            $writer->writeElement('Properties', implode('|', $pairs));
        }
        $writer->endElement();
        $writer->endDocument();
        $query = $instance === '' ? '' : "?ns=$instance";
        $answer = $this->send('POST', "/topics/$topic/messages$query", $writer->outputMemory());
        return $this->taken($answer, 201, fn (SimpleXMLElement $root) => $this->message($root));
    }

    /** As `consumeMessage` and `consumeMessageOrderly`, with their default of -1. */
    public function consume(
        string $topic,
        string $instance,
        string $group,
        string $tag,
        int $count,
        int $wait = -1,
        bool $ordered = false,
    ): array {
        $answer = $this->send('GET', $this->consumeTarget($topic, $instance, $group, $tag, $count, $wait, $ordered ? 'order' : null));
        return $this->messages($answer);
    }

    /** Several clients ask at once; what each got. */
    public static function consumeAtOnce(array $clients, string $target, callable $meanwhile): array
    {
        $multi = curl_multi_init();
        foreach ($clients as $client) {
            $client->prepare('GET', $target, '');
            curl_multi_add_handle($multi, $client->curl);
        }
        $begun = microtime(true);
        do {
            curl_multi_exec($multi, $running);
            curl_multi_select($multi, 0.05);
            $meanwhile(microtime(true) - $begun);
        } while ($running);
        $messages = [];
        foreach ($clients as $index => $client) {
            $answer = [curl_getinfo($client->curl, CURLINFO_RESPONSE_CODE), curl_multi_getcontent($client->curl)];
            curl_multi_remove_handle($multi, $client->curl);
            try {
                $messages[$index] = $client->messages($answer);
            } catch (MqError $error) {
                same('the error', $error->type, 'MessageNotExist');
                $messages[$index] = [];
            }
        }
        return $messages;
    }

    /** With `trans=pop`. */
    public function consumeHalf(string $topic, string $instance, string $group, int $count, int $wait): array
    {
        return $this->messages($this->send('GET', $this->consumeTarget($topic, $instance, $group, '', $count, $wait, 'pop')));
    }

    public function consumeTarget(
        string $topic,
        string $instance,
        string $group,
        string $tag,
        int $count,
        int $wait,
        ?string $trans,
    ): string {
        $parameters = ["numOfMessages=$count", "consumer=$group"];
        if ($instance !== '') {
            $parameters[] = "ns=$instance";
        }
        $parameters[] = "waitseconds=$wait";
        if ($tag !== '') {
            // A blank is `+`.
            $parameters[] = 'tag=' . urlencode($tag);
        }
        if ($trans !== null) {
            $parameters[] = "trans=$trans";
        }
        return "/topics/$topic/messages?" . implode('&', $parameters);
    }

    /** As `ackMessage`; with `commit` or `rollback` as a producer of half messages. */
    public function acknowledge(string $topic, string $instance, string $group, array $handles, ?string $trans = null): void
    {
        $writer = new XMLWriter();
        $writer->openMemory();
        $writer->startDocument('1.0', 'UTF-8');
        $writer->startElementNS(null, 'ReceiptHandles', NAMESPACE_);
        foreach ($handles as $handle) {
            $writer->writeElement('ReceiptHandle', $handle);
        }
        $writer->endElement();
        $writer->endDocument();
        $query = "consumer=$group" . ($instance === '' ? '' : "&ns=$instance") . ($trans === null ? '' : "&trans=$trans");
        $answer = $this->send('DELETE', "/topics/$topic/messages?$query", $writer->outputMemory());
        $this->taken($answer, 204, fn () => null);
    }

    /** The port of our end of the connection: another one after a new connection. */
    public function localPort(): int
    {
        return curl_getinfo($this->curl, CURLINFO_LOCAL_PORT);
    }

    /** Sends a request; the status and the body of its answer. */
    public function send(string $method, string $target, string $body = '', array $more = []): array
    {
        $this->prepare($method, $target, $body, $more);
        $text = curl_exec($this->curl);
        if ($text === false) {
            throw new Exception('no answer: ' . curl_error($this->curl));
        }
        return [curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), $text];
    }

    private function prepare(string $method, string $target, string $body, array $more = []): void
    {
        $date = gmdate('D, d M Y H:i:s \G\M\T');
        // The second line is of Content-MD5, which this SDK does not send.
        $text = "$method\n\ntext/xml\n$date\nx-mq-version:2015-06-06\n$target";
        $signature = base64_encode(hash_hmac('sha1', $text, $this->secretKey, true));
        curl_reset($this->curl);
        curl_setopt_array($this->curl, [
            CURLOPT_URL => $this->url . $target,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 35,
            CURLOPT_CONNECTTIMEOUT => 3,
            CURLOPT_HTTPHEADER => array_merge([
                'User-Agent: mq-php-sdk/1.0.4(GuzzleHttp/6.5.5 curl/' . curl_version()['version'] . ' PHP/' . PHP_VERSION . ')',
                'Content-Type: text/xml',
                'x-mq-version: 2015-06-06',
                "Date: $date",
                "Authorization: MQ $this->accessKey:$signature",
                'Expect:',
            ], $more),
        ]);
        if ($body !== '') {
            curl_setopt($this->curl, CURLOPT_POSTFIELDS, $body);
        }
    }

    private function messages(array $answer): array
    {
        return $this->taken($answer, 200, function (SimpleXMLElement $root) {
            same('the root', $root->getName(), 'Messages');
            $messages = [];
            foreach (self::children($root) as $element) {
                $messages[] = $this->message($element);
            }
            return $messages;
        });
    }

    /** What `read` makes of an answer of exactly this status; every other one is an error. */
    private function taken(array $answer, int $status, callable $read): mixed
    {
        [$got, $text] = $answer;
        if ($got === $status) {
            return $read($status === 204 ? null : self::document($text));
        }
        $root = self::document($text);
        if ($root->getName() === 'Errors') {
            $codes = $handles = [];
            foreach (self::children($root) as $error) {
                $error = self::children($error);
                $codes[] = (string) $error->ErrorCode;
                $handles[] = (string) $error->ReceiptHandle;
            }
            throw new MqError($got, implode(' ', array_unique($codes)), 'not acknowledged', '', $handles);
        }
        same('the root', $root->getName(), 'Error');
        $error = self::children($root);
        throw new MqError($got, (string) $error->Code, (string) $error->Message, (string) $error->RequestId);
    }

    private static function document(string $text): SimpleXMLElement
    {
        $root = simplexml_load_string($text);
        true_("the answer is no document: $text", $root !== false);
        return $root;
    }

    /** Whatever namespace the document has. */
    private static function children(SimpleXMLElement $element): SimpleXMLElement
    {
        return $element->children($element->getNamespaces()[''] ?? '');
    }

    private function message(SimpleXMLElement $element): Message
    {
        $message = new Message();
        foreach (self::children($element) as $child) {
            $value = (string) $child;
            match ($child->getName()) {
                'MessageId' => $message->messageId = $value,
                'MessageBodyMD5' => $message->messageBodyMD5 = $value,
                'ReceiptHandle' => $message->receiptHandle = $value,
                'MessageBody' => $message->messageBody = $value,
                'MessageTag' => $message->messageTag = $value,
                'PublishTime' => $message->publishTime = (int) $value,
                'FirstConsumeTime' => $message->firstConsumeTime = (int) $value,
                'NextConsumeTime' => $message->nextConsumeTime = (int) $value,
                'ConsumedTimes' => $message->consumedTimes = (int) $value,
                'Properties' => $message->properties = self::properties($value),
            };
        }
        return $message;
    }

    /** Values with a second colon are dropped, as every SDK does. */
    private static function properties(string $text): array
    {
        $properties = [];
        foreach (explode('|', $text) as $pair) {
            $parts = explode(':', $pair);
            if (count($parts) === 2) {
                $properties[$parts[0]] = $parts[1];
            }
        }
        return $properties;
    }
}
