// The unmodified MQ HTTP SDK for Java (Maven com.aliyun.mq:mq-http-sdk) against an endpoint. From Java 11 on the SDK needs a JAXB
// runtime beside it, which it does not name.
//
//     MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… java -cp 'JARS/*' MqHttpJava.java

import com.aliyun.mq.http.MQClient;
import com.aliyun.mq.http.MQConsumer;
import com.aliyun.mq.http.MQProducer;
import com.aliyun.mq.http.MQTransProducer;
import com.aliyun.mq.http.common.AckMessageException;
import com.aliyun.mq.http.common.ServiceException;
import com.aliyun.mq.http.model.Message;
import com.aliyun.mq.http.model.TopicMessage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.Collectors;

public class MqHttpJava {
    static final String URL = setting("MQ_URL", null), ACCESS_KEY = setting("MQ_ACCESS_KEY", null);
    static final String SECRET_KEY = setting("MQ_SECRET_KEY", null);
    static final long VISIBILITY_MS = (long) (Double.parseDouble(setting("MQ_VISIBILITY_SECONDS", "3")) * 1000);
    static final String INSTANCE = "MQ_INST_1234567890_BXxxxxxx", GROUP = "GID_sdk";
    static final MQClient CLIENT = new MQClient(URL, ACCESS_KEY, SECRET_KEY);
    static final Map<String, Callable<?>> CHECKS = new LinkedHashMap<>();

    /** A producer and a consumer of a topic of their own. */
    static class Pair {
        final String topic;
        final MQProducer producer;
        final MQConsumer consumer;

        Pair() { this(CLIENT, null, fresh(), null); }

        Pair(MQClient client, String instance, String topic, String tag) {
            this.topic = topic;
            producer = client.getProducer(instance, topic);
            consumer = client.getConsumer(instance, topic, GROUP, tag);
        }

        TopicMessage publish(String body) { return publish(body, null, Map.of(), null, 0); }

        TopicMessage publish(String body, String tag, Map<String, String> properties, String shard, long deliverAt) {
            TopicMessage message = new TopicMessage(bytes(body), tag);
            message.getProperties().putAll(properties);
            if (shard != null) message.setShardingKey(shard);
            if (deliverAt > 0) message.setStartDeliverTime(deliverAt);
            return producer.publishMessage(message);
        }

        /** What one poll brings; of an empty one this SDK makes null. */
        List<Message> poll(int batch, int wait) { return orEmpty(consumer.consumeMessage(batch, wait)); }

        List<Message> pollOrderly(int batch, int wait) { return orEmpty(consumer.consumeMessageOrderly(batch, wait)); }

        void ack(List<Message> messages) {
            consumer.ackMessage(messages.stream().map(Message::getReceiptHandle).collect(Collectors.toList()));
        }

        List<Message> take(int count, boolean acknowledge) {
            List<Message> taken = new ArrayList<>();
            for (long end = now() + 15_000; taken.size() < count && now() < end; ) {
                List<Message> messages = poll(16, 2);
                taken.addAll(messages);
                if (acknowledge && !messages.isEmpty()) ack(messages);
            }
            same("the number of messages", taken.size(), count);
            return taken;
        }
    }

    static void checks() {
        CHECKS.put("publish: a message id of 32 upper-case hex digits, and the body's MD5", () -> {
            TopicMessage sent = new Pair().publish("Hello, mq!");
            yes("the id is " + sent.getMessageId(), sent.getMessageId().matches("[0-9A-F]{32}"));
            same("the MD5", sent.getMessageBodyMD5(), md5("Hello, mq!"));
            same("the receipt handle", sent.getReceiptHandle(), null);
            return null;
        });
        CHECKS.put("consume: body with all that XML escapes, tag, key, properties, times", () -> {
            Pair pair = new Pair();
            String body = "Hello <b>&\"'世界</b> ]]> \n\ttail 😀 ";
            long before = now();
            TopicMessage sent = pair.publish(body, "TagA", Map.of("KEYS", "K1", "a", "值", "b", "two words"), null, 0);
            same("the MD5 of the publish", sent.getMessageBodyMD5(), md5(body));
            Message message = pair.take(1, true).get(0);
            same("body", message.getMessageBodyString(), body);
            same("MD5", message.getMessageBodyMD5(), md5(body));
            same("id", message.getMessageId(), sent.getMessageId());
            same("tag", message.getMessageTag(), "TagA");
            same("key", message.getMessageKey(), "K1");
            same("a", message.getProperties().get("a"), "值");
            same("b", message.getProperties().get("b"), "two words");
            same("consumed times", message.getConsumedTimes(), 1);
            for (long time : new long[] {message.getPublishTime(), message.getFirstConsumeTime()}) {
                yes("a time is " + time, Math.abs(time - before) < 10_000);
            }
            yes("the next time is not ahead", message.getNextConsumeTime() > before);
            return null;
        });
        CHECKS.put("delayed: not before its time, and not long after", () -> {
            Pair pair = new Pair();
            long due = now() + 2000;
            pair.publish("later", null, Map.of(), null, due);
            same("before", pair.poll(16, 0).size(), 0);
            pair.take(1, true);
            yes("it came " + (due - now()) + " ms early", now() >= due);
            yes("it came " + (now() - due) + " ms late", now() < due + 6000);
            return null;
        });
        CHECKS.put("in order: a shard is locked until it is acknowledged", () -> {
            Pair pair = new Pair();
            for (String body : List.of("0", "1", "2", "3")) pair.publish(body, null, Map.of(), "s1", 0);
            List<String> seen = new ArrayList<>();
            List<Message> messages = pair.pollOrderly(1, 5);
            same("while it is locked", pair.pollOrderly(16, 0).size(), 0);
            for (long end = now() + 15_000; now() < end; messages = pair.pollOrderly(16, 1)) {
                for (Message message : messages) {
                    same("the sharding key", message.getShardingKey(), "s1");
                    seen.add(message.getMessageBodyString());
                }
                if (!messages.isEmpty()) pair.ack(messages);
                if (seen.size() >= 4) break;
            }
            same("the order", seen, List.of("0", "1", "2", "3"));
            return null;
        });
        CHECKS.put("tag filter TagA||TagB", () -> {
            Pair pair = new Pair(CLIENT, null, fresh(), "TagA||TagB");
            for (String tag : List.of("TagA", "TagC", "TagB", "TagAB")) pair.publish("with " + tag, tag, Map.of(), null, 0);
            same("the tags", pair.take(2, true).stream().map(Message::getMessageTag).sorted().collect(Collectors.toList()),
                List.of("TagA", "TagB"));
            same("afterwards", pair.poll(16, 1).size(), 0);
            return null;
        });
        CHECKS.put("20 messages: a batch of 16 and the rest, none lost, none twice, none again after the acknowledgement", () -> {
            Pair pair = new Pair();
            List<String> ids = new ArrayList<>(), taken = new ArrayList<>();
            for (int number = 0; number < 20; number++) ids.add(pair.publish("message " + number).getMessageId());
            for (int size : new int[] {16, 4}) {
                List<Message> messages = pair.poll(16, 5);
                same("the batch", messages.size(), size);
                messages.forEach(message -> taken.add(message.getMessageId()));
                pair.ack(messages);
            }
            Collections.sort(ids);
            Collections.sort(taken);
            same("the ids", taken, ids);
            untilHiddenNoMore();
            same("after the acknowledgement", pair.poll(16, 0).size(), 0);
            return null;
        });
        CHECKS.put("an empty poll is null: MessageNotExist is understood", () -> {
            same("the poll", new Pair().consumer.consumeMessage(1, 1), null);
            return null;
        });
        CHECKS.put("a waiting poll is woken by another client's publish", () -> {
            Pair pair = new Pair();
            Future<?> publish = CompletableFuture.runAsync(() -> pair.publish("wake up"),
                CompletableFuture.delayedExecutor(1, TimeUnit.SECONDS));
            long begun = now();
            same("the number of messages", pair.poll(16, 25).size(), 1);
            yes("it took " + (now() - begun) + " ms", now() - begun < 8000);
            publish.get();
            return null;
        });
        CHECKS.put("a partly failed acknowledgement lists the bad handle only; the good one stays acknowledged", () -> {
            Pair pair = new Pair();
            pair.publish("good");
            String handle = pair.take(1, false).get(0).getReceiptHandle();
            String bogus = "0CDF995D144446189BB88022596156CA-1eVQN8N1RbOiIL60mWdT8Q==";
            try {
                pair.consumer.ackMessage(List.of(handle, bogus));
                throw new IllegalStateException("nothing was thrown");
            } catch (AckMessageException error) {
                same("the handles", error.getErrorMessages().keySet(), Set.of(bogus));
                same("the code", error.getErrorMessages().get(bogus).getErrorCode(), "ReceiptHandleError");
                yes("there is no request id", error.getRequestId() != null);
            }
            untilHiddenNoMore();
            same("after the acknowledgement", pair.poll(16, 0).size(), 0);
            return null;
        });
        CHECKS.put("not acknowledged, it comes again: consumed times 2, the same id, another handle", () -> {
            Pair pair = new Pair();
            String id = pair.publish("again").getMessageId();
            Message first = pair.take(1, false).get(0);
            untilHiddenNoMore();
            Message second = pair.take(1, true).get(0);
            same("consumed times", second.getConsumedTimes(), 2);
            same("the ids", List.of(first.getMessageId(), second.getMessageId()), List.of(id, id));
            yes("the handle is the old one", !first.getReceiptHandle().equals(second.getReceiptHandle()));
            return null;
        });
        CHECKS.put("a wrong secret key: SignatureDoesNotMatch, for publish, consume and acknowledge", () -> {
            Pair pair = new Pair(new MQClient(URL, ACCESS_KEY, "not-the-secret-key"), null, fresh(), null);
            refused("SignatureDoesNotMatch", () -> pair.publish("x"));
            refused("SignatureDoesNotMatch", () -> pair.consumer.consumeMessage(1, 0));
            refused("SignatureDoesNotMatch", () -> pair.consumer.ackMessage(List.of("handle")));
            return null;
        });
        CHECKS.put("an unknown access key: InvalidAccessKeyId", () -> {
            refused("InvalidAccessKeyId", () -> new Pair(new MQClient(URL, "nobodys-key", SECRET_KEY), null, fresh(), null).publish("x"));
            return null;
        });
        CHECKS.put("with an instance, and a base URL with a slash at its end", () -> {
            for (Pair pair : List.of(new Pair(CLIENT, INSTANCE, fresh(), null),
                new Pair(new MQClient(URL + "/", ACCESS_KEY, SECRET_KEY), null, fresh(), null))) {
                pair.publish("x");
                pair.take(1, true);
            }
            return null;
        });
        CHECKS.put("half messages are refused: publish, consume, commit and rollback", () -> {
            MQTransProducer producer = CLIENT.getTransProducer(INSTANCE, fresh(), GROUP);
            TopicMessage half = new TopicMessage(bytes("half"));
            half.setTransCheckImmunityTime(10);
            refused("InvalidArgument", () -> producer.publishMessage(half));
            refused("InvalidArgument", () -> producer.consumeHalfMessage(1, 1));
            refused("InvalidArgument", () -> { producer.commit("handle"); return null; });
            refused("InvalidArgument", () -> { producer.rollback("handle"); return null; });
            return null;
        });
    }

    static void refused(String code, Callable<?> action) throws Exception {
        try {
            action.call();
        } catch (ServiceException error) {
            same("the code", error.getErrorCode(), code);
            yes("there is no request id", error.getRequestId() != null);
            return;
        }
        throw new IllegalStateException("nothing was thrown instead of " + code);
    }

    static void refused(String code, Runnable action) throws Exception {
        refused(code, () -> { action.run(); return null; });
    }

    public static void main(String[] args) throws Exception {
        checks();
        ExecutorService pool = Executors.newCachedThreadPool();
        Map<String, Future<?>> results = new LinkedHashMap<>();
        CHECKS.forEach((name, check) -> results.put(name, pool.submit(check)));
        int failed = 0;
        for (Map.Entry<String, Future<?>> result : results.entrySet()) {
            try {
                // A callback that dies leaves its caller waiting for ever in this SDK.
                result.getValue().get(90, TimeUnit.SECONDS);
                System.out.println("ok      " + result.getKey());
            } catch (ExecutionException | TimeoutException error) {
                failed++;
                Throwable cause = error.getCause() == null ? error : error.getCause();
                System.out.println("FAILED  " + result.getKey() + ": " + cause);
            }
        }
        System.out.printf("%d checks good, %d failed%n", CHECKS.size() - failed, failed);
        Runtime.getRuntime().halt(failed == 0 ? 0 : 1);
    }

    static List<Message> orEmpty(List<Message> messages) { return messages == null ? List.of() : messages; }
    static String fresh() { return "sdk-java-" + UUID.randomUUID().toString().replace("-", "").substring(0, 12); }
    static long now() { return System.currentTimeMillis(); }
    static void untilHiddenNoMore() throws InterruptedException { Thread.sleep(VISIBILITY_MS + 1000); }
    static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }

    static String md5(String text) throws Exception {
        return String.format("%032X", new java.math.BigInteger(1, MessageDigest.getInstance("MD5").digest(bytes(text))));
    }

    static void same(String what, Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) throw new IllegalStateException(what + " is " + actual + ", expected " + expected);
    }

    static void yes(String what, boolean condition) {
        if (!condition) throw new IllegalStateException(what);
    }

    static String setting(String name, String fallback) {
        String value = System.getenv().getOrDefault(name, fallback);
        if (value != null && !value.isEmpty()) return value;
        System.err.println(name + " is not set: see tests/sdk/README.md");
        System.exit(1);
        return null;
    }
}
